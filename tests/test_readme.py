"""Every snippet of the README and of the reference runs here, and their tables say what the code says."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path

import pytest
import yaml

from pytest_sessionreg._harness.main import cli
from pytest_sessionreg.registry import stores
from pytest_sessionreg.registry.user_paths import DATABASE_VARIABLE
from pytest_sessionreg.results.environment import Environment
from pytest_sessionreg.results.policies import ON_REQUEST, POLICY_NAMES, policy_named
from pytest_sessionreg.results.result import StormResult
from pytest_sessionreg.storm.plan import Plan
from pytest_sessionreg.storm.storm import run_storm

_ROOT = Path(__file__).parent.parent
_README = (_ROOT / "README.md").read_text(encoding="utf-8")
_REFERENCE = (_ROOT / "pytest_sessionreg/README.md").read_text(encoding="utf-8")
_SNIPPETS = re.findall(r"```(\w*)\n(.*?)```", _README + _REFERENCE, flags=re.DOTALL)
_LINES = [
    line
    for language, text in _SNIPPETS
    if language == "sh"
    for line in text.splitlines()
    if line.startswith("sessionreg ")
]
# What makes a command of each kind short; of an option that is given twice the last one counts.
_SHORT = {
    "storm": ["--workers", "2", "--no-plots"],
    "policies": ["--workers", "2", "--writes", "2", "--rounds", "2", "--no-plots"],
    "capacity": ["--seconds", "1", "--round-s", "0.1", "--ceiling", "4"],
    "open-storm": ["--openers", "2", "--rounds", "1"],
    "faults": ["--rounds", "1"],
    "campaign": ["--rounds", "1"],
}
_BASELINE = "storm-baseline.json"
_READERS = ("repeat", "compare", "report")
_STORE = """
def write(connection, worker, sequence):
    connection.execute("CREATE TABLE IF NOT EXISTS notes (worker, sequence)")
    connection.execute("INSERT INTO notes VALUES (?, ?)", (worker, sequence))
"""


def _lines(names: Iterable[str]) -> list[str]:
    return [line for line in _LINES if line.split()[1] in names]


_PYTHON = [text for language, text in _SNIPPETS if language == "python"]
_TESTS = [text for text in _PYTHON if "def test_" in text]
_PRELUDE = """
from datetime import UTC, datetime, timedelta
from pytest_sessionreg import Registry
registry = Registry.open("example.db")
registry.sessions.register("s-1")
registry.sessions.register("s-2")
"""


@pytest.mark.parametrize("code", [text for text in _PYTHON if text.startswith("from") and "def test_" not in text])
def test_a_program_runs_as_printed(code: str, tmp_path: Path) -> None:
    environment = {**os.environ, DATABASE_VARIABLE: ""}
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, check=True)


_EXAMPLES = [text for text in _PYTHON if not text.startswith(("from", "import", "def")) and text not in _TESTS]


@pytest.mark.parametrize("code", _EXAMPLES, ids=lambda code: code.split("(")[0])
def test_a_stores_example_runs_as_printed(code: str, tmp_path: Path) -> None:
    assert "registry." in code
    subprocess.run([sys.executable, "-c", _PRELUDE + code], cwd=tmp_path, check=True)


def test_every_store_is_named_and_has_an_example() -> None:
    held = " ".join(_README.partition("\nOne file holds ")[2].partition("([an example of each]")[0].split())
    assert sorted(re.findall(r"\w+", held.replace(" and ", " "))) == stores.names()
    for name in stores.names():
        assert any(f"registry.{name}." in code for code in _PYTHON), name


_NAIVE = next(code for code in _TESTS if "lose_no_note" in code)


@pytest.mark.slow
@pytest.mark.parametrize("code", [code for code in _TESTS if code != _NAIVE])
def test_a_test_passes_as_printed(code: str, pytester: pytest.Pytester) -> None:
    for package in ("sqlalchemy", "django"):
        if package in code:
            pytest.importorskip(package)
    pytester.makepyfile(code)
    result = pytester.runpytest_subprocess("--strict-markers")
    for _ in range(12 if "slowdown_p99" in code else 0):
        if "  slowdown_p99: " not in result.stdout.str():
            break
        result = pytester.runpytest_subprocess("--strict-markers")  # a busy machine delays some storms, but not all
    result.assert_outcomes(passed=code.count("def test_"))


def test_the_naive_store_fails_as_printed(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_notes=_NAIVE)
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(failed=1)
    output = re.search(r"and\n\n```\n(.*?)```", _README, flags=re.DOTALL)
    assert output is not None
    for line in output[1].splitlines():
        any_figures = re.sub(r"\d+", r"\\d+", re.escape(line.strip()))
        assert re.search(any_figures, result.stdout.str()), line


@pytest.mark.slow
def test_the_naive_store_passes_with_the_line_that_is_printed(pytester: pytest.Pytester) -> None:
    add = re.compile(r"^def add\(.*?\n\n\n", flags=re.DOTALL | re.MULTILINE)
    (better,) = [code for code in _PYTHON if code.startswith("def add(")]
    assert len(better.splitlines()) == len(add.findall(_NAIVE)[0].strip().splitlines()) + 1
    pytester.makepyfile(test_notes=add.sub(lambda _: f"{better}\n\n", _NAIVE))
    pytester.runpytest_subprocess().assert_outcomes(passed=1)


@pytest.mark.slow
@pytest.mark.parametrize("command", _lines(_SHORT))
def test_a_command_runs_as_printed_only_shorter(command: str, tmp_path: Path) -> None:
    _write_store(tmp_path)
    words = shlex.split(command)[1:]
    short = [*words, *_SHORT[words[0]]]
    if words[0] == "storm":
        short += ["--duration", "0.2"] if "--duration" in words else ["--writes", "2"]
    _run(short, tmp_path)


def _write_store(directory: Path) -> None:
    (directory / "mypackage").mkdir()
    (directory / "mypackage/store.py").write_text(_STORE)
    (directory / "schema.sql").write_text("CREATE TABLE notes (worker, sequence);")
    (directory / "write.sql").write_text("INSERT INTO notes VALUES (:worker, :sequence);")


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> str:
    run = run_storm(Plan(policy_named("queue"), workers=2, writes=2, hold_ms=0, think_ms=1))
    environment = Environment.of(str(tmp_path_factory.mktemp("stored") / "x.db"))
    return StormResult(environment, "sessionreg storm --policy queue", (run,)).to_json()


@pytest.mark.slow
@pytest.mark.parametrize("command", _lines(_READERS))
def test_a_command_that_reads_results_runs_as_printed(command: str, stored: str, tmp_path: Path) -> None:
    words = shlex.split(command)[1:]
    for word in words[1:]:
        path = tmp_path / (word if word.endswith(".json") else f"{word}/storm.json")
        path.parent.mkdir(parents=True)
        path.write_text(stored)
    _run(words, tmp_path)


_GATES = ("gate", "gate-proof")


@pytest.mark.slow
@pytest.mark.parametrize("command", _lines(_GATES))
def test_a_command_of_the_gate_runs_as_printed(command: str, tmp_path: Path) -> None:
    _write_store(tmp_path)
    words = shlex.split(command)[1:]
    if words[0] == "gate":
        words += ["--workers", "2", "--scale", "0.05"]
        _run([*words, "--update-baseline"], tmp_path)
    else:
        words += ["--minutes", "0"]
    _run(words, tmp_path, returns=(0, 1, 3))  # so short a round can say anything


_YAML = [text for language, text in _SNIPPETS if language == "yaml"]


def test_the_jobs_of_the_gate_are_eight_lines_of_yaml() -> None:
    text = _YAML[0]
    jobs = yaml.safe_load(text)["jobs"]
    assert len(text.splitlines()) == 8
    for job in jobs.values():
        assert set(job) == {"runs-on", "steps"}
        assert all(set(step) in ({"uses"}, {"run"}) for step in job["steps"])


def test_the_steps_that_bring_a_baseline_out_of_a_runner_take_the_file_that_the_gate_reads() -> None:
    measure, upload = yaml.safe_load(_YAML[1])
    assert measure["run"] in re.findall(r"`(pytest --storm-[^`]*)`", _README)
    assert upload["uses"].startswith("actions/upload-artifact@")
    assert upload["with"]["path"] == _BASELINE
    assert f"--storm-baseline={_BASELINE}\n" in _YAML[0]


@pytest.mark.slow
def test_the_commands_of_the_gate_run_as_printed(pytester: pytest.Pytester) -> None:
    """In a project that has a storm: without the baseline, then with the one that the README says how to make."""
    pytester.makepyfile("def test_storm(storm):\n    storm(workers=2, writes=4, hold_ms=0, think_ms=1)\n")
    commands = [
        step["run"] for job in yaml.safe_load(_YAML[0])["jobs"].values() for step in job["steps"] if "run" in step
    ]
    (gate,) = [shlex.split(command)[1:] for command in commands if command.startswith("pytest ")]
    (update,) = [shlex.split(words)[1:] for words in re.findall(r"`(pytest --storm-[^`]*)`", _README)]
    short = "--storm-scale=0.05"
    first = pytester.runpytest_subprocess(*gate, short)
    assert first.ret == pytest.ExitCode.USAGE_ERROR
    first.stderr.fnmatch_lines(["ERROR: *does not exist; *--storm-update-baseline"])
    assert pytester.runpytest_subprocess(*update, short).ret == 0
    assert (pytester.path / _BASELINE).exists()
    pytester.runpytest_subprocess(*gate, short).stdout.fnmatch_lines(["storm gate: 1 *"])


@pytest.mark.parametrize("command", [line for line in _LINES if line.split()[1] not in (*_SHORT, *_READERS, *_GATES)])
def test_a_registry_command_runs_as_printed(command: str, tmp_path: Path) -> None:
    environment = {**os.environ, DATABASE_VARIABLE: str(tmp_path / "sessions.db")}
    (tmp_path / "data").mkdir()
    (tmp_path / "data/claude-sessions.json").write_text('{"sessions": {}}')
    subprocess.run(
        [sys.executable, "-c", _PRELUDE.replace('"example.db"', "")], cwd=tmp_path, env=environment, check=True
    )
    _run(shlex.split(command)[1:], tmp_path, environment)


def _run(
    words: list[str], directory: Path, environment: dict[str, str] | None = None, *, returns: tuple[int, ...] = (0,)
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest_sessionreg", *words],
        cwd=directory,
        env=environment,
        capture_output=True,
        check=False,
    )
    assert done.returncode in returns, done.stderr
    assert done.stdout


def test_every_command_is_shown() -> None:
    shown = {line.split()[1] for line in _LINES}
    assert shown == set(cli.commands)


def test_what_every_command_stores_is_said() -> None:
    section = _REFERENCE.partition("\n### What a command stores\n")[2].partition("\n## ")[0]
    told = {
        name for row in re.findall(r"^\| (`.*?) \|", section, re.MULTILINE) for name in re.findall(r"`([\w-]+)", row)
    }
    storing = {name for name, command in cli.commands.items() if any(option.name == "out" for option in command.params)}
    assert storing | {"campaign"} == told


def test_there_is_something_to_test() -> None:
    assert len(_lines(_SHORT)) >= 3
    assert sum(language == "python" for language, _ in _SNIPPETS) >= 2


def test_the_two_commands_are_marked_and_alone_on_their_line() -> None:
    for name in ("main", "test"):
        found = re.search(rf"<!-- {name} command -->\n```sh\n(.*)\n```", _README)
        assert found is not None
        assert "\n" not in found[1]


def test_every_dependency_is_explained() -> None:
    project = tomllib.loads((_ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    table = _README[_README.index("## Dependencies") : _README.index("## Limits")]
    rows = {row.strip() for row in re.findall(r"^\| (.*?) \|", table, flags=re.MULTILINE)}
    named: dict[str, str] = {}
    for row in rows - {"package", "---"}:
        names, bracket, extra = row.partition(" (extra ")
        named |= dict.fromkeys(names.split(", "), bracket + extra)
    required = dict.fromkeys(map(_package, project["dependencies"]), "")
    for extra, requirements in project["optional-dependencies"].items():
        required |= dict.fromkeys(map(_package, requirements), f" (extra `{extra}`)")
    del required[project["name"]]  # of which `all` takes the extras
    assert named == required


def _package(requirement: str) -> str:
    return re.split(r"[\[><=]", requirement)[0]


def test_every_policy_and_figure_is_explained() -> None:
    for name in (*POLICY_NAMES, *ON_REQUEST):
        assert f"`{name}`" in _REFERENCE or f"`--policy {name}`" in _REFERENCE


def test_the_readme_shows_two_pictures() -> None:
    assert len(re.findall(r"^!\[", _README, flags=re.MULTILINE)) == 2


def test_the_comparison_is_that_of_the_committed_results() -> None:
    table = (_ROOT / "reports/peers/table.md").read_text(encoding="utf-8")
    marked = re.search(r"<!-- \d+ writers -->\n(.*?)<!-- end -->", _README, flags=re.DOTALL)
    assert marked is not None
    rows = [row for row in marked[1].splitlines() if row.startswith("| ")]
    assert len(rows) >= 5
    for row in rows:
        assert row in table

"""Every snippet of the README runs here, and its tables say what the code says."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from harness.cli import cli
from pytest_sessionreg.registry.location import ENVIRONMENT_VARIABLE
from pytest_sessionreg.registry.workspace import STORES
from pytest_sessionreg.storm.environment import Environment
from pytest_sessionreg.storm.plan import Plan
from pytest_sessionreg.storm.policies import POLICY_NAMES, policy_named
from pytest_sessionreg.storm.result import StormResult
from pytest_sessionreg.storm.storm import run_storm

_ROOT = Path(__file__).parent.parent
_README = (_ROOT / "README.md").read_text(encoding="utf-8")
_SNIPPETS = re.findall(r"```(\w*)\n(.*?)```", _README, flags=re.DOTALL)
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
    "gate": ["--update-baseline", "--scale", "0.05", "--workers", "2"],
    "gate-proof": ["--minutes", "0"],
}
_READERS = ("repeat", "compare", "report")
_STORE = """
def write(connection, worker, sequence):
    connection.execute("CREATE TABLE IF NOT EXISTS notes (worker, sequence)")
    connection.execute("INSERT INTO notes VALUES (?, ?)", (worker, sequence))
"""


def _lines(names: Iterable[str]) -> list[str]:
    return [line for line in _LINES if line.split()[1] in names]


_PYTHON = [text for language, text in _SNIPPETS if language == "python"]
_PRELUDE = """
from datetime import UTC, datetime, timedelta
from pytest_sessionreg import Registry
registry = Registry.open("example.db")
registry.sessions.register("s-1")
registry.sessions.register("s-2")
"""


@pytest.mark.parametrize("code", [text for text in _PYTHON if text.startswith("from") and "def test_" not in text])
def test_a_program_runs_as_printed(code: str, tmp_path: Path) -> None:
    environment = {**os.environ, ENVIRONMENT_VARIABLE: ""}
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, check=True)


@pytest.mark.parametrize(
    "code", [text for text in _PYTHON if not text.startswith("from")], ids=lambda code: code.split("(")[0]
)
def test_a_stores_example_runs_as_printed(code: str, tmp_path: Path) -> None:
    assert "registry." in code
    subprocess.run([sys.executable, "-c", _PRELUDE + code], cwd=tmp_path, check=True)


def test_every_store_has_an_example() -> None:
    for name in STORES:
        assert any(f"registry.{name}." in code for code in _PYTHON), name


@pytest.mark.parametrize("code", [text for text in _PYTHON if "def test_" in text])
def test_a_test_passes_as_printed(code: str, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(code)
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(passed=code.count("def test_"))


@pytest.mark.parametrize("command", _lines(_SHORT))
def test_a_command_runs_as_printed_only_shorter(command: str, tmp_path: Path) -> None:
    (tmp_path / "mypackage").mkdir()
    (tmp_path / "mypackage/store.py").write_text(_STORE)
    (tmp_path / "schema.sql").write_text("CREATE TABLE notes (worker, sequence);")
    (tmp_path / "write.sql").write_text("INSERT INTO notes VALUES (:worker, :sequence);")
    words = shlex.split(command)[1:]
    short = [*words, *_SHORT[words[0]]]
    if words[0] == "storm":
        short += ["--duration", "0.2"] if "--duration" in words else ["--writes", "2"]
    _run(short, tmp_path)


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> str:
    run = run_storm(Plan(policy_named("queue"), workers=2, writes=2, hold_ms=0, think_ms=1))
    environment = Environment.of(str(tmp_path_factory.mktemp("stored") / "x.db"))
    return StormResult(environment, "sessionreg storm --policy queue", (run,)).to_json()


@pytest.mark.parametrize("command", _lines(_READERS))
def test_a_command_that_reads_results_runs_as_printed(command: str, stored: str, tmp_path: Path) -> None:
    words = shlex.split(command)[1:]
    for word in words[1:]:
        path = tmp_path / (word if word.endswith(".json") else f"{word}/storm.json")
        path.parent.mkdir(parents=True)
        path.write_text(stored)
    _run(words, tmp_path)


@pytest.mark.parametrize("command", [line for line in _LINES if line.split()[1] not in (*_SHORT, *_READERS)])
def test_a_registry_command_runs_as_printed(command: str, tmp_path: Path) -> None:
    environment = {**os.environ, ENVIRONMENT_VARIABLE: str(tmp_path / "sessions.db")}
    (tmp_path / "data").mkdir()
    (tmp_path / "data/claude-sessions.json").write_text('{"sessions": {}}')
    subprocess.run(
        [sys.executable, "-c", _PRELUDE.replace('"example.db"', "")], cwd=tmp_path, env=environment, check=True
    )
    _run(shlex.split(command)[1:], tmp_path, environment)


def _run(words: list[str], directory: Path, environment: dict[str, str] | None = None) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "harness", *words], cwd=directory, env=environment, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_every_command_is_shown() -> None:
    assert {line.split()[1] for line in _LINES} == set(cli.commands)


def test_there_is_something_to_test() -> None:
    assert len(_lines(_SHORT)) >= 3
    assert sum(language == "python" for language, _ in _SNIPPETS) >= 2


def test_the_two_commands_are_marked_and_alone_on_their_line() -> None:
    for name in ("main", "test"):
        found = re.search(rf"<!-- {name} command -->\n```sh\n(.*)\n```", _README)
        assert found is not None
        assert "\n" not in found[1]


def test_every_dependency_is_explained() -> None:
    import tomllib

    project = tomllib.loads((_ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    table = _README[_README.index("## Dependencies") : _README.index("## Limits")]
    for requirement in project["dependencies"]:
        assert re.split(r"[><=]", requirement)[0] in table


def test_every_policy_and_figure_is_explained() -> None:
    for name in POLICY_NAMES:
        assert f"`{name}`" in _README


def test_every_picture_and_link_is_there() -> None:
    targets = re.findall(r"\]\(([^)#]+)\)", _README) + [
        f"reports/{target}"
        for target in re.findall(r"\]\(([^)#]+)\)", (_ROOT / "reports/README.md").read_text(encoding="utf-8"))
    ]
    missing = [target for target in targets if not target.startswith("http") and not (_ROOT / target).exists()]
    assert not missing

from __future__ import annotations

import html
import json
import random
import signal
from dataclasses import dataclass
from pathlib import Path

import pytest

from pytest_sessionreg._harness.cli.kinds import read_outcome

from .command import Done, Sessionreg, sessionreg_process
from .conftest import Interrupt

_OPEN = ["open-storm", "--openers", "3", "--rounds", "1", "--order", "today", "--order", "registry", "--state", "fresh"]
_CAPACITY = ["capacity", "--policy", "queue", "--ceiling", "2", "--seconds", "0.4", "--round-s", "0.2"]
_FAULTS = ["faults", "--fault", "kill-inside", "--policy", "queue", "--rounds", "1"]
_ALL = {"open-storm": _OPEN, "capacity": _CAPACITY, "faults": _FAULTS}
# The same for so long that it is interrupted.
_LONG = {
    "open-storm": ["open-storm", "--rounds", "1000"],
    "capacity": ["capacity", "--seconds", "250"],
    "faults": [
        *("faults", "--rounds", "1000"),
        *("--fault", "disk-full", "--fault", "kill-in-checkpoint", "--fault", "stop-holder"),
    ],
}


@dataclass(frozen=True, slots=True)
class _Experiment:
    """One that was run as a user runs it. files: the directory of its result."""

    name: str
    done: Done
    files: Path


@pytest.fixture(scope="module", params=list(_ALL))
def experiment(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> _Experiment:
    """Each of them, run once; its files are to be copied, not changed."""
    directory = tmp_path_factory.mktemp(request.param)
    done = sessionreg_process(*_ALL[request.param], "--report", "deep/here", cwd=directory)
    return _Experiment(request.param, done, directory / "deep/here")


def test_an_experiment_prints_its_table_and_its_finding_and_stores_both(experiment: _Experiment) -> None:
    name, done = experiment.name, experiment.done
    assert done.returncode == 0, done.stderr
    assert done.stderr == "", "no progress where nobody watches"
    assert max(map(len, done.stdout.splitlines())) <= 100
    assert "\x1b" not in done.stdout
    stored = {path.name: path.read_text() for path in experiment.files.iterdir() if path.suffix != ".png"}
    assert {f"{name}.json", f"{name}.md"} <= set(stored)
    result = read_outcome(stored[f"{name}.json"])
    assert result.envelope.command == f"sessionreg {' '.join(_ALL[name])} --report deep/here"
    assert result.envelope.partial is None
    assert stored[f"{name}.md"].startswith(f"# {name}\n")
    assert result.envelope.command in stored[f"{name}.md"]
    page = html.unescape(stored[f"{name}.html"]).replace("\N{NO-BREAK SPACE}", " ")
    assert page.index(stored[f"{name}.md"].splitlines()[2]) < page.index("<table"), "the finding first"
    assert "http://www.w3.org" in page or "http" not in page, "no network"
    assert result.envelope.command in page
    assert result.envelope.environment.line() in page


def test_a_stored_result_is_drawn_again_and_stays_as_it_is(
    experiment: _Experiment, sessionreg: Sessionreg, tmp_path: Path
) -> None:
    name, here = experiment.name, tmp_path / "here"
    before = {path.name: path.read_bytes() for path in experiment.files.iterdir()}
    here.mkdir()
    (here / f"{name}.json").write_bytes(before[f"{name}.json"])
    done = sessionreg("report", "here")
    assert done.returncode == 0, done.stderr
    assert max(map(len, done.stdout.splitlines())) <= 100
    again = {path.name: path.read_bytes() for path in here.iterdir()}
    assert {file: content for file, content in again.items() if not file.endswith((".svg", ".html"))} == {
        file: content for file, content in before.items() if not file.endswith((".svg", ".html"))
    }
    assert set(again) == set(before)
    elsewhere = sessionreg("report", f"here/{name}.json", "--out", "there", "--no-plots", "--json")
    assert elsewhere.stdout.encode() == before[f"{name}.json"]
    assert {path.suffix for path in (tmp_path / "there").iterdir()} == {".json", ".md", ".html"}


def test_partial_results_say_so_on_their_page(sessionreg: Sessionreg, tmp_path: Path) -> None:
    done = sessionreg(*_OPEN, "--json")
    document = {**json.loads(done.stdout), "partial": "worker 3 was killed"}
    (tmp_path / "open-storm.json").write_text(json.dumps(document))
    assert sessionreg("report", ".").stdout.startswith("Partial result (worker 3 was killed)")
    page = (tmp_path / "open-storm.html").read_text()
    assert "This result is partial (worker 3 was killed)" in page
    assert "Partial result (worker 3 was killed)" in (tmp_path / "open-storm.md").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("name", list(_ALL))
def test_json_is_the_result_and_nothing_else(sessionreg: Sessionreg, tmp_path: Path, name: str) -> None:
    done = sessionreg(*_ALL[name], "--json")
    assert done.returncode == 0, done.stderr
    assert read_outcome(done.stdout).json == done.stdout
    assert json.loads(done.stdout)["kind"] == name
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["open-storm", "--order", "hope"], "'hope' is not one of"),
        (["open-storm", "--openers", "1"], "--openers"),
        (["open-storm", "--state", "asleep"], "'asleep' is not one of"),
        (["open-storm", "--report", "file/deeper"], "not a directory that can be written"),
        (["capacity", "--workers", "0"], "--workers"),
        (["capacity", "--policy", "hope"], "'hope' is not one of"),
        (["capacity", "--seconds", "nan"], "nan is not a finite number"),
        (["capacity", "--think-ms", "inf"], "inf is not in the range"),
        (["capacity", "--workers", "100000"], "--workers"),
        (["capacity", "--resume", "missing.json"], "missing.json"),
        (["capacity", "--resume", "file"], "not a result of capacity, or a truncated one"),
        (["capacity", "--resume", "other.json"], "a result of 'faults', not of capacity"),
        (["capacity", "--resume", "newer.json"], "has schema 99, this version reads"),
        (["capacity", "--resume", "binary"], "--resume"),
        (["faults", "--fault", "meteor"], "'meteor' is not one of"),
        (["faults", "--rounds", "none"], "none"),
        (["faults", "--policy", "hope"], "'hope' is not one of"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(
    sessionreg: Sessionreg, tmp_path: Path, words: list[str], message: str
) -> None:
    (tmp_path / "file").write_text("hello")
    (tmp_path / "other.json").write_text('{"kind": "faults", "schema": 1}')
    (tmp_path / "newer.json").write_text('{"kind": "capacity", "schema": 99}')
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    before = sorted(path.name for path in tmp_path.iterdir())
    done = sessionreg(*words)
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""
    assert sorted(path.name for path in tmp_path.iterdir()) == before


@pytest.mark.slow
@pytest.mark.parametrize("name", list(_ALL))
def test_ctrl_c_or_a_kill_at_a_random_moment_leaves_nothing_and_keeps_what_there_is(
    interrupt: Interrupt, tmp_path: Path, name: str
) -> None:
    number = random.choice([signal.SIGINT, signal.SIGTERM])
    steps = random.randint(1, 4)
    done = interrupt([*_LONG[name], "--report", str(tmp_path / "kept")], steps, number)
    assert done.returncode == 1
    assert "interrupted" in done.stderr
    assert "no worker is left" in done.stderr
    assert done.stdout or steps == 1, f"what the first of {steps} steps found is lost"
    if done.stdout:
        assert done.stdout.startswith("Partial result (interrupted): this is what was done until then")
        kept = read_outcome((tmp_path / "kept" / f"{name}.json").read_text())
        assert kept.envelope.partial == "interrupted"


@pytest.mark.parametrize("name", list(_ALL))
def test_help_shows_an_example(sessionreg: Sessionreg, name: str) -> None:
    done = sessionreg(name, "--help")
    assert done.returncode == 0
    assert f"Example: sessionreg {name}" in " ".join(done.stdout.split())
    assert max(map(len, done.stdout.splitlines())) <= 100

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_sessionreg.gate.judgement import Judgement, Verdict
from pytest_sessionreg.report.judgements import write_verdicts
from pytest_sessionreg.results.environment import Environment

from .command import Done, Sessionreg, sessionreg_process

_TINY = ["--workers", "3", "--scale", "0.1"]


def _gate(*words: str, cwd: Path, **environment: str) -> Done:
    return sessionreg_process("gate", *words, cwd=cwd, **{"GITHUB_STEP_SUMMARY": "", **environment})


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a baseline of the storm `heartbeat`."""
    directory = tmp_path_factory.mktemp("gate")
    done = _gate("--update-baseline", *_TINY, cwd=directory)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "storm-baseline.json: heartbeat measured on this machine; review the file and commit it\n"
    assert done.stderr == ""
    return directory


@pytest.mark.slow
def test_unchanged_code_does_not_fail(place: Path) -> None:
    done = _gate(*_TINY, "--out", "found", GITHUB_STEP_SUMMARY="summary.md", cwd=place)
    verdict = done.stdout.split()[0]
    assert (verdict, done.returncode) in {("PASS", 0), ("IMPROVED", 0), ("INCONCLUSIVE", 3)}, done.stdout
    document = json.loads((place / "found" / "gate.json").read_text())
    assert (document["kind"], document["schema"], document["verdict"]) == ("storm-gate", 1, verdict)
    (judgement,) = document["judgements"]
    assert judgement["storm"] == "heartbeat"
    assert set(judgement["measurement"]["ratios"]) == {"hold", "slowdown", "done"}
    text = (place / "summary.md").read_text()
    assert text == (place / "found" / "gate.md").read_text() + "\n"
    assert text.startswith(f"### Storm gate: {verdict}\n")
    assert f"| {verdict} | heartbeat | " in text


def test_stored_verdicts_are_reported_as_other_results_are(tmp_path: Path) -> None:
    judgements = [Judgement("heartbeat", Verdict.REGRESSED, "hold is worse", causes=("holds grew",))]
    write_verdicts(judgements, str(tmp_path / "found"), "sessionreg gate", Environment.of(str(tmp_path / "x.db")))
    done = sessionreg_process("report", "found", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "likely cause: holds grew" in done.stdout
    assert "The verdict to act on is REGRESSED." in (tmp_path / "found/storm-gate.md").read_text()


@pytest.mark.slow
def test_a_regression_exits_with_1_and_says_why(place: Path) -> None:
    baseline = json.loads((place / "storm-baseline.json").read_text())
    (entry,) = baseline["storms"]["heartbeat"].values()
    entry["ratios"]["hold"] = [ratio / 5 for ratio in entry["ratios"]["hold"]]
    entry["policy"] = "RetryBudget()"
    (place / "better.json").write_text(json.dumps(baseline))
    done = _gate(*_TINY, "--baseline", "better.json", "--json", cwd=place)
    document = json.loads(done.stdout)
    (judgement,) = document["judgements"]
    assert (judgement["verdict"], done.returncode) == ("REGRESSED", 1), judgement["reason"]
    assert judgement["reason"].endswith("; measured twice")
    policy, hold = judgement["causes"]
    assert policy.startswith("the policy is another: RetryBudget() then, WriteQueue(")
    assert hold.startswith("holds grew: ")


@pytest.mark.slow
def test_what_nobody_can_tell_exits_with_3(place: Path) -> None:
    done = _gate("--workers", "4", cwd=place)
    assert done.returncode == 3
    assert done.stdout.startswith("INCONCLUSIVE heartbeat: another load than the baseline's: workers 3 then, 4 now;")
    done = _gate("--workload", "mixed", "--workload", "lock", cwd=place)
    assert (done.returncode, done.stderr) == (3, "")
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["NO_BASELINE", "NO_BASELINE"]


@pytest.mark.parametrize(
    ("content", "state"),
    [
        (None, "does not exist"),
        ('{"kind": "storm-baseline", "schema": 1, "storms": {}, "tolerances": {}}', "holds no storm yet"),
    ],
)
def test_a_baseline_without_a_storm_is_told_from_one_that_is_not_there(
    tmp_path: Path, content: str | None, state: str
) -> None:
    if content is not None:
        (tmp_path / "mine.json").write_text(content)
    done = _gate("--baseline", "mine.json", cwd=tmp_path)
    assert done.returncode == 3
    assert done.stderr == f"sessionreg: mine.json: {state}; make the baseline with --update-baseline\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--baseline", "broken.json"], "broken.json: no storm baseline, or a truncated one"),
        (["--baseline", "none/there/b.json", "--update-baseline", "--workers", "0"], "workers=0"),
        (["--scale", "0"], "scale=0.0: must be between"),
        (["--workload", "nope"], "workload 'nope' is unknown"),
        (["--out", "broken.json/x"], "is not a directory that can be written"),
        (["--rate", "10", "--think-ms", "5"], "exclude each other"),
    ],
    ids=str,
)
def test_usage_is_told_in_one_line_before_any_storm(
    sessionreg: Sessionreg, tmp_path: Path, words: list[str], message: str
) -> None:
    (tmp_path / "broken.json").write_text("{")
    done = sessionreg("gate", *words)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


@pytest.mark.slow
def test_a_function_of_ones_own_is_found_from_here_and_one_that_loses_makes_no_baseline(tmp_path: Path) -> None:
    (tmp_path / "store.py").write_text(
        "import sqlite3\n"
        "def prepare(path):\n"
        "    connection = sqlite3.connect(path)\n"
        "    connection.execute('CREATE TABLE t (a, b)')\n"
        "    connection.close()\n"
        "def acknowledged(path):\n"
        "    return []\n"
        "def write(connection, worker, sequence):\n"
        "    connection.execute('INSERT INTO t VALUES (?, ?)', (worker, sequence))\n"
    )
    done = _gate("--workload", "store:write", "--update-baseline", *_TINY, cwd=tmp_path)
    assert done.returncode == 1
    assert "acknowledged writes are lost; the baseline is left as it was" in done.stderr
    assert not (tmp_path / "storm-baseline.json").exists()

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from pytest_sessionreg._harness.experiments.gate_proof import experiment
from pytest_sessionreg._harness.experiments.gate_proof.case_progress import case_progress
from pytest_sessionreg._harness.experiments.gate_proof.cases import CASES, Case, notes_plan
from pytest_sessionreg._harness.experiments.gate_proof.experiment import prove
from pytest_sessionreg._harness.experiments.gate_proof.result import ProofResult
from pytest_sessionreg._harness.experiments.gate_proof.run import GateRun, append_run, read_runs
from pytest_sessionreg.errors import ResultError
from pytest_sessionreg.gate.baseline import Baseline
from pytest_sessionreg.gate.measurement import StormLoad, machine_class
from pytest_sessionreg.results.environment import Environment
from pytest_sessionreg.storm.storm import run_storm

from ..command import Sessionreg, sessionreg_process


def _run(case: Case, number: int, verdict: str) -> GateRun:
    return GateRun(case.name, number, verdict, "why", {"hold": 1.0}, 8.0, "here", 0.5)


def test_the_cases_are_those_that_the_gate_promises() -> None:
    assert [(case.regressed, case.runs, case.tolerated, case.busy) for case in CASES] == [
        (False, 100, 1, 0),
        (False, 100, 1, 2),
        (True, 20, 1, 0),
        *[(True, 20, 0, 0)] * 4,
    ]


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_case_is_a_storm_of_one_load(case: Case) -> None:
    plan = notes_plan(case)
    assert StormLoad.of(plan) == StormLoad.of(notes_plan())
    run = run_storm(replace(plan, workers=2, writes=3))
    assert (run.counts.acknowledged, run.lost, run.integrity) == (6, 0, "ok")


@pytest.mark.slow
def test_a_proof_goes_on_where_it_was_interrupted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(experiment, "_baseline", lambda _: Baseline())  # so that the gate has nothing to storm for
    seen: list[GateRun] = []
    told: list[tuple[int, int]] = []

    def tell(run: GateRun, done: int, total: int) -> None:
        seen.append(run)
        told.append((done, total))

    def interrupt(run: GateRun, done: int, total: int) -> None:
        tell(run, done, total)
        if len(seen) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prove(str(tmp_path), share=0.02, on_run=interrupt)
    path = tmp_path / "runs.jsonl"
    path.write_text(path.read_text() + '{"case": "cut o')  # as by a power cut
    before = psutil.Process().children(recursive=True)
    prove(str(tmp_path), share=0.02, on_run=tell)
    assert psutil.Process().children(recursive=True) == before
    assert read_runs(str(path)) == seen
    assert sorted((run.case, run.number) for run in seen) == sorted(
        [(case.name, number) for case in CASES for number in range(1 if case.regressed else 2)]
    )
    assert {run.verdict for run in seen} == {"NO_BASELINE"}
    assert told == [(number, 9) for number in range(1, 10)]
    prove(str(tmp_path), share=0.02, on_run=tell)
    assert read_runs(str(path)) == seen, "nothing was missing"


def test_runs_of_another_machine_make_no_proof(tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    append_run(str(path), _run(CASES[0], 0, "PASS"))
    with pytest.raises(ResultError, match=r"the stored runs are of here, this is .*: name another directory"):
        prove(str(tmp_path))
    path.write_text('{"nothing": 1}\n')
    with pytest.raises(ResultError, match="no runs of a gate's proof"):
        prove(str(tmp_path))


def test_how_a_case_stands() -> None:
    unchanged, _, slower, *_ = CASES
    runs = [_run(unchanged, number, "REGRESSED" if number == 7 else "PASS") for number in range(100)]
    runs += [_run(slower, number, "PASS" if number < 2 else "REGRESSED") for number in range(5)]
    found = {standing.case.name: standing for standing in case_progress(runs)}
    assert found[unchanged.name].verdicts == {"PASS": 99, "REGRESSED": 1}
    assert (found[unchanged.name].wrong, found[unchanged.name].holds) == (1, True)
    assert (found[slower.name].wrong, found[slower.name].holds) == (2, False), "that cannot be made good any more"
    assert found[CASES[3].name].holds is None
    assert case_progress(runs[:50], share=0.5)[0].holds is True
    assert case_progress(runs[:49], share=0.5)[0].holds is None


@pytest.mark.slow
def test_the_command_shows_how_a_proof_stands_and_stores_it(tmp_path: Path) -> None:
    path = str(tmp_path / "runs.jsonl")
    here = machine_class(Environment.of(notes_plan().location()))
    for case in CASES:
        for number in range(2):
            append_run(path, replace(_run(case, number, "REGRESSED"), machine=here))
    done = sessionreg_process("gate-proof", "--minutes", "0", "--share", "0.1", "--out", ".", cwd=tmp_path)
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert max(map(len, lines[:10])) <= 100
    names = [case.name for case in CASES]
    rows = {line[:26].strip(): line[26:].split() for line in lines if line[:26].strip() in names}
    assert rows["unchanged"] == ["2/10", "2", "0", "0", "0", "2", "(1)", "8.0", "8.0", "NO"]
    assert rows["hold +25 %"] == ["2/2", "2", "0", "0", "0", "0", "(1)", "8.0", "8.0", "yes"]
    assert list(rows) == names
    assert "\u2026" not in done.stdout, "nothing is cut off"
    assert "sessionreg: unchanged: 2 of 2 runs ended with the wrong verdict, 1 may\n" in done.stderr
    assert "16 of 30 runs are missing; start it again, and it goes on." in " ".join(done.stdout.split())
    files = {f"gate-proof.{suffix}" for suffix in ("json", "md", "html", "png", "svg")} | {"runs.jsonl"}
    assert {entry.name for entry in tmp_path.iterdir()} == files
    document = json.loads((tmp_path / "gate-proof.json").read_text())
    assert (document["kind"], document["schema"], len(document["runs"])) == ("gate-proof", 1, 2 * len(CASES))
    result = ProofResult.from_json((tmp_path / "gate-proof.json").read_text())
    assert result.cases == case_progress(read_runs(path), share=0.1)


@pytest.mark.parametrize("words", [["--minutes", "-1"], ["--minutes", "nan"], ["--share", "0"], ["--share", "2"]])
def test_usage_is_told_in_one_line_before_any_run(sessionreg: Sessionreg, tmp_path: Path, words: list[str]) -> None:
    done = sessionreg("gate-proof", "--out", "new", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "new").exists()


def test_a_proof_that_is_only_begun_is_no_failure(sessionreg: Sessionreg) -> None:
    done = sessionreg("gate-proof", "--minutes", "0", "--out", "new")
    assert (done.returncode, done.stderr) == (0, "")
    assert "300 of 300 runs are missing" in done.stdout

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from pytest_sessionreg._harness.experiments.policies import compare_policies, with_control
from pytest_sessionreg._harness.experiments.storm.experiment import RoundProgress
from pytest_sessionreg.errors import StormError
from pytest_sessionreg.registry.sqlite.admission.busy_timeout import BusyTimeout
from pytest_sessionreg.report.pictures import PICTURES
from pytest_sessionreg.results.environment import Environment
from pytest_sessionreg.results.policies import policy_named
from pytest_sessionreg.results.result import StormResult, StormRun
from pytest_sessionreg.storm.plan import Plan
from pytest_sessionreg.storm.storm import run_storm

from ..waiting import wait_until
from .command import Sessionreg, sessionreg_process

_SMALL = ["--workers", "2", "--writes", "3", "--think-ms", "1", "--hold-ms", "0"]
_PLAN = Plan(policy_named("queue"), workers=2, writes=3, think_ms=1, hold_ms=0, seed=5)


@pytest.fixture(scope="module")
def run() -> StormRun:
    return run_storm(_PLAN)


@pytest.fixture
def stored(run: StormRun, tmp_path: Path) -> Callable[..., Path]:
    """Store a result of `rounds` rounds whose p99 is `p99_ms`, as NAME/storm.json; its directory."""
    environment = Environment.of(str(tmp_path / "x.db"))

    def store(name: str, *, p99_ms: float = 10.0, rounds: int = 5, workers: int = 2, cpu: str | None = None) -> Path:
        runs = tuple(
            replace(
                run,
                policy=policy,
                round=number,
                rounds=rounds,
                workers=workers,
                latency_ms=replace(run.latency_ms, p99=p99_ms + number / 100),
                slowdown=replace(run.slowdown, p99=2.0),
            )
            for number in range(1, rounds + 1)
            for policy in ("busy-timeout", "queue")
        )
        where = environment if cpu is None else replace(environment, cpu=cpu)
        (tmp_path / name).mkdir()
        result = StormResult(environment=where, command="sessionreg policies", runs=runs)
        (tmp_path / name / "storm.json").write_text(result.to_json())
        return tmp_path / name

    return store


@pytest.mark.slow
def test_rounds_are_interleaved_in_a_new_order_each_and_the_control_is_among_them() -> None:
    seen: list[tuple[int, int]] = []
    result = compare_policies(
        _PLAN,
        [policy_named("queue"), policy_named("budget")],
        rounds=3,
        command="sessionreg policies",
        on_progress=lambda progress: seen.append((progress.round, progress.number)),
    )
    order = [[run.policy for run in result.runs if run.round == number] for number in range(1, 4)]
    assert [run.round for run in result.runs] == sorted([1, 2, 3] * 3)
    assert all(sorted(names) == ["budget", "busy-timeout", "queue"] for names in order)
    assert len({tuple(names) for names in order}) > 1
    assert {run.rounds for run in result.runs} == {3}
    assert [run.seed for run in result.runs] == [5 + run.round - 1 for run in result.runs]
    assert all((number - 1) // 3 + 1 == round_number for round_number, number in seen)
    again = compare_policies(_PLAN, [policy_named("queue"), policy_named("budget")], rounds=1, command="")
    assert [run.policy for run in again.runs] == [run.policy for run in result.runs[:3]]


@pytest.mark.slow
def test_what_was_measured_before_a_worker_was_killed_is_kept() -> None:
    def kill(progress: RoundProgress) -> None:
        if progress.number == 3:
            (workers,) = filter(None, (child.children() for child in psutil.Process().children()))  # a server's
            workers[-1].kill()

    endless = replace(_PLAN, writes=None, duration_s=1.5)
    result = compare_policies(endless, [policy_named("queue")], rounds=5, command="", on_progress=kill)
    assert result.partial is not None
    assert "killed by signal 9" in result.partial
    assert [(run.round, run.rounds, run.partial is None) for run in result.runs] == [
        (1, 5, True),
        (1, 5, True),
        (2, 5, False),
    ]


def test_a_control_of_ones_own_is_the_control() -> None:
    assert [policy.name for policy in with_control([policy_named("queue")])] == ["queue", "busy-timeout"]
    assert with_control([BusyTimeout(1)]) == (BusyTimeout(1),)
    with pytest.raises(StormError, match="busy-timeout is given 2 times"):
        with_control([BusyTimeout(1), BusyTimeout(2)])
    with pytest.raises(StormError, match="rounds=0: must be between 1 and 1000"):
        compare_policies(_PLAN, [], rounds=0, command="")


@pytest.mark.slow
def test_the_command_prints_figures_ratios_verdict_and_files(tmp_path: Path) -> None:
    words = ["policies", "--policy", "queue", *_SMALL, "--rounds", "2", "--no-plots", "--out", "here"]
    done = sessionreg_process(*words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert max(map(len, lines)) <= 100
    assert sorted(line.split()[0] for line in lines[3:5]) == ["busy-timeout", "queue"]
    assert "times busy-timeout, round by round" in done.stdout
    assert "fewer than 5 rounds" in " ".join(done.stdout.split())
    assert "over 2 rounds" in done.stdout
    assert lines[-2:] == ["here/storm.json", "here/storm.html"]
    assert done.stderr == "", "no progress bar where nobody watches"
    assert "\x1b" not in done.stdout
    result = StormResult.from_json((tmp_path / "here/storm.json").read_text())
    assert [(run.round, run.rounds) for run in result.runs] == [(1, 2), (1, 2), (2, 2), (2, 2)]


def test_json_is_the_result_and_nothing_else(sessionreg: Sessionreg, tmp_path: Path) -> None:
    words = ["policies", "--policy", "busy-timeout", *_SMALL, "--rounds", "1", "--no-plots", "--json"]
    done = sessionreg(*words)
    assert done.returncode == 0, done.stderr
    assert [run["policy"] for run in json.loads(done.stdout)["runs"]] == ["busy-timeout"]
    assert (tmp_path / "reports/latest/storm.json").read_text() == done.stdout


@pytest.mark.slow
def test_interrupted_rounds_are_kept_and_labelled(tmp_path: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path / "scratch")}
    (tmp_path / "scratch").mkdir()
    words = ["policies", "--policy", "busy-timeout", "--workers", "2", "--duration", "0.4", "--rounds", "100"]
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest_sessionreg", *words, "--no-plots", "--out", "here"],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    seen: set[str] = set()

    def third_storm_is_under_way() -> bool:
        seen.update(path.parent.name for path in (tmp_path / "scratch").glob("*/0.ledger"))
        return len(seen) >= 3

    wait_until(third_storm_is_under_way, process)
    family = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 1, errors
    assert errors.strip() == (
        "sessionreg: interrupted; no worker is left; what was measured is kept, marked as partial, in here"
    )
    assert "Partial result" in output
    result = StormResult.from_json((tmp_path / "here/storm.json").read_text())
    assert 2 <= len(result.runs) < 100
    _, alive = psutil.wait_procs(family, timeout=60)
    assert not alive
    assert list((tmp_path / "scratch").iterdir()) == []


def test_a_slower_result_is_called_slower(sessionreg: Sessionreg, stored: Callable[..., Path]) -> None:
    a, b = stored("a"), stored("b", p99_ms=20.0)
    done = sessionreg("compare", str(a), str(b / "storm.json"))
    assert done.returncode == 0, done.stderr
    assert max(map(len, done.stdout.splitlines())) <= 100
    assert "queue: slower; latency at p99 is 2.00x (1.99 to 2.00x)." in done.stdout
    document = json.loads(sessionreg("compare", str(b), str(a), "--json").stdout)
    assert document["judged"] is True
    assert [policy["verdict"] for policy in document["policies"]] == ["faster", "faster"]
    assert document["policies"][0]["ratios"]["p99 ms"]["ratio"] == pytest.approx(0.5, abs=0.01)


def test_results_of_two_machines_are_side_by_side_and_not_judged(
    sessionreg: Sessionreg, stored: Callable[..., Path]
) -> None:
    done = sessionreg("compare", str(stored("a")), str(stored("b", p99_ms=90.0, cpu="another")))
    assert done.returncode == 0, done.stderr
    assert "Not judged, only side by side: cpu" in done.stdout
    assert "slower" not in done.stdout
    assert "90.0" in done.stdout


def test_results_of_two_loads_are_said_to_be(sessionreg: Sessionreg, stored: Callable[..., Path]) -> None:
    done = sessionreg("compare", str(stored("a")), str(stored("b", workers=64)))
    assert "Not judged, only side by side: workers 2 in A, 64 in B." in " ".join(done.stdout.split())


@pytest.mark.slow
def test_a_report_is_drawn_again_and_the_result_stays_as_it_is(
    sessionreg: Sessionreg, stored: Callable[..., Path], tmp_path: Path
) -> None:
    place = stored("a")
    before = (place / "storm.json").stat().st_mtime_ns
    done = sessionreg("report", "a")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-3:] == ["a/plots", "a/storm.png", "a/storm.html"]
    assert (place / "storm.json").stat().st_mtime_ns == before
    assert {path.stem for path in (place / "plots").iterdir()} == {picture.name for picture in PICTURES}
    (place / "storm.json").rename(tmp_path / "other.json")
    elsewhere = sessionreg("report", "other.json", "--no-plots")
    assert elsewhere.stdout.splitlines()[-2:] == ["other/storm.json", "other/storm.html"]
    assert (tmp_path / "other/storm.json").read_bytes() == (tmp_path / "other.json").read_bytes()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["report", "nowhere"], "nowhere: does not exist"),
        (["report", "empty"], "empty: holds no storm.json"),
        (["report", "."], "name one of a, truncated"),
        (["report", "truncated"], "not a result of storm, or a truncated one"),
        (["report", "schema.json"], "schema 99"),
        (["report", "bytes.json"], "bytes.json"),
        (["report", "deep.json"], "deep.json"),
        (["report", "unknown.json"], "a result of 'weather'; this version reads storm, capacity"),
        (["report", "newer.json"], "the faults result has schema 99, this version reads"),
        (["report", "half.json"], "not a result of adoption, or a truncated one"),
        (["report", "misshapen.json"], "the capacity result lacks or misnames a field"),
        (["report", "no_runs.json"], "no_runs.json"),
        (["report", "uneven.json"], "columns of different lengths"),
        (["report", "a", "--out", "schema.json/x"], "not a directory that can be written"),
        (["report"], "Missing argument"),
        (["compare", "a", "truncated"], "truncated"),
        (["compare", "nowhere", "a"], "nowhere: does not exist"),
        (["compare", "a"], "Missing argument"),
        (["policies", "--rounds", "0"], "--rounds"),
        (["policies", "--rounds", "many"], "many"),
        (["policies", "--policy", "hope"], "'hope' is not one of"),
        (["policies", "--workers", "0"], "workers=0: must be between"),
        (["policies", "--rate", "5", "--think-ms", "1"], "exclude each other"),
        (["policies", "--sql", "missing"], "cannot be read"),
        (["policies", "--workload", "bare:write"], "no policies to compare"),
        (["policies", "--out", "schema.json/x"], "not a directory that can be written"),
    ],
)
def test_bad_input_is_one_line_with_exit_code_2(
    sessionreg: Sessionreg, words: list[str], message: str, stored: Callable[..., Path], tmp_path: Path
) -> None:
    text = (stored("a") / "storm.json").read_text()
    (tmp_path / "empty").mkdir()
    (tmp_path / "bare.py").write_text("def write(path, worker, sequence):\n    pass\n")
    (tmp_path / "truncated").mkdir()
    (tmp_path / "truncated/storm.json").write_text(text[: len(text) // 2])
    (tmp_path / "schema.json").write_text('{"schema": 99}')
    (tmp_path / "bytes.json").write_bytes(b"\x80\x81\xff")
    (tmp_path / "deep.json").write_text("[" * 100_000)
    (tmp_path / "unknown.json").write_text('{"kind": "weather", "schema": 1}')
    (tmp_path / "newer.json").write_text('{"kind": "faults", "schema": 99}')
    (tmp_path / "half.json").write_text('{"kind": "adoption", "schema": 1, "comm')
    document = json.loads(text)
    capacity = {"kind": "capacity", "schema": 1, "environment": document["environment"], "command": "", "partial": None}
    (tmp_path / "misshapen.json").write_text(json.dumps({**capacity, "target": 3}))
    (tmp_path / "no_runs.json").write_text(json.dumps({**document, "runs": []}))
    document["runs"][0]["samples"]["retries"].pop()
    (tmp_path / "uneven.json").write_text(json.dumps(document))
    done = sessionreg(*words)
    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from time import sleep

import psutil
import pytest

from pytest_sessionreg.storm.result import StormResult
from pytest_sessionreg.storm.samples import read_counters

_SMALL = ["--workers", "3", "--writes", "4", "--think-ms", "1"]


def _sessionreg(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "harness", *words], cwd=cwd, capture_output=True, text=True, timeout=120, check=False
    )


def test_a_storm_prints_its_table_its_verdict_and_its_files(tmp_path: Path) -> None:
    done = _sessionreg("storm", *_SMALL, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines[3:7]] == ["budget", "busy-timeout", "interval", "queue"]
    assert "the 15-retry budget" in done.stdout
    assert lines[-3:] == ["reports/latest/storm.json", "reports/latest/storm.png", "reports/latest/storm.html"]
    assert all((tmp_path / line).stat().st_size for line in lines[-3:])
    assert max(map(len, lines[:-3])) <= 100
    assert done.stderr == "", "no progress bar where nobody watches"


def test_json_is_the_result_and_nothing_else(tmp_path: Path) -> None:
    done = _sessionreg(
        "storm", *_SMALL, "--policy", "queue", "--policy", "budget", "--json", "--no-plots", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert [run["policy"] for run in document["runs"]] == ["queue", "budget"]
    assert StormResult.from_json(done.stdout).to_json() == done.stdout
    assert (tmp_path / "reports/latest/storm.json").read_text() == done.stdout
    assert not (tmp_path / "reports/latest/storm.png").exists()


def test_the_result_repeats_the_parameters(tmp_path: Path) -> None:
    words = ["--policy", "interval", "--hold-ms", "1.5", "--seed", "77", "--workload", "heartbeat", "--out", "here"]
    done = _sessionreg("storm", *_SMALL, *words, "--json", "--no-plots", cwd=tmp_path)
    document = json.loads(done.stdout)
    (run,) = document["runs"]
    assert (run["workers"], run["writes"], run["hold_ms"], run["think_ms"], run["seed"]) == (3, 4, 1.5, 1.0, 77)
    assert document["command"].split()[0] == "sessionreg"
    assert "--seed 77" in document["command"]
    assert (tmp_path / "here/storm.json").exists()


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["storm", "--workers", "0"], 2, "workers=0: must be between"),
        (["storm", "--workers", "many"], 2, "many"),
        (["storm", "--policy", "hope"], 2, "'hope' is not one of"),
        (["storm", "--writes", "3", "--duration", "1"], 2, "exclude each other"),
        (["storm", "--hold-ms", "-1"], 2, "hold_ms=-1"),
        (["storm", "--workload", "x"], 2, "workload 'x' is unknown; choose from heartbeat"),
        (["storm", "--out", "file/deeper"], 2, "not a directory that can be written"),
        (["storm", "--database", "missing/x.db"], 1, "does not exist; create it first"),
        (["storm", "--database", "/proc/x.db"], 1, "cannot be created"),
        (["storm", "--database", "file"], 1, "no database"),
        (["storm", "--database", "directory"], 1, "is a directory"),
        (["nothing"], 2, "No such command 'nothing'"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(tmp_path: Path, words: list[str], code: int, message: str) -> None:
    (tmp_path / "file").write_text("hello")
    (tmp_path / "directory").mkdir()
    done = _sessionreg(*words, cwd=tmp_path)
    assert done.returncode == code
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""
    assert (tmp_path / "file").read_text() == "hello"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["directory", "file"]


def test_an_interrupted_storm_keeps_what_it_has_and_leaves_no_process_and_no_file(tmp_path: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path / "scratch")}
    (tmp_path / "scratch").mkdir()
    words = ["--workers", "4", "--duration", "60", "--think-ms", "5", "--policy", "queue", "--no-plots"]
    process = subprocess.Popen(
        [sys.executable, "-m", "harness", "storm", *words],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        while read_counters([str(path) for path in (tmp_path / "scratch").rglob("*.ledger")])[0] < 20:
            assert process.poll() is None
            sleep(0.02)
        family = psutil.Process(process.pid).children(recursive=True)
        assert len(family) >= 4
        process.send_signal(signal.SIGINT)
        printed, errors = process.communicate(timeout=60)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 1
    assert errors.strip() == (
        "sessionreg: interrupted; no worker is left; what was measured is kept, marked as partial, in reports/latest"
    )
    assert "queue: partial, interrupted" in printed
    _, alive = psutil.wait_procs(family, timeout=10)
    assert not alive
    assert list((tmp_path / "scratch").iterdir()) == []
    result = StormResult.from_json((tmp_path / "reports/latest/storm.json").read_text())
    (run,) = result.runs
    assert result.partial == run.partial == "interrupted"
    assert run.counts.acknowledged >= 20
    assert run.counts.lost == 0


def test_help_shows_an_example(tmp_path: Path) -> None:
    done = _sessionreg("storm", "--help", cwd=tmp_path)
    assert done.returncode == 0
    assert "Example: sessionreg storm" in " ".join(done.stdout.split())

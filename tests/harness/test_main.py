from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import psutil
import pytest

from pytest_sessionreg._harness.main import cli
from pytest_sessionreg.results.policies import POLICY_NAMES
from pytest_sessionreg.results.result import StormResult
from pytest_sessionreg.results.samples import read_counters

from ..waiting import wait_until
from .command import Done, Sessionreg, sessionreg_process

_SMALL = ["--workers", "3", "--writes", "4", "--think-ms", "1"]


@pytest.mark.slow
def test_a_storm_prints_its_table_its_verdict_and_its_files(tmp_path: Path) -> None:
    done = sessionreg_process("storm", *_SMALL, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines[3 : 3 + len(POLICY_NAMES)]] == list(POLICY_NAMES)
    assert "the 15-retry budget" in done.stdout
    assert lines[-3:] == ["reports/latest/storm.json", "reports/latest/storm.png", "reports/latest/storm.html"]
    assert all((tmp_path / line).stat().st_size for line in lines[-3:])
    assert max(map(len, lines[:-3])) <= 100
    assert done.stderr == "", "no progress bar where nobody watches"


def test_json_is_the_result_and_nothing_else(sessionreg: Sessionreg, tmp_path: Path) -> None:
    done = sessionreg("storm", *_SMALL, "--policy", "queue", "--policy", "budget", "--json", "--no-plots")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert [run["policy"] for run in document["runs"]] == ["queue", "budget"]
    assert StormResult.from_json(done.stdout).to_json() == done.stdout
    assert (tmp_path / "reports/latest/storm.json").read_text() == done.stdout
    assert not (tmp_path / "reports/latest/storm.png").exists()


def test_the_result_repeats_the_parameters(sessionreg: Sessionreg, tmp_path: Path) -> None:
    words = ["--policy", "interval", "--hold-ms", "1.5", "--seed", "77", "--workload", "heartbeat", "--out", "here"]
    done = sessionreg("storm", *_SMALL, *words, "--json", "--no-plots")
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
        (["storm", "--workload", "no_such_module:f"], 2, "cannot be imported"),
        (["storm", "--workload", "json:nothing"], 2, "has no 'nothing'"),
        (["storm", "--workload", "json:dumps"], 2, "(connection, store or path, worker, sequence)"),
        (["storm", "--workload", "heartbeat", "--sql", "file"], 2, "exclude each other"),
        (["storm", "--schema", "file"], 2, "--schema goes with --sql"),
        (["storm", "--sql", "missing"], 2, "cannot be read (No such file or directory)"),
        (["storm", "--sql", "directory"], 2, "cannot be read (Is a directory)"),
        (["storm", "--sql", "file"], 1, "'hello' cannot be compiled"),
        (["storm", "--rate", "0"], 2, "rate=0.0: must be between"),
        (["storm", "--rate", "-3"], 2, "rate=-3.0: must be between"),
        (["storm", "--rate", "nan"], 2, "rate=nan: must be a number"),
        (["storm", "--rate", "5", "--think-ms", "1"], 2, "exclude each other"),
        (["storm", "--timeout", "0"], 2, "timeout=0.0: must be between"),
        (["repeat", "missing.json"], 2, "does not exist"),
        (["repeat", "file"], 2, "not a result of storm"),
        (["repeat", "directory"], 2, "holds no storm.json"),
        (["storm", "--out", "file/deeper"], 2, "not a directory that can be written"),
        (["storm", "--database", "missing/x.db"], 1, "does not exist; create it first"),
        (["storm", "--database", "/proc/x.db"], 1, "cannot be created"),
        (["storm", "--database", "file"], 1, "no database"),
        (["storm", "--database", "directory"], 1, "is a directory"),
        (["nothing"], 2, "No such command 'nothing'"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(
    sessionreg: Sessionreg, tmp_path: Path, words: list[str], code: int, message: str
) -> None:
    _bad_input_is_one_line(lambda: sessionreg(*words), tmp_path, code, message)


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["storm", "--workers", "0"], 2, "workers=0: must be between"),
        (["storm", "--sql", "file"], 1, "'hello' cannot be compiled"),
        (["nothing"], 2, "No such command 'nothing'"),
    ],
)
def test_the_console_script_exits_with_the_code_and_shows_no_traceback(
    tmp_path: Path, words: list[str], code: int, message: str
) -> None:
    _bad_input_is_one_line(lambda: sessionreg_process(*words, cwd=tmp_path), tmp_path, code, message)


def _bad_input_is_one_line(run: Callable[[], Done], directory: Path, code: int, message: str) -> None:
    (directory / "file").write_text("hello")
    (directory / "directory").mkdir()
    done = run()
    assert done.returncode == code
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""
    assert (directory / "file").read_text() == "hello"
    assert sorted(path.name for path in directory.iterdir()) == ["directory", "file"]


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_storm_keeps_what_it_has_and_leaves_no_process_and_no_file(
    tmp_path: Path, number: signal.Signals
) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path / "scratch")}
    (tmp_path / "scratch").mkdir()
    words = ["--workers", "4", "--duration", "600", "--think-ms", "5", "--policy", "queue", "--no-plots"]
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest_sessionreg", "storm", *words],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        ledgers = (tmp_path / "scratch").rglob
        wait_until(lambda: read_counters([str(path) for path in ledgers("*.ledger")])[0] >= 20, process)
        family = psutil.Process(process.pid).children(recursive=True)
        assert len(family) >= 4
        process.send_signal(number)
        printed, errors = process.communicate(timeout=120)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 1
    assert errors.strip() == (
        "sessionreg: interrupted; no worker is left; what was measured is kept, marked as partial, in reports/latest"
    )
    assert "* queue is partial: interrupted" in printed
    _, alive = psutil.wait_procs(family, timeout=60)
    assert not alive
    assert list((tmp_path / "scratch").iterdir()) == []
    result = StormResult.from_json((tmp_path / "reports/latest/storm.json").read_text())
    (run,) = result.runs
    assert result.partial == run.partial == "interrupted"
    assert run.counts.acknowledged >= 20
    assert run.counts.lost == 0


_DEMO = """
import sqlite3

def prepare(path):
    sqlite3.connect(path).execute("CREATE TABLE t (worker, sequence)")

def acknowledged(path):
    return sqlite3.connect(path).execute("SELECT worker, sequence FROM t").fetchall()

def write(connection, worker, sequence):
    connection.execute("INSERT INTO t VALUES (?, ?)", (worker, sequence))

def forgets(path, worker, sequence):
    pass

def fails(connection, worker, sequence):
    raise LookupError("nothing to write")
"""


@pytest.mark.slow
def test_a_function_from_the_current_directory_is_stormed_and_repeated(tmp_path: Path) -> None:
    (tmp_path / "demo.py").write_text(_DEMO)
    words = ["--workload", "demo:write", "--policy", "queue", "--seed", "9", "--rate", "200", "--no-plots"]
    done = sessionreg_process("storm", "--workers", "3", "--writes", "4", *words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "open loop: 200 writes/s on a fixed schedule" in done.stdout
    assert "recording cost" in done.stdout
    again = sessionreg_process("repeat", "reports/latest/storm.json", "--no-plots", "--json", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    stored = StormResult.from_json((tmp_path / "reports/latest/storm.json").read_text())
    repeated = StormResult.from_json(again.stdout)
    assert repeated.command == stored.command
    (one,), (other,) = stored.runs, repeated.runs
    for name in ("workload", "workload_parameters", "policy_parameters", "workers", "writes", "rate_per_s", "seed"):
        assert getattr(one, name) == getattr(other, name)
    assert one.samples.due_us.tolist() == pytest.approx(other.samples.due_us.tolist(), abs=2)


@pytest.mark.slow
def test_a_function_that_loses_writes_is_caught(tmp_path: Path) -> None:
    (tmp_path / "demo.py").write_text(_DEMO)
    done = sessionreg_process("storm", *_SMALL, "--workload", "demo:forgets", "--no-plots", cwd=tmp_path)
    assert done.returncode == 1
    assert "own lost 12 of 12 acknowledged writes" in " ".join(done.stdout.split())


@pytest.mark.slow
def test_a_function_that_fails_is_shown_once_with_a_count(tmp_path: Path) -> None:
    (tmp_path / "demo.py").write_text(_DEMO)
    done = sessionreg_process(
        "storm", *_SMALL, "--workload", "demo:fails", "--policy", "queue", "--no-plots", cwd=tmp_path
    )
    assert done.returncode == 1
    assert done.stderr.count("Traceback") == 1
    assert "LookupError: nothing to write" in done.stderr
    assert done.stderr.rstrip().endswith("12 times")


def test_statements_from_a_file_are_stormed(sessionreg: Sessionreg, tmp_path: Path) -> None:
    (tmp_path / "w.sql").write_text("INSERT INTO t VALUES (:worker, :sequence);")
    (tmp_path / "s.sql").write_text("CREATE TABLE t (worker, sequence);")
    words = ["--sql", "w.sql", "--schema", "s.sql", "--policy", "queue", "--policy", "interval", "--no-plots"]
    done = sessionreg("storm", *_SMALL, *words)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_what_nobody_checked_is_said(tmp_path: Path) -> None:
    (tmp_path / "bare.py").write_text("def write(path, worker, sequence):\n    pass\n")
    done = sessionreg_process("storm", *_SMALL, "--workload", "bare:write", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Whether writes were lost was not checked" in " ".join(done.stdout.split())
    assert (tmp_path / "reports/latest/storm.png").stat().st_size


@pytest.mark.parametrize("words", [[], ["campaign"]], ids=str)
def test_help_sums_up_every_command_in_a_line_of_eighty_columns(sessionreg: Sessionreg, words: list[str]) -> None:
    done = sessionreg(*words, "--help", COLUMNS="80")
    summaries = done.stdout.partition("\nCommands:\n")[2].splitlines()
    group = cli.commands["campaign"] if words else cli
    assert isinstance(group, click.Group)
    assert [line.split()[0] for line in summaries] == group.list_commands(click.Context(group))
    assert not [line for line in summaries if line.endswith("...")]
    assert max(map(len, summaries)) <= 80


def test_help_shows_an_example(sessionreg: Sessionreg) -> None:
    done = sessionreg("storm", "--help")
    assert done.returncode == 0
    assert "Example: sessionreg storm" in " ".join(done.stdout.split())


def test_python_m_harness_in_a_checkout_is_the_same_command() -> None:
    checkout = Path(__file__).parents[2]
    words = [sys.executable, "-m", "harness", "--help"]
    done = subprocess.run(words, cwd=checkout, capture_output=True, text=True, check=True)
    same = [sys.executable, "-m", "pytest_sessionreg", "--help"]
    assert done.stdout.replace("python -m harness", "python -m pytest_sessionreg") == (
        subprocess.run(same, cwd=checkout, capture_output=True, text=True, check=True).stdout
    )


@pytest.mark.slow
def test_a_project_with_a_package_called_harness_can_run_the_command(tmp_path: Path) -> None:
    (tmp_path / "harness").mkdir()
    (tmp_path / "harness/__init__.py").write_text("raise AssertionError('not ours')\n")
    words = [
        sys.executable,
        "-m",
        "pytest_sessionreg",
        "storm",
        "--workers",
        "1",
        "--writes",
        "1",
        "--json",
        "--no-plots",
    ]
    subprocess.run(words, cwd=tmp_path, capture_output=True, check=True)

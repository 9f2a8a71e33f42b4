from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import psutil
import pytest

from pytest_sessionreg import Registry, __version__
from pytest_sessionreg._harness.cli.kinds import read_outcome
from pytest_sessionreg._harness.hosts.gathering import HostOrder, gather
from pytest_sessionreg._harness.hosts.host import hosts
from pytest_sessionreg._harness.hosts.option import HostsCommand
from pytest_sessionreg._harness.hosts.protocol import BEAT_S, SCRATCH
from pytest_sessionreg._harness.hosts.result import HostsResult
from pytest_sessionreg._harness.main import cli
from pytest_sessionreg.results.result import StormResult
from pytest_sessionreg.results.samples import read_counters

from ...waiting import wait_until
from ..command import Sessionreg, sessionreg_process

_REFERENCE = (Path(__file__).parents[3] / "pytest_sessionreg/README.md").read_text(encoding="utf-8")
_STORM = ["storm", "--workers", "2", "--writes", "5", "--think-ms", "1", "--policy", "queue"]
_OTHERS = [
    ["policies", "--policy", "queue", "--rounds", "1", "--workers", "2", "--writes", "3", "--no-plots"],
    ["open-storm", "--openers", "2", "--rounds", "1", "--order", "registry", "--state", "fresh"],
    ["capacity", "--policy", "queue", "--ceiling", "2", "--seconds", "0.4", "--round-s", "0.2"],
    ["faults", "--fault", "kill-after", "--policy", "queue", "--rounds", "1"],
    ["adoption", "--window", "52w"],
]
_TWO = ["--on", "popen//id=here", "--on", "popen//id=there"]


def test_every_command_that_has_the_option_runs_elsewhere_here_and_is_named_in_the_reference() -> None:
    commands = [name for name, command in cli.commands.items() if isinstance(command, HostsCommand)]
    assert sorted(commands) == sorted(words[0] for words in (_STORM, *_OTHERS))
    sentence = re.search(r"\n`--on ssh=user@host` runs (.*?) on\s+another\s+host", _REFERENCE, flags=re.DOTALL)
    assert sentence is not None
    assert sorted(re.findall(r"`(.+?)`", sentence[1])) == sorted(commands)


@pytest.fixture
def at_hosts(sessionreg: Sessionreg, tmp_path: Path) -> Sessionreg:
    """Runs commands in this process; what they start has its temporary files in `tmp_path`."""
    return lambda *words, **environment: sessionreg(*words, TMPDIR=str(tmp_path), **environment)


@pytest.mark.slow
def test_a_storm_at_two_hosts_is_side_by_side_and_each_result_is_stored(at_hosts: Sessionreg, tmp_path: Path) -> None:
    words = [*_STORM, "--policy", "busy-timeout", *_TWO, "--out", "out", "--no-plots"]
    done = sessionreg_process(*words, cwd=tmp_path, TMPDIR=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert max(map(len, done.stdout.splitlines())) <= 100
    rows = [line.split()[:2] for line in done.stdout.splitlines()]
    assert ["queue", "here"] in rows
    assert ["busy-timeout", "here"] in rows
    assert sum(line.split()[:1] == ["there"] for line in done.stdout.splitlines()) == 3
    assert "not judged" in done.stdout
    result = HostsResult.from_json((tmp_path / "out/hosts.json").read_text())
    assert result.envelope.command == f"sessionreg {' '.join(words)}"
    assert [(host.name, host.error, host.file) for host in result.hosts] == [
        ("here", None, "here/storm.json"),
        ("there", None, "there/storm.json"),
    ]
    for host in result.hosts:
        own = StormResult.from_json((tmp_path / "out" / str(host.file)).read_text())
        assert own.command == f"sessionreg {' '.join(_STORM)} --policy busy-timeout"
        assert host.machine == own.environment.line()
        assert host.machine in " ".join(done.stdout.split())
        assert {figures.subject for figures in host.figures} == {"queue", "busy-timeout"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out"]
    assert sorted(path.name for path in (tmp_path / "out/here").iterdir()) == ["storm.html", "storm.json"]
    pages = sorted((tmp_path / "out").rglob("*.html"))
    assert len(pages) == 3
    shutil.copytree(tmp_path / "out/here", tmp_path / "out/earlier", ignore=shutil.ignore_patterns("*.html"))
    before = [page.read_text() for page in pages]
    for page in pages:
        page.unlink()
    again = at_hosts("report", "out", "--no-plots")
    assert again.returncode == 0, again.stderr
    assert [page.read_text() for page in pages] == before
    assert not (tmp_path / "out/earlier/storm.html").exists(), "a host of another run"


@pytest.mark.slow
@pytest.mark.parametrize("words", _OTHERS, ids=lambda words: words[0])
def test_every_experiment_runs_elsewhere(at_hosts: Sessionreg, tmp_path: Path, words: list[str]) -> None:
    Registry.open(tmp_path / "sessions.db").close()
    where = ["--on", f"popen//env:SESSIONREG_DB={tmp_path / 'sessions.db'}"]
    done = at_hosts(*words, *where, "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    (host,) = document["hosts"]
    assert (document["kind"], document["experiment"], host["error"]) == ("hosts", words[0], None)
    assert read_outcome(json.dumps(host["result"])).figures
    assert HostsResult.from_json(done.stdout).hosts[0].name == "popen"


@pytest.mark.slow
def test_a_host_that_cannot_be_used_is_named_and_costs_no_other_one(at_hosts: Sessionreg, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(bare)], check=True)
    specs = [f"popen//python={tmp_path}/nothing", f"popen//id=bare//python={bare}/bin/python", "popen//id=good"]
    done = at_hosts(*_STORM, *(word for spec in specs for word in ("--on", spec)), "--no-plots")
    assert done.returncode == 1
    assert "popen: no Python could be started there" in done.stderr
    assert f"bare: pytest-sessionreg is not installed for {bare}/bin/python there; install version" in done.stderr
    assert len(done.stderr.splitlines()) == 2
    result = HostsResult.from_json((tmp_path / "reports/hosts/hosts.json").read_text())
    assert [host.error is None for host in result.hosts] == [False, False, True]
    assert (tmp_path / "reports/hosts/good/storm.json").exists()
    assert not (tmp_path / "reports/latest").exists(), "where the storms of this machine are"


@pytest.mark.slow
def test_ssh_is_what_execnet_makes_of_it(tmp_path: Path) -> None:
    ssh = tmp_path / "bin/ssh"
    ssh.parent.mkdir()
    ssh.write_text('#!/bin/sh\n[ "$2" = me@machine ] || exit 255\nshift 2\nexec sh -c "$*"\n')
    ssh.chmod(0o755)
    specs = [f"ssh=me@machine//python={sys.executable}", "ssh=me@elsewhere"]
    done = sessionreg_process(  # execnet leaves it to the end of the process to close the pipes of a failed ssh
        *_STORM,
        *(word for spec in specs for word in ("--on", spec)),
        "--json",
        "--no-plots",
        cwd=tmp_path,
        TMPDIR=str(tmp_path),
        PATH=f"{ssh.parent}:{os.environ['PATH']}",
    )
    assert done.returncode == 1
    assert done.stderr == "sessionreg: elsewhere: ssh could not connect; try it by hand\n"
    machine, elsewhere = json.loads(done.stdout)["hosts"]
    assert machine["result"]["runs"][0]["counts"]["acknowledged"] == 10
    assert (machine["name"], machine["error"], elsewhere["result"]) == ("machine", None, None)


def test_another_version_is_refused(at_hosts: Sessionreg, tmp_path: Path) -> None:
    other = tmp_path / "other"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(other)], check=True)
    (packages,) = other.glob("lib/*/site-packages")
    (packages / "pytest_sessionreg").mkdir()
    (packages / "pytest_sessionreg/__init__.py").write_text("__version__ = '99.1'\n")
    done = at_hosts(*_STORM, "--on", f"popen//python={other}/bin/python")
    assert done.returncode == 1
    assert f"has pytest-sessionreg 99.1, here it is {__version__}; install the same one there" in done.stderr


@pytest.mark.slow
def test_files_of_this_side_travel(at_hosts: Sessionreg, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "schema.sql").write_text("CREATE TABLE t (worker, sequence);")
    (tmp_path / "write.sql").write_text("INSERT INTO t VALUES (:worker, :sequence);")
    words = [
        "storm",
        "--sql",
        "write.sql",
        "--schema",
        "schema.sql",
        "--workers",
        "2",
        "--writes",
        "2",
        "--think-ms",
        "1",
        "--json",
    ]
    done = at_hosts(*words, "--policy", "queue", "--on", f"popen//chdir={tmp_path}/there")
    assert done.returncode == 0, done.stderr
    (host,) = json.loads(done.stdout)["hosts"]
    assert host["result"]["runs"][0]["counts"]["acknowledged"] == 4
    assert host["result"]["command"] == (
        "sessionreg storm --sql write.sql --schema schema.sql --workers 2 --writes 2 --think-ms 1 --policy queue"
    )
    assert list((tmp_path / "there").iterdir()) == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([*_STORM, "--on", "nonsense"], "'nonsense' is nothing that execnet knows"),
        ([*_STORM, "--on", "ssh="], "ssh needs a value"),
        ([*_STORM, "--on", "popen", "--out", "file/x"], "not a directory that can be written"),
        (["storm", "--sql", "missing.sql", "--on", "popen"], "--sql missing.sql: cannot be read"),
        (["storm", "--workers", "0", "--on", "popen"], "workers=0: must be between"),
        (["storm", "--workload", "hope", "--on", "popen", "--on", "popen"], "hope"),
        (["capacity", "--ceiling", "x", "--on", "popen"], "--ceiling"),
    ],
)
def test_bad_input_is_one_line(at_hosts: Sessionreg, tmp_path: Path, words: list[str], message: str) -> None:
    (tmp_path / "file").write_text("")
    done = at_hosts(*words)
    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


_LONG = ["storm", "--policy", "queue", "--workers", "2", "--duration", "600", "--think-ms", "5", "--no-plots"]


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Callable[[], subprocess.Popen[str]]]:
    """A long storm at two hosts; the first has written, the second waits, because they share a machine."""
    started: list[subprocess.Popen[str]] = []

    def start() -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "pytest_sessionreg", *_LONG, *_TWO, "--out", str(tmp_path / "out")],
            cwd=tmp_path,
            env={**os.environ, "TMPDIR": str(tmp_path)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        wait_until(lambda: _written(tmp_path) > 20, process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def _written(scratch: Path) -> int:
    """How many writes the storms under way have recorded."""
    return read_counters([str(path) for path in scratch.glob("sessionreg-storm-*/*.ledger")])[0]


def _gone(family: list[psutil.Process], scratch: Path) -> None:
    _, alive = psutil.wait_procs(family, timeout=60)
    assert not alive
    assert list(scratch.glob("sessionreg-*")) == []


@pytest.mark.parametrize(
    ("number", "whom"),
    [
        (signal.SIGINT, "us"),
        pytest.param(signal.SIGTERM, "us", marks=pytest.mark.slow),
        (signal.SIGINT, "the terminal's processes"),
        (signal.SIGTERM, "timeout's processes"),
        pytest.param(signal.SIGHUP, "the terminal's processes", marks=pytest.mark.slow),
    ],
)
def test_ctrl_c_or_a_kill_ends_every_host_and_keeps_what_there_is(
    running: Callable[[], subprocess.Popen[str]], tmp_path: Path, number: signal.Signals, whom: str
) -> None:
    process = running()
    family = psutil.Process(process.pid).children(recursive=True)
    if whom == "us":
        process.send_signal(number)
    else:
        os.killpg(process.pid, number)
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "there: interrupted before it began" in errors
    assert "here: interrupted; no worker is left" in errors
    assert "* partial: interrupted" in output
    kept = StormResult.from_json((tmp_path / "out/here/storm.json").read_text())
    assert kept.partial == "interrupted"
    assert kept.runs[0].counts.lost == 0
    assert kept.runs[0].counts.acknowledged > 20
    _gone(family, tmp_path)


@pytest.mark.slow
def test_interrupted_while_it_connects_it_leaves_nothing(tmp_path: Path) -> None:
    slow = tmp_path / "slow"
    slow.write_text("#!/bin/sh\nexec sleep 600\n")
    slow.chmod(0o755)
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest_sessionreg", *_LONG, "--on", "popen", "--on", f"popen//id=mute//python={slow}"],
        cwd=tmp_path,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_until(lambda: len(psutil.Process(process.pid).children()) == 2, process)
    family = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 1
    assert errors.splitlines() == [
        "sessionreg: popen: interrupted before it began",
        "sessionreg: mute: interrupted before it began",
    ]
    _gone(family, tmp_path)


@pytest.mark.slow
def test_a_second_ctrl_c_waits_for_no_result(tmp_path: Path) -> None:
    slow = tmp_path / "hang.py"
    slow.write_text("import time\ndef write(path, worker, sequence): time.sleep(600)\n")
    words = ["storm", "--workload", "hang:write", "--workers", "2", "--writes", "1", "--json", "--no-plots"]
    before = psutil.Process().children(recursive=True)  # of other tests in this process
    gathering: list[psutil.Process] = []
    others: list[subprocess.Popen[bytes]] = []

    def press_twice(running: Sequence[str], _done: int) -> None:
        if running and not gathering:
            others.append(subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE))
            before.append(psutil.Process(others[0].pid))
            wait_until(lambda: bool(list(tmp_path.glob("sessionreg-storm-*/1.ledger"))))
            gathering.extend(set(psutil.Process().children(recursive=True)).difference(before))
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(tmp_path))
        (answer,) = gather(hosts([f"popen//chdir={tmp_path}"]), HostOrder(words, {}, words), on_change=press_twice)
    assert answer.error == "interrupted before it answered"
    assert gathering
    assert not psutil.wait_procs(gathering, timeout=120)[1]
    assert others[0].poll() is None, "a child that somebody else started meanwhile is left alone"
    others[0].communicate(b"\n")


@pytest.mark.slow
def test_a_host_that_dies_is_named_and_the_next_one_runs(
    running: Callable[[], subprocess.Popen[str]], tmp_path: Path
) -> None:
    process = running()
    gateways = psutil.Process(process.pid).children()
    family = psutil.Process(process.pid).children(recursive=True)
    (first,) = [gateway for gateway in gateways if gateway.children()]
    before = set(tmp_path.glob("sessionreg-storm-*"))
    first.kill()
    wait_until(lambda: any((storm / "1.ledger").exists() for storm in {*tmp_path.glob("sessionreg-storm-*")} - before))
    family += psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "here: the connection broke while it was running" in errors
    _gone(family, tmp_path)


@pytest.mark.slow
def test_a_host_that_hangs_is_named_and_ended_and_the_next_one_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pytest_sessionreg._harness.hosts.gathering._COMMAND_GRACE_S", 0.5)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    for name, body in (("here", "time.sleep(600)"), ("there", "pass")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "hang.py").write_text(f"import time\ndef write(path, worker, sequence): {body}\n")
    words = ["storm", "--workload", "hang:write", "--workers", "2", "--writes", "1", "--json", "--no-plots"]
    order = HostOrder([*words, "--out", f"{SCRATCH}/out"], {}, words)
    stopped: list[psutil.Process] = []

    def stop(running: Sequence[str], _done: int) -> None:
        if "here" in running and not stopped:
            wait_until(lambda: bool(list(tmp_path.glob("sessionreg-storm-*/1.ledger"))))
            stopped.extend(child for gateway in psutil.Process().children() for child in gateway.children())
            stopped[0].suspend()
            monkeypatch.setattr("pytest_sessionreg._harness.hosts.gathering._SILENCE_S", 3 * BEAT_S)
        elif "there" in running:  # nobody suspends this one: that it is late says how busy the machine is
            monkeypatch.setattr("pytest_sessionreg._harness.hosts.gathering._SILENCE_S", 120.0)

    here, there = gather(
        hosts([f"popen//id={name}//chdir={tmp_path}/{name}" for name in ("here", "there")]), order, on_change=stop
    )
    assert here.error is not None
    assert "gave no sign of life for 3 s while it was running" in here.error
    assert (there.error, there.code) == (None, 0), there.said
    assert StormResult.from_json(there.printed).partial is None
    assert stopped
    _gone(stopped, tmp_path)

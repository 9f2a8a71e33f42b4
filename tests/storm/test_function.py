from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytest_sessionreg import RetryBudget
from pytest_sessionreg.errors import StormError
from pytest_sessionreg.plugin import Storm
from pytest_sessionreg.results.policies import Own
from pytest_sessionreg.storm.catalogue import workload_named
from pytest_sessionreg.storm.interruption import StormInterrupted, WorkloadFailed
from pytest_sessionreg.storm.modules import modules_used_by
from pytest_sessionreg.storm.plan import Plan
from pytest_sessionreg.storm.storm import run_storm
from pytest_sessionreg.storm.workloads.connection_writer import sqlite_code
from pytest_sessionreg.storm.workloads.function import Function


def create(path: str) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE t (worker, sequence)")
    connection.close()


def acknowledged(path: str) -> list[tuple[int, int]]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute("SELECT worker, sequence FROM t").fetchall()
    finally:
        connection.close()


def insert(connection: sqlite3.Connection, worker: int, sequence: int) -> None:
    connection.execute("INSERT INTO t VALUES (?, ?)", (worker, sequence))


def append(path: str, worker: int, sequence: int, timeout: float = 60) -> None:
    connection = sqlite3.connect(path, timeout=timeout, isolation_level=None)
    try:
        connection.execute("BEGIN IMMEDIATE")
        insert(connection, worker, sequence)
        connection.execute("COMMIT")
    finally:
        connection.close()


def test_a_function_with_a_connection_is_admitted_and_checked_by_the_storms_own_rows(storm: Storm) -> None:
    run = storm(insert, policy="budget", workers=3, writes=6, hold_ms=1, think_ms=1, prepare=create)
    assert (run.policy, run.counts.attempted, run.lost, run.integrity) == ("budget", 18, 0, "ok")
    assert run.busy_rate is not None
    assert (run.samples.hold_us >= 1000).all()
    assert dict(run.workload_parameters)["takes"] == "connection"


def test_a_function_with_a_connection_may_bring_its_own_evidence(storm: Storm, tmp_path: Path) -> None:
    path = tmp_path / "mine.db"
    run = storm(insert, workers=2, writes=4, prepare=create, acknowledged=acknowledged, database=path)
    assert run.lost == 0
    assert len(acknowledged(str(path))) == 8
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("t",)], "no table of the storm's"
    connection.close()


def test_a_function_with_a_path_does_everything_itself(storm: Storm) -> None:
    run = storm(append, workers=3, writes=6, think_ms=1, prepare=create, acknowledged=acknowledged)
    assert (run.policy, run.counts.acknowledged, run.lost) == ("own", 18, 0)
    assert (run.busy_rate, run.contended_rate, run.utilization, run.slowdown.p50) == (None, None, None, None)
    assert run.latency_ms.p50 is not None


def test_without_evidence_lost_writes_are_not_said_to_be_none(storm: Storm) -> None:
    run = storm(append, workers=2, writes=2, prepare=create)
    assert run.lost is None
    assert run.counts.duplicated is None


def test_planted_losses_and_duplicates_are_found(storm: Storm) -> None:
    def careless(path: str, worker: int, sequence: int) -> None:
        for _ in range({2: 0, 3: 2}.get(sequence, 1)):
            append(path, worker, sequence)

    run = storm(careless, workers=3, writes=5, think_ms=1, prepare=create, acknowledged=acknowledged)
    assert (run.lost, run.counts.duplicated, run.counts.acknowledged) == (3, 3, 15)
    assert run.damaged


@pytest.mark.slow
def test_rows_of_an_earlier_storm_are_not_taken_for_duplicates(storm: Storm, tmp_path: Path) -> None:
    path = tmp_path / "mine.db"
    create(str(path))
    for _ in range(2):
        run = storm(append, workers=2, writes=3, acknowledged=acknowledged, database=path)
        assert (run.lost, run.counts.duplicated) == (0, 0)
    assert len(acknowledged(str(path))) == 12


@pytest.mark.slow
def test_busy_errors_count_as_exhausted_however_they_are_wrapped(storm: Storm) -> None:
    class OwnError(Exception):
        pass

    def impatient(path: str, worker: int, sequence: int) -> None:
        try:
            append(path, worker, sequence, timeout=0)
        except sqlite3.OperationalError as error:
            raise OwnError("could not write") from error

    def blocked(path: str) -> None:
        create(path)

    run = storm(impatient, workers=6, writes=40, think_ms=0, prepare=blocked, acknowledged=acknowledged)
    assert run.counts.exhausted > 0
    assert (run.counts.failed, run.lost, run.failures) == (0, 0, ())
    assert {failure.kind.rpartition(".")[2] for failure in run.given_up} == {"OwnError"}
    assert sum(failure.count for failure in run.given_up) == run.counts.exhausted
    assert set(run.samples.code[run.samples.outcome == 3].tolist()) <= {5, 261, 517}


def test_a_function_that_raises_fails_the_test_with_its_traceback_and_a_count(storm: Storm) -> None:
    def fails(connection: sqlite3.Connection, worker: int, sequence: int) -> None:
        insert(connection, worker, sequence)
        if sequence % 2:
            raise KeyError(f"write {sequence} is odd")

    with pytest.raises(WorkloadFailed) as caught:
        storm(fails, workers=2, writes=6, think_ms=1, prepare=create, acknowledged=acknowledged)
    message = str(caught.value)
    assert "6 of 12 writes failed" in message
    assert "in fails" in message
    assert "workloads/connection_writer" not in message, "only the caller's frames"
    run = caught.value.run
    assert (run.counts.failed, run.counts.acknowledged, run.lost, run.counts.duplicated) == (6, 6, 0, 0)
    (failure,) = run.failures
    assert (failure.kind, failure.count, failure.sequence) == ("KeyError", 6, 1)


def test_what_a_failed_write_wrote_is_rolled_back(storm: Storm, tmp_path: Path) -> None:
    def fails(connection: sqlite3.Connection, worker: int, sequence: int) -> None:
        insert(connection, worker, sequence)
        assert sequence

    path = tmp_path / "mine.db"
    with pytest.raises(WorkloadFailed, match="assert 0"):
        storm(fails, workers=2, writes=3, prepare=create, database=path)
    assert sorted(acknowledged(str(path))) == [(0, 1), (0, 2), (1, 1), (1, 2)]


def test_a_function_that_commits_itself_is_told_so(storm: Storm) -> None:
    def commits(connection: sqlite3.Connection, worker: int, sequence: int) -> None:
        insert(connection, worker, sequence)
        connection.commit()

    with pytest.raises(StormError, match="leave COMMIT and ROLLBACK to the storm"):
        storm(commits, workers=1, writes=2, prepare=create)


class Wrapped:
    """A connection as pools and frameworks hand it out: another object, with the driver's behind it."""

    def __init__(self, path: str) -> None:
        self.driver = sqlite3.connect(path, timeout=3, isolation_level=None)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.driver, name)


def test_any_compatible_connection_will_do_and_its_timeout_comes_back(storm: Storm) -> None:
    def check(connection: Wrapped, worker: int, sequence: int) -> None:
        assert isinstance(connection, Wrapped)
        assert connection.execute("PRAGMA busy_timeout").fetchone() == (3000,)
        connection.execute("INSERT INTO t VALUES (?, ?)", (worker, sequence))

    run = storm(check, connect=Wrapped, policy=RetryBudget(), workers=2, writes=4, prepare=create)
    assert run.lost == 0


def test_a_connection_that_begins_by_itself_is_refused(storm: Storm) -> None:
    def connect(path: str) -> sqlite3.Connection:
        connection = sqlite3.connect(path)
        connection.execute("INSERT INTO t VALUES (1, 1)")
        return connection

    with pytest.raises(StormError, match="isolation_level=None"):
        storm(insert, connect=connect, workers=1, writes=1, prepare=create)


class Notes:
    """A store of some library: opened on a path, begins and commits by itself."""

    def __init__(self, path: str) -> None:
        self.connection = sqlite3.connect(path, timeout=60, isolation_level=None)
        self.opened = 1

    def add(self, worker: int, sequence: int) -> None:
        self.connection.execute("INSERT INTO t VALUES (?, ?)", (worker, sequence))

    def close(self) -> None:
        self.connection.execute("INSERT INTO t VALUES (?, ?)", (1000, self.opened))
        self.connection.close()


def test_a_function_with_a_store_gets_what_connect_opened_once_in_each_worker(storm: Storm, tmp_path: Path) -> None:
    def write(store: Notes, worker: int, sequence: int) -> None:
        store.add(worker, sequence)

    path = tmp_path / "mine.db"
    run = storm(write, connect=Notes, workers=3, writes=4, prepare=create, acknowledged=acknowledged, database=path)
    assert (run.policy, run.counts.acknowledged, run.lost) == ("own", 12, 0)
    assert dict(run.workload_parameters)["takes"] == "store"
    assert [entry for entry in acknowledged(str(path)) if entry[0] == 1000] == [(1000, 1)] * 3, "each closed its own"


@pytest.mark.slow
def test_a_store_that_cannot_be_closed_is_left_alone(storm: Storm) -> None:
    def write(store: Path, worker: int, sequence: int) -> None:
        append(str(store), worker, sequence)

    assert storm(write, connect=Path, workers=2, writes=2, prepare=create, acknowledged=acknowledged).lost == 0


def test_a_store_needs_to_be_told_how_it_is_opened(storm: Storm) -> None:
    def write(store: Notes, worker: int, sequence: int) -> None:
        store.add(worker, sequence)

    with pytest.raises(StormError, match="give connect, which is called with the path"):
        storm(write)


def test_what_the_functions_of_a_module_use_is_loaded_once_for_all_workers(here: Path, storm: Storm) -> None:
    (here / "heavy_store.py").write_text("import os\nloaded_by = os.getpid()\n")
    source = (
        "import os\nimport heavy_store\n"
        "def write(path, worker, sequence):\n"
        "    assert heavy_store.loaded_by == os.getppid()\n"
    )
    (here / "mine_heavy.py").write_text(source)
    workload = Function(import_module("mine_heavy").write, "mine_heavy:write", modules=("mine_heavy",))
    assert modules_used_by(["mine_heavy"]) == ["heavy_store", "os"]
    assert storm(workload, workers=2, writes=2, think_ms=0).counts.acknowledged == 4


def test_a_lazy_object_of_a_module_is_not_woken(here: Path) -> None:
    source = (
        "import json\n"
        "class Lazy:\n"
        "    @property\n"
        "    def __class__(self): raise RuntimeError('woken')\n"
        "    def __getattr__(self, name): raise RuntimeError('woken')\n"
        "settings = Lazy()\n"
    )
    (here / "mine_lazy.py").write_text(source)
    import_module("mine_lazy")
    assert modules_used_by(["mine_lazy"]) == ["json"]


def test_connect_goes_with_a_function_that_takes_a_connection(storm: Storm) -> None:
    with pytest.raises(StormError, match="name it 'connection', or 'store'"):
        storm(append, connect=sqlite3.connect)
    with pytest.raises(StormError, match="connect goes with a function"):
        storm("heartbeat", connect=sqlite3.connect)


def test_a_policy_or_a_hold_is_refused_where_it_would_do_nothing(storm: Storm) -> None:
    with pytest.raises(StormError, match="no policy applies"):
        storm(append, policy="queue")
    with pytest.raises(StormError, match="hold_ms=2"):
        storm(append, hold_ms=2)
    with pytest.raises(StormError, match="name a policy"):
        Plan.of("heartbeat", policy=Own())


async def _later(path: str, worker: int, sequence: int) -> None: ...


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda x, worker, sequence: (x, worker, sequence), "its first parameter is 'x'; name it 'connection'"),
        (lambda path, worker: (path, worker), "give it these three parameters"),
        (lambda: None, "give it these three parameters"),
        (_later, "is async"),
        (print, "cannot be called with|its first parameter is"),
    ],
)
def test_a_function_that_cannot_be_called_is_refused(storm: Storm, function: Callable[..., object], words: str) -> None:
    with pytest.raises(StormError, match=words):
        storm(function)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    monkeypatch.undo()


@pytest.mark.slow
def test_a_function_by_name_brings_what_its_module_has_beside_it(here: Path) -> None:
    source = Path(__file__).read_text(encoding="utf-8")
    kept = source[source.index("def acknowledged") : source.index("def test_a_function_with_a_connection_is")]
    (here / "mine_by_name.py").write_text(
        "from __future__ import annotations\nimport sqlite3\n" + kept + "\n"
        "def prepare(path):\n    sqlite3.connect(path).execute('CREATE TABLE t (worker, sequence)')\n"
    )
    (here / "mine_by_store.py").write_text(
        "from pathlib import Path\nfrom mine_by_name import acknowledged, append, prepare\nconnect = Path\n"
        "def write(store, worker, sequence):\n    append(str(store), worker, sequence)\n"
    )
    run = run_storm(Plan.of("mine_by_store:write", workers=2, writes=3, think_ms=0))
    assert (run.workload, run.policy, run.lost, run.counts.acknowledged) == ("mine_by_store:write", "own", 0, 6)
    run = run_storm(Plan.of("mine_by_name:append", workers=2, writes=3, think_ms=0))
    assert (run.workload, run.policy, run.lost, run.counts.acknowledged) == ("mine_by_name:append", "own", 0, 6)


_WRITE = "def write(connection, worker, sequence):\n    connection.execute('SELECT 1')\n"


def test_a_connect_beside_a_function_that_would_not_use_it_is_refused(here: Path) -> None:
    (here / "mine_with_connect.py").write_text(f"def connect(path):\n    raise AssertionError\n\n{_WRITE}")
    with pytest.raises(StormError, match="its module has a connect, which would not be used; name its first") as caught:
        workload_named("mine_with_connect:write")
    assert "\n" not in str(caught.value)
    (here / "mine_with_sqlite3.py").write_text(f"from sqlite3 import connect\n\n{_WRITE}")
    assert workload_named("mine_with_sqlite3:write").admitted


@pytest.mark.parametrize(
    ("text", "reference", "words"),
    [
        ("", "no_such_module:f", "module 'no_such_module' cannot be imported"),
        ("def f(:", "mine:f", "SyntaxError"),
        ("raise SystemExit(3)", "mine:f", "SystemExit"),
        ("1 / 0", "mine:f", "ZeroDivisionError"),
        ("", "mine:f", "has no 'f'"),
        ("f = 3", "mine:f", "is of type int and cannot be called"),
    ],
)
def test_a_name_that_leads_nowhere_is_refused(here: Path, text: str, reference: str, words: str) -> None:
    name = f"mine_{abs(hash(text)) % 10**6}"
    (here / f"{name}.py").write_text(text)
    with pytest.raises(StormError, match=words) as caught:
        workload_named(reference.replace("mine", name))
    assert "\n" not in str(caught.value)


def test_evidence_that_is_no_evidence_is_told_so(storm: Storm) -> None:
    def nonsense(path: str) -> list[int]:
        return [len(path)]

    with pytest.raises(StormError, match="each must be a pair"):
        storm(append, workers=1, writes=1, prepare=create, acknowledged=nonsense)  # type: ignore[arg-type]


def test_a_preparation_that_raises_shows_its_traceback(storm: Storm) -> None:
    def prepare(path: str) -> None:
        raise RuntimeError(path[:1])

    with pytest.raises(StormError, match=r"prepare\('.*'\) raised builtins.RuntimeError: /\n(.|\n)*Traceback"):
        storm(insert, prepare=prepare)


@pytest.mark.slow
def test_a_store_in_a_directory_can_be_stormed(storm: Storm) -> None:
    def prepare(path: str) -> None:
        Path(path).mkdir()
        create(f"{path}/inside.db")

    def write(path: str, worker: int, sequence: int) -> None:
        append(f"{path}/inside.db", worker, sequence)

    run = storm(
        write, workers=2, writes=3, prepare=prepare, acknowledged=lambda path: acknowledged(f"{path}/inside.db")
    )
    assert (run.lost, run.integrity, run.damaged) == (0, None, False)


def test_the_code_behind_a_wrapped_error_is_found() -> None:
    def fails() -> None:
        connection = sqlite3.connect(":memory:")
        try:
            connection.execute("nonsense")
        except sqlite3.Error as error:
            raise ValueError("wrapped") from error
        finally:
            connection.close()

    with pytest.raises(ValueError, match="wrapped") as caught:
        fails()
    assert sqlite_code(caught.value) == sqlite3.SQLITE_ERROR
    assert sqlite_code(ValueError("alone")) is None


def test_the_code_of_a_driver_with_an_sqlite_of_its_own_is_found() -> None:
    class BusyError(Exception):  # as apsw's: https://rogerbinns.github.io/apsw/exceptions.html
        result = 5
        extendedresult = 517

    assert sqlite_code(BusyError("database is locked")) == 517


def test_a_slow_worker_is_seen_for_what_it_is(storm: Storm) -> None:
    def write(connection: sqlite3.Connection, worker: int, sequence: int) -> None:
        from time import sleep

        insert(connection, worker, sequence)
        if worker == 2:
            sleep(0.05)

    run = storm(write, workers=4, writes=5, hold_ms=0, think_ms=1, prepare=create)
    holds = {int(run.samples.worker[part][0]): np.median(run.samples.hold_us[part]) for part in run.samples.by_worker()}
    assert max(holds, key=lambda worker: holds[worker]) == 2
    assert holds[2] >= 50_000


@pytest.mark.slow
def test_a_worker_that_hangs_is_killed_at_the_deadline_and_named(storm: Storm) -> None:
    def hangs(path: str, worker: int, sequence: int) -> None:
        from time import sleep

        if worker == 1 and sequence == 1:
            sleep(1000)
        append(path, worker, sequence)

    def interrupted(timeout_s: float) -> StormInterrupted:
        with pytest.raises(StormInterrupted) as caught:
            storm(hangs, workers=3, writes=4, think_ms=1, prepare=create, acknowledged=acknowledged, timeout=timeout_s)
        return caught.value

    told = r"1 worker was not done .* \(worker 1\) and was killed"
    attempts = (interrupted(2.0**power) for power in range(1, 8))  # the first that is long enough for the others
    found = next(one for one in attempts if re.search(told, str(one)))
    run = found.run
    assert run.partial == str(found)
    assert (run.counts.acknowledged, run.lost) == (9, 0)

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from pytest_sessionreg import CrashAt, crash_point
from pytest_sessionreg.errors import InvalidArgument
from pytest_sessionreg.processes import Call, CrashPointMissed, CrashPointUnknown, Group, StartMethod, WorkerFailed

_ME = sys.modules[__name__]
_SIGKILL = -9


def _run(
    function: Callable[..., object],
    crash_at: CrashAt,
    *arguments: object,
    method: StartMethod = StartMethod.FORKSERVER,
) -> tuple[list[object], list[int | None]]:
    calls = [Call.plain(function, *arguments, crash_at=crash_at)]
    with Group(calls, deadline_s=120, by_value=_ME, start_method=method) as group:
        return group.run(), group.wait()


def _insert(database: str, numbers: range) -> None:
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS t (n)")
        for number in numbers:
            connection.execute("INSERT INTO t VALUES (?)", (number,))
            crash_point("inserted")
            connection.commit()
            crash_point("committed")


def _rows(database: str) -> list[int]:
    with closing(sqlite3.connect(database)) as connection:
        return [row[0] for row in connection.execute("SELECT n FROM t ORDER BY n")]


def test_a_point_that_nobody_armed_does_nothing(database: str) -> None:
    _insert(database, range(3))
    assert _rows(database) == [0, 1, 2]


@pytest.mark.parametrize("method", list(StartMethod), ids=lambda method: method.value)
@pytest.mark.parametrize(
    ("point", "survivors"), [("inserted", [0, 1]), ("committed", [0, 1, 2])], ids=["inserted", "committed"]
)
def test_a_worker_dies_at_a_named_point(database: str, point: str, survivors: list[int], method: StartMethod) -> None:
    assert _run(_insert, CrashAt(point, hit=3), database, range(10), method=method) == ([None], [_SIGKILL])
    assert _rows(database) == survivors


@pytest.mark.parametrize(
    ("crash_at", "survivors"),
    [
        (CrashAt("sqlite3:Connection.commit", hit=2), [0]),
        (CrashAt("sqlite3:Connection.commit", "after", hit=2), [0, 1]),
        (CrashAt("sqlite3:Connection.execute", hit=4), [0, 1]),
    ],
    ids=str,
)
def test_a_method_written_in_c_is_a_point(database: str, crash_at: CrashAt, survivors: list[int]) -> None:
    assert _run(_insert, crash_at, database, range(10)) == ([None], [_SIGKILL])
    assert _rows(database) == survivors


def test_a_method_of_a_subclass_counts_as_that_of_its_base(database: str) -> None:
    def write() -> None:
        class Mine(sqlite3.Connection):
            pass

        connection = sqlite3.connect(database, factory=Mine)
        connection.execute("CREATE TABLE t (n)")
        connection.execute("INSERT INTO t VALUES (1)")
        connection.commit()

    assert _run(write, CrashAt("sqlite3:Connection.commit")) == ([None], [_SIGKILL])
    assert _rows(database) == []


@pytest.mark.parametrize(("when", "made"), [("before", False), ("after", True)])
@pytest.mark.parametrize("point", ["os:mkdir", "os:makedirs", "pathlib:Path.mkdir"])
def test_a_function_kills_before_or_after_its_call(tmp_path: Path, point: str, when: str, *, made: bool) -> None:
    made_by: Any = {
        "os:mkdir": os.mkdir,
        "os:makedirs": os.makedirs,
        "pathlib:Path.mkdir": Path.mkdir,
    }[point]
    crash_at = CrashAt(point, when)  # type: ignore[arg-type]
    assert _run(made_by, crash_at, tmp_path / "new") == ([None], [_SIGKILL])
    assert (tmp_path / "new").exists() is made


def test_a_point_in_another_thread_kills_too(database: str) -> None:
    def threaded() -> None:
        thread = Thread(target=_insert, args=(database, range(10)))
        thread.start()
        thread.join()

    assert _run(threaded, CrashAt("sqlite3:Connection.commit", "after", hit=2)) == ([None], [_SIGKILL])
    assert _rows(database) == [0, 1]


def test_nothing_of_the_process_runs_after_the_point(tmp_path: Path) -> None:
    def careful() -> None:
        try:
            crash_point("here")
        finally:
            (tmp_path / "cleaned").touch()

    assert _run(careful, CrashAt("here")) == ([None], [_SIGKILL])
    assert list(tmp_path.iterdir()) == []


def test_a_point_that_was_never_reached_is_an_error(database: str) -> None:
    with pytest.raises(CrashPointMissed) as caught:
        _run(_insert, CrashAt("comitted"), database, range(2))
    assert "'inserted', 'committed'" in str(caught.value)
    with pytest.raises(CrashPointMissed, match=r"passage 9; passed 2 times"):
        _run(_insert, CrashAt("committed", hit=9), database, range(2))


def test_a_failure_on_the_way_to_the_point_is_told_instead() -> None:
    def fail() -> None:
        raise OSError("on the way")

    with pytest.raises(WorkerFailed, match="on the way"):
        _run(fail, CrashAt("there"))


@pytest.mark.parametrize(
    "point",
    ["no_such_module:f", "os:no_such_function", "sqlite3:Connection.comit", "os:", "os:environ", "os:stat_result"],
)
def test_a_name_that_leads_to_no_function_is_told_before_the_start(point: str) -> None:
    with pytest.raises(WorkerFailed, match=point) as caught:
        _run(print, CrashAt(point))
    assert caught.value.failures[0].phase == "prepare"
    assert caught.value.failures[0].kind.endswith(CrashPointUnknown.__name__)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"point": ""}, "point="),
        ({"point": "x", "hit": 0}, "hit="),
        ({"point": "x", "when": "after"}, "when="),
    ],
)
def test_a_point_that_makes_no_sense_is_an_invalid_argument(arguments: dict[str, object], named: str) -> None:
    with pytest.raises(InvalidArgument, match=named) as caught:
        CrashAt(**arguments)  # type: ignore[arg-type]
    assert isinstance(caught.value, ValueError)

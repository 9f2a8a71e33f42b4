from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pytest_sessionreg import Registry
from pytest_sessionreg.registry.errors import InvalidValue


def test_a_registered_session_can_be_read_back(session_registry: Registry) -> None:
    before = datetime.now(UTC)
    session_registry.sessions.register("one", pid=42, cwd="/home/dev", label="foo", metadata={"a": [1, "ü"]})
    session = session_registry.sessions.get("one")
    assert session is not None
    assert (session.session_id, session.pid, session.cwd, session.label) == ("one", 42, "/home/dev", "foo")
    assert (session.status, session.ended_at, session.metadata) == ("active", None, {"a": [1, "ü"]})
    assert before - timedelta(seconds=1) <= session.started_at == session.last_heartbeat_at


def test_an_unknown_session_is_none_and_changes_nothing(session_registry: Registry) -> None:
    assert session_registry.sessions.get("nobody") is None
    assert not session_registry.sessions.heartbeat("nobody")
    assert not session_registry.sessions.finish("nobody")


def test_a_heartbeat_moves_only_the_heartbeat(session_registry: Registry) -> None:
    session_registry.sessions.register("one")
    first = session_registry.sessions.get("one")
    assert session_registry.sessions.heartbeat("one")
    second = session_registry.sessions.get("one")
    assert first is not None
    assert second is not None
    assert second.last_heartbeat_at > first.last_heartbeat_at
    assert second.started_at == first.started_at


def test_a_finished_session_has_an_end_and_no_more_heartbeats(session_registry: Registry) -> None:
    session_registry.sessions.register("one")
    assert session_registry.sessions.finish("one")
    session = session_registry.sessions.get("one")
    assert session is not None
    assert session.status == "finished"
    assert session.ended_at is not None
    assert not session_registry.sessions.finish("one")
    assert not session_registry.sessions.heartbeat("one")


def test_a_resumed_session_is_refreshed_and_keeps_its_start(session_registry: Registry) -> None:
    session_registry.sessions.register("one", label="old")
    first = session_registry.sessions.get("one")
    session_registry.sessions.finish("one")
    session_registry.sessions.register("one", label="new")
    again = session_registry.sessions.get("one")
    assert first is not None
    assert again is not None
    assert (again.status, again.label, again.ended_at) == ("active", "new", None)
    assert again.started_at == first.started_at


def test_sessions_are_listed_by_status_the_oldest_first(session_registry: Registry) -> None:
    for name in ("c", "a", "b"):
        session_registry.sessions.register(name)
    session_registry.sessions.finish("a")
    assert [session.session_id for session in session_registry.sessions.list()] == ["c", "a", "b"]
    assert [session.session_id for session in session_registry.sessions.list(status="active")] == ["c", "b"]
    assert [session.session_id for session in session_registry.sessions.list(status="finished")] == ["a"]


@pytest.mark.parametrize(
    ("field", "arguments"),
    [
        ("session_id", {"session_id": ""}),
        ("session_id", {"session_id": "a\0b"}),
        ("session_id", {"session_id": "x" * 10_000}),
        ("session_id", {"session_id": 7}),
        ("pid", {"session_id": "one", "pid": "7"}),
        ("pid", {"session_id": "one", "pid": True}),
        ("cwd", {"session_id": "one", "cwd": 7}),
        ("metadata", {"session_id": "one", "metadata": {"a": object()}}),
        ("metadata", {"session_id": "one", "metadata": {"a": float("nan")}}),
    ],
)
def test_a_bad_value_is_named_and_nothing_is_written(
    session_registry: Registry, field: str, arguments: dict[str, Any]
) -> None:
    with pytest.raises(InvalidValue, match=field):
        session_registry.sessions.register(**arguments)
    assert session_registry.sessions.list() == []


def test_an_unknown_status_is_a_value_error(session_registry: Registry) -> None:
    with pytest.raises(ValueError, match="status='sleeping'"):
        session_registry.sessions.list(status="sleeping")

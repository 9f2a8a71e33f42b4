from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from pytest_sessionreg import Registry, WriteRecord
from pytest_sessionreg.registry.errors import InvalidValue
from pytest_sessionreg.registry.workspace import Workspace

SECOND = timedelta(seconds=1)


def taken(registry: Registry, taker: str | None = None) -> str | None:
    command = registry.inbox.take(taker)
    return None if command is None else command.command_id


def test_commands_are_taken_in_the_order_of_putting(session_registry: Registry) -> None:
    for name in ("c", "a", "b"):
        assert session_registry.inbox.put(name)
    assert session_registry.inbox.waiting() == 3
    assert [taken(session_registry) for _ in range(4)] == ["c", "a", "b", None]
    assert session_registry.inbox.waiting() == 0


@pytest.mark.usefixtures("let_pass")
def test_the_order_survives_equal_instants(session_registry: Registry) -> None:
    wanted = [f"{number:02}" for number in (7, 3, 9, 1, 12, 0)]
    for name in wanted:
        session_registry.inbox.put(name)
    assert [taken(session_registry) for _ in wanted] == wanted


@pytest.mark.parametrize("payload", [None, "text", {"run": ["ls", "-l"]}, [], 0, False])
def test_a_payload_comes_back_as_it_was_put(session_registry: Registry, payload: Any) -> None:
    session_registry.inbox.put("one", payload)
    command = session_registry.inbox.take()
    assert command is not None
    assert command.payload == payload
    assert type(command.payload) is type(payload)


def test_a_taken_command_says_by_whom_and_when(
    session_registry: Registry, let_pass: Callable[[timedelta], None]
) -> None:
    session_registry.inbox.put("one")
    waiting = session_registry.inbox.get("one")
    let_pass(SECOND)
    command = session_registry.inbox.take("ann")
    assert waiting is not None
    assert (waiting.status, waiting.taken_at, waiting.taker) == ("waiting", None, None)
    assert command is not None
    assert (command.status, command.taker, command.taken_at) == ("taken", "ann", waiting.put_at + SECOND)
    assert session_registry.inbox.get("one") == command


@pytest.mark.parametrize("stage", ["waiting", "taken", "done"])
def test_a_repeated_id_is_ignored_and_says_so(session_registry: Registry, stage: str) -> None:
    session_registry.inbox.put("one", 1)
    if stage != "waiting":
        session_registry.inbox.take()
    if stage == "done":
        session_registry.inbox.done("one")
    before = session_registry.inbox.get("one")
    assert before is not None
    assert before.status == stage
    assert not session_registry.inbox.put("one", 2)
    assert session_registry.inbox.get("one") == before


def test_only_a_taken_command_can_be_done_and_only_once(session_registry: Registry) -> None:
    session_registry.inbox.put("one")
    assert not session_registry.inbox.done("one")
    session_registry.inbox.take()
    assert session_registry.inbox.done("one")
    assert not session_registry.inbox.done("one")
    assert not session_registry.inbox.done("nobody")
    command = session_registry.inbox.get("one")
    assert command is not None
    assert command.status == "done"
    assert command.done_at is not None
    assert taken(session_registry) is None


def test_what_a_crashed_taker_left_is_found_in_order_and_put_back_in_its_old_place(
    session_registry_path: Path,
) -> None:
    with Registry.open(session_registry_path) as crashing:
        for name in ("c", "a", "b"):
            crashing.inbox.put(name)
        crashing.inbox.take("ann")
        crashing.inbox.take("ann")
        crashing.inbox.done("c")
        crashing.inbox.take("bob")
    with Registry.open(session_registry_path) as registry:
        assert [(command.command_id, command.taker) for command in registry.inbox.unfinished()] == [
            ("a", "ann"),
            ("b", "bob"),
        ]
        registry.inbox.put("z")
        assert registry.inbox.put_back("b")
        assert registry.inbox.put_back("a")
        assert registry.inbox.unfinished() == []
        assert [taken(registry) for _ in range(3)] == ["a", "b", "z"]


def test_only_a_taken_command_can_be_put_back(session_registry: Registry) -> None:
    session_registry.inbox.put("one")
    assert not session_registry.inbox.put_back("one")
    assert not session_registry.inbox.put_back("nobody")
    session_registry.inbox.take("ann")
    session_registry.inbox.put_back("one")
    command = session_registry.inbox.get("one")
    assert command is not None
    assert (command.status, command.taken_at, command.taker) == ("waiting", None, None)
    session_registry.inbox.take()
    session_registry.inbox.done("one")
    assert not session_registry.inbox.put_back("one")


def test_a_take_that_is_rolled_back_leaves_the_command_waiting(session_registry: Registry) -> None:
    session_registry.inbox.put("one")
    with pytest.raises(KeyError), session_registry.transaction():
        assert taken(session_registry) == "one"
        raise KeyError
    assert taken(session_registry) == "one"


def test_a_command_put_in_a_transaction_can_be_taken_in_it(session_registry: Registry) -> None:
    with session_registry.transaction():
        session_registry.inbox.put("one")
        assert taken(session_registry) == "one"
        assert taken(session_registry) is None


def test_an_empty_inbox_is_not_locked(session_registry_path: Path) -> None:
    records: list[WriteRecord] = []
    with Registry.open(session_registry_path, observer=records.append) as registry:
        records.clear()
        assert registry.inbox.take() is None
        assert records == []


def test_pruning_forgets_what_was_done_long_ago_only(
    session_registry: Registry, let_pass: Callable[[timedelta], None]
) -> None:
    for name in ("old", "new", "taken", "waiting"):
        session_registry.inbox.put(name)
    for _ in range(3):
        session_registry.inbox.take()
    session_registry.inbox.done("old")
    let_pass(2 * SECOND)
    session_registry.inbox.done("new")
    assert session_registry.inbox.prune(2 * SECOND) == 0
    assert session_registry.inbox.prune(SECOND) == 1
    assert session_registry.inbox.get("old") is None
    let_pass(1000 * SECOND)
    assert session_registry.inbox.prune(SECOND) == 1
    assert session_registry.inbox.get("taken") is not None
    assert session_registry.inbox.get("waiting") is not None


def test_a_forgotten_id_can_be_put_again_at_the_end(
    session_registry: Registry, let_pass: Callable[[timedelta], None]
) -> None:
    session_registry.inbox.put("one")
    first = session_registry.inbox.take()
    session_registry.inbox.done("one")
    let_pass(2 * SECOND)
    session_registry.inbox.prune(SECOND)
    assert session_registry.inbox.put("one")
    second = session_registry.inbox.take()
    assert first is not None
    assert second is not None
    assert second.position > first.position


@pytest.mark.parametrize("span", [timedelta(0), -SECOND, 7])
def test_pruning_takes_a_positive_span(session_registry: Registry, span: timedelta) -> None:
    with pytest.raises(InvalidValue, match="older_than"):
        session_registry.inbox.prune(span)


# -- what the tests of all stores do with this one: ../test_workspace.py and ../test_query_plans.py
HOUR = timedelta(hours=1)
MOMENT = timedelta(microseconds=1)


def fill(of: Workspace) -> None:
    of.inbox.put("command", of.workspace_id)
    of.inbox.take()
    of.inbox.put("waiting")


def reads(of: Workspace) -> list[object]:
    return [of.inbox.get("command"), of.inbox.unfinished(), of.inbox.waiting()]


def changes(of: Workspace) -> list[object]:
    return [
        of.inbox.take(),
        of.inbox.done("command"),
        of.inbox.put_back("command"),
        of.inbox.prune(MOMENT),
    ]


def calls(registry: Registry) -> None:
    registry.inbox.put("c")
    registry.inbox.take()
    registry.inbox.put_back("c")
    registry.inbox.take("ann")
    registry.inbox.done("c")
    registry.inbox.get("c")
    registry.inbox.unfinished()
    registry.inbox.waiting()
    registry.inbox.prune(HOUR)

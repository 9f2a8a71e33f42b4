from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest

from pytest_sessionreg import Registry
from pytest_sessionreg.registry.errors import InvalidValue
from pytest_sessionreg.registry.workspace import Workspace
from tests.registry.stores.arguments import combinations

START = datetime(2026, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
EVENT: dict[str, Any] = {
    "source": "loop",
    "event_type": "tool",
    "payload": "{}",
    "run_id": "run",
    "agent_identity": "ann",
}


def append(registry: Registry, event_id: str, **fields: Any) -> bool:
    return registry.audit.append(event_id, **{**EVENT, **fields})


def ids(registry: Registry, **query: Any) -> list[str]:
    return [event.event_id for event in registry.audit.query(**query)]


def test_an_event_can_be_read_back(session_registry: Registry) -> None:
    given = {
        **EVENT,
        "schema_version": 2,
        "at": START,
        "parent_event_id": "parent",
        "workspace_path": "/home/dev/p",
    }
    assert session_registry.audit.append("one", **given)
    (event,) = session_registry.audit.query()
    assert event.event_id == "one"
    assert {name: getattr(event, name) for name in given} == given


@pytest.mark.parametrize(
    "payload",
    [
        "{}",
        ' {\n\t"b" : 1,\r\n "a":[ 1.0,1e3 , -0 ] } ',
        '{"a": 1, "a": 2}',
        '{"ü": "\\u00fc \\ud83d\\ude00 \\ud800", "😀": "\\u0000\\/"}',
        '"text"',
        "null",
        "12345678901234567890123456789.000",
    ],
)
def test_a_payload_is_kept_to_the_byte(session_registry: Registry, payload: str) -> None:
    append(session_registry, "one", payload=payload)
    (event,) = session_registry.audit.query()
    assert event.payload == payload
    assert event.payload.encode() == payload.encode()


@pytest.mark.parametrize(
    "payload", ["", "{", "{'a': 1}", "NaN", '{"a": -Infinity}', '"a\0b"', '"\ud800"', "[" * 100_000, {}, b"{}", None, 1]
)
def test_what_is_no_json_text_is_refused(session_registry: Registry, payload: str) -> None:
    with pytest.raises(InvalidValue, match="payload"):
        append(session_registry, "one", payload=payload)
    assert session_registry.audit.count() == 0


def test_a_repeated_id_is_ignored_and_says_so(session_registry: Registry) -> None:
    assert append(session_registry, "one", payload="1")
    assert not append(session_registry, "one", payload="2")
    assert [event.payload for event in session_registry.audit.query()] == ["1"]


def test_events_come_in_the_order_of_time_then_of_appending(session_registry: Registry) -> None:
    append(session_registry, "late", at=START + MINUTE)
    for name in ("c", "a", "b"):
        append(session_registry, name, at=START)
    assert ids(session_registry) == ["c", "a", "b", "late"]


def test_an_instant_of_another_zone_is_the_same_instant(session_registry: Registry) -> None:
    from datetime import timezone

    append(session_registry, "one", at=datetime(2026, 1, 1, 5, 30, tzinfo=timezone(timedelta(hours=5, minutes=30))))
    assert ids(session_registry, since=START, until=START + MINUTE) == ["one"]


def test_every_combination_of_conditions_is_met(session_registry: Registry) -> None:
    events: list[dict[str, Any]] = [
        {"at": START + number * MINUTE, "run_id": run, "event_type": kind, "source": source}
        for number, (run, kind, source) in enumerate(product(("r1", "r2"), ("t1", "t2"), ("s1", "s2")))
    ]
    for number, event in enumerate(events):
        append(session_registry, str(number), **event)
    since, until = START + MINUTE, START + 6 * MINUTE
    for use in product((False, True), repeat=5):
        query: dict[str, Any] = {
            name: value
            for name, value, used in zip(
                ("since", "until", "run_id", "event_type", "source"), (since, until, "r1", "t2", "s1"), use, strict=True
            )
            if used
        }
        wanted = [
            str(number)
            for number, event in enumerate(events)
            if query.get("since", START) <= event["at"] < query.get("until", START + 60 * MINUTE)
            and all(event[name] == query.get(name, event[name]) for name in ("run_id", "event_type", "source"))
        ]
        assert ids(session_registry, **query) == wanted
        assert session_registry.audit.count(**query) == len(wanted)


def test_pages_join_to_the_whole(session_registry: Registry) -> None:
    for number in range(7):
        append(session_registry, str(number), at=START)
    pages = [ids(session_registry, limit=3, offset=offset) for offset in (0, 3, 6, 9)]
    assert pages == [["0", "1", "2"], ["3", "4", "5"], ["6"], []]
    assert ids(session_registry, offset=5) == ["5", "6"]
    assert ids(session_registry, limit=0) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("limit", -1),
        ("limit", "3"),
        ("offset", -1),
        ("since", "2026-01-01"),
        ("until", datetime(2026, 1, 1)),  # noqa: DTZ001  naive on purpose
        ("run_id", 7),
        ("event_type", ""),
        ("source", ["loop"]),
    ],
)
def test_a_bad_condition_is_named(session_registry: Registry, field: str, value: Any) -> None:
    with pytest.raises(InvalidValue, match=field):
        session_registry.audit.query(**{field: value})


def test_pruning_takes_what_came_before_an_instant(session_registry: Registry) -> None:
    for number in range(4):
        append(session_registry, str(number), at=START + number * MINUTE)
    assert session_registry.audit.prune(START + 2 * MINUTE) == 2
    assert session_registry.audit.prune(START + 2 * MINUTE) == 0
    assert ids(session_registry) == ["2", "3"]


# -- what the tests of all stores do with this one: ../test_workspace.py and ../test_query_plans.py


def fill(of: Workspace) -> None:
    of.audit.append("event", source="s", event_type="t", payload="{}", run_id="r", agent_identity="a")


def reads(of: Workspace) -> list[object]:
    return [of.audit.query(), of.audit.count()]


def changes(of: Workspace) -> list[object]:
    return [of.audit.prune(datetime(2100, 1, 1, tzinfo=UTC))]


def calls(registry: Registry) -> None:
    store = registry.audit
    store.append("e", source="s", event_type="t", payload="{}", run_id="r", agent_identity="a")
    for query in combinations(since=START, until=START, run_id="r", event_type="t", source="s"):
        store.count(**query)
        for page in combinations(limit=3, offset=2):
            store.query(**query, **page)
    store.prune(START)

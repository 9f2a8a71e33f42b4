from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from enum import Enum
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from pytest_sessionreg import Registry
from pytest_sessionreg.registry import values
from pytest_sessionreg.registry.errors import InvalidValue, RegistryError
from pytest_sessionreg.registry.values import LONGEST_ID, LONGEST_TEXT

HOUR = timedelta(hours=1)
START = datetime(2026, 1, 1, tzinfo=UTC)


class State(str, Enum):  # noqa: UP042  the older form, whose str() is not its value
    ACTIVE = "active"


class Offsetless(tzinfo):
    """A zone that does not know its offset: a datetime in it is naive."""

    def utcoffset(self, _: datetime | None) -> None:
        return None

    def dst(self, _: datetime | None) -> None:
        return None

    def tzname(self, _: datetime | None) -> None:
        return None


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


def circular() -> list[Any]:
    value: list[Any] = []
    value.append(value)
    return value


BIG = "x" * 10_000_000
NOT_TEXT: list[Any] = [None, 7, 1.5, True, b"bytes", ["a"], {"a": 1}, object()]
NOT_STORABLE = ["a\0b", "\0", "\ud800", "a\udfffb", BIG]
BAD_IDS = ["", "x" * (LONGEST_ID + 1), "x" * 10_000, *NOT_STORABLE, *NOT_TEXT]
BAD_TEXTS = ["x" * (LONGEST_TEXT + 1), *NOT_STORABLE, *NOT_TEXT]
BAD_WHOLES: list[Any] = [-1, -(2**63), 2**63, 10**30, 1.0, True, False, "7", None, b"7", [7]]
BAD_SPANS: list[Any] = [timedelta(0), -HOUR, timedelta.max, timedelta.min, 3600, 1.5, "1h", None, True]
BAD_INSTANTS: list[Any] = [
    datetime(2026, 1, 1),  # noqa: DTZ001  naive on purpose
    datetime(2026, 1, 1, tzinfo=Offsetless()),
    datetime(1, 1, 1, tzinfo=timezone(HOUR)),
    datetime(9999, 12, 31, 23, 59, tzinfo=timezone(-HOUR)),
    START.date(),
    "2026-01-01T00:00:00Z",
    1_700_000_000,
    None,
]
BAD_JSON: list[Any] = [
    object(),
    {1, 2},
    b"bytes",
    START,
    float("nan"),
    float("inf"),
    {"a": [float("-inf")]},
    {("a",): 1},
    circular(),
    "\ud800",
    {"a": "\udfff"},
    BIG,
    {"a": BIG},
]
BAD_OBJECTS: list[Any] = [*BAD_JSON[:9], [], "", "text", 7, True, [("a", 1)], {1: 2}, {None: 1}, {"a": BIG}]

CASES: list[tuple[Callable[[str, Any], Any], list[Any]]] = [
    (values.identifier, BAD_IDS),
    (values.text, BAD_TEXTS),
    (values.whole, BAD_WHOLES),
    (values.positive, BAD_SPANS),
    (values.instant_text, BAD_INSTANTS),
    (lambda field, value: values.choice(field, value, ("active", "done")), ["", "Active", None, 1, ["active"], BIG]),
    (values.json_text, BAD_JSON),
    (values.json_object, BAD_OBJECTS),
]


def short(value: Any) -> str:
    return f"{type(value).__name__} {value!r:.20}".encode("ascii", "backslashreplace").decode()


@pytest.mark.parametrize(
    ("check", "value"),
    [
        pytest.param(check, value, id=f"{number}-{short(value)}")
        for number, (check, bad) in enumerate(CASES)
        for value in bad
    ],
)
def test_a_bad_value_is_a_value_error_that_names_field_and_value(check: Callable[[str, Any], Any], value: Any) -> None:
    with pytest.raises(InvalidValue) as caught:
        check("some_field", value)
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, RegistryError)
    assert caught.value.field == "some_field"
    assert caught.value.value is value
    assert str(caught.value).startswith(f"some_field={value!r:.1}")
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    ("check", "make"),
    [
        (values.json_text, lambda: nested(100_000)),
        (values.json_object, lambda: {"a": nested(100_000)}),
        (values.json_text, lambda: 10**5000),
        (values.whole, lambda: 10**5000),
    ],
    ids=["deep", "deep in an object", "a huge number", "a huge whole number"],
)
def test_a_bad_value_whose_repr_fails_is_named_too(check: Callable[[str, Any], Any], make: Callable[[], Any]) -> None:
    try:
        check("some_field", make())
    except InvalidValue as error:
        assert error.field == "some_field"  # noqa: PT017  pytest.raises would show the value, and fail
    except (RecursionError, ValueError) as error:
        pytest.fail(f"{type(error).__name__} instead of InvalidValue")
    else:
        pytest.fail("accepted")


@pytest.mark.parametrize("value", ["x", " ", "ü😀", "x" * LONGEST_ID, "😀" * LONGEST_ID, "a\nb", "\x01"])
def test_good_ids_pass_unchanged(value: str) -> None:
    assert values.identifier("field", value) == value


@pytest.mark.parametrize("value", ["", "x" * LONGEST_TEXT, "\ufeff", "\r\n", "\U0010ffff"])
def test_good_texts_pass_unchanged(value: str) -> None:
    assert values.text("field", value) == value


@pytest.mark.parametrize("value", [0, 1, 2**63 - 1])
def test_good_whole_numbers_pass_unchanged(value: int) -> None:
    assert values.whole("field", value) == value
    assert values.whole("field", -1, least=-1) == -1


def test_spans_reach_from_a_microsecond_to_almost_for_ever() -> None:
    for span in (timedelta(microseconds=1), timedelta(days=365_000)):
        assert values.positive("field", span) == span


def test_an_instant_is_stored_in_utc_with_microseconds() -> None:
    local = datetime(2026, 1, 1, 5, 30, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    assert values.instant_text("field", local) == "2026-01-01T00:00:00.000000Z"


def test_a_choice_is_stored_by_its_value_also_when_it_comes_as_an_enum() -> None:
    chosen = values.choice("field", State.ACTIVE, ("active", "done"))
    assert chosen == "active"
    assert type(chosen) is str


@pytest.mark.parametrize(
    "value", [None, True, 0, -1.5, "", "ü\u2028\n\0", [], {}, {"a": {"b": [1, None]}}, 10**30, nested(50)]
)
def test_json_comes_back_as_it_was_given(value: Any) -> None:
    encoded = values.json_text("field", value)
    assert values.json_value(encoded) == value
    assert json.loads(encoded) == value
    assert "\0" not in encoded


@pytest.mark.parametrize("value", [None, {}, {"a": 1}, MappingProxyType({"a": {"b": []}})])
def test_a_json_object_is_any_mapping(value: Mapping[str, Any] | None) -> None:
    assert values.json_value(values.json_object("field", value)) == dict(value or {})


def test_json_as_long_as_allowed_is_stored() -> None:
    value = "x" * (LONGEST_TEXT - 2)  # two quotes
    assert values.json_value(values.json_text("field", value)) == value
    with pytest.raises(InvalidValue):
        values.json_text("field", value + "x")


EVENT: dict[str, Any] = {"source": "s", "event_type": "t", "payload": "{}", "run_id": "r", "agent_identity": "a"}
RUN: dict[str, Any] = {"job_id": "j", "state": "x", "scheduled_at": START}
STEP: dict[str, Any] = {"target_type": "t", "target_id": "i", "state": "x"}
ID, TEXT, WHOLE, SPAN, INSTANT, JSON, OBJECT = (
    ["", "a\0b", "\ud800", "x" * 10_000, BIG, 7, {}],
    ["a\0b", "\ud800", BIG, 7],
    [-1, 2**63, "7", True],
    BAD_SPANS[:6],
    BAD_INSTANTS[:6],
    [object(), float("nan"), {"a": BIG}],
    [object(), {"a": float("nan")}, {1: 2}, [], "text", {"a": BIG}],
)
STATE = ["", "sleeping", 7, ["active"]]
FLAG = ["yes", 1, 0]

# method -> good arguments (by name), and the bad values of each argument
METHODS: dict[str, tuple[dict[str, Any], dict[str, list[Any]]]] = {
    "sessions.register": (
        {"session_id": "new"},
        {
            "session_id": ID,
            "pid": WHOLE,
            "ppid": WHOLE,
            "process_started_at": INSTANT,
            "cwd": TEXT,
            "repo_path": TEXT,
            "worktree": TEXT,
            "branch": TEXT,
            "parent_id": ID,
            "label": TEXT,
            "notify": FLAG,
            "transport_kind": ID,
            "transport_details": OBJECT,
            "ttl": SPAN,
            "metadata": OBJECT,
        },
    ),
    "sessions.heartbeat": ({"session_id": "one"}, {"session_id": ID, "min_interval": SPAN}),
    "sessions.update": (
        {"session_id": "one", "label": "changed"},
        {
            "session_id": ID,
            "pid": WHOLE,
            "cwd": TEXT,
            "notify": FLAG,
            "metadata": OBJECT,
            "expires_at": INSTANT,
            "color": ["red"],
        },
    ),
    "sessions.finish": ({"session_id": "one"}, {"session_id": ID}),
    "sessions.remove": ({"session_id": "one"}, {"session_id": ID}),
    "sessions.sweep": ({}, {"stale_after": SPAN}),
    "locks.acquire": (
        {"name": "new", "session_id": "one", "ttl": HOUR},
        {"name": ID, "session_id": ID, "ttl": [*SPAN, None]},
    ),
    "locks.renew": (
        {"name": "lock", "session_id": "one", "ttl": 2 * HOUR},
        {"name": ID, "session_id": ID, "ttl": [*SPAN, None]},
    ),
    "locks.release": ({"name": "lock", "session_id": "one"}, {"name": ID, "session_id": ID}),
    "overrides.set": (
        {"session_id": "one", "key": "key", "value": 2},
        {"session_id": ID, "key": ID, "value": JSON},
    ),
    "overrides.delete": ({"session_id": "one", "key": "key"}, {"session_id": ID, "key": ID}),
    "worktrees.link": (
        {"child_id": "one", "parent_id": "one"},
        {"child_id": ID, "parent_id": ID, "purpose": TEXT},
    ),
    "worktrees.record_result": (
        {"child_id": "one", "status": "done", "payload": 1},
        {"child_id": ID, "status": ID, "payload": JSON},
    ),
    "skills.suggest": ({"session_id": "one", "skill": "s"}, {"session_id": ID, "skill": ID}),
    "skills.invoke": ({"session_id": "one", "skill": "s"}, {"session_id": ID, "skill": ID}),
    "skills.try_invoke": ({"session_id": "one", "skill": "s"}, {"session_id": ID, "skill": ID}),
    "outputs.append": (
        {"session_id": "one", "content": "text"},
        {"session_id": ID, "content": ["a\0b", "\ud800", 7, None, b"x", ["ok", 7]]},
    ),
    "outputs.delete": ({"session_id": "one"}, {"session_id": ID}),
    "agents.upsert": (
        {"name": "ann"},
        {
            "name": ID,
            "agent_id": ID,
            "capability": [*TEXT, None],
            "worktree": TEXT,
            "branch": TEXT,
            "task_id": TEXT,
            "terminal": TEXT,
            "state": STATE,
            "pid": WHOLE,
            "parent": ID,
            "depth": [*WHOLE, None],
            "run_id": ID,
            "started_at": INSTANT,
            "escalation_level": WHOLE,
            "stalled_since": INSTANT,
        },
    ),
    "agents.set_state": ({"name": "ann", "state": "zombie"}, {"name": ID, "state": STATE}),
    "agents.transition": ({"name": "ann", "to": "zombie"}, {"name": ID, "to": STATE}),
    "agents.activity": ({"name": "ann"}, {"name": ID}),
    "agents.escalation": (
        {"name": "ann", "level": 1, "stalled_since": START},
        {"name": ID, "level": WHOLE, "stalled_since": INSTANT},
    ),
    "agents.remove": ({"name": "ann"}, {"name": ID}),
    "agents.purge": ({}, {"state": STATE, "agent": ID, "all": [1, "yes", None]}),
    "runs.create": ({"run_id": "new"}, {"run_id": [*ID, "run"], "description": TEXT}),
    "runs.count_agent": ({"run_id": "run"}, {"run_id": ID}),
    "runs.complete": ({"run_id": "run"}, {"run_id": ID}),
    "tokens.mint": (
        {"session_id": "one", "chat_id": 7},
        {"session_id": ID, "chat_id": ["", "a\0b", 2**63, True, None, 1.5], "ttl": [*SPAN, None]},
    ),
    "tokens.revoke": ({"token": "guess"}, {"token": TEXT}),
    "inbox.put": ({"command_id": "new"}, {"command_id": ID, "payload": JSON}),
    "inbox.take": ({}, {"taker": ID}),
    "inbox.done": ({"command_id": "taken"}, {"command_id": ID}),
    "inbox.put_back": ({"command_id": "taken"}, {"command_id": ID}),
    "inbox.prune": ({"older_than": HOUR}, {"older_than": [*SPAN, None]}),
    "audit.append": (
        {"event_id": "new", **EVENT},
        {
            "event_id": ID,
            "source": ID,
            "event_type": ID,
            "payload": [*TEXT, "", "{", "NaN", {}],
            "run_id": ID,
            "agent_identity": ID,
            "schema_version": [*WHOLE, None],
            "at": INSTANT,
            "parent_event_id": ID,
            "workspace_path": TEXT,
        },
    ),
    "audit.prune": ({"before": START + HOUR}, {"before": BAD_INSTANTS}),
    "jobs.upsert": (
        {"run_id": "new", **RUN},
        {
            "run_id": ID,
            "job_id": ID,
            "state": ID,
            "attempt": WHOLE,
            "scheduled_at": BAD_INSTANTS,
            "started_at": INSTANT,
            "duration_ms": WHOLE,
            "pid": WHOLE,
            "input": [*TEXT, "{"],
            "knowledge_metrics": [*TEXT, "{"],
            "pipeline_state": [*TEXT, "{"],
            "retry_of": ID,
            "color": ["red"],
        },
    ),
    "jobs.set_state": (
        {"run_id": "job run", "state": "y"},
        {"run_id": ID, "state": ID, "created_at": BAD_INSTANTS, "duration_ms": WHOLE, "color": ["red"]},
    ),
    "jobs.remove": ({"run_id": "job run"}, {"run_id": ID}),
    "jobs.upsert_step": (
        {"run_id": "job run", "step": 1, **STEP},
        {
            "run_id": ID,
            "step": [*WHOLE, None],
            "target_type": ID,
            "target_id": ID,
            "state": ID,
            "exit_code": ["1", 2**63, -(2**40)],
            "finished_at": INSTANT,
            "color": ["red"],
        },
    ),
    "learning.put": ({"session_id": "one", "state": 2}, {"session_id": ID, "state": JSON}),
    "learning.remove": ({"session_id": "one"}, {"session_id": ID}),
    "meta.set": ({"key": "key", "value": "other"}, {"key": ID, "value": [*TEXT, None]}),
    "meta.mark": ({"key": "new", "value": "v"}, {"key": ID, "value": [*TEXT, None]}),
    "meta.delete": ({"key": "key"}, {"key": ID}),
}
# With these arguments these find nothing to change.
NOTHING_TO_DO = ("sessions.sweep", "agents.purge", "tokens.revoke")
READS: dict[str, tuple[dict[str, Any], dict[str, list[Any]]]] = {
    "sessions.get": ({}, {"session_id": ID}),
    "sessions.list": ({}, {"status": STATE, "repo_path": TEXT, "branch": TEXT, "notify": FLAG}),
    "sessions.by_ppid": ({}, {"ppid": WHOLE}),
    "sessions.peers": ({}, {"session_id": ID}),
    "locks.holder": ({}, {"name": ID}),
    "overrides.get": ({"session_id": "one", "key": "key"}, {"session_id": ID, "key": ID}),
    "overrides.list": ({}, {"session_id": ID}),
    "worktrees.get": ({}, {"child_id": ID}),
    "worktrees.children": ({}, {"parent_id": ID}),
    "skills.of_session": ({}, {"session_id": ID}),
    "skills.adoption": ({}, {"window": BAD_SPANS}),
    "outputs.list": ({}, {"session_id": ID}),
    "outputs.since": ({"session_id": "one", "mark": 0}, {"session_id": ID, "mark": [*WHOLE, BAD_INSTANTS[0], None]}),
    "outputs.full_text": ({}, {"session_id": ID}),
    "agents.get": ({}, {"name": ID}),
    "agents.by_run": ({}, {"run_id": ID}),
    "agents.count": ({}, {"state": STATE}),
    "runs.get": ({}, {"run_id": ID}),
    "runs.list": ({}, {"limit": WHOLE}),
    "tokens.validate": ({"token": "t", "chat_id": 7}, {"token": TEXT, "chat_id": ["", True, None, 2**63]}),
    "inbox.get": ({}, {"command_id": ID}),
    "audit.query": (
        {},
        {
            "since": INSTANT,
            "until": INSTANT,
            "run_id": ID,
            "event_type": ID,
            "source": ID,
            "limit": WHOLE,
            "offset": WHOLE,
        },
    ),
    "audit.count": ({}, {"since": INSTANT, "run_id": ID, "source": ID}),
    "jobs.get": ({}, {"run_id": ID}),
    "jobs.by_job": ({"job_id": "j"}, {"job_id": ID, "limit": WHOLE}),
    "jobs.by_state": ({"state": "x"}, {"state": ID, "limit": WHOLE}),
    "jobs.retry_chain": ({}, {"run_id": ID}),
    "jobs.steps": ({}, {"run_id": ID}),
    "learning.get": ({}, {"session_id": ID}),
    "meta.get": ({}, {"key": ID}),
}


@pytest.fixture
def registry(session_registry: Registry) -> Registry:
    """A registry with a row in every table, so that a change that slips through shows."""
    with session_registry.transaction():
        session_registry.sessions.register("one", ttl=HOUR)
        session_registry.locks.acquire("lock", "one", ttl=HOUR)
        session_registry.overrides.set("one", "key", 1)
        session_registry.worktrees.link("one", "one", purpose="p")
        session_registry.skills.suggest("one", "skill")
        session_registry.outputs.append("one", "text")
        session_registry.agents.upsert("ann", state="working")
        session_registry.runs.create(run_id="run")
        session_registry.tokens.mint("one", 7)
        for command_id in ("taken", "waiting"):
            session_registry.inbox.put(command_id)
        session_registry.inbox.take()
        session_registry.audit.append("event", at=START, **EVENT)
        session_registry.jobs.upsert("job run", **RUN)
        session_registry.jobs.upsert_step("job run", 0, **STEP)
        session_registry.learning.put("one", 1)
        session_registry.meta.set("key", "value")
    return session_registry


def everything(path: Path) -> list[str]:
    """The whole file as SQL, read by a connection of its own."""
    connection = sqlite3.connect(path)
    try:
        return list(connection.iterdump())
    finally:
        connection.close()


def method_of(registry: Registry, name: str) -> Callable[..., Any]:
    store, method = name.split(".")
    found: Callable[..., Any] = getattr(getattr(registry, store), method)
    return found


@pytest.mark.parametrize("name", METHODS)
def test_a_write_with_a_bad_argument_names_it_and_writes_nothing(
    registry: Registry, session_registry_path: Path, name: str
) -> None:
    good, bad = METHODS[name]
    method = method_of(registry, name)
    before = everything(session_registry_path)
    for argument, bad_values in bad.items():
        for value in bad_values:
            with pytest.raises(InvalidValue) as caught:
                method(**{**good, argument: value})
            assert isinstance(caught.value, ValueError)
            assert caught.value.field in (argument, "content", "purge"), (argument, value)
    assert everything(session_registry_path) == before


@pytest.mark.parametrize("name", METHODS)
def test_a_bad_argument_spares_the_transaction_that_it_is_in(
    registry: Registry, session_registry_path: Path, name: str
) -> None:
    good, bad = METHODS[name]
    with registry.transaction():
        registry.meta.set("beside", "written")
        for argument, bad_values in bad.items():
            with pytest.raises(InvalidValue):
                method_of(registry, name)(**{**good, argument: bad_values[0]})
    assert any("beside" in line for line in everything(session_registry_path))


@pytest.mark.parametrize("name", [name for name in METHODS if name not in NOTHING_TO_DO])
def test_the_same_write_with_good_arguments_writes(registry: Registry, session_registry_path: Path, name: str) -> None:
    """Else the tests above could not fail: the arguments beside the bad one are good."""
    if name == "inbox.prune":
        registry.inbox.done("taken")
        registry._database.write("UPDATE inbox SET done_at = '2020-01-01T00:00:00.000000Z'")
    before = everything(session_registry_path)
    method_of(registry, name)(**METHODS[name][0])
    assert everything(session_registry_path) != before


@pytest.mark.parametrize("name", READS)
def test_a_read_with_a_bad_argument_names_it(registry: Registry, name: str) -> None:
    good, bad = READS[name]
    for argument, bad_values in bad.items():
        for value in bad_values:
            with pytest.raises(InvalidValue) as caught:
                method_of(registry, name)(**{**good, argument: value})
            assert caught.value.field in (argument, "token")

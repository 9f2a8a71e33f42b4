from __future__ import annotations

import pickle
import random
import sqlite3
from collections.abc import Iterator
from contextlib import nullcontext
from time import monotonic, process_time
from typing import Any

import pytest

from pytest_sessionreg import BusyTimeout, FixedInterval, Registry, RetryBudget, WriteQueue, WriteTimeout
from pytest_sessionreg.errors import InvalidArgument
from pytest_sessionreg.registry.sqlite.admission import retry_budget
from pytest_sessionreg.registry.sqlite.admission.policy import AdmissionPolicy
from pytest_sessionreg.results.policies import ON_REQUEST, POLICY_NAMES, policy_named
from tests.retries_unseen import retries_unseen

_POLICIES = [policy_named(name) for name in (*POLICY_NAMES, *ON_REQUEST)]
_IMPATIENT: list[AdmissionPolicy] = [
    RetryBudget(retries=2, min_delay=0.001, max_delay=0.002),
    BusyTimeout(0.2),
    FixedInterval(patience=0.2),
    WriteQueue(patience=0.2),
]
_COUNTED = [policy for policy in _IMPATIENT if not retries_unseen(policy)]


@pytest.fixture
def held(database: str) -> Iterator[str]:
    """A registry whose write lock somebody holds who knows nothing of our policies."""
    Registry.open(database).close()
    holder = sqlite3.connect(database, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    yield database
    holder.close()


def test_every_kind_of_policy_is_tried_when_it_gives_up() -> None:
    assert {type(policy) for policy in _IMPATIENT} == {type(policy) for policy in _POLICIES}


@pytest.mark.parametrize("policy", _POLICIES, ids=repr)
def test_a_policy_compares_prints_and_pickles(policy: AdmissionPolicy) -> None:
    copy = pickle.loads(pickle.dumps(policy))
    assert copy == policy
    assert hash(copy) == hash(policy)
    assert eval(repr(policy), {type(policy).__name__: type(policy)}) == policy  # noqa: S307  that is what the repr promises


@pytest.mark.parametrize("policy", _POLICIES, ids=repr)
def test_a_policy_is_immutable(policy: Any) -> None:
    name = policy.__slots__[0]
    with pytest.raises(AttributeError, match="immutable"):
        setattr(policy, name, 1)


@pytest.mark.parametrize("policy", _POLICIES, ids=repr)
def test_an_unheld_lock_is_had_at_once(database: str, policy: AdmissionPolicy) -> None:
    with Registry.open(database, policy=policy) as registry:
        registry.sessions.register("one")
        assert registry.sessions.heartbeat("one")


@pytest.mark.parametrize("policy", _IMPATIENT, ids=repr)
def test_a_policy_that_gives_up_says_how_long_it_waited_and_what_to_do(held: str, policy: AdmissionPolicy) -> None:
    with Registry.open(held, policy=policy) as registry:
        started = monotonic()
        with pytest.raises(WriteTimeout, match="nothing was written") as caught:
            registry.sessions.register("one")
        assert caught.value.waited_s <= monotonic() - started
        assert caught.value.phase == "begin"
        assert registry.sessions.list() == []


@pytest.mark.parametrize("policy", _IMPATIENT, ids=repr)
def test_a_policy_that_gave_up_is_admitted_later(database: str, policy: AdmissionPolicy) -> None:
    with Registry.open(database, policy=policy) as registry:
        holder = sqlite3.connect(database, isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(WriteTimeout):
            registry.sessions.register("one")
        holder.close()
        with registry.patience(120) if isinstance(policy, WriteQueue | FixedInterval) else nullcontext():
            registry.sessions.register("two")
        assert [session.session_id for session in registry.sessions.list()] == ["two"]


@pytest.mark.parametrize(
    "make",
    [
        lambda: RetryBudget(retries=-1),
        lambda: RetryBudget(retries=1.5),  # type: ignore[arg-type]
        lambda: RetryBudget(min_delay=0.2, max_delay=0.1),
        lambda: BusyTimeout(float("inf")),
        lambda: BusyTimeout(-1),
        lambda: FixedInterval(float("nan")),
        lambda: FixedInterval("1"),  # type: ignore[arg-type]
        lambda: WriteQueue(patience=-0.1),
        lambda: WriteQueue(patience=True),
    ],
)
def test_a_parameter_that_makes_no_policy_is_an_invalid_argument_and_a_value_error(make: Any) -> None:
    with pytest.raises(InvalidArgument, match="must be") as caught:
        make()
    assert isinstance(caught.value, ValueError)


def test_the_budget_sleeps_between_20_and_150_ms_and_at_most_15_times(
    held: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    monkeypatch.setattr(retry_budget, "sleep", slept.append)
    with Registry.open(held, policy=RetryBudget()) as registry, pytest.raises(WriteTimeout, match="15 retries"):
        registry.sessions.register("one")
    assert len(slept) == 15
    assert all(0.020 <= delay <= 0.150 for delay in slept)
    assert len(set(slept)) == 15, "uniform, not fixed"


def test_a_seed_repeats_the_jitter(held: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rounds: list[list[float]] = []
    for _ in range(2):
        slept: list[float] = []
        monkeypatch.setattr(retry_budget, "sleep", slept.append)
        random.seed("7/0/jitter")
        with Registry.open(held, policy=RetryBudget()) as registry, pytest.raises(WriteTimeout):
            registry.sessions.register("one")
        rounds.append(slept)
    assert rounds[0] == rounds[1]


@pytest.mark.parametrize("policy", _IMPATIENT, ids=repr)
def test_a_policy_tells_how_often_it_was_busy_unless_sqlite_retries_unseen(held: str, policy: AdmissionPolicy) -> None:
    with Registry.open(held, policy=policy) as registry, pytest.raises(WriteTimeout) as caught:
        registry.sessions.register("one")
    assert (caught.value.busy is None) == (policy not in _COUNTED)


@pytest.mark.parametrize(
    "code",
    [
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_BUSY_RECOVERY,
        sqlite3.SQLITE_BUSY_SNAPSHOT,
        sqlite3.SQLITE_BUSY_TIMEOUT,
        sqlite3.SQLITE_BUSY | 99 << 8,
    ],
)
@pytest.mark.parametrize("policy", _COUNTED, ids=repr)
def test_every_code_whose_primary_one_is_busy_is_tried_again_from_begin(
    session_registry: Registry, monkeypatch: pytest.MonkeyPatch, policy: AdmissionPolicy, code: int
) -> None:
    with Registry.open(session_registry.path, policy=policy) as registry:
        database = registry._database
        execute = database._execute
        begun: list[str] = []

        def busy_at_first(sql: str, *parameters: Any) -> sqlite3.Cursor:
            begun.append(sql)
            if len(begun) < 3:
                error = sqlite3.OperationalError("database is locked")
                error.sqlite_errorcode = code
                raise error
            return execute(sql, *parameters)

        monkeypatch.setattr(database, "_execute", busy_at_first)
        registry.sessions.register("one")
        assert begun[:3] == ["BEGIN IMMEDIATE"] * 3
        assert registry.sessions.get("one") is not None


def test_a_spinning_budget_burns_the_time_that_the_other_sleeps(held: str) -> None:
    burnt_s = {}
    for spin, name in ((False, "budget"), (True, "budget-spin")):
        policy = RetryBudget(retries=3, min_delay=0.1, max_delay=0.1, spin=spin)
        assert policy.name == name
        with Registry.open(held, policy=policy) as registry:
            before = process_time()
            with pytest.raises(WriteTimeout) as caught:
                registry.sessions.register("one")
            burnt_s[spin] = process_time() - before
        assert caught.value.waited_s >= 0.3
    assert burnt_s[True] > 3 * burnt_s[False]


@pytest.mark.parametrize(
    ("old", "new"), [(BusyTimeout, BusyTimeout(patience=3)), (FixedInterval, FixedInterval(interval=3))]
)
def test_the_former_name_of_a_parameter_warns_and_works(
    old: type[BusyTimeout | FixedInterval], new: AdmissionPolicy
) -> None:
    with pytest.warns(DeprecationWarning, match=r"\(seconds=...\) is now") as warned:
        assert old(seconds=3) == new
    assert warned[0].filename == __file__

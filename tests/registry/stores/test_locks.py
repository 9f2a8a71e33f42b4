from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import sleep

import pytest

from pytest_sessionreg import Registry
from pytest_sessionreg.registry.errors import InvalidValue, NotFound
from pytest_sessionreg.registry.workspace import Workspace

MINUTE = timedelta(minutes=1)
TICK = timedelta(microseconds=1)


def test_a_lock_has_one_holder(registry: Registry) -> None:
    lock = registry.locks.acquire("build", "a", ttl=MINUTE)
    assert lock is not None
    assert (lock.name, lock.session_id) == ("build", "a")
    assert lock.expires_at - lock.acquired_at == MINUTE
    assert registry.locks.acquire("build", "b", ttl=MINUTE) is None
    assert registry.locks.holder("build") == lock


def test_the_holder_does_not_get_its_lock_twice(registry: Registry) -> None:
    assert registry.locks.acquire("build", "a", ttl=MINUTE)
    assert registry.locks.acquire("build", "a", ttl=MINUTE) is None
    with registry.transaction():
        assert registry.locks.acquire("build", "a", ttl=MINUTE) is None


def test_locks_of_other_names_are_independent_and_listed_by_name(registry: Registry) -> None:
    second = registry.locks.acquire("b", "a", ttl=MINUTE)
    first = registry.locks.acquire("a", "b", ttl=MINUTE)
    assert registry.locks.list() == [first, second]


def test_only_the_holder_releases(registry: Registry) -> None:
    registry.locks.acquire("build", "a", ttl=MINUTE)
    assert not registry.locks.release("build", "b")
    assert not registry.locks.release("other", "a")
    assert registry.locks.holder("build") is not None
    assert registry.locks.release("build", "a")
    assert registry.locks.holder("build") is None
    assert not registry.locks.release("build", "a")


def test_a_released_lock_is_free(registry: Registry) -> None:
    registry.locks.acquire("build", "a", ttl=MINUTE)
    registry.locks.release("build", "a")
    lock = registry.locks.acquire("build", "b", ttl=MINUTE)
    assert lock is not None
    assert lock.session_id == "b"


def test_an_expired_lock_is_free_at_the_instant_of_its_expiry(
    registry: Registry, let_pass: Callable[[timedelta], None]
) -> None:
    registry.locks.acquire("build", "a", ttl=MINUTE)
    let_pass(MINUTE - TICK)
    assert registry.locks.acquire("build", "b", ttl=MINUTE) is None
    assert registry.locks.holder("build") is not None
    let_pass(TICK)
    assert registry.locks.holder("build") is None
    assert registry.locks.list() == []
    assert not registry.locks.renew("build", "a", ttl=MINUTE)
    assert not registry.locks.release("build", "a")
    lock = registry.locks.acquire("build", "b", ttl=MINUTE)
    assert lock is not None
    assert registry.locks.holder("build") == lock


def test_a_renewed_lock_lasts_from_the_renewal_and_keeps_its_fence(
    registry: Registry, let_pass: Callable[[timedelta], None]
) -> None:
    lock = registry.locks.acquire("build", "a", ttl=MINUTE)
    assert lock is not None
    let_pass(MINUTE / 2)
    assert registry.locks.renew("build", "a", ttl=MINUTE)
    assert not registry.locks.renew("build", "b", ttl=MINUTE)
    let_pass(MINUTE - TICK)
    held = registry.locks.holder("build")
    assert held is not None
    assert (held.fence, held.acquired_at) == (lock.fence, lock.acquired_at)
    let_pass(TICK)
    assert registry.locks.holder("build") is None


def test_a_renewal_may_shorten(registry: Registry, let_pass: Callable[[timedelta], None]) -> None:
    registry.locks.acquire("build", "a", ttl=MINUTE)
    assert registry.locks.renew("build", "a", ttl=TICK)
    let_pass(TICK)
    assert registry.locks.holder("build") is None


def test_the_fence_grows_over_releases_expiries_removals_and_names(
    registry: Registry, let_pass: Callable[[timedelta], None]
) -> None:
    fences = []
    for name in ("x", "y", "x", "z"):
        lock = registry.locks.acquire(name, "a", ttl=MINUTE)
        assert lock is not None
        fences.append(lock.fence)
        if name == "x":
            registry.locks.release(name, "a")
    let_pass(MINUTE)
    registry.cleanup()
    registry.sessions.remove("a")
    lock = registry.locks.acquire("y", "b", ttl=MINUTE)
    assert lock is not None
    fences.append(lock.fence)
    other = registry.all_workspaces().workspace("other")
    other.sessions.register("a")
    lock = other.locks.acquire("y", "a", ttl=MINUTE)
    assert lock is not None
    fences.append(lock.fence)
    assert fences == sorted(set(fences))


def test_a_lock_goes_with_its_session(registry: Registry) -> None:
    registry.locks.acquire("build", "a", ttl=MINUTE)
    registry.sessions.remove("a")
    assert registry.locks.holder("build") is None
    assert registry.locks.acquire("build", "b", ttl=MINUTE) is not None


def test_a_lock_for_an_unknown_session_is_refused(registry: Registry) -> None:
    with pytest.raises(NotFound):
        registry.locks.acquire("build", "nobody", ttl=MINUTE)
    assert registry.locks.holder("build") is None


def test_a_rolled_back_acquisition_holds_nothing(registry: Registry) -> None:
    with pytest.raises(KeyError), registry.transaction():
        assert registry.locks.acquire("build", "a", ttl=MINUTE)
        raise KeyError
    assert registry.locks.holder("build") is None


@pytest.mark.parametrize("ttl", [timedelta(0), timedelta(seconds=-1), 5, None])
def test_a_lock_needs_a_positive_time_to_live(registry: Registry, ttl: timedelta) -> None:
    with pytest.raises(InvalidValue, match="ttl"):
        registry.locks.acquire("build", "a", ttl=ttl)
    registry.locks.acquire("build", "a", ttl=MINUTE)
    with pytest.raises(InvalidValue, match="ttl"):
        registry.locks.renew("build", "a", ttl=ttl)


def test_waiting_for_the_write_lock_is_no_part_of_the_time_to_live(
    registry: Registry, session_registry_path: Path
) -> None:
    # a writer that does not use the queue holds SQLite's lock for longer than the lock is to live
    blocker = sqlite3.connect(session_registry_path, isolation_level=None, check_same_thread=False)
    blocker.execute("BEGIN IMMEDIATE")
    freed_at: list[datetime] = []

    def free() -> None:
        sleep(0.3)
        freed_at.append(datetime.now(UTC))
        blocker.execute("ROLLBACK")

    thread = threading.Thread(target=free)
    thread.start()
    lock = registry.locks.acquire("build", "a", ttl=timedelta(seconds=0.2))
    thread.join()
    blocker.close()
    assert lock is not None
    assert lock.acquired_at >= freed_at[0]
    assert lock.expires_at - lock.acquired_at == timedelta(seconds=0.2)


# -- what the tests of all stores do with this one: ../test_workspace.py and ../test_query_plans.py
HOUR = timedelta(hours=1)


def fill(of: Workspace) -> None:
    of.locks.acquire("lock", "one", ttl=HOUR)


def reads(of: Workspace) -> list[object]:
    return [of.locks.holder("lock"), of.locks.list()]


def changes(of: Workspace) -> list[object]:
    return [of.locks.renew("lock", "one", ttl=HOUR), of.locks.release("lock", "one")]


def calls(registry: Registry) -> None:
    registry.locks.acquire("l", "s", ttl=HOUR)
    registry.locks.renew("l", "s", ttl=HOUR)
    registry.locks.holder("l")
    registry.locks.list()
    registry.locks.release("l", "s")

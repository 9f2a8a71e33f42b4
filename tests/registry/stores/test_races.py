"""Every compare-and-swap, by real processes at once: exactly one of them wins."""

from __future__ import annotations

import os
from collections import Counter
from datetime import timedelta
from itertools import chain
from pathlib import Path
from time import sleep

import pytest

from pytest_sessionreg import Registry
from pytest_sessionreg.plugin import Workers

HOUR = timedelta(hours=1)
PROCESSES = 8
NAMES = [f"{number:02}" for number in range(20)]


def prepare(path: Path) -> None:
    with Registry.open(path) as registry, registry.transaction():
        for index in range(PROCESSES):
            registry.sessions.register(f"worker {index}")


def meet(registry: Registry, count: int = PROCESSES) -> None:
    """Wait until all workers have opened their registry: opening takes longer than what they race for."""
    registry.meta.set(f"here {os.getpid()}", "")
    while sum(entry.key.startswith("here ") for entry in registry.meta.list()) < count:
        sleep(0.0005)


def winners(results: list[list[bool]]) -> list[int]:
    """How many won each name."""
    return [sum(won) for won in zip(*results, strict=True)]


def test_a_lock_has_one_winner(session_registry_path: Path, workers: Workers) -> None:
    def acquire(path: Path, index: int, names: list[str]) -> list[int | None]:
        with Registry.open(path) as registry:
            meet(registry)
            locks = [registry.locks.acquire(name, f"worker {index}", ttl=timedelta(hours=1)) for name in names]
        return [None if lock is None else lock.fence for lock in locks]

    prepare(session_registry_path)
    results = workers.run(acquire, PROCESSES, session_registry_path, workers.index, NAMES)
    fences = [[fence for fence in found if fence is not None] for found in zip(*results, strict=True)]
    assert [len(found) for found in fences] == [1] * len(NAMES)
    assert len({fence for (fence,) in fences}) == len(NAMES)
    with Registry.open(session_registry_path) as registry:
        for lock in registry.locks.list():
            winner = int(lock.session_id.removeprefix("worker "))
            assert results[winner][NAMES.index(lock.name)] == lock.fence


@pytest.mark.slow
def test_an_expired_lock_has_one_new_holder(session_registry_path: Path, workers: Workers) -> None:
    def acquire(path: Path, index: int, names: list[str]) -> list[bool]:
        with Registry.open(path) as registry:
            meet(registry)
            return [
                registry.locks.acquire(name, f"worker {index}", ttl=timedelta(hours=1)) is not None for name in names
            ]

    prepare(session_registry_path)
    with Registry.open(session_registry_path) as registry, registry.transaction():
        for name in NAMES:
            registry.locks.acquire(name, "worker 0", ttl=timedelta(microseconds=1))
    results = workers.run(acquire, PROCESSES, session_registry_path, workers.index, NAMES)
    assert winners(results) == [1] * len(NAMES)


def test_a_lock_protects_what_its_holder_does(session_registry_path: Path, workers: Workers) -> None:
    def count(path: Path, index: int, rounds: int) -> int:
        done = 0
        with Registry.open(path) as registry:
            meet(registry, 4)
            while done < rounds:
                if registry.locks.acquire("counter", f"worker {index}", ttl=timedelta(hours=1)) is None:
                    continue
                entry = registry.meta.get("count")  # read and written apart: only the lock makes it whole
                registry.meta.set("count", str(1 + (0 if entry is None else int(entry.value))))
                done += registry.locks.release("counter", f"worker {index}")
        return done

    prepare(session_registry_path)
    assert workers.run(count, 4, session_registry_path, workers.index, 15) == [15] * 4
    with Registry.open(session_registry_path) as registry:
        entry = registry.meta.get("count")
    assert entry is not None
    assert entry.value == "60"


@pytest.mark.slow
def test_a_lock_is_released_once(session_registry_path: Path, workers: Workers) -> None:
    def release(path: Path, names: list[str]) -> list[bool]:
        with Registry.open(path) as registry:
            meet(registry)
            return [registry.locks.release(name, "worker 0") for name in names]

    prepare(session_registry_path)
    with Registry.open(session_registry_path) as registry, registry.transaction():
        for name in NAMES:
            registry.locks.acquire(name, "worker 0", ttl=HOUR)
    assert winners(workers.run(release, PROCESSES, session_registry_path, NAMES)) == [1] * len(NAMES)


def test_a_transition_has_one_winner(session_registry_path: Path, workers: Workers) -> None:
    def transit(path: Path, names: list[str]) -> list[tuple[bool, str | None]]:
        with Registry.open(path) as registry:
            meet(registry)
            made = [registry.agents.transition(name, "completed") for name in names]
        return [(transition.changed, transition.found) for transition in made]

    with Registry.open(session_registry_path) as registry, registry.transaction():
        for name in NAMES:
            registry.agents.upsert(name, state="working")
    results = workers.run(transit, PROCESSES, session_registry_path, NAMES)
    for found in zip(*results, strict=True):
        assert Counter(found) == {(True, "working"): 1, (False, "completed"): PROCESSES - 1}


@pytest.mark.slow
def test_of_opposed_transitions_the_later_finds_the_earlier(session_registry_path: Path, workers: Workers) -> None:
    def transit(path: Path, index: int, names: list[str]) -> list[tuple[bool, str | None]]:
        to = ("zombie", "stalled")[index % 2]  # a zombie cannot stall; a stalled one can become a zombie
        with Registry.open(path) as registry:
            meet(registry, 2)
            made = [registry.agents.transition(name, to) for name in names]
        return [(transition.changed, transition.found) for transition in made]

    with Registry.open(session_registry_path) as registry, registry.transaction():
        for name in NAMES:
            registry.agents.upsert(name, state="working")
    zombie, stalled = workers.run(transit, 2, session_registry_path, workers.index, NAMES)
    for pair in zip(zombie, stalled, strict=True):
        assert pair in (((True, "working"), (False, "zombie")), ((True, "stalled"), (True, "working")))
    with Registry.open(session_registry_path) as registry:
        assert registry.agents.count(state="zombie") == len(NAMES)


def test_each_command_is_taken_once_and_in_order(session_registry_path: Path, workers: Workers) -> None:
    def take_all(path: Path, index: int) -> list[tuple[int, str]]:
        taken = []
        with Registry.open(path) as registry:
            meet(registry)
            while command := registry.inbox.take(f"taker {index}"):
                taken.append((command.position, command.command_id))
                assert registry.inbox.done(command.command_id)
        return taken

    wanted = [f"{number:03}" for number in range(200)]
    with Registry.open(session_registry_path) as registry, registry.transaction():
        for command_id in wanted:
            registry.inbox.put(command_id)
    results = workers.run(take_all, PROCESSES, session_registry_path, workers.index)
    for taken in results:
        assert taken == sorted(taken)
    assert [command_id for _, command_id in sorted(chain.from_iterable(results))] == wanted
    with Registry.open(session_registry_path) as registry:
        assert registry.inbox.unfinished() == []


@pytest.mark.slow
def test_a_command_that_many_put_is_put_once(session_registry_path: Path, workers: Workers) -> None:
    def put(path: Path, index: int, names: list[str]) -> list[bool]:
        with Registry.open(path) as registry:
            meet(registry)
            return [registry.inbox.put(name, index) for name in names]

    results = workers.run(put, PROCESSES, session_registry_path, workers.index, NAMES)
    assert winners(results) == [1] * len(NAMES)
    with Registry.open(session_registry_path) as registry:
        assert registry.inbox.waiting() == len(NAMES)
        for number, name in enumerate(NAMES):
            command = registry.inbox.get(name)
            assert command is not None
            assert results[command.payload][number]


@pytest.mark.slow
def test_a_command_is_done_once(session_registry_path: Path, workers: Workers) -> None:
    def finish(path: Path, names: list[str]) -> list[bool]:
        with Registry.open(path) as registry:
            meet(registry)
            return [registry.inbox.done(name) for name in names]

    with Registry.open(session_registry_path) as registry, registry.transaction():
        for name in NAMES:
            registry.inbox.put(name)
            registry.inbox.take()
    assert winners(workers.run(finish, PROCESSES, session_registry_path, NAMES)) == [1] * len(NAMES)


@pytest.mark.slow
def test_a_token_is_revoked_by_one(session_registry_path: Path, workers: Workers) -> None:
    def revoke(path: Path, tokens: list[str]) -> list[bool]:
        with Registry.open(path) as registry:
            meet(registry)
            return [registry.tokens.revoke(token) for token in tokens]

    with Registry.open(session_registry_path) as registry, registry.transaction():
        registry.sessions.register("one")
        tokens = [registry.tokens.mint("one", 7) for _ in NAMES]
    assert winners(workers.run(revoke, PROCESSES, session_registry_path, tokens)) == [1] * len(NAMES)


def test_a_marker_is_set_by_one(session_registry_path: Path, workers: Workers) -> None:
    def mark(path: Path, index: int, names: list[str]) -> list[bool]:
        with Registry.open(path) as registry:
            meet(registry)
            return [registry.meta.mark(name, str(index)) for name in names]

    # nobody has opened the file yet: the race is for its creation and its migration, too
    results = workers.run(mark, PROCESSES, session_registry_path, workers.index, NAMES)
    assert winners(results) == [1] * len(NAMES)
    with Registry.open(session_registry_path) as registry:
        for number, name in enumerate(NAMES):
            entry = registry.meta.get(name)
            assert entry is not None
            assert results[int(entry.value)][number]


@pytest.mark.slow
def test_an_event_that_many_append_is_appended_once(session_registry_path: Path, workers: Workers) -> None:
    def append(path: Path, names: list[str]) -> list[bool]:
        with Registry.open(path) as registry:
            meet(registry)
            return [
                registry.audit.append(name, source="s", event_type="t", payload="{}", run_id="r", agent_identity="ann")
                for name in names
            ]

    assert winners(workers.run(append, PROCESSES, session_registry_path, NAMES)) == [1] * len(NAMES)


@pytest.mark.slow
def test_a_run_is_created_by_one_completed_by_one_and_counts_every_agent(
    session_registry_path: Path, workers: Workers
) -> None:
    def live(path: Path, names: list[str]) -> list[tuple[bool, bool, bool]]:
        from pytest_sessionreg.registry.errors import InvalidValue

        def create(registry: Registry, name: str) -> bool:
            try:
                registry.runs.create(run_id=name)
            except InvalidValue:
                return False
            return True

        with Registry.open(path) as registry:
            meet(registry)
            return [
                (create(registry, name), registry.runs.count_agent(name), registry.runs.complete(name))
                for name in names
            ]

    results = workers.run(live, PROCESSES, session_registry_path, NAMES)
    for lives in zip(*results, strict=True):
        created, counted, completed = zip(*lives, strict=True)
        assert (sum(created), sum(counted), sum(completed)) == (1, PROCESSES, 1)
    with Registry.open(session_registry_path) as registry:
        assert {run.agent_count for run in registry.runs.list()} == {PROCESSES}


@pytest.mark.slow
def test_a_session_is_finished_by_one(session_registry_path: Path, workers: Workers) -> None:
    def finish(path: Path, names: list[str]) -> list[bool]:
        with Registry.open(path) as registry:
            meet(registry)
            return [registry.sessions.finish(name) for name in names]

    with Registry.open(session_registry_path) as registry, registry.transaction():
        for name in NAMES:
            registry.sessions.register(name)
    assert winners(workers.run(finish, PROCESSES, session_registry_path, NAMES)) == [1] * len(NAMES)


def test_everything_is_cleaned_up_once(session_registry_path: Path, workers: Workers) -> None:
    def clean(path: Path) -> tuple[int, int, int, int]:
        with Registry.open(path) as registry:
            meet(registry)
            done = registry.cleanup()
        return done.expired_sessions, done.expired_tokens, done.freed_locks, done.dead_sessions

    moment = timedelta(microseconds=1)
    with Registry.open(session_registry_path) as registry, registry.transaction():
        for name in NAMES:
            registry.sessions.register(f"expired {name}", ttl=moment)
            registry.sessions.register(f"dead {name}", pid=2**40)  # no process can have that number
            registry.sessions.register(f"living {name}")
            registry.locks.acquire(f"expired {name}", f"living {name}", ttl=moment)
            registry.locks.acquire(f"held {name}", f"living {name}", ttl=HOUR)
            registry.tokens.mint(f"living {name}", 7, ttl=moment)
            registry.tokens.mint(f"living {name}", 7)
    results = workers.run(clean, PROCESSES, session_registry_path)
    assert tuple(map(sum, zip(*results, strict=True))) == (20, 20, 20, 20)
    with Registry.open(session_registry_path) as registry:
        assert len(registry.sessions.list(status="active")) == 20
        assert len(registry.sessions.list(status="crashed")) == 20
        assert len(registry.locks.list()) == 20

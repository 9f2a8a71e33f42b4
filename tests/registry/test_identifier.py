from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from pytest_sessionreg.plugin import Workers
from pytest_sessionreg.registry import identifier
from pytest_sessionreg.registry.identifier import new_id


def test_ids_are_in_the_order_of_their_making() -> None:
    made = [new_id() for _ in range(10_000)]
    assert made == sorted(set(made))


def test_an_id_is_32_hexadecimal_digits() -> None:
    made = new_id()
    assert len(made) == 32
    assert set(made) <= set("0123456789abcdef")


def test_ids_of_one_instant_differ_in_their_chance_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identifier, "_last", 0)
    monkeypatch.setattr(identifier, "time_ns", lambda: 1_700_000_000_000_000_000)
    made = [new_id() for _ in range(1000)]
    assert made == sorted(made)
    assert len({one[16:] for one in made}) == 1000


def test_the_order_survives_a_clock_that_is_set_back(monkeypatch: pytest.MonkeyPatch) -> None:
    instants = iter([3_000_000_000, 2_000_000_000, 1_000_000_000, 0, 3_000_000_000, 4_000_000_000])
    monkeypatch.setattr(identifier, "_last", 0)
    monkeypatch.setattr(identifier, "time_ns", lambda: next(instants))
    made = [new_id() for _ in range(6)]
    assert made == sorted(set(made))


def test_an_id_begins_with_its_millisecond(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identifier, "_last", 0)
    monkeypatch.setattr(identifier, "time_ns", lambda: 1_700_000_000_123_456_789)
    assert int(new_id()[:12], 16) == 1_700_000_000_123


def test_the_ids_of_several_threads_are_in_the_order_of_their_making_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Within one instant the counter alone keeps them apart. The second thread comes while the first makes its id."""
    entered, reached = threading.Event(), threading.Event()
    made: dict[str, str] = {}

    def slowly(*stamps: int) -> int:
        found = max(*stamps)
        if not entered.is_set():
            entered.set()
            reached.wait(0.2)  # in vain where the second has to wait for the first
        return found

    def make() -> None:
        assert entered.wait(10)
        made["second"] = new_id()
        reached.set()

    monkeypatch.setattr(identifier, "_last", 0)
    monkeypatch.setattr(identifier, "time_ns", lambda: 0)
    monkeypatch.setattr(identifier, "max", slowly, raising=False)
    other = threading.Thread(target=make)
    other.start()
    made["first"] = new_id()
    other.join()
    third = new_id()
    stamps = [made["first"][:16], made["second"][:16], third[:16]]
    assert stamps == sorted(set(stamps))


def test_a_child_forked_while_a_thread_makes_an_id_makes_its_own() -> None:
    program = """
import os, signal
from pytest_sessionreg.registry import identifier
with identifier._lock:
    child = os.fork()
    if not child:
        signal.alarm(10)
        print(identifier.new_id(), flush=True)
        os._exit(0)
_, status = os.waitpid(child, 0)
assert status == 0, status
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr, len(done.stdout)) == (0, "", 33)


def test_ids_of_several_processes_differ(workers: Workers) -> None:
    def make(count: int) -> list[str]:
        return [new_id() for _ in range(count)]

    results = workers.run(make, 4, 2000)
    assert all(made == sorted(made) for made in results)
    assert len(set().union(*results)) == 8000

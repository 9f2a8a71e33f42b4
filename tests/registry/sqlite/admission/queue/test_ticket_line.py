from __future__ import annotations

import os
import signal
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import monotonic, monotonic_ns, sleep

import pytest

from pytest_sessionreg.registry.sqlite.admission.queue.ticket_line import TicketLine

_DEADLINE_S = 120
_SLICE_NS = 40_000_000


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Callable[[], TicketLine]]:
    """Makes places in one line, as many as are asked for; closed afterwards."""
    with ExitStack() as stack:

        def make() -> TicketLine:
            made = TicketLine(str(tmp_path / "line"))
            stack.callback(made.close)
            return made

        yield make


def _enter(line: TicketLine, patience_s: float = _DEADLINE_S, slice_s: float = 0) -> bool:
    if not line.enter(monotonic() + patience_s):
        return False
    line.admitted(round(slice_s * 1e9))
    return True


def _in_line(line: TicketLine) -> threading.Thread:
    """A thread in which `line` waits until it is inside; returns once it has its place."""
    thread = threading.Thread(target=_enter, args=(line,), daemon=True)
    thread.start()
    deadline = monotonic() + _DEADLINE_S
    while line._ticket is None and thread.is_alive():
        assert monotonic() < deadline
        sleep(0.001)
    return thread


@contextmanager
def _waiting_process(path: Path, onlooker: TicketLine, place: int) -> Iterator[subprocess.Popen[str]]:
    """A process in line behind `place - 1` others; it prints when it is inside, and leaves."""
    program = (
        "from time import monotonic\n"
        "from pytest_sessionreg.registry.sqlite.admission.queue.ticket_line import TicketLine\n"
        f"line = TicketLine({str(path)!r})\n"
        f"assert line.enter(monotonic() + {_DEADLINE_S}); line.admitted(0)\n"
        "print(monotonic(), flush=True); line.leave(0)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    try:
        deadline = monotonic() + _DEADLINE_S
        while onlooker.state().waiting != place:
            assert monotonic() < deadline
            sleep(0.002)
        yield process
    finally:
        process.kill()
        process.communicate()


def test_who_finds_the_line_empty_takes_no_ticket_and_passes_nobody(line: Callable[[], TicketLine]) -> None:
    alone, first, late = line(), line(), line()
    assert alone.enter_at_once(monotonic_ns(), 0)
    assert not late.enter_at_once(monotonic_ns(), 0), "somebody is inside"
    waiting = _in_line(first)
    assert first.place() == 1
    alone.leave(monotonic_ns())
    waiting.join(_DEADLINE_S)
    assert not alone.enter_at_once(monotonic_ns(), 0), "somebody is inside"
    first.leave(monotonic_ns())
    assert late.enter_at_once(monotonic_ns(), 0)


def test_nobody_passes_the_line_while_somebody_waits(line: Callable[[], TicketLine]) -> None:
    first, second, late = line(), line(), line()
    assert _enter(first)
    waiting = _in_line(second)
    assert not late.enter_at_once(monotonic_ns(), 0)
    assert not _enter(late, 0.05)
    assert late.place() == 2
    late.give_up()
    first.leave(monotonic_ns())
    waiting.join(_DEADLINE_S)
    assert second._inside


def test_the_short_way_in_comes_back_after_the_last_in_line_gave_up(line: Callable[[], TicketLine]) -> None:
    holder, impatient, other = line(), line(), line()
    assert _enter(holder)
    assert not impatient.enter(monotonic() + 0.02)
    impatient.give_up()
    holder.leave(monotonic_ns())
    assert not other.enter_at_once(monotonic_ns(), 0), "the line looks as if somebody were waiting"
    assert _enter(other)
    other.leave(monotonic_ns())
    assert holder.enter_at_once(monotonic_ns(), 0)


def test_whoever_is_killed_in_the_middle_keeps_nobody_waiting_and_order_holds(
    line: Callable[[], TicketLine], tmp_path: Path
) -> None:
    holder = line()
    assert _enter(holder)
    with ExitStack() as stack:
        processes = [stack.enter_context(_waiting_process(tmp_path / "line", holder, place)) for place in range(1, 7)]
        for victim in (2, 3, 5):
            processes[victim].kill()
            processes[victim].wait()
        holder.leave(monotonic_ns())
        entered = [float(processes[place].stdout.readline()) for place in (0, 1, 4)]  # type: ignore[union-attr]
        assert entered == sorted(entered)
    assert _enter(line())


def test_a_lease_lets_its_owner_back_in_ahead_of_the_line_and_ends(line: Callable[[], TicketLine]) -> None:
    def returns_within_one_lease() -> int:
        owner, waiter = line(), line()
        assert _enter(owner)
        waiting = _in_line(waiter)
        owner.admitted(_SLICE_NS)
        lease_until = owner._lease_until_ns
        returns = -1
        while True:
            returns += 1
            owner.leave(monotonic_ns())
            if not owner.enter_at_once(monotonic_ns(), 0):
                break
        waiting.join(_DEADLINE_S)
        assert waiter._inside
        assert monotonic_ns() > lease_until - 1_000_000
        waiter.leave(monotonic_ns())
        return returns

    deadline = monotonic() + _DEADLINE_S
    while returns_within_one_lease() <= 3:
        assert monotonic() < deadline, "on a busy machine one lease may pass unused, but not all"


def test_who_comes_straight_back_has_a_lease_although_nobody_was_in_line(line: Callable[[], TicketLine]) -> None:
    owner, waiter, slice_ns = line(), line(), _SLICE_NS
    now_ns = monotonic_ns()
    assert owner.enter_at_once(now_ns, slice_ns)
    waiter._join(monotonic() + _DEADLINE_S)
    assert waiter._ticket is not None
    owner.leave(now_ns + 1)
    assert owner.enter_at_once(now_ns + slice_ns - 1, slice_ns), "ahead of the line, until the lease ends"
    owner.leave(now_ns + slice_ns - 1)
    assert not owner.enter_at_once(now_ns + slice_ns, slice_ns)


def test_an_owner_whose_writes_outlast_the_slice_gets_no_lease(line: Callable[[], TicketLine]) -> None:
    owner = line()
    leases = []
    for hold_s in (0.02, 0.02, 0, 0.02, 0):
        assert _enter(owner, slice_s=0.01)
        leases.append(owner._lease_until_ns > 0)
        owner._lease_until_ns = 0
        owner.leave(owner._entered_ns + round(hold_s * 1e9))
    assert leases == [True, True, False, True, True]  # one long write between short ones may have met a checkpoint


def test_an_owner_that_stays_away_costs_the_line_no_more_than_its_lease(line: Callable[[], TicketLine]) -> None:
    owner, waiter = line(), line()
    assert _enter(owner, slice_s=0.02)
    owner.leave(monotonic_ns())
    assert _enter(waiter)


def test_a_lease_that_no_slice_can_have_is_damage(line: Callable[[], TicketLine]) -> None:
    owner, waiter = line(), line()
    assert _enter(owner, slice_s=3600)
    owner.leave(monotonic_ns())
    assert _enter(waiter)


def test_order_comes_back_after_the_counters_were_lost(line: Callable[[], TicketLine], tmp_path: Path) -> None:
    one, first, second = line(), line(), line()
    for _ in range(5):
        assert _enter(one)
        one.leave(monotonic_ns())
    (tmp_path / "line").write_bytes(b"")
    assert _enter(first)
    assert not second.enter(monotonic() + 0.05)
    assert second.place() == 1
    second.give_up()
    first.leave(monotonic_ns())
    assert _enter(second)


@pytest.mark.parametrize("counters", [(7, 3), (3, 7), (2**64 - 1, 2**64 - 1), (2**64 - 1, 0), (0, 2**63)])
def test_wrong_counters_keep_nobody_out(
    line: Callable[[], TicketLine], tmp_path: Path, counters: tuple[int, int]
) -> None:
    one, other = line(), line()
    with open(tmp_path / "line", "r+b") as sidecar:
        sidecar.write(struct.pack("<QQ", *counters))
    for place in (one, other, one):
        assert _enter(place)
        place.leave(monotonic_ns())


def test_a_waiter_that_was_stopped_is_passed_by(line: Callable[[], TicketLine], tmp_path: Path) -> None:
    """Stopped while it waits, it would hold up everybody behind it, though nobody is inside."""
    holder, behind = line(), line()
    assert _enter(holder)
    with _waiting_process(tmp_path / "line", holder, 1) as process:
        os.kill(process.pid, signal.SIGSTOP)
        waiting = _in_line(behind)
        holder.leave(monotonic_ns())
        waiting.join(_DEADLINE_S)
        assert behind._inside
        os.kill(process.pid, signal.SIGCONT)
        behind.leave(monotonic_ns())
        assert process.stdout is not None
        assert float(process.stdout.readline()) > 0


def test_a_wait_given_up_leaves_one_thread_at_most_and_none_when_the_line_moves(line: Callable[[], TicketLine]) -> None:
    holder, first, second = line(), line(), line()
    assert _enter(holder)
    waiting = _in_line(first)
    for _ in range(5):
        assert not second.enter(monotonic() + 0.02)
        second.give_up()
    assert sum(thread.name == "sessionreg-write-queue" for thread in threading.enumerate()) <= 2
    holder.leave(monotonic_ns())
    waiting.join(_DEADLINE_S)
    first.leave(monotonic_ns())
    assert _enter(second)


def test_the_state_names_who_is_inside_and_how_many_wait(line: Callable[[], TicketLine], tmp_path: Path) -> None:
    holder, onlooker = line(), line()
    assert not onlooker.state().held
    assert onlooker.state().waiting == 0
    assert _enter(holder)
    with _waiting_process(tmp_path / "line", holder, 1), _waiting_process(tmp_path / "line", holder, 2):
        state = onlooker.state()
        assert (state.held, state.waiting) == (True, 2)
        assert state.blocker is not None
        assert state.blocker.pid == os.getpid()
        assert 0 < state.blocker.since_ns < monotonic_ns()


def test_closing_leaves_no_thread_and_no_descriptor(tmp_path: Path) -> None:
    def descriptors() -> int:
        return len(os.listdir("/proc/self/fd"))

    before, threads = descriptors(), threading.active_count()
    for _ in range(3):
        holder, waiter = TicketLine(str(tmp_path / "line")), TicketLine(str(tmp_path / "line"))
        assert _enter(holder)
        waiting = _in_line(waiter)
        holder.leave(monotonic_ns())
        waiting.join(_DEADLINE_S)
        holder.close()
        waiter.close()
    deadline = monotonic() + _DEADLINE_S
    while (descriptors(), threading.active_count()) != (before, threads):
        assert monotonic() < deadline


def test_a_line_that_is_dropped_unclosed_frees_its_place(tmp_path: Path) -> None:
    path = str(tmp_path / "line")
    dropped = TicketLine(path)
    assert _enter(dropped)
    del dropped
    other = TicketLine(path)
    assert _enter(other)
    other.close()


def test_the_nearest_behind_a_stopped_waiter_passes_it_first(line: Callable[[], TicketLine], tmp_path: Path) -> None:
    holder = line()
    assert _enter(holder)
    with ExitStack() as stack:
        processes = [stack.enter_context(_waiting_process(tmp_path / "line", holder, place)) for place in range(1, 6)]
        for stopped in processes[1:3]:
            os.kill(stopped.pid, signal.SIGSTOP)
        holder.leave(monotonic_ns())
        entered = [float(processes[place].stdout.readline()) for place in (0, 3, 4)]  # type: ignore[union-attr]
        assert entered == sorted(entered)


def test_room_is_made_for_writers_that_do_not_queue_for_as_long_as_they_are_met(
    line: Callable[[], TicketLine], tmp_path: Path
) -> None:
    one, other, before_ns = line(), line(), monotonic_ns()
    assert _enter(one)
    one.make_room()
    one.leave(monotonic_ns())
    assert _enter(other)
    other.leave(monotonic_ns())
    assert one._room_until_ns == other._room_until_ns > before_ns
    with open(tmp_path / "line", "r+b") as sidecar:
        sidecar.seek(48)
        sidecar.write(b"\xff" * 8)
    assert _enter(other)
    other.leave(monotonic_ns())
    assert other._room_until_ns == 0, "damage is no reason to dawdle"


def test_who_comes_straight_back_has_no_lease_while_room_is_to_be_made(line: Callable[[], TicketLine]) -> None:
    owner, other, before_ns = line(), line(), monotonic_ns()
    other.make_room()
    assert owner.enter_at_once(before_ns, _SLICE_NS)
    assert owner._lease_until_ns == 0
    owner.leave(before_ns)
    assert owner._room_until_ns > before_ns, "and leaves some, from its next write on"

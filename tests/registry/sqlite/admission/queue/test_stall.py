from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pytest_sessionreg.registry.sqlite.admission.queue.byte_locks import AVAILABLE
from pytest_sessionreg.registry.sqlite.admission.queue.sidecar import Insider, pid_namespace_inode
from pytest_sessionreg.registry.sqlite.admission.queue.stall import Stall
from pytest_sessionreg.registry.sqlite.admission.queue.ticket_file import ENTER, LEAVE, TicketFile

pytestmark = pytest.mark.skipif(not AVAILABLE, reason="no open-file-description locks")
_OWN = 20


@pytest.fixture
def line(tmp_path: Path) -> Iterator[TicketFile]:
    """A line of 21, of which the last is the looker's; somebody else is inside."""
    path = str(tmp_path / "queue")
    with closing(TicketFile(path)) as others:
        for _ in range(_OWN + 1):
            others.take_ticket(os.getpid(), pid_namespace_inode())
        assert others.try_lock(ENTER)
        yield others


@pytest.fixture
def stall(line: TicketFile) -> Iterator[Stall]:
    with closing(TicketFile(line.path)) as file:
        yield Stall(file, _OWN, _OWN, pid_namespace_inode())


def _admit(line: TicketFile, ticket: int) -> None:
    line.admit(ticket, Insider(os.getpid(), pid_namespace_inode(), 1, 0))


def test_whoever_is_far_behind_looks_again_after_twice_as_long_each_time(stall: Stall) -> None:
    assert stall.look_s == 3
    assert [stall.look(), stall.look()] == [6, 12]


def test_whoever_has_few_ahead_looks_twice_a_second(line: TicketFile, stall: Stall) -> None:
    _admit(line, _OWN - 10)
    assert stall.look() == 6
    _admit(line, _OWN - 9)
    assert stall.look() == 0.5


def test_whoever_sees_nobody_inside_soon_looks_again_and_passes_by_nobody_who_runs(
    line: TicketFile, stall: Stall
) -> None:
    line.unlock(LEAVE)
    assert [stall.look(), stall.look(), stall.look()] == [0.5, 0.5, 0.5]
    assert not stall.passed_by

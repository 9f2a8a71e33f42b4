"""Rounds of several subjects, interleaved, so that whatever else the machine does meets all of them alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from .interruption import STOPPERS, reason

__all__ = ["interleave_rounds"]

S = TypeVar("S")
T = TypeVar("T")


def interleave_rounds(
    subjects: Sequence[S],
    rounds: int,
    run: Callable[[S, int], T],
    name: Callable[[S], str],
    *,
    on_step: Callable[[str, float, float], None],
    check: Callable[[], None],
) -> tuple[list[T], str | None]:
    """What `run` found of every subject in each of `rounds` rounds, from 0, and why it ended early, None if it did not.

    on_step is told what runs now, by `name`; check may raise KeyboardInterrupt between subjects. What ends the run
    (see interruption) is raised only where nothing has been found yet.
    """
    done: list[T] = []
    try:
        for number in range(rounds):
            for subject in subjects:
                on_step(f"round {number + 1}: {name(subject)}", len(done), rounds * len(subjects))
                check()
                done.append(run(subject, number))
    except STOPPERS as stopper:
        if not done:
            raise
        return done, reason(stopper)
    return done, None

"""What an observer learns of one write."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["WriteRecord"]


@dataclass(frozen=True, slots=True)
class WriteRecord:
    """One write, admitted or not, as its own process saw it; instants and spans on the monotonic clock, in nanoseconds.

    started_ns: the first attempt.
    wait_ns: from there to BEGIN's success, or to giving up.
    hold_ns: from BEGIN's success to COMMIT's return, 0 for a write that was not admitted.
    busy: how many BEGIN IMMEDIATE returned primary code 5, retries: how many attempts followed a busy one; both None
        under BusyTimeout, where SQLite retries unseen.
    outcome: "committed", "rolled back" (by its author), "exhausted" (the policy gave up) or "failed" (any other error).
    code: SQLite's extended result code of an unsuccessful write, if it had one.
    phase: where that one ended: "queue", "begin", "body" or "commit".
    """

    started_ns: int
    wait_ns: int
    hold_ns: int
    busy: int | None
    retries: int | None
    outcome: str
    code: int | None
    phase: str | None

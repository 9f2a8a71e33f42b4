"""What a test's storm leaves for the end of the run; it outlives the process that ran it."""

from __future__ import annotations

from dataclasses import dataclass

from ...gate.judgement import Judgement
from ...gate.measurement import Measurement

__all__ = ["StormRecord"]


@dataclass(frozen=True, slots=True)
class StormRecord:
    """One storm of a test.

    name: the test's node id, with a number from the second storm of a test on.
    writes, lost, given_up: over all its rounds; given_up are those that are exhausted; lost is None where nobody could
        check.
    over: what the storm budget says of it, None within its limits.
    unchecked: limits of the ini file without a figure, as sentences.
    judgement: the gate's, None where it is off.
    measured: the class of the machine and what the baseline is to hold, where it is updated; refused: why it is not.
    unreported: what its report lacks because no extra brought it.
    """

    name: str
    writes: int
    lost: int | None
    given_up: int
    over: str | None = None
    unchecked: tuple[str, ...] = ()
    judgement: Judgement | None = None
    measured: tuple[str, Measurement] | None = None
    refused: str | None = None
    unreported: str | None = None

"""What a worker and its group say to each other: one kind byte, then a pickle where there is more to say."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["FAILURE", "GO", "READY", "VALUE", "Failure"]

# Worker to group: prepared and waiting at the gate; a result; a Failure.
READY = b"R"
VALUE = b"V"
FAILURE = b"F"
# Group to worker: the gate is open.
GO = b"G"


@dataclass(frozen=True, slots=True)
class Failure:
    """An exception that left a worker's function.

    phase: "prepare" (before the gate), "run" or "result" (the result could not be pickled). kind: the exception's
    qualified name. message: its text. traceback: as Python prints it in the worker.
    """

    phase: str
    kind: str
    message: str
    traceback: str

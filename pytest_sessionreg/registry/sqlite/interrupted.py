"""Whether a call comes out of the middle of another, as a signal handler's does."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType, FrameType

__all__ = ["interrupts_one_of"]

# This function, the two of the database that asked, and the method that was called.
_OWN_FRAMES = 3


def interrupts_one_of(codes: set[CodeType], instance: object) -> bool:
    """Whether a method of `instance` with one of these codes is on the stack, below the one that was called now."""
    frame: FrameType | None = sys._getframe(_OWN_FRAMES)  # noqa: SLF001  the stack is what is asked for
    while frame is not None and (frame := frame.f_back) is not None:
        if frame.f_code in codes and frame.f_locals.get("self") is instance:
            return True
    return False

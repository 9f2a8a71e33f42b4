"""Which frames of a worker's traceback are the user's: those from the first one outside of this package on."""

from __future__ import annotations

import os
import traceback
from types import TracebackType

__all__ = ["all_are_shown", "place_raised", "show_all", "user_traceback"]

_OURS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "")
_shows_all = False


def user_traceback(error: BaseException) -> str:
    """The traceback of `error`, as Python prints it, from the user's first frame on; all of it where none is."""
    return "".join(traceback.format_exception(type(error), error, _first_frame(error)))


def place_raised(error: BaseException) -> str:
    """The "file:line" where `error` was raised; empty if it never was."""
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    return "" if last is None else f"{last.tb_frame.f_code.co_filename}:{last.tb_lineno}"


def _first_frame(error: BaseException) -> TracebackType | None:
    frame = error.__traceback__
    while not _shows_all and frame is not None and frame.tb_frame.f_code.co_filename.startswith(_OURS):
        frame = frame.tb_next
    return frame or error.__traceback__


def show_all(*, shown: bool) -> None:
    """Whether tracebacks of this process, and of workers that it starts from now on, keep our frames. They do not by
    default; under pytest's `--full-trace` they do.
    """
    global _shows_all  # noqa: PLW0603  one setting of a process, as pytest's is
    _shows_all = shown


def all_are_shown() -> bool:
    """What `show_all` was told last."""
    return _shows_all

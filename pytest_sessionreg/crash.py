"""Named points of a program's own code at which a test may kill it. See `processes.crash_at`, which arms them."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["crash_point", "listen"]

_listener: Callable[[str], None] | None = None


def crash_point(name: str) -> None:
    """Kill this process here if the test that started it armed `name`; else nothing, for the price of an empty call."""
    if _listener is not None:
        _listener(name)


def listen(listener: Callable[[str], None] | None) -> None:
    """Have `listener` called with the name of every point that this process passes from now on; None ends that."""
    global _listener  # noqa: PLW0603  what makes an unarmed point cost nothing
    _listener = listener

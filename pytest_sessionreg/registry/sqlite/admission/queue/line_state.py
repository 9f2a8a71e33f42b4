"""What an onlooker sees of a line."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .sidecar import Insider

__all__ = ["LineState"]


class LineState:
    """held: whether a writer is inside.
    waiting: how many wait, None where the kernel keeps the line.
    blocker: who keeps them waiting, as far as the sidecar tells.
    """

    __slots__ = ("blocker", "held", "waiting")

    def __init__(self, *, held: bool, waiting: int | None, blocker: Insider | None) -> None:
        self.held = held
        self.waiting = waiting
        self.blocker = blocker

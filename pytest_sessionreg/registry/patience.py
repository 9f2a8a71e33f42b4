"""How long the writes of one block wait."""

from __future__ import annotations

from .errors import InvalidValue

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any

    from .database import Database

__all__ = ["Patience"]


class Patience:
    """The context manager of `registry.patience(seconds)`; blocks may be nested, the innermost counts.

    Raises InvalidValue for what is no number of seconds.
    """

    __slots__ = ("_before", "_database", "seconds")

    def __init__(self, database: Database, patience: Any) -> None:
        self._database = database
        self.seconds = _seconds(patience)
        self._before: float | None = None

    def __enter__(self) -> None:
        self._before = self._database.patience_s
        self._database.patience_s = self.seconds

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._database.patience_s = self._before


def _seconds(patience: Any) -> float:
    """`patience`, if it is a number of seconds to wait; else InvalidValue."""
    if not isinstance(patience, (int, float)) or isinstance(patience, bool) or not 0 <= patience < float("inf"):
        raise InvalidValue("patience", patience, "must be a finite number of seconds, at least 0")
    return float(patience)

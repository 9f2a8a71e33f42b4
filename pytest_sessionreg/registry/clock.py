"""Wall-clock time as the database stores it: UTC ISO-8601 text of fixed width, so that text order is time order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ..error_base import InvalidArgument

__all__ = ["from_optional", "from_text", "later", "now", "to_text"]


def now() -> str:
    """The present instant as 27 characters, e.g. `2026-11-20T08:13:41.123456Z`."""
    # as to_text, without the call: every write asks
    return datetime.now(UTC).isoformat(timespec="microseconds")[:-6] + "Z"


def to_text(instant: datetime) -> str:
    """`instant` as 27 characters of UTC. A naive datetime is an InvalidArgument: its instant is unknown."""
    if instant.tzinfo is not UTC:
        if instant.tzinfo is None:
            raise InvalidArgument(f"{instant!r} has no time zone; pass an aware datetime such as datetime.now(UTC)")
        instant = instant.astimezone(UTC)
    return instant.isoformat(timespec="microseconds")[:-6] + "Z"


def from_text(text: str) -> datetime:
    """The aware datetime that `to_text` wrote as `text`."""
    return datetime.fromisoformat(text)


def from_optional(text: str | None) -> datetime | None:
    """As `from_text`; None stays None."""
    return None if text is None else datetime.fromisoformat(text)


def later(text: str, span: timedelta) -> str:
    """The instant `span` after the stored instant `text`; the first or the last that can be stored where that lies
    outside.
    """
    try:
        return to_text(from_text(text) + span)
    except OverflowError:
        return to_text(datetime(1, 1, 1, tzinfo=UTC) if span < timedelta(0) else datetime(9999, 12, 31, tzinfo=UTC))

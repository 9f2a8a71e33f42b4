"""One legacy record's fields: looked up by any of their names, checked as the registry checks its callers'."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

from ..errors import InvalidValue
from ..values import identifier, instant_text, json_as_given

__all__ = ["Fields", "flag", "instant", "reference"]

T = TypeVar("T")

# Numbers from here on are milliseconds since the epoch, as JavaScript counts; in seconds this is the year 5138.
_MILLISECONDS_FROM = 10**11


class Fields:
    """The fields of one record. A field that is missing and one that is null are the same.

    values: by name. raw: the source text of the values that have one, to be kept to the byte.
    """

    __slots__ = ("_raw", "_values")

    def __init__(self, values: Any, raw: Mapping[str, str] | None = None) -> None:
        if not isinstance(values, Mapping):
            raise InvalidValue("record", values, "must be a JSON object")
        self._values = values
        self._raw = raw or {}

    def take(self, check: Callable[[str, Any], T], *names: str, default: T) -> T:
        """The first of `names` that has a value, through `check`; `default` where none has."""
        for name in names:
            value = self._values.get(name)
            if value is not None:
                return check(name, value)
        return default

    def optional(self, check: Callable[[str, Any], T], *names: str) -> T | None:
        """As `take`, None where no name has a value."""
        for name in names:
            value = self._values.get(name)
            if value is not None:
                return check(name, value)
        return None

    def need(self, check: Callable[[str, Any], T], *names: str) -> T:
        """As `take`; raises InvalidValue for the first name where none has a value."""
        for name in names:
            value = self._values.get(name)
            if value is not None:
                return check(name, value)
        raise InvalidValue(names[0], None, "is missing")

    def json(self, *names: str) -> str | None:
        """JSON text: the value's own bytes where the source is JSON, or a text that is JSON; None where there is none.

        A name that ends in `_json` holds JSON as text.
        """
        for name in names:
            value = self._values.get(name)
            if value is None:
                continue
            kept = value if name.endswith("_json") and isinstance(value, str) else self._raw.get(name, value)
            return json_as_given(name, kept)
        return None

    def others(self, known: frozenset[str]) -> dict[str, Any]:
        """The fields of other names, without the nulls."""
        return {name: value for name, value in self._values.items() if name not in known and value is not None}


def instant(field: str, value: Any) -> str:
    """An instant as the database stores it, from ISO-8601 text (UTC where it names no zone) or a number since the
    epoch: seconds, or milliseconds from 10**11 on.
    """
    try:
        if isinstance(value, str):
            moment = datetime.fromisoformat(value)
            moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            moment = datetime.fromtimestamp(value / 1000 if abs(value) >= _MILLISECONDS_FROM else value, UTC)
        else:
            raise InvalidValue(field, value, "must be an instant: ISO-8601 text, or seconds since the epoch")
    except (ValueError, OverflowError, OSError) as error:
        if isinstance(error, InvalidValue):
            raise
        raise InvalidValue(field, value, "must be an instant: ISO-8601 text, or seconds since the epoch") from None
    return instant_text(field, moment)


def flag(field: str, value: Any) -> int:
    """A truth value, or SQLite's 0 and 1 for it."""
    if not isinstance(value, int) or value not in {0, 1}:
        raise InvalidValue(field, value, "must be true or false")
    return int(value)


def reference(field: str, value: Any) -> str | None:
    """The id of something else; an empty one refers to nothing."""
    return None if value == "" else identifier(field, value)

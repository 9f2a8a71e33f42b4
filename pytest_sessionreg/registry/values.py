"""What may be stored: every value of a caller's is checked here before SQLite sees it."""

from __future__ import annotations

from datetime import datetime, timedelta

from .clock import to_text
from .errors import InvalidValue

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any, NoReturn

__all__ = [
    "LONGEST_ID",
    "LONGEST_TEXT",
    "choice",
    "flag",
    "identifier",
    "instant_text",
    "json_as_given",
    "json_object",
    "json_text",
    "json_value",
    "positive",
    "text",
    "whole",
]

# Ids and names are for keys and people; a longer one is a mistake.
LONGEST_ID = 512
# Any other text or JSON, in characters. Longer things are outputs, which are stored in pieces.
LONGEST_TEXT = 1 << 20
_encode: Callable[[Any], str] | None = None
# SQLite's integers.
_LARGEST = (1 << 63) - 1


def identifier(field: str, value: Any) -> str:
    """An id or a name: text of 1 to LONGEST_ID characters without NUL."""
    if not isinstance(value, str) or not value or len(value) > LONGEST_ID or not _storable(value):
        raise InvalidValue(field, value, f"must be text of 1 to {LONGEST_ID} characters, without NUL")
    return value


def text(field: str, value: Any, *, longest: int = LONGEST_TEXT) -> str:
    """Text without NUL, at most `longest` characters."""
    if not isinstance(value, str) or len(value) > longest or not _storable(value):
        raise InvalidValue(field, value, f"must be text of at most {longest} characters, without NUL")
    return value


def whole(field: str, value: Any, *, least: int = 0) -> int:
    """A whole number from `least` on that SQLite can hold."""
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= _LARGEST:
        raise InvalidValue(field, value, f"must be a whole number, at least {least}")
    return value


def flag(field: str, value: Any) -> int:
    """True or False, as 1 or 0."""
    if not isinstance(value, bool):
        raise InvalidValue(field, value, "must be True or False")
    return int(value)


def positive(field: str, value: Any) -> timedelta:
    """A time span longer than nothing and short enough to end before the year 9999."""
    if not isinstance(value, timedelta) or not timedelta(0) < value <= timedelta(days=365_000):
        raise InvalidValue(field, value, "must be a positive timedelta of at most 365,000 days")
    return value


def instant_text(field: str, value: Any) -> str:
    """An aware datetime, as the database stores it."""
    if not isinstance(value, datetime) or value.utcoffset() is None:
        raise InvalidValue(field, value, "must be an aware datetime, such as datetime.now(UTC)")
    try:
        return to_text(value)
    except (OverflowError, ValueError):
        raise InvalidValue(field, value, "lies outside the years that UTC can hold") from None


def choice(field: str, value: Any, choices: Iterable[str]) -> str:
    """One of `choices`."""
    for known in choices:
        if isinstance(value, str) and value == known:
            return known  # not `value`, which may be a member of some Enum
    raise InvalidValue(field, value, f"must be one of {', '.join(choices)}")


def json_text(field: str, value: Any) -> str:
    """`value` as JSON text of at most LONGEST_TEXT characters."""
    if isinstance(value, dict) and not value:
        return "{}"
    try:
        encoded = (_encode or _encoder())(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidValue(field, value, f"must be what JSON can hold ({error})") from None
    if len(encoded) > LONGEST_TEXT or not _storable(encoded):
        raise InvalidValue(field, value, f"must be at most {LONGEST_TEXT} characters of JSON, without lone surrogates")
    return encoded


def json_object(field: str, value: Mapping[str, Any] | None) -> str:
    """A mapping with text keys, or None for an empty one, as JSON text."""
    if value is None:
        return "{}"
    if not hasattr(value, "keys"):  # dict() takes "", [] and pairs as well
        raise InvalidValue(field, value, "must be a mapping")
    try:
        plain = dict(value)
    except (TypeError, ValueError):
        raise InvalidValue(field, value, "must be a mapping") from None
    for key in plain:
        if not isinstance(key, str):
            raise InvalidValue(field, value, f"must have text keys, not {key!r:.50}")
    try:
        return json_text(field, plain)
    except InvalidValue as error:
        error.value = value  # as it was given
        raise


def json_as_given(field: str, value: Any) -> str:
    """JSON text of at most LONGEST_TEXT characters, unchanged; NaN and the infinities, which Python reads, are none."""
    import json

    checked = text(field, value)
    try:
        json.loads(checked, parse_constant=_no_json)
    except (ValueError, RecursionError) as error:
        raise InvalidValue(field, value, f"must be JSON text ({error})") from None
    return checked


def _no_json(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _encoder() -> Callable[[Any], str]:
    """The JSON encoder, made once: `json.dumps` makes one per call when its options are not the defaults."""
    global _encode  # noqa: PLW0603  a cache
    import json  # here, because a heartbeat in a fresh interpreter does not need it

    _encode = json.JSONEncoder(allow_nan=False, ensure_ascii=False, separators=(",", ":")).encode
    return _encode


def json_value(stored: str) -> Any:
    """What `json_text` stored."""
    if stored == "{}":
        return {}
    import json

    return json.loads(stored)


def _storable(value: str) -> bool:
    """Whether SQLite gives back what it was given: NUL ends text for some readers, and lone surrogates are no UTF-8."""
    if "\0" in value:
        return False
    if value.isascii():
        return True
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True

"""A JSON document that knows where in its file each record starts."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .errors import UnreadableSource

__all__ = ["DECODER", "Document", "Member", "read_bytes"]

_SPACE = re.compile(r"[ \t\n\r]*")
_REMEDY = "repair the file or restore a copy of it, then import again; nothing was imported"


def _number(digits: str) -> int | float:
    """Python refuses to read whole numbers of more than some 4,300 digits; nothing stores one, so infinity will do."""
    try:
        return int(digits)
    except ValueError:
        return float(digits)


# NaN passes, so that it spoils the record that holds it and not the document.
DECODER = json.JSONDecoder(parse_int=_number)


@dataclass(frozen=True, slots=True)
class Member:
    """One member of an object or an array: its key or index, its value, and from where to where its text goes."""

    key: Any
    value: Any
    start: int
    end: int


class Document:
    """The JSON text of a file, or of one line of it.

    `value` is what it holds. first_line: the text's own, in the file. Raises UnreadableSource for what is not JSON.
    """

    __slots__ = ("_ends", "_first_line", "path", "text", "value")

    def __init__(self, path: str, text: str, *, first_line: int = 1) -> None:
        self.path = path
        self.text = text
        self._first_line = first_line
        self._ends: list[int] | None = None
        try:
            self.value = DECODER.decode(text)
        except json.JSONDecodeError as error:
            reason = f"is not JSON: {error.msg} at column {error.colno}; {_REMEDY}"
            raise UnreadableSource(reason, file=path, line=first_line + error.lineno - 1) from None
        except RecursionError:
            raise UnreadableSource(f"is nested too deeply; {_REMEDY}", file=path, line=first_line) from None

    @classmethod
    def read(cls, path: str) -> Document:
        """The document in a file of UTF-8. Raises UnreadableSource, with the line."""
        content = read_bytes(path)
        try:
            return cls(path, content.decode("utf-8-sig"))
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            raise UnreadableSource(f"is not UTF-8; {_REMEDY}", file=path, line=line) from None

    def line(self, position: int) -> int:
        """The line of a position in the text, from 1."""
        if self._ends is None:
            self._ends = [found.end() for found in re.finditer("\n", self.text)]
        return self._first_line + bisect_right(self._ends, position)

    def members(self, start: int = 0) -> Iterator[Member]:
        """The members of the object or array whose text starts at `start`, in their order, repeated keys included."""
        text, index = self.text, 0
        at = _after_space(text, start)
        keyed = text[at] == "{"
        at = _after_space(text, at + 1)
        while text[at] not in "]}":
            key: Any = index
            if keyed:
                key, at = DECODER.raw_decode(text, at)
                at = _after_space(text, _after_space(text, at) + 1)
            value, end = DECODER.raw_decode(text, at)
            yield Member(key, value, at, end)
            at, index = _after_space(text, end), index + 1
            if text[at] == ",":
                at = _after_space(text, at + 1)

    def raw(self, start: int = 0) -> dict[str, str]:
        """The source text of each value of the object whose text starts at `start`."""
        return {member.key: self.text[member.start : member.end] for member in self.members(start)}


def read_bytes(path: str) -> bytes:
    """All of a file. Raises OSError where the system does not let it be read."""
    with open(path, "rb") as file:
        return file.read()


def _after_space(text: str, at: int) -> int:
    space = _SPACE.match(text, at)
    return at if space is None else space.end()

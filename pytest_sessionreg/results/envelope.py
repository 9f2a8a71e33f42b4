"""The envelope: what every stored result of an experiment says about itself, whatever it found."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from typing import Any, TypeVar

from ..error_base import ResultError
from .environment import Environment

__all__ = ["Envelope"]

T = TypeVar("T")
_MISSHAPEN = (ValueError, TypeError, KeyError, AttributeError)


@dataclass(frozen=True, slots=True)
class Envelope:
    """kind: the experiment, e.g. "capacity".
    schema: of that kind's findings, from 1.
    command: repeats the run.
    environment: where it was measured.
    partial: what ended it before its end, so that the findings are those of the part that was done; None if nothing
        did.
    """

    kind: str
    schema: int
    command: str
    environment: Environment
    partial: str | None = None

    def seal(self, findings: dict[str, Any]) -> str:
        """The result as JSON text, one line: the fields of this envelope, and behind them `findings`."""
        return json.dumps({**asdict(self), **findings}, allow_nan=False) + "\n"

    @classmethod
    def open(cls, text: str, *, kind: str, schema: int) -> tuple[Envelope, dict[str, Any]]:
        """The envelope that `seal` wrote and what is in it. Raises ResultError for another kind or schema, and for text
        that is cut off.
        """
        try:
            document = dict(json.loads(text))
            found_schema = document["schema"]
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise ResultError(
                f"not a result of {kind}, or a truncated one ({type(error).__name__}: {error}); run it again"
            ) from None
        found_kind = document.get("kind", kind)  # storms of schema 1 did not say
        if found_kind != kind:
            raise ResultError(f"a result of {found_kind!r}, not of {kind}; name a file that sessionreg {kind} wrote")
        if found_schema != schema:
            raise ResultError(
                f"the {kind} result has schema {found_schema}, this version reads {schema}; "
                "run it again with this version"
            )
        try:
            known = {entry.name: document.pop(entry.name) for entry in fields(cls)}
            partial = known["partial"]
            envelope = cls(
                kind=str(known["kind"]),
                schema=schema,
                command=str(known["command"]),
                environment=Environment(**known["environment"]),
                partial=None if partial is None else str(partial),
            )
        except _MISSHAPEN as error:
            raise _misshapen_error(kind, error) from None
        return envelope, document

    @classmethod
    def read(cls, text: str, make: Callable[[Envelope, dict[str, Any]], T], *, kind: str, schema: int) -> T:
        """What `make` makes of the envelope and what is in it. Raises ResultError as `open` does, and where `make`
        finds a field missing or of another kind than it must be.
        """
        envelope, found = cls.open(text, kind=kind, schema=schema)
        try:
            return make(envelope, found)
        except _MISSHAPEN as error:
            raise _misshapen_error(kind, error) from None


def _misshapen_error(kind: str, error: Exception) -> ResultError:
    return ResultError(f"the {kind} result lacks or misnames a field ({type(error).__name__}: {error}); run it again")

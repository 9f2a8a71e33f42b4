"""The envelope: what every stored result of an experiment says about itself, whatever it found."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from .environment import Environment
from .errors import ResultError

__all__ = ["Envelope"]


@dataclass(frozen=True, slots=True)
class Envelope:
    """kind: the experiment, e.g. "capacity". schema: of that kind's findings, from 1. command: repeats the run.
    environment: where it was measured. interrupted: what stopped it early, so that the findings are those of the part
    that was done; empty if nothing did.
    """

    kind: str
    schema: int
    command: str
    environment: Environment
    interrupted: str = ""

    def seal(self, findings: dict[str, Any]) -> str:
        """The result as JSON text, one line: this envelope, and `findings` in it."""
        return json.dumps({**asdict(self), "findings": findings}, allow_nan=False) + "\n"

    @classmethod
    def open(cls, text: str, *, kind: str, schema: int) -> tuple[Envelope, dict[str, Any]]:
        """The envelope that `seal` wrote and what is in it. Raises ResultError for another kind or schema, and for text
        that is cut off.
        """
        try:
            document = json.loads(text)
            found_kind, found_schema = document["kind"], document["schema"]
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise ResultError(
                f"not a result of {kind}, or a truncated one ({type(error).__name__}: {error}); run it again"
            ) from None
        if found_kind != kind:
            raise ResultError(f"a result of {found_kind!r}, not of {kind}; name a file that sessionreg {kind} wrote")
        if found_schema != schema:
            raise ResultError(
                f"the {kind} result has schema {found_schema}, this version reads {schema}; "
                "run it again with this version"
            )
        try:
            envelope = cls(
                kind=kind,
                schema=schema,
                command=str(document["command"]),
                environment=Environment(**document["environment"]),
                interrupted=str(document["interrupted"]),
            )
            findings = dict(document["findings"])
        except (ValueError, TypeError, KeyError) as error:
            raise ResultError(
                f"the {kind} result lacks or misnames a field ({type(error).__name__}: {error}); run it again"
            ) from None
        return envelope, findings

"""The proof as it is stored: its runs, from which everything else follows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pytest_sessionreg.results.envelope import Envelope

from .case_progress import CaseProgress, case_progress
from .run import GateRun

__all__ = ["KIND", "SCHEMA", "ProofResult"]

KIND = "gate-proof"
SCHEMA = 1


@dataclass(frozen=True, slots=True)
class ProofResult:
    """share: of the whole number of runs, as asked for.
    runs: those that were done, in the order of their doing.
    """

    envelope: Envelope
    share: float
    runs: Sequence[GateRun]

    @property
    def cases(self) -> list[CaseProgress]:
        """How each case stands."""
        return case_progress(self.runs, share=self.share)

    def to_json(self) -> str:
        """The result as JSON text, one line."""
        return self.envelope.seal({"share": self.share, "runs": [asdict(run) for run in self.runs]})

    @classmethod
    def from_json(cls, text: str) -> ProofResult:
        """What `to_json` wrote. Raises ResultError for anything else."""

        def make(envelope: Envelope, found: dict[str, Any]) -> ProofResult:
            return cls(envelope, float(found["share"]), tuple(GateRun(**run) for run in found["runs"]))

        return Envelope.read(text, make, kind=KIND, schema=SCHEMA)

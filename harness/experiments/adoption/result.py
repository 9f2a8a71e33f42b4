"""What a registry says of its skills: a row each, the rate derived."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from pytest_sessionreg.registry.stores.skills import SkillAdoption
from pytest_sessionreg.results.envelope import Envelope

__all__ = ["KIND", "SCHEMA", "AdoptionResult"]

KIND = "adoption"
SCHEMA = 1


@dataclass(frozen=True, slots=True)
class AdoptionResult:
    """The skills of one workspace, or of one session of it, suggested or invoked in the last `window_s` seconds."""

    envelope: Envelope
    workspace: str
    session: str | None
    window_s: float
    skills: tuple[SkillAdoption, ...]

    @property
    def suggested(self) -> int:
        """Suggestions of all skills."""
        return sum(skill.suggested for skill in self.skills)

    @property
    def taken(self) -> int:
        """Of these, those that were invoked afterwards in the same session."""
        return sum(skill.taken for skill in self.skills)

    @property
    def rate(self) -> float | None:
        """Taken over suggested; None where nothing was suggested: there is no rate, and 0 would be one."""
        return self.taken / self.suggested if self.suggested else None

    def to_json(self) -> str:
        """The result as JSON text, with its sums and its rate for programs that want no more."""
        found = asdict(self)
        del found["envelope"]
        return self.envelope.seal({**found, "suggested": self.suggested, "taken": self.taken, "adoption": self.rate})

    @classmethod
    def from_json(cls, text: str) -> AdoptionResult:
        """What `to_json` wrote. Raises ResultError for anything else."""

        def make(envelope: Envelope, found: dict[str, Any]) -> AdoptionResult:
            return cls(
                envelope=envelope,
                workspace=str(found["workspace"]),
                session=found["session"],
                window_s=float(found["window_s"]),
                skills=tuple(SkillAdoption(**entry) for entry in found["skills"]),
            )

        return Envelope.read(text, make, kind=KIND, schema=SCHEMA)

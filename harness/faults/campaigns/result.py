"""What a campaign found: findings, a line of the table each, and what was measured beside them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from pytest_sessionreg.results.envelope import Envelope

__all__ = ["KIND", "SCHEMA", "CampaignFinding", "CampaignResult"]

KIND = "campaign"
SCHEMA = 1
# Results of 0.1 began with the campaign's name, and had neither kind nor schema.
_IS_OF_FORMER_SHAPE = re.compile(r'\s*\{\s*"campaign":')


@dataclass(frozen=True, slots=True)
class CampaignFinding:
    """fault: what was injected.
    times: how often.
    asked: what has to hold.
    found: what came.
    good: whether it held; None where nothing is asked, and what came is only documented.
    """

    fault: str
    times: int
    asked: str
    found: str
    good: bool | None


@dataclass(frozen=True, slots=True)
class CampaignResult:
    """campaign: its name.
    seconds: how long it took.
    parameters: as the command took them.
    measurements: by what was measured.
    """

    envelope: Envelope
    campaign: str
    seconds: float
    parameters: Mapping[str, Any]
    findings: tuple[CampaignFinding, ...]
    measurements: Mapping[str, Any]

    @property
    def failed(self) -> tuple[CampaignFinding, ...]:
        """The findings of what was asked and did not hold."""
        return tuple(finding for finding in self.findings if finding.good is False)

    @property
    def good(self) -> bool:
        """Whether all that was asked held, to the end."""
        return self.envelope.partial is None and not self.failed

    def to_json(self) -> str:
        """The result as JSON text. What was measured as numpy's numbers becomes plain ones, and what is none null."""
        found = asdict(self)
        del found["envelope"]
        return self.envelope.seal(json.loads(json.dumps(found, default=float), parse_constant=lambda _: None))

    @classmethod
    def from_json(cls, text: str) -> CampaignResult:
        """What `to_json` wrote, of version 0.1 too. Raises ResultError for anything else."""
        if _IS_OF_FORMER_SHAPE.match(text):
            text = _reshaped(text)

        def make(envelope: Envelope, found: dict[str, Any]) -> CampaignResult:
            return cls(
                envelope=envelope,
                campaign=str(found["campaign"]),
                seconds=float(found["seconds"]),
                parameters=dict(found["parameters"]),
                findings=tuple(CampaignFinding(**entry) for entry in found["findings"]),
                measurements=dict(found["measurements"]),
            )

        return Envelope.read(text, make, kind=KIND, schema=SCHEMA)


def _reshaped(text: str) -> str:
    """A result of 0.1 in the present shape; text that is none as it is."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return json.dumps({"kind": KIND, "schema": SCHEMA, "partial": None, **document})

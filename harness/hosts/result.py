"""The side-by-side result: what each place found, and nothing about who is better."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from pytest_sessionreg.results.envelope import Envelope

from ..experiments.outcome import Figures

__all__ = ["KIND", "SCHEMA", "PlaceReport", "PlacesResult"]

KIND = "places"
SCHEMA = 1


@dataclass(frozen=True, slots=True)
class PlaceReport:
    """One place. spec: how it was reached. error: why there is no result, None if there is one. partial: why that ended
    before its end. wrong: what it found that must not be. machine: its machine line. file: where its own result was
    stored, beside this one, None if it was not. figures: the main ones.
    """

    name: str
    spec: str
    error: str | None
    partial: str | None
    wrong: tuple[str, ...]
    machine: str | None
    finding: str | None
    file: str | None
    figures: tuple[Figures, ...]

    @classmethod
    def without(cls, name: str, spec: str, error: str) -> PlaceReport:
        """A place that gave no result, because of `error`."""
        return cls(
            name=name,
            spec=spec,
            error=error,
            partial=None,
            wrong=(),
            machine=None,
            finding=None,
            file=None,
            figures=(),
        )


@dataclass(frozen=True, slots=True)
class PlacesResult:
    """One experiment at several places. The envelope's environment is that of the machine that asked."""

    envelope: Envelope
    experiment: str
    places: tuple[PlaceReport, ...]

    def to_json(self, results: Mapping[str, Any] | None = None) -> str:
        """The result as JSON text. results: each place's own document, to be in it, by place."""
        places = [
            {**asdict(place), **({} if results is None else {"result": results.get(place.name)})}
            for place in self.places
        ]
        return self.envelope.seal({"experiment": self.experiment, "places": places})

    @classmethod
    def from_json(cls, text: str) -> PlacesResult:
        """What `to_json` wrote. Raises ResultError for anything else."""

        def make(envelope: Envelope, found: dict[str, Any]) -> PlacesResult:
            return cls(envelope, str(found["experiment"]), tuple(map(_place, found["places"])))

        return Envelope.read(text, make, kind=KIND, schema=SCHEMA)


def _place(entry: dict[str, Any]) -> PlaceReport:
    entry.pop("result", None)
    return PlaceReport(
        **{
            **entry,
            "wrong": tuple(entry["wrong"]),
            "figures": tuple(Figures(**figures) for figures in entry["figures"]),
        }
    )

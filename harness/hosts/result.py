"""The side-by-side result: what each host found, and nothing about who is better."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from pytest_sessionreg.results.envelope import Envelope

from ..experiments.outcome import Figures

__all__ = ["KIND", "SCHEMA", "HostReport", "HostsResult"]

KIND = "hosts"
SCHEMA = 1
# What version 0.1 called the kind, and the key under which the hosts are stored.
FORMER_KIND = "places"
_IS_OF_FORMER_KIND = re.compile(rf'\s*\{{\s*"kind":\s*"{FORMER_KIND}"')


@dataclass(frozen=True, slots=True)
class HostReport:
    """One host. spec: how it was reached. error: why there is no result, None if there is one. partial: why that ended
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
    def without(cls, name: str, spec: str, error: str) -> HostReport:
        """A host that gave no result, because of `error`."""
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
class HostsResult:
    """One experiment at several hosts. The envelope's environment is that of the machine that asked."""

    envelope: Envelope
    experiment: str
    hosts: tuple[HostReport, ...]

    def to_json(self, results: Mapping[str, Any] | None = None) -> str:
        """The result as JSON text. results: each host's own document, to be in it, by host."""
        hosts = [
            {**asdict(host), **({} if results is None else {"result": results.get(host.name)})} for host in self.hosts
        ]
        return self.envelope.seal({"experiment": self.experiment, "hosts": hosts})

    @classmethod
    def from_json(cls, text: str) -> HostsResult:
        """What `to_json` wrote, of version 0.1 too. Raises ResultError for anything else."""
        kind = FORMER_KIND if _IS_OF_FORMER_KIND.match(text) else KIND

        def make(envelope: Envelope, found: dict[str, Any]) -> HostsResult:
            return cls(replace(envelope, kind=KIND), str(found["experiment"]), tuple(map(_host, found[kind])))

        return Envelope.read(text, make, kind=kind, schema=SCHEMA)


def _host(entry: dict[str, Any]) -> HostReport:
    entry.pop("result", None)
    return HostReport(
        **{
            **entry,
            "wrong": tuple(entry["wrong"]),
            "figures": tuple(Figures(**figures) for figures in entry["figures"]),
        }
    )

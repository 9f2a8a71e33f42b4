"""What a campaign found, and how it is told: lines on the terminal, and one JSON file."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from time import monotonic
from typing import Any

import numpy as np
import numpy.typing as npt

from pytest_sessionreg.results.environment import Environment

__all__ = ["Finding", "Report", "parser", "spread", "told"]

# How many samples a percentile needs; of p99 the rule of the storms.
_P90_SAMPLES = 36
_P99_SAMPLES = 368


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the table.

    fault: what was done. times: how often. asked: what has to hold. found: what came. good: whether it held; None where
    nothing is asked, and what came is only documented.
    """

    fault: str
    times: int
    asked: str
    found: str
    good: bool | None


class Report:
    """A campaign's findings, gathered one by one."""

    def __init__(self, name: str, options: argparse.Namespace) -> None:
        self._name = name
        self._options = options
        self._started = monotonic()
        self._environment = Environment.of(os.path.join(tempfile.gettempdir(), "arena.db"))
        self._findings: list[Finding] = []
        self.measurements: dict[str, Any] = {}
        print(self._environment.line())

    def add(self, fault: str, *, times: int, asked: str, found: str, good: bool | None) -> None:
        """Note a finding and print it."""
        good = None if good is None else bool(good)  # a comparison of numpy's is no bool for JSON
        self._findings.append(Finding(fault, times, asked, found, good))
        verdict = {True: "good", False: "BAD", None: "note"}[good]
        print(f"{verdict:<5}{fault} ({times} times)\n     asked: {asked}\n     found: {found}", flush=True)

    def finish(self) -> int:
        """Write the JSON; the exit status: 0, or 1 if something did not hold."""
        parameters = {name: value for name, value in vars(self._options).items() if name != "out"}
        given = "".join(
            f" --{name.replace('_', '-')} {shlex.quote(str(value))}"
            for name, value in parameters.items()
            if value is not None
        )
        document = {
            "campaign": self._name,
            "command": f"python -m tests.campaigns.{self._name}{given}",
            "machine": self._environment.line(),
            "environment": asdict(self._environment),
            "seconds": round(monotonic() - self._started, 1),
            "parameters": parameters,
            "findings": [asdict(finding) for finding in self._findings],
            "measurements": self.measurements,
        }
        os.makedirs(self._options.out, exist_ok=True)
        path = os.path.join(self._options.out, f"{self._name.replace('_', '-')}.json")
        with open(path, "w", encoding="utf-8") as file:
            file.write(json.dumps(document, indent=1, default=float) + "\n")
        print(f"{path}  {document['seconds']} s")
        return int(any(finding.good is False for finding in self._findings))


def parser(description: str | None) -> argparse.ArgumentParser:
    """The options that every campaign has."""
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--out", default="reports/write-queue-faults", help="directory of the JSON")
    made.add_argument("--seed", type=int, default=1, help="of the random instants")
    return made


def spread(values: Sequence[float] | npt.NDArray[Any]) -> dict[str, float | int]:
    """Count, median, p90 and p99 where there are samples enough, and the most."""
    if not len(values):
        return {"count": 0}
    array = np.asarray(values, dtype=float)
    found: dict[str, float | int] = {"count": len(array), "p50": round(float(np.quantile(array, 0.5)), 3)}
    for name, quantile, needed in (("p90", 0.9, _P90_SAMPLES), ("p99", 0.99, _P99_SAMPLES)):
        if len(array) >= needed:
            found[name] = round(float(np.quantile(array, quantile)), 3)
    found["max"] = round(float(array.max()), 3)
    return found


def told(values: Sequence[float] | npt.NDArray[Any], unit: str = "ms") -> str:
    """A spread in words, e.g. "p50 1.2, p99 8.9, max 10.4 ms"."""
    found = spread(values)
    parts = [f"{name} {value:.3g}" for name, value in found.items() if name != "count"]
    return f"{', '.join(parts)} {unit}" if parts else "none"

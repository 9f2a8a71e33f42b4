"""The results as Markdown. `python table.py DIR PAGE ...` makes DIR/table.md again, and puts its tables between the
marks `<!-- N writers -->` and `<!-- end -->` of the pages.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from pytest_sessionreg.results.environment import Environment

__all__ = ["table"]

_HEAD = (
    "| store | acknowledged | lost | given up or failed | p50 ms | p99 ms | max ms | p99 /ideal | p99 /registry |\n"
    "|---|---|---|---|---|---|---|---|---|"
)


def table(entries: Sequence[dict[str, Any]]) -> str:
    """The table of each load that `entries` have, what was raised and by whom, and the machine."""
    parts = []
    for load in _distinct([entry["load"] for entry in entries]):
        chosen = [entry for entry in entries if entry["load"] == load]
        parts.append(
            f"### {load['writers']} writers, {load['writes']} writes each, {load['think_ms']:g} ms mean think time, "
            f"{load['rounds']} rounds\n\n{rows(chosen)}"
        )
        raised = [f"- {_name(entry)}: {_exceptions(entry)}" for entry in chosen if entry["raised"]]
        if raised:
            parts.append("Raised:\n\n" + "\n".join(raised))
    return "\n\n".join([*parts, machine(entries)]) + "\n"


def rows(entries: Sequence[dict[str, Any]]) -> str:
    """The table of one load, the shortest p99 first; stores that gave up come last: to give up early is no speed."""
    found = [*(_row(entry, entry["p99_over_registry"]) for entry in entries)]
    found.append(_registry(_distinct([entry["registry"] for entry in entries])))
    return "\n".join([_HEAD, *(text for _, _, text in sorted(found))])


def machine(entries: Sequence[dict[str, Any]]) -> str:
    """The machine, and how busy it was before each measurement: with more than its two processors, other work ran."""
    lines = _distinct([Environment(**{**entry["environment"], "load_1m": 0.0}).line() for entry in entries])
    loads = [entry["environment"]["load_1m"] for entry in entries]
    return f"{'; '.join(lines)}; load average {min(loads):.1f} to {max(loads):.1f} before each"


def _row(entry: dict[str, Any], over_registry: float | None) -> tuple[bool, float, str]:
    cells = [
        _name(entry),
        f"{entry['acknowledged']:,} of {entry['asked']:,}",
        f"{entry['lost']:,}",
        f"{entry['given_up'] + entry['failed']:,}",
        _ms(entry["p50_ms"]),
        _ms(entry["p99_ms"]),
        _ms(entry["max_ms"]),
        _ratio(entry["slowdown_p99"]),
        _ratio(over_registry),
    ]
    return bool(entry["given_up"] + entry["failed"]), entry["p99_ms"] or 0.0, f"| {' | '.join(cells)} |"


def _registry(entries: Sequence[dict[str, Any]]) -> tuple[bool, float, str]:
    """One row for the registry, which stood beside every store: medians over its measurements, sums of all counts."""
    counts = ("acknowledged", "asked", "lost", "given_up", "failed")
    sums = {name: sum(entry[name] for entry in entries) for name in counts}
    middles = {name: _middle([entry[name] for entry in entries]) for name in ("p50_ms", "p99_ms", "slowdown_p99")}
    longest = max(entry["max_ms"] for entry in entries)
    title = {"package": "", "version": "", "store": "**session registry**, beside each"}
    return _row({**title, "max_ms": longest, **sums, **middles}, 1.0)


def _middle(values: Sequence[float | None]) -> float | None:
    return None if None in values else median(value or 0.0 for value in values)


def _name(entry: dict[str, Any]) -> str:
    return " ".join(part for part in (entry["package"], entry["version"], entry["store"]) if part)


def _exceptions(entry: dict[str, Any]) -> str:
    most = sorted(entry["raised"].items(), key=lambda found: -found[1])
    return ", ".join(f"{count:,} x `{kind}`" for kind, count in most)


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}" if value < 1000 else f"{value:,.0f}"


def _ratio(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}" if value < 10 else f"{value:.0f}"


def _distinct(values: Sequence[Any]) -> list[Any]:
    found: list[Any] = []
    for value in values:
        if value not in found:
            found.append(value)
    return found


def _put(page: Path, entries: Sequence[dict[str, Any]]) -> None:
    """Replace what is between the marks of `page`."""

    def made(mark: re.Match[str]) -> str:
        chosen = [entry for entry in entries if entry["load"]["writers"] == int(mark[1])]
        return f"<!-- {mark[1]} writers -->\n{rows(chosen)}\n\n{machine(chosen)}\n<!-- end -->"

    marks = re.compile(r"<!-- (\d+) writers -->.*?<!-- end -->", re.DOTALL)
    page.write_text(marks.sub(made, page.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    directory = Path(sys.argv[1])
    measured = json.loads((directory / "peers.json").read_text(encoding="utf-8"))["entries"]
    (directory / "table.md").write_text(table(measured), encoding="utf-8")
    for name in sys.argv[2:]:
        _put(Path(name), measured)

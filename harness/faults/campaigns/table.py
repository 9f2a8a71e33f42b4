"""The table of all campaigns' stored results, in Markdown."""

from __future__ import annotations

from pathlib import Path

from pytest_sessionreg.error_base import ResultError

from .result import CampaignResult

__all__ = ["results_table"]

_HELD = {True: "yes", False: "**no**", None: "-"}


def results_table(directory: Path) -> str:
    """The findings of every NAME.json in `directory`, then their commands and machines. Raises ResultError."""
    results = [_read(path) for path in sorted(directory.glob("*.json"))]
    if not results:
        raise ResultError(f"{directory}: no NAME.json is there; name a directory that sessionreg campaign wrote to")
    lines = ["| campaign | fault | times | asked | found | held |", "|---|---|---:|---|---|---|"]
    for result in results:
        for finding in result.findings:
            cells = (
                result.campaign,
                finding.fault,
                f"{finding.times:,}",
                finding.asked or "-",
                finding.found,
                _HELD[finding.good],
            )
            lines.append("| " + " | ".join(cells) + " |")
    lines += ["", "| campaign | command | seconds | load before |", "|---|---|---:|---:|"]
    for result in results:
        envelope = result.envelope
        ended = "" if envelope.partial is None else f", {envelope.partial}"
        load = envelope.environment.load_1m
        lines.append(f"| {result.campaign} | `{envelope.command}` | {result.seconds:g}{ended} | {load:g} |")
    machines = sorted({result.envelope.environment.line() for result in results})
    return "\n".join([*lines, "", *(f"Machine: {machine}." for machine in machines)]) + "\n"


def _read(path: Path) -> CampaignResult:
    try:
        return CampaignResult.from_json(path.read_text(encoding="utf-8"))
    except (ResultError, UnicodeDecodeError) as error:
        raise ResultError(f"{path}: no result of a campaign: {error}") from None

"""The table of all campaigns' stored results, in Markdown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pytest_sessionreg.error_base import ResultError

__all__ = ["results_table"]

_HELD = {True: "yes", False: "**no**", None: "-"}


def results_table(directory: Path) -> str:
    """The findings of every NAME.json in `directory`, then their commands and machines. Raises ResultError."""
    documents = [_read(path) for path in sorted(directory.glob("*.json"))]
    if not documents:
        raise ResultError(f"{directory}: no NAME.json is there; name a directory that sessionreg campaign wrote to")
    lines = ["| campaign | fault | times | asked | found | held |", "|---|---|---:|---|---|---|"]
    for document in documents:
        for finding in document["findings"]:
            cells = (
                document["campaign"],
                finding["fault"],
                f"{finding['times']:,}",
                finding["asked"] or "-",
                finding["found"],
                _HELD[finding["good"]],
            )
            lines.append("| " + " | ".join(cells) + " |")
    lines += ["", "| campaign | command | seconds | load before |", "|---|---|---:|---:|"]
    for document in documents:
        load = document["environment"]["load_1m"]
        ended = f", {document['partial']}" if document.get("partial") else ""
        lines.append(
            f"| {document['campaign']} | `{document['command']}` | {document['seconds']:g}{ended} | {load:g} |"
        )
    machines = sorted({document["machine"] for document in documents})
    return "\n".join([*lines, "", *(f"Machine: {machine}." for machine in machines)]) + "\n"


def _read(path: Path) -> dict[str, Any]:
    try:
        document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        missing = {"campaign", "command", "machine", "environment", "seconds", "findings"} - document.keys()
    except (ValueError, AttributeError) as error:
        raise ResultError(f"{path}: no result of a campaign, or a truncated one ({error}); run it again") from None
    if missing:
        raise ResultError(f"{path}: no result of a campaign (it lacks {', '.join(sorted(missing))}); move it elsewhere")
    return document

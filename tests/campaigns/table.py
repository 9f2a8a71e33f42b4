"""The table of all campaigns' committed results.

    python -m tests.campaigns.table [--check]

Writes table.md beside the JSON files; with --check says by its exit status (1) that it is not what they would give.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from typing import Any

_DIRECTORY = "reports/write-queue-faults"
_TABLE = "table.md"
_HELD = {True: "yes", False: "**no**", None: "-"}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    options = parser.parse_args()
    text = "\n".join(_lines()) + "\n"
    path = os.path.join(_DIRECTORY, _TABLE)
    if options.check:
        with open(path, encoding="utf-8") as file:
            return int(file.read() != text)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return 0


def _lines() -> list[str]:
    documents = [_read(name) for name in sorted(os.listdir(_DIRECTORY)) if name.endswith(".json")]
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
        lines.append(f"| {document['campaign']} | `{document['command']}` | {document['seconds']:g} | {load:g} |")
    machines = sorted({document["machine"] for document in documents})
    return [*lines, "", *(f"Machine: {machine}." for machine in machines)]


def _read(name: str) -> dict[str, Any]:
    with open(os.path.join(_DIRECTORY, name), encoding="utf-8") as file:
        document: dict[str, Any] = json.load(file)
    return document


if __name__ == "__main__":
    sys.exit(main())

"""The write queue at its loads, beside every other policy, one flock, and the queue of another checkout.

    python tests/benchmarks/loads.py [--rounds 5] [--only TEXT] [--beside NAME=TREE] [--out DIRECTORY]

In each round every load is stormed once under every policy, in another order, each storm in a process of its own. A
figure is the median over the rounds, with the least and the greatest behind it; a ratio is the median of the ratios of
the same round. With --out the tables are written there as loads.md, with every round in loads.json.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
from argparse import ArgumentParser
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from pytest_sessionreg.results.environment import Environment
from pytest_sessionreg.results.policies import POLICY_NAMES

_ROOT = Path(__file__).parents[2]
_COLUMNS = ("p50 ms", "p99 ms", "p99.9 ms", "max ms", "writes/s", "slowest", "cpu us", "gave up")
# None where a load is too small for one.
Figures = dict[str, float | None]


@dataclass(frozen=True, slots=True)
class Load:
    """workers, writes, hold_ms, think_ms: as for `sessionreg storm`; writes with an `s` are seconds.

    asked: of the queue.
    """

    name: str
    workers: int
    writes: str
    hold_ms: float
    think_ms: float
    asked: str


_SHORT = "p99 at most the best of all others, max at most 1.1 of the best"
_LONG = "p99 at most that of the queue before"
LOADS = (
    Load("16 writers, heartbeats, think 20", 16, "250", 0, 20, _SHORT),
    Load("32 writers, heartbeats, think 20", 32, "150", 0, 20, _SHORT),
    Load("64 writers, heartbeats, think 20", 64, "100", 0, 20, _SHORT + "; cpu at most 1.15 of one flock's"),
    Load("32 writers, heartbeats, think 100", 32, "60", 0, 100, _SHORT),
    Load("32 writers, hold 0.3, think 30", 32, "100", 0.3, 30, _SHORT),
    Load(
        "32 writers, no hold, no think",
        32,
        "5s",
        0,
        0,
        "writes/s at least 0.95 of the best whose slowest has 0.5; p99.9 and max below all; slowest at least 0.90",
    ),
    Load("16 writers, hold 2, think 100", 16, "60", 2, 100, _LONG),
    Load("64 writers, hold 2, think 200", 64, "30", 2, 200, _LONG),
    Load("64 writers, hold 2, no think", 64, "20", 2, 0, _LONG + "; fairness at least 0.99"),
    Load("128 writers, hold 2, no think", 128, "12", 2, 0, _LONG + "; fairness at least 0.99"),
    Load("256 writers, hold 2, no think", 256, "8", 2, 0, _LONG + "; fairness at least 0.99"),
)


def main() -> None:
    """Storm, and print a table for each load."""
    parser = ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", help="part of the names of the loads to run")
    parser.add_argument("--beside", metavar="NAME=TREE", help="a checkout whose queue is stormed as well")
    parser.add_argument("--policies", default=",".join((*POLICY_NAMES, "flock")), help="which, with commas between")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    subjects = {name: (_ROOT, name) for name in given.policies.split(",")}
    if given.beside:
        name, _, tree = given.beside.partition("=")
        subjects[name] = (Path(tree), "queue")
    with tempfile.TemporaryDirectory() as directory:
        lines = [Environment.of(str(Path(directory) / "any.db")).line(), "", f"{given.rounds} rounds, interleaved.", ""]
    print("\n".join(lines))
    loads = [load for load in LOADS if given.only in load.name]
    rounds: list[dict[str, dict[str, Figures]]] = []
    for number in range(given.rounds):
        rounds.append({})
        for load in loads:
            figures = rounds[-1][load.name] = {}
            for name in random.Random(number).sample(list(subjects), len(subjects)):
                tree, policy = subjects[name]
                figures[name] = _storm(tree, policy, load, seed=number)
    for load in loads:
        table = _table(load, [each[load.name] for each in rounds])
        print("\n".join(table))
        lines += table
    if given.out is not None:
        given.out.mkdir(parents=True, exist_ok=True)
        (given.out / "loads.md").write_text("\n".join(lines))
        (given.out / "loads.json").write_text(json.dumps(rounds, indent=1) + "\n")


def _storm(tree: Path, policy: str, load: Load, *, seed: int) -> Figures:
    numbers = (load.workers, load.writes, load.hold_ms, load.think_ms, seed)
    command = [sys.executable, str(_ROOT / "tests/benchmarks/one_storm.py"), policy, *map(str, numbers)]
    environment = {**os.environ, "PYTHONPATH": str(tree.resolve())}
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    figures: Figures = json.loads(done.stdout)
    return figures


def _table(load: Load, rounds: list[dict[str, Figures]]) -> list[str]:
    lines = [f"### {load.name}", "", f"Asked of the queue: {load.asked}.", ""]
    lines += ["| policy | p99 / queue | fairness | " + " | ".join(_COLUMNS) + " |", "|---" * (len(_COLUMNS) + 3) + "|"]
    for name in rounds[0]:
        ratios = [
            own / queue for each in rounds if (own := each[name]["p99 ms"]) and (queue := each["queue"]["p99 ms"])
        ]
        fairness = [value for each in rounds if (value := each[name]["fairness"]) is not None]
        cells = [_cell([each[name][column] for each in rounds]) for column in _COLUMNS]
        shown = [f"{median(ratios):.2f}" if ratios else "-", f"{median(fairness):.3f}" if fairness else "-", *cells]
        lines.append(f"| {name} | " + " | ".join(shown) + " |")
    return [*lines, ""]


def _cell(found: list[float | None]) -> str:
    values = [value for value in found if value is not None]
    if not values:
        return "-"
    return f"{_short(median(values))} ({_short(min(values))}-{_short(max(values))})"


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 100 or value == int(value) else f"{value:.1f}" if value >= 10 else f"{value:.3g}"


if __name__ == "__main__":
    main()

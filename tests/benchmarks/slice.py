"""What a slice buys and what it costs: throughput against the tail and fairness, over lengths of the slice.

    python tests/benchmarks/slice.py [--rounds 5] [--out DIRECTORY]

32 writers that come straight back, no hold: the load at which strict turns cost more than the writes. Lengths are
interleaved in every round; the other policies run beside them. With --out: slice.json, slice.md and slice.png.
"""

from __future__ import annotations

import json
import os
import random
import tempfile
from argparse import ArgumentParser
from pathlib import Path
from statistics import median

import numpy as np

from pytest_sessionreg import WriteQueue
from pytest_sessionreg.results.environment import Environment
from pytest_sessionreg.results.policies import policy_named
from pytest_sessionreg.storm.plan import Plan
from pytest_sessionreg.storm.storm import run_storm

_SLICES_MS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 4.0)
_OTHERS = ("budget", "busy-timeout", "interval")
_WORKERS = 32


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--duration", type=float, default=3, help="seconds of each storm")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        machine = Environment.of(os.path.join(directory, "storm.db")).line()
    policies = {f"{length:g} ms": WriteQueue(slice=length / 1000) for length in _SLICES_MS}
    policies |= {name: policy_named(name) for name in _OTHERS}  # type: ignore[misc]
    rounds: dict[str, list[dict[str, float]]] = {name: [] for name in policies}
    for number in range(arguments.rounds):
        for name in random.Random(number).sample(list(policies), len(policies)):
            run = run_storm(
                Plan(
                    policies[name], workers=_WORKERS, writes=None, duration_s=arguments.duration, hold_ms=0, think_ms=0
                )
            )
            written = np.bincount(run.samples.worker[run.samples.committed], minlength=_WORKERS)
            rounds[name].append(
                {
                    "writes_per_s": run.throughput_per_s,
                    "p999_ms": run.latency_ms.p999 or 0.0,
                    "max_ms": run.latency_ms.max or 0.0,
                    "slowest": float(written.min() / written.mean()),
                }
            )
    medians = {name: {key: median(one[key] for one in each) for key in each[0]} for name, each in rounds.items()}
    lines = [machine, "", "| slice or policy | writes/s | p99.9 ms | max ms | slowest worker, of its fair share |"]
    lines.append("|---|---|---|---|---|")
    for name, each in medians.items():
        lines.append(
            f"| {name} | {each['writes_per_s']:.0f} | {each['p999_ms']:.1f} | {each['max_ms']:.1f} "
            f"| {each['slowest']:.2f} |"
        )
    text = "\n".join(lines) + "\n"
    print(text)
    if arguments.out is not None:
        arguments.out.mkdir(parents=True, exist_ok=True)
        (arguments.out / "slice.md").write_text(text)
        (arguments.out / "slice.json").write_text(json.dumps(rounds, indent=1) + "\n")
        _draw(medians, rounds, arguments.out / "slice.png")


def _draw(medians: dict[str, dict[str, float]], rounds: dict[str, list[dict[str, float]]], path: Path) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    names = [f"{length:g} ms" for length in _SLICES_MS]
    figure = Figure(figsize=(8, 7.2), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(3, 1, sharex=True)
    best = max(medians[name]["writes_per_s"] for name in _OTHERS)
    shortest = min(medians[name]["p999_ms"] for name in _OTHERS)
    fairest = max(medians[name]["slowest"] for name in _OTHERS)
    for axes, key, label, other, other_label in (
        (panels[0], "writes_per_s", "writes/s", best, "best other policy"),
        (panels[1], "p999_ms", "p99.9, ms", shortest, "shortest of the other policies"),
        (panels[2], "slowest", "slowest worker,\nof its fair share", fairest, "fairest other policy"),
    ):
        for name, length in zip(names, _SLICES_MS, strict=True):
            axes.plot([length] * len(rounds[name]), [one[key] for one in rounds[name]], ".", color="#9ecae1", zorder=2)
        axes.plot(_SLICES_MS, [medians[name][key] for name in names], "o-", color="#0072B2", zorder=3, label="queue")
        axes.axhline(other, color="#D55E00", linestyle="--", linewidth=1.4, label=other_label)
        axes.set_ylabel(label)
        axes.set_ylim(bottom=0)
        axes.grid(visible=True, color="#dddddd", linewidth=0.6)
        axes.legend(fontsize=9, frameon=False, loc="best")
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
    panels[2].set_xlabel("slice, ms (0: strictly in turn); dots are rounds, the line their medians")
    gained = medians["1 ms"]["writes_per_s"] / medians["0 ms"]["writes_per_s"]
    figure.suptitle(
        f"A slice of 1 ms makes tiny transactions {gained:.1f} times as fast as strict turns\n"
        f"{_WORKERS} writers, no hold, no think time",
        x=0.02,
        ha="left",
        fontsize=11,
        fontweight="bold",
    )
    figure.savefig(path)


if __name__ == "__main__":
    main()

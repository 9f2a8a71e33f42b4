"""What handing the write lock over costs on this machine, and so the limit of any policy that admits in order.

    python tests/benchmarks/hand_over.py [--rounds 5] [--out DIRECTORY]

A relay is the floor: writers in a ring, each woken through a pipe of its own by the one before, who knows it; nobody
joins, gives up, dies or is stopped, so nothing has to be looked at. The queue's hand-over stands beside it, from the
same rounds. Then what a hand-over of so many microseconds does to an ideal lock, with the holds and the think times of
those storms; and what is left of a lone writer's rate when writers without hold take turns, in the relay and in storms,
each beside the lone writer of its own kind, for a storm's loop records what it does. With --out the tables are written
there as well, as Markdown, with every round as JSON.
"""

from __future__ import annotations

import json
import os
import tempfile
from argparse import ArgumentParser
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import monotonic_ns, sleep

import numpy as np
import numpy.typing as npt

from pytest_sessionreg import Registry, RetryBudget, WriteQueue
from pytest_sessionreg.processes import Call, Group
from pytest_sessionreg.registry.sqlite.admission.policy import AdmissionPolicy
from pytest_sessionreg.results.environment import Environment
from pytest_sessionreg.results.ideal import closed_loop, serve
from pytest_sessionreg.results.policies import POLICY_NAMES, policy_named
from pytest_sessionreg.results.samples import Samples
from pytest_sessionreg.storm.plan import Plan
from pytest_sessionreg.storm.storm import run_storm

Column = npt.NDArray[np.float64]
_HAND_OVERS_US = (0, 25, 50, 75, 100, 150, 200)
# A p99 of one storm varies by a tenth; so do those of one storm's writes in other orders, whose median varies less.
_ORDERS = 25
_SLICES_MS = (1.0, 1.25, 1.5, 1.75, 2.0)
_TINY_WRITERS = 32
_TINY_S = 5.0


@dataclass(frozen=True, slots=True)
class Load:
    """Writers that hold the lock for hold_ms and pause for think_ms on the average; bar: what p99 may be, over the
    ideal.
    """

    workers: int
    writes: int
    hold_ms: float
    think_ms: float
    bar: float

    @property
    def name(self) -> str:
        return f"{self.workers} writers, {self.hold_ms:g} ms hold, {self.think_ms:g} ms think"


LOADS = (Load(16, 150, 2, 100, 1.10), Load(64, 75, 2, 200, 1.10), Load(64, 40, 2, 0, 1.10), Load(256, 8, 5, 0, 1.06))


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        lines = [Environment.of(os.path.join(directory, "storm.db")).line(), ""]
    rounds = [_round(number) for number in range(arguments.rounds)]
    lines += _hand_over_table(rounds) + _ideal_table(rounds) + _tiny_table(rounds)
    text = "\n".join(lines) + "\n"
    print(text)
    if arguments.out is not None:
        arguments.out.mkdir(parents=True, exist_ok=True)
        (arguments.out / "hand-over.md").write_text(text)
        (arguments.out / "hand-over.json").write_text(json.dumps(rounds, indent=1) + "\n")


Figures = dict[str, dict[str, float]]


def _round(seed: int) -> Figures:
    figures: Figures = {"relay": _relay_spans()}
    for load in LOADS:
        run = run_storm(
            Plan(
                WriteQueue(),
                workers=load.workers,
                writes=load.writes,
                hold_ms=load.hold_ms,
                think_ms=load.think_ms,
                seed=seed,
            )
        )
        figures[load.name] = {
            "hand-over": _hand_over_us(run.samples),
            "p99": run.slowdown.p99 or float("nan"),
            **_slower_ideals(run.samples, seed),
        }
    for slice_ms in _SLICES_MS:
        figures[f"relay, {slice_ms:g} ms"] = _tiny_relay(slice_ms)
    figures["relay, alone"] = _tiny_relay(_SLICES_MS[0], writers=1)
    figures["storm, alone"] = _tiny_storm(RetryBudget(), seed, writers=1)
    for name in POLICY_NAMES:
        figures[name] = _tiny_storm(policy_named(name), seed)
    return figures


def _tiny_storm(policy: AdmissionPolicy, seed: int, *, writers: int = _TINY_WRITERS) -> dict[str, float]:
    plan = Plan(policy, workers=writers, writes=None, duration_s=_TINY_S, hold_ms=0, think_ms=0, seed=seed)
    run = run_storm(plan)
    return {"writes/s": run.throughput_per_s, "p99.9 ms": run.latency_ms.p999 or float("nan")}


# -- the relay -------------------------------------------------------------------------------------------------------


def _relay_spans() -> dict[str, float]:
    """Medians in microseconds, of 64 writers with 2 ms hold: until the next one is awake, and its BEGIN."""
    turns = np.array(_relay(64, turns=40, slice_ms=0, hold_ms=2))
    woken, begun, done = turns[:, 0], turns[:, 1], turns[:, 2]
    return {
        "wake-up": float(np.median(woken[1:] - done[:-1])) / 1e3,
        "BEGIN": float(np.median(begun[1:] - woken[1:])) / 1e3,
        "hand-over": float(np.median(begun[1:] - done[:-1])) / 1e3,
    }


def _tiny_relay(slice_ms: float, *, writers: int = _TINY_WRITERS) -> dict[str, float]:
    """Writes a second of writers without hold, each for slice_ms in turn; the longest that one of them waited for its
    turn is what the p99.9 of a policy with such slices comes to.
    """
    turns = np.array(_relay(writers, turns=round(_TINY_S / writers / slice_ms * 1e3), slice_ms=slice_ms))
    done, writes = turns[:, 2], turns[:, 3]
    waits_ns = done[writers - 1 :] - done[: len(done) - writers + 1]
    seconds = (done[-1] - turns[0, 1]) / 1e9
    return {"writes/s": float(writes.sum() / seconds), "p99.9 ms": float(np.quantile(waits_ns, 0.999)) / 1e6}


def _relay(count: int, *, turns: int, slice_ms: float, hold_ms: float = 0) -> list[tuple[int, int, int, int]]:
    """Every turn in order: when its writer woke, when its first BEGIN had succeeded and when its last COMMIT had
    (monotonic nanoseconds), and its writes.
    """
    with tempfile.TemporaryDirectory() as directory:
        Registry.open(os.path.join(directory, "sessions.db")).close()
        for number in range(count):
            os.mkfifo(os.path.join(directory, str(number)))
        calls = [Call(_runner, (directory, number, count, turns, slice_ms, hold_ms)) for number in range(count)]
        with Group(calls, deadline_s=120) as group:
            group.wait_until_ready()
            group.release()
            results: list[list[tuple[int, int, int, int]]] = group.results()
    return sorted(turn for result in results for turn in result)


def _runner(
    directory: str, number: int, count: int, turns: int, slice_ms: float, hold_ms: float
) -> Callable[[], list[tuple[int, int, int, int]]]:
    # the lock is never busy here; this policy has no line, so its writes cost least
    registry = Registry.open(os.path.join(directory, "sessions.db"), policy=RetryBudget())
    session_id = f"session-{number}"
    registry.sessions.register(session_id)
    # for reading and writing, so that neither end waits for the other
    mine, next_ones = (os.open(os.path.join(directory, str(one % count)), os.O_RDWR) for one in (number, number + 1))

    def run() -> list[tuple[int, int, int, int]]:
        taken = []
        for turn in range(turns):
            if number or turn:
                os.read(mine, 1)
            woken_ns = begun_ns = monotonic_ns()
            writes = 0
            while True:
                with registry.transaction():
                    if not writes:
                        begun_ns = monotonic_ns()
                    registry.sessions.heartbeat(session_id)
                    if hold_ms:
                        sleep(hold_ms / 1e3)
                writes += 1
                done_ns = monotonic_ns()
                if done_ns - begun_ns >= slice_ms * 1e6:
                    break
            os.write(next_ones, b"!")
            taken.append((woken_ns, begun_ns, done_ns, writes))
        registry.close()
        return taken

    return run


# -- the queue and the ideal -----------------------------------------------------------------------------------------


def _hand_over_us(samples: Samples) -> float:
    """The median time from one COMMIT to the BEGIN of the next one, where that one was waiting."""
    committed = samples.committed
    started: Column = samples.started_us[committed].astype(float)
    begun = started + samples.wait_us[committed]
    done = begun + samples.hold_us[committed]
    order = np.argsort(begun)
    started, begun, done = started[order], begun[order], done[order]
    waited = started[1:] < done[:-1]
    return float(np.median((begun[1:] - done[:-1])[waited]))


def _slower_ideals(samples: Samples, seed: int) -> dict[str, float]:
    """By hand-over: p99 of an ideal lock that takes so long between two writers, over that of one that takes none."""
    thinks, holds = (list(map(np.array, times)) for times in closed_loop(samples))
    random = np.random.default_rng(seed)
    ratios: dict[int, list[float]] = {each: [] for each in _HAND_OVERS_US}
    for _ in range(_ORDERS):
        pauses = [random.permutation(each) for each in thinks]
        held = [random.permutation(each) for each in holds]
        ideal = _p99(pauses, held)
        for each in _HAND_OVERS_US:
            ratios[each].append(_p99(pauses, [times + each for times in held]) / ideal)
    return {f"{each} us": median(values) for each, values in ratios.items()}


def _p99(thinks: list[Column], holds: list[Column]) -> float:
    return float(np.percentile(serve([each.tolist() for each in thinks], [each.tolist() for each in holds]), 99))


# -- the tables ------------------------------------------------------------------------------------------------------


def _hand_over_table(rounds: list[Figures]) -> list[str]:
    lines = ["From one writer's COMMIT to the BEGIN of the next, who was waiting, medians in us:", ""]
    lines += ["| | wake-up | BEGIN | hand-over |", "|---|---|---|---|"]
    spans = [_cell(rounds, "relay", span) for span in ("wake-up", "BEGIN", "hand-over")]
    lines.append(f"| relay of 64 writers, 2 ms hold | {' | '.join(spans)} |")
    lines += [f"| queue, {load.name} | | | {_cell(rounds, load.name, 'hand-over')} |" for load in LOADS]
    return [*lines, ""]


def _ideal_table(rounds: list[Figures]) -> list[str]:
    columns = [f"{each} us" for each in _HAND_OVERS_US[1:]]
    lines = ["p99 over the ideal's, of a lock that is ideal but for its hand-over; and the queue's, measured:", ""]
    lines += [
        "| load | " + " | ".join(columns) + " | queue | bar |",
        "|---" * (len(columns) + 3) + "|",
    ]
    for load in LOADS:
        cells = [f"{median(one[load.name][column] for one in rounds):.2f}" for column in columns]
        lines.append(f"| {load.name} | {' | '.join(cells)} | {_cell(rounds, load.name, 'p99', 2)} | {load.bar:.2f} |")
    return [*lines, ""]


def _tiny_table(rounds: list[Figures]) -> list[str]:
    lines = [f"{_TINY_WRITERS} writers, no hold, no think time:", ""]
    lines += ["| | writes/s | of one writer alone | p99.9 ms |", "|---|---|---|---|"]
    relays = [f"relay, {each:g} ms" for each in _SLICES_MS]
    for name in ("relay, alone", *relays, "storm, alone", *POLICY_NAMES):
        alone = "relay, alone" if name.startswith("relay") else "storm, alone"
        shares = [one[name]["writes/s"] / one[alone]["writes/s"] for one in rounds]
        lines.append(
            f"| {name} | {_cell(rounds, name, 'writes/s')} | {_spread(shares, 2)} | {_cell(rounds, name, 'p99.9 ms')} |"
        )
    return lines


def _cell(rounds: list[Figures], name: str, figure: str, digits: int = 0) -> str:
    return _spread([one[name][figure] for one in rounds], digits)


def _spread(values: list[float], digits: int) -> str:
    return f"{median(values):.{digits}f} ({min(values):.{digits}f}-{max(values):.{digits}f})"


if __name__ == "__main__":
    main()

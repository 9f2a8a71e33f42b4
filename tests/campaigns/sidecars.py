"""The sidecar, or the bell, damaged in the middle of a storm of 8 writers.

    python -m tests.campaigns.sidecars [--rounds N]

Half of the writers open the registry anew after every 20 writes. The sidecar is deleted, emptied, filled with noise,
made read-only, replaced by a directory or by another file, or on a full disk; the bell's pipe is deleted, replaced or
filled up. Asked: no write lost, none refused, and order back soon wherever there can be a sidecar again.
"""

from __future__ import annotations

import os
import random
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic, monotonic_ns, sleep

import numpy as np

from pytest_sessionreg.results.samples import Samples
from tests.campaigns.arena import Arena
from tests.campaigns.crew import Crew
from tests.campaigns.finding import Report, parser, spread, told
from tests.campaigns.order import overtakings_us
from tests.campaigns.private_mounts import full_tmpfs, private_mounts, unmount

_WRITERS = 8
_BEFORE_S = 1.0
_AFTER_S = 3.0
# In order a writer of this storm waits some 15 ms; to be overtaken by one that came so much later is no chance.
_OVERTAKEN_BY_US = 20_000
_REOPEN = 20
_BELL = "-bell"


def _delete(path: str) -> None:
    os.unlink(path)


def _empty(path: str) -> None:
    os.truncate(path, 0)


def _fill_with_noise(path: str) -> None:
    with open(path, "r+b") as file:
        file.write(random.randbytes(70_000))


def _make_read_only(path: str) -> None:
    os.chmod(path, 0o400)


def _put_directory(path: str) -> None:
    os.unlink(path)
    os.mkdir(path)


def _put_other_file(path: str) -> None:
    with open(path + ".new", "wb") as file:
        file.write(random.randbytes(4096))
    os.replace(path + ".new", path)


def _delete_bell(path: str) -> None:
    os.unlink(path + _BELL)


def _put_file_for_bell(path: str) -> None:
    _put_other_file(path + _BELL)


def _put_directory_for_bell(path: str) -> None:
    _put_directory(path + _BELL)


def _fill_bell(path: str) -> None:
    descriptor = os.open(path + _BELL, os.O_RDWR | os.O_NONBLOCK)
    try:
        while True:
            os.write(descriptor, bytes(4096))
    except BlockingIOError:
        pass  # full
    finally:
        os.close(descriptor)


_DAMAGES: dict[str, Callable[[str], None]] = {
    "deleted": _delete,
    "emptied": _empty,
    "filled with noise": _fill_with_noise,
    "made read-only": _make_read_only,
    "replaced by a directory": _put_directory,
    "replaced by another file": _put_other_file,
    "bell deleted": _delete_bell,
    "bell replaced by a file": _put_file_for_bell,
    "bell replaced by a directory": _put_directory_for_bell,
    "bell filled up": _fill_bell,
}
_FULL = "on a full disk"
# After these there can be one line again; after the others not before somebody repairs what is broken.
_HEALING = ("deleted", "emptied", "filled with noise", "replaced by another file")


@dataclass(frozen=True, slots=True)
class _Storm:
    """samples: all writes. damaged_us: when. ended_us: when the storm was told to stop."""

    samples: Samples
    damaged_us: int
    ended_us: int

    def rate(self, from_us: int, to_us: int) -> float:
        """Writes per second."""
        begun_us = self.samples.started_us + self.samples.wait_us
        return float(((begun_us >= from_us) & (begun_us < to_us)).sum()) / (to_us - from_us) * 1e6


def main() -> int:
    options_parser = parser(__doc__)
    options_parser.add_argument("--rounds", type=int, default=3)
    options_parser.add_argument("--only", choices=[*_DAMAGES, _FULL], help="one damage instead of all")
    options_parser.add_argument("--before", type=float, default=_BEFORE_S, help="seconds of storm before the damage")
    options_parser.add_argument("--after", type=float, default=_AFTER_S, help="seconds of storm after the damage")
    options = options_parser.parse_args()
    random.seed(options.seed)
    report = Report("sidecars", options)
    for name in [options.only] if options.only else [*_DAMAGES, _FULL]:
        if name == _FULL and not private_mounts():
            report.add(f"the sidecar {_FULL}", times=0, asked="", found="not permitted to mount here", good=None)
            continue
        _campaign(report, name, options.rounds, options.before, options.after)
    return report.finish()


def _campaign(report: Report, name: str, rounds: int, before_s: float, after_s: float) -> None:
    lost = refused = failed = unsound = before = after = 0
    back_s: list[float] = []
    rates: list[tuple[float, float]] = []
    seen: Counter[str] = Counter()
    for _ in range(rounds):
        with Arena(_WRITERS) as arena:
            damaged_us, ended_us, outcomes = _blow(arena, name, before_s, after_s)
            storm = _Storm(arena.samples(), damaged_us, ended_us)
            judgement = arena.judged(storm.samples)
        seen += outcomes
        lost += judgement.lost
        refused += judgement.refused
        failed += judgement.failed
        unsound += not judgement.sound
        overtakings = overtakings_us(storm.samples, _OVERTAKEN_BY_US)
        before += int((overtakings < damaged_us).sum())
        disorder = overtakings[overtakings >= damaged_us]
        after += len(disorder)
        back_s.append(float(disorder.max() - damaged_us) / 1e6 if len(disorder) else 0.0)
        first_us = int(storm.samples.started_us.min())
        rates.append((storm.rate(first_us, damaged_us), storm.rate(damaged_us, ended_us)))
    speed = np.median([later / earlier for earlier, later in rates])
    subject = f"the {name}" if name.startswith("bell") else f"the sidecar {name}"
    report.add(
        subject,
        times=rounds,
        asked="nothing lost, nobody refused",
        found=(
            f"{seen['committed']:,} writes, {lost} lost, {refused} refused, {failed} failed; "
            f"{before} overtakings before, {after} after; {speed:.2f} of the speed before"
        ),
        good=not unsound and not refused and not failed,
    )
    if name in _HEALING:
        report.add(
            f"order after the sidecar was {name}",
            times=rounds,
            asked=f"back while the storm goes on ({after_s:g} s)",
            found=f"{after} overtakings by more than 20 ms, the last {told(back_s, 's')} after the damage",
            good=max(back_s) < after_s / 2,
        )
    report.measurements[subject] = {
        "last_overtaking_s": spread(back_s),
        "overtaken": {"before": before, "after": after},
        "writes_per_s": [{"before": round(earlier), "after": round(later)} for earlier, later in rates],
        "storm_after_s": after_s,
        "warnings": seen["warned"],
    }


def _blow(arena: Arena, name: str, before_s: float, after_s: float) -> tuple[int, int, Counter[str]]:
    """The storm; when the damage was done, when the storm ended (monotonic microseconds), and all outcomes."""
    full = os.path.join(arena.directory, "full")
    if name == _FULL:
        full_tmpfs(full, 8)
        os.unlink(arena.sidecar)
        os.symlink(os.path.join(full, "sidecar"), arena.sidecar)
    with Crew(deadline_s=120) as crew:
        calls = [
            arena.writer(writer, slice_s=0, hold_s=0.002, reopen=_REOPEN * (writer % 2), obey_modes=True)
            for writer in range(_WRITERS)
        ]
        workers = [crew.start(call, wait=True) for call in calls]
        for worker in workers:
            worker.wait_at_gate()
        for worker in workers:
            worker.go()
        sleep(before_s)
        damaged_us = monotonic_ns() // 1000
        if name == _FULL:
            _fill_disk(os.path.join(full, "ballast"))
        else:
            _DAMAGES[name](arena.sidecar)
        sleep(after_s)
        ended_us = monotonic_ns() // 1000
        arena.board.stop()
        outcomes: Counter[str] = Counter()
        for worker in workers:
            written = worker.result()
            outcomes += written.outcomes
            outcomes["warned"] += written.warnings
    if name == _FULL:
        unmount(full)
    return damaged_us, ended_us, outcomes


def _fill_disk(path: str) -> None:
    deadline = monotonic() + 5
    with open(path, "wb", buffering=0) as ballast:
        try:
            while monotonic() < deadline:
                ballast.write(bytes(4096))
        except OSError:
            return  # full


if __name__ == "__main__":
    sys.exit(main())

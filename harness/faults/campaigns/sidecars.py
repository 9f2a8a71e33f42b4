"""The files of the queue damaged in a storm.

Half of 8 writers open the registry anew after every 20 writes. The sidecar is deleted, emptied, filled with noise, made
read-only, replaced by a directory, by another file or by a link to one; the bell's pipe is deleted, replaced or filled
up. Asked: no write lost, none given up, and order back soon where there can be a sidecar again.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from time import monotonic_ns

import numpy as np

from pytest_sessionreg.registry.sqlite.admission.write_queue import WriteQueue
from pytest_sessionreg.results.samples import Samples

from ..isolation import IsolationRefused
from ..line import bell_pipe, sidecar
from ..seen import count_warnings
from ..setup import Setup
from ..verification import Verified
from ..writer import RegistryWriter
from ..writer_process import write_until_stopped
from .campaign import Campaign
from .overtaking import OVERTAKEN_BY_MS, overtakings_us
from .spread import describe, spread

__all__ = ["CASES", "run"]

_WRITERS = 8
_REOPEN_EVERY = 20
_THINK_S = 0.005
_MAKE = partial(RegistryWriter, policy=WriteQueue(patience=30, slice=0), hold_s=0.002)


def _fill_with_noise(path: str) -> None:
    with open(path, "r+b") as file:
        file.write(random.randbytes(70_000))


def _put_directory(path: str) -> None:
    os.unlink(path)
    os.mkdir(path)


def _put_other_file(path: str) -> None:
    with open(path + ".new", "wb") as file:
        file.write(random.randbytes(4096))
    os.replace(path + ".new", path)


def _put_link(path: str) -> None:
    os.unlink(path)
    _put_other_file(path + ".other")
    os.symlink(path + ".other", path)


def _fill_pipe(path: str) -> None:
    descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    try:
        while True:
            os.write(descriptor, bytes(4096))
    except BlockingIOError:
        pass  # full
    finally:
        os.close(descriptor)


_SIDECAR: dict[str, Callable[[str], object]] = {
    "deleted": os.unlink,
    "emptied": partial(os.truncate, length=0),
    "filled with noise": _fill_with_noise,
    "made read-only": partial(os.chmod, mode=0o400),
    "replaced by a directory": _put_directory,
    "replaced by another file": _put_other_file,
    "replaced by a link": _put_link,
}
_BELL: dict[str, Callable[[str], object]] = {
    "bell deleted": os.unlink,
    "bell replaced by a file": _put_other_file,
    "bell replaced by a directory": _put_directory,
    "bell filled up": _fill_pipe,
}
CASES = (*_SIDECAR, *_BELL)
# After these there can be one line again; after the others not before somebody repairs what is broken.
_HEALING = ("deleted", "emptied")


@dataclass(frozen=True, slots=True)
class _DamagedStorm:
    """samples: all writes.
    found: their verification.
    damaged_us, ended_us: when the damage was done, and when the storm was told to stop, in monotonic microseconds.
    warnings: how many the registry gave.
    """

    samples: Samples
    found: Verified
    damaged_us: int
    ended_us: int
    warnings: int

    def rate(self, from_us: int, to_us: int) -> float:
        """Writes per second."""
        begun_us = self.samples.started_us + self.samples.wait_us
        return float(((begun_us >= from_us) & (begun_us < to_us)).sum()) / (to_us - from_us) * 1e6


def run(
    campaign: Campaign, *, rounds: int = 3, only: str | None = None, before: float = 1.0, after: float = 3.0
) -> None:
    """rounds: of each damage.
    only: one damage.
    before: of storm before the damage.
    after: of storm after it.
    """
    for name in [only] if only else CASES:
        try:
            storms = [_storm(campaign, name, before, after) for _ in range(rounds)]
        except IsolationRefused as refused:
            campaign.note(f"the sidecar {name}", times=0, found=str(refused))
            continue
        _add_finding(campaign, name, storms, after)


def _add_finding(campaign: Campaign, name: str, storms: list[_DamagedStorm], after_s: float) -> None:
    before = after = 0
    back_s: list[float] = []
    rates: list[tuple[float, float]] = []
    for storm in storms:
        overtaken_us = overtakings_us(storm.samples)
        before += int((overtaken_us < storm.damaged_us).sum())
        disorder_us = overtaken_us[overtaken_us >= storm.damaged_us]
        after += len(disorder_us)
        back_s.append(float(disorder_us.max() - storm.damaged_us) / 1e6 if len(disorder_us) else 0.0)
        first_us = int(storm.samples.started_us.min())
        rates.append((storm.rate(first_us, storm.damaged_us), storm.rate(storm.damaged_us, storm.ended_us)))
    speed = np.median([later / earlier for earlier, later in rates])
    acknowledged, lost, given_up, failed = (
        sum(getattr(storm.found, name) for storm in storms) for name in ("acknowledged", "lost", "given_up", "failed")
    )
    subject = f"the {name}" if name in _BELL else f"the sidecar {name}"
    campaign.ask(
        subject,
        times=len(storms),
        asked="nothing lost, nothing given up",
        found=(
            f"{acknowledged:,} writes, {lost} lost, {given_up} given up, {failed} failed; "
            f"{before} overtakings before, {after} after; {speed:.2f} of the speed before"
        ),
        good=all(storm.found.flawless for storm in storms),
    )
    if name in _HEALING:
        campaign.ask(
            f"order after the sidecar was {name}",
            times=len(storms),
            asked=f"back while the storm goes on ({after_s:g} s)",
            found=(
                f"{after} overtakings by more than {OVERTAKEN_BY_MS} ms, the last {describe(back_s, 's')} "
                "after the damage"
            ),
            good=max(back_s) < after_s / 2,
        )
    campaign.measurements[subject] = {
        "last_overtaking_s": spread(back_s),
        "overtaken": {"before": before, "after": after},
        "writes_per_s": [{"before": round(earlier), "after": round(later)} for earlier, later in rates],
        "storm_after_s": after_s,
        "warnings": sum(storm.warnings for storm in storms),
    }


def _storm(campaign: Campaign, name: str, before_s: float, after_s: float) -> _DamagedStorm:
    with campaign.rig(_WRITERS, deadline_s=120, unprivileged=True, preload=(__name__,)) as rig:
        setup = rig.setup
        workers = [rig.prepare(_write_and_count_warnings, setup, number) for number in range(_WRITERS)]
        for worker in workers:
            worker.release()
        rig.sleep(before_s)
        damaged_us = monotonic_ns() // 1000
        if name in _BELL:
            _BELL[name](bell_pipe(setup.database))
        else:
            _SIDECAR[name](sidecar(setup.database))
        rig.sleep(after_s)
        ended_us = monotonic_ns() // 1000
        warned = sum(rig.finish(workers))
        return _DamagedStorm(rig.samples(), rig.verify(), damaged_us, ended_us, warned)


def _write_and_count_warnings(setup: Setup, worker: int) -> Callable[[], int]:
    warned = count_warnings()
    make = partial(_MAKE, reopen_every=_REOPEN_EVERY * (worker % 2))
    write = write_until_stopped(setup, worker, make, _THINK_S, seed=1)

    def run() -> int:
        write()
        return len(warned)

    return run

"""A stray close in the holder.

It comes during a transaction: the POSIX locks of this process on that file are gone. Each round: a fresh database, one
writer that makes a stray close in every third transaction, others beside it. The file it opens and closes is the
database (with the lock by which a last closer is told from others) or its -shm (with the write lock itself). Nothing
can be asked here: what is counted is how often writes were lost, and who noticed.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field
from functools import partial

from pytest_sessionreg.processes import WorkerDied
from pytest_sessionreg.registry.registry import Registry
from pytest_sessionreg.registry.sqlite.admission.write_queue import WriteQueue
from pytest_sessionreg.registry.transaction import Transaction

from ..writer import MakeWriter, PlainWriter, RegistryWriter
from .campaign import Campaign

__all__ = ["run"]

_EVERY = 3
_QUEUE = partial(RegistryWriter, policy=WriteQueue(patience=30, slice=0.001))
# Who writes beside it, and how many: a single one that opens and closes is often the last to close.
_BESIDE: dict[str, tuple[int, MakeWriter]] = {
    "3 queue writers that stay open": (3, _QUEUE),
    "1 queue writer that opens and closes": (1, partial(_QUEUE, reopen_every=1)),
    "3 plain writers that stay open": (3, PlainWriter),
    "1 plain writer that opens and closes": (1, partial(PlainWriter, reopen=True)),
}


@dataclass(frozen=True, slots=True)
class _OpenAndClose:
    """The body of a transaction: in every third one, open and close `path`."""

    path: str

    def __call__(self, _registry: Registry, _transaction: Transaction, sequence: int) -> None:
        if sequence % _EVERY == _EVERY - 1:
            os.close(os.open(self.path, os.O_RDONLY))


@dataclass(slots=True)
class _Count:
    """Over all rounds of one combination: writes, rounds that lost some or were damaged, and all errors seen.

    silent: rounds that lost writes without an error or a complaint.
    """

    acknowledged: int = 0
    lost: int = 0
    rounds_lost: int = 0
    rounds_damaged: int = 0
    silent: int = 0
    errors: Counter[str] = field(default_factory=Counter)


def run(campaign: Campaign, *, rounds: int = 20, seconds: float = 0.6) -> None:
    """rounds: of each combination.
    seconds: of each round.
    """
    for suffix, name in (("", "the database"), ("-shm", "its -shm")):
        for beside in _BESIDE:
            count = _Count()
            for _ in range(rounds):
                _round(campaign, suffix, beside, seconds, count)
            _add_finding(campaign, f"open and close of {name} in the holder, {beside} beside it", rounds, count)


def _round(campaign: Campaign, suffix: str, beside: str, seconds: float, count: _Count) -> None:
    others, make = _BESIDE[beside]
    with campaign.rig(1 + others, deadline_s=60) as rig:
        strays = partial(_QUEUE, body=_OpenAndClose(rig.setup.database + suffix))
        workers = [rig.start_writer(0, strays), *(rig.start_writer(number, make) for number in range(1, 1 + others))]
        rig.sleep(seconds)
        rig.board.stop()
        errors: Counter[str] = Counter()
        for worker in workers:
            try:
                errors.update({str(seen): seen.count for seen in worker.result()})
            except WorkerDied as died:
                errors[f"process ended by signal {-(died.statuses[worker.index] or 0)}"] += 1
        found = rig.verify()
    count.acknowledged += found.acknowledged
    count.lost += found.lost
    count.rounds_lost += found.lost > 0
    count.rounds_damaged += found.integrity != "ok"
    count.silent += found.lost > 0 and found.integrity == "ok" and not errors
    count.errors += errors


def _add_finding(campaign: Campaign, fault: str, rounds: int, count: _Count) -> None:
    errors = ", ".join(f"{name} {times}" for name, times in count.errors.most_common(4)) or "none"
    campaign.note(
        fault,
        times=rounds,
        found=(
            f"{count.lost} of {count.acknowledged:,} acknowledged lost, in {count.rounds_lost} rounds; "
            f"integrity_check complained in {count.rounds_damaged}; errors seen: {errors}; "
            f"{count.silent} rounds that only the ledger noticed"
        ),
    )
    campaign.measurements[fault] = {
        "rounds": rounds,
        "acknowledged": count.acknowledged,
        "lost": count.lost,
        "rounds_with_loss": count.rounds_lost,
        "rounds_with_integrity_complaint": count.rounds_damaged,
        "rounds_only_the_ledger_noticed": count.silent,
        "errors": dict(count.errors),
    }

"""One fault run: one fault, once, under one policy; from an empty directory to what was found, and nothing left."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from pytest_sessionreg.registry.sqlite.admission.busy_timeout import BusyTimeout
from pytest_sessionreg.registry.sqlite.admission.policy import AdmissionPolicy
from pytest_sessionreg.results.samples import Samples

from .fault import Fault
from .isolation import IsolationRefused
from .menu import MENU
from .nemesis import Injection, Nemesis
from .result import PLAIN, FaultRun
from .rig import Rig
from .seen import Seen, Tally
from .verification import Verified

__all__ = ["run_fault"]

_THINK_S = 0.010
_DEADLINE_S = 165.0
_PRELOAD = (type(MENU[0]).__module__,)


def run_fault(
    fault: Fault,
    policy: AdmissionPolicy | None,
    *,
    number: int,
    seed: int,
    check: Callable[[], None] = lambda: None,
) -> FaultRun:
    """Inject `fault` once while writers write under `policy` (None for a control, whose writers have none).

    number: of the round, stored only. check is called ten times a second and may raise. Raises ProcessError when a
    writer fails, dies or hangs.
    """
    name = PLAIN if policy is None else policy.name
    admission = policy or BusyTimeout()
    reason = fault.unavailable(name)
    if reason:
        return FaultRun.skip(fault, name, number, reason)
    try:
        rig = Rig(
            fault.writers,
            deadline_s=_DEADLINE_S,
            check=check,
            unprivileged=fault.unprivileged,
            disk_kib=fault.disk_kib,
            ballast_kib=fault.ballast_kib,
            preload=_PRELOAD,
        )
    except IsolationRefused as refused:
        return FaultRun.skip(fault, name, number, str(refused))
    with rig:
        make = fault.writer(admission)
        writers = [
            rig.prepare_writer(worker, make, think_s=_THINK_S, seed=seed, on_begin=fault.on_begin())
            for worker in range(fault.writers)
        ]
        released_ns = [writer.release() for writer in writers]
        injection = Nemesis(rig, admission, seed).perform(fault.inject)
        seen = [entry for part in rig.finish(writers) for entry in part]
        samples = rig.samples(opened_ns=released_ns[0])
        return _judge(fault, name, number, samples, injection, seen, rig.verify(), released_ns[0])


def _judge(
    fault: Fault,
    policy: str,
    number: int,
    samples: Samples,
    injection: Injection,
    seen: Sequence[Seen],
    found: Verified,
    opened_ns: int,
) -> FaultRun:
    counted = Tally(seen).seen()
    failed = sum(entry.count for entry in counted)
    ended_us = (injection.ended_ns - opened_ns) // 1000
    admitted_us = (samples.started_us + samples.wait_us)[samples.committed]
    after = admitted_us[admitted_us >= ended_us]
    codes = frozenset(entry.code for entry in counted if entry.code is not None)
    return FaultRun(
        fault=fault.name,
        policy=policy,
        number=number,
        control=fault.control,
        may_lose=fault.may_lose,
        broken=injection.broken,
        note=injection.note,
        attempted=len(samples),
        acknowledged=int(samples.committed.sum()),
        failed=failed,
        seen=counted,
        seen_elsewhere=injection.seen,
        lost=found.lost,
        duplicated=found.duplicated,
        ghosts=found.ghosts,
        integrity=found.integrity,
        lasted_ms=round((injection.ended_ns - injection.begun_ns) / 1e6, 3),
        recover_ms=round(float(np.min(after) - ended_us) / 1000, 3) if len(after) else None,
        longest_wait_ms=round(float(samples.wait_us.max()) / 1000, 3) if len(samples) else None,
        red=fault.control and fault.red(lost=found.lost, failed=failed, codes=codes),
    )

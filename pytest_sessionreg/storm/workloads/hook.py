"""Hooks: each write in an interpreter of its own, which is how hooks of coding agents really write."""

from __future__ import annotations

import json
import subprocess
import sys
from time import monotonic_ns

from ...error_base import StormError
from ...registry.parameters import Parameters
from ...registry.sqlite.admission.record import WriteRecord
from ...results.failures import FailureLog
from ...results.ledger import Ledger
from ..job import Job
from ..storm_writes import INSERT
from .heartbeat import HeartbeatPart
from .registry_workload import RegistryStorm

__all__ = ["Hook"]

# By -c and not -m, so that the hook imports the very code that its worker runs, wherever that came from.
_PROGRAM = (
    "import sys; sys.path[:] = sys.argv[2:]; from pytest_sessionreg.storm.workloads.hook_process import main; main()"
)


class Hook(RegistryStorm):
    """Each write is one heartbeat of a fresh interpreter: start, import, open, write, close, exit.

    The latency is the worker's: from the start of the process until it is gone. It counts as acknowledged only if the
    hook said so after COMMIT. Wait and hold are the hook's own.
    """

    name = "hook"

    def __init__(self) -> None:
        super().__init__(HeartbeatPart)

    def writer(self, job: Job, ledger: Ledger, failures: FailureLog) -> _Writer:  # noqa: ARG002  none of these is ours
        """The writer of one worker."""
        return _Writer(job, ledger)


class _Writer:
    def __init__(self, job: Job, ledger: Ledger) -> None:
        self._job = job
        self._ledger = ledger
        kind = type(job.policy)
        if not isinstance(job.policy, Parameters):
            raise StormError(
                f"policy {job.policy.name}: a hook's fresh interpreter can only make this package's policies again; "
                "choose another workload"
            )
        self._orders = {
            "database": job.site.database,
            "storm": job.site.storm,
            "worker": job.worker,
            "session_id": HeartbeatPart(job.site.storm, job.worker, job.site.seed).session_id,
            "policy_module": kind.__module__,
            "policy_class": kind.__qualname__,
            # what a policy's constructor takes is what its class has slots for (admission.parameters)
            "policy_parameters": {name: getattr(job.policy, name) for name in job.policy.__slots__},
            "hold_s": job.hold_s,
            "insert": INSERT,
        }

    def write(self, sequence: int) -> None:
        began_ns = monotonic_ns()
        orders = {**self._orders, "sequence": sequence, "seed": f"{self._job.site.seed}/{self._job.worker}/{sequence}"}
        done = subprocess.run(  # noqa: S603  our own interpreter on our own code
            [sys.executable, "-c", _PROGRAM, json.dumps(orders), *sys.path],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        ended_ns = monotonic_ns()
        words = done.stdout.split()
        if done.returncode or len(words) != 6:
            said = done.stderr.strip().splitlines()
            last = said[-1] if said else f"it said nothing and ended with status {done.returncode}"
            raise StormError(f"hook {sequence} failed: {last}")
        started_ns, wait_ns, hold_ns, busy, code = map(int, words[:5])
        self._ledger.before_ns = started_ns - began_ns
        self._ledger.after_ns = max(ended_ns - started_ns - wait_ns - hold_ns, 0)
        committed = words[5] == "committed"
        unseen = busy < 0
        self._ledger(
            WriteRecord(
                started_ns,
                wait_ns,
                hold_ns,
                None if unseen else busy,
                None if unseen else busy if committed else max(busy - 1, 0),
                words[5],
                code or None,
                None if committed else "begin",
            )
        )

    def close(self) -> None:
        pass

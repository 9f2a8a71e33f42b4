"""The life of one hook: open the registry, write once, say so, close.

Prints one line: the first attempt and the spans of waiting and holding in monotonic nanoseconds, busy BEGINs (-1 where
SQLite retries unseen), SQLite's code (0 if none) and the outcome. Imports what a hook would import, and `json`.
"""

from __future__ import annotations

import json
import sys
from time import monotonic_ns, sleep

from ...registry import Registry, WriteTimeout
from ...registry.errors import DatabaseBusy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ...registry.sqlite.admission.policy import Admission, AdmissionPolicy

__all__ = ["main"]


def main() -> None:
    """Do what the first argument says, as JSON."""
    orders = json.loads(sys.argv[1])
    policy = _Watched(_policy(orders))
    started_ns = monotonic_ns()
    try:
        registry = Registry.open(orders["database"], workspace=orders["storm"], policy=policy)
    except DatabaseBusy as error:  # the open gave up: for the hook's caller a write that did not happen
        print(started_ns, monotonic_ns() - started_ns, 0, -1, error.code or 0, "exhausted")  # noqa: T201  the answer
        return
    try:
        started_ns = monotonic_ns()
        try:
            held_ns = _write(registry, orders)
        except WriteTimeout as error:
            busy = -1 if error.busy is None else error.busy
            answer = (started_ns, monotonic_ns() - started_ns, 0, busy, error.code or 0, "exhausted")
        else:
            busy = -1 if policy.busy is None else policy.busy
            answer = (started_ns, held_ns - started_ns, monotonic_ns() - held_ns, busy, 0, "committed")
        print(*answer, flush=True)  # noqa: T201  acknowledged from here on
    finally:
        registry.close()


def _write(registry: Registry, orders: dict[str, Any]) -> int:
    """One heartbeat and the storm's own row; when the lock was had."""
    with registry.transaction() as transaction:
        held_ns = monotonic_ns()
        registry.sessions.heartbeat(orders["session_id"])
        transaction.execute(orders["insert"], (orders["storm"], orders["worker"], orders["sequence"]))
        if orders["hold_s"]:
            sleep(orders["hold_s"])
    return held_ns


def _policy(orders: dict[str, Any]) -> AdmissionPolicy:
    from importlib import import_module

    kind = getattr(import_module(orders["policy_module"]), orders["policy_class"])
    policy: AdmissionPolicy = kind(**orders["policy_parameters"])
    jitter = sys.modules.get("random")  # there only if the policy draws from it
    if jitter is not None:
        jitter.seed(orders["seed"])
    return policy


class _Watched:
    """The policy, and how often its one BEGIN was busy: a hook without an observer loads no dataclass."""

    def __init__(self, policy: AdmissionPolicy) -> None:
        self._policy = policy
        self._admission: Admission | None = None
        self.name = policy.name
        self.busy: int | None = 0

    def bind(self, database: str) -> _Watched:
        self._admission = self._policy.bind(database)
        return self

    @property
    def _bound_admission(self) -> Admission:
        assert self._admission is not None, "bound when the registry was opened"  # noqa: S101  for the type checker
        return self._admission

    @property
    def busy_timeout_s(self) -> float:
        return self._bound_admission.busy_timeout_s

    def admit(self, begin: Callable[[], bool], patience_s: float | None = None) -> int | None:
        self.busy = self._bound_admission.admit(begin, patience_s)
        return self.busy

    def leave(self) -> None:
        self._bound_admission.leave()

    def close(self) -> None:
        self._bound_admission.close()

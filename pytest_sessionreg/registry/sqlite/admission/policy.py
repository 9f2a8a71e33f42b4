"""The protocol between the registry and an admission policy: how a writer gets SQLite's write lock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from .record import WriteRecord

__all__ = ["Admission", "AdmissionPolicy", "Observer"]

Observer = Callable[[WriteRecord], None]


class Admission(Protocol):
    """A policy at work for one connection to one file.

    It may have two more methods. `prepare() -> None` is called before the second write of a connection, while nobody
    waits for it: for what a process needs that writes often, and is not to pay in line. `keep_out() -> None` is called
    before a COMMIT after which nobody should begin until `leave`, so that the log can be copied and started anew; for
    at most 50 ms.
    """

    @property
    def busy_timeout_s(self) -> float:
        """What SQLite's own busy timeout is set to on the connection, in seconds. Above 0, SQLite retries unseen, and
        `admit` returns None.
        """

    def admit(self, begin: Callable[[], bool], patience_s: float | None = None) -> int | None:
        """Call `begin` (one BEGIN IMMEDIATE) until it returns True; how often it was busy, None where nobody can know.

        patience_s: for how many seconds, instead of what the policy says; InvalidValue from policies that do not count
        in seconds. Raises WriteTimeout when the policy gives up; nothing is held then.
        """

    def leave(self) -> None:
        """Let the next writer in: called once after the COMMIT or ROLLBACK of every admitted write."""

    def close(self) -> None:
        """Give back what the admission holds; it is not used afterwards."""


class AdmissionPolicy(Protocol):
    """The description of a policy: small, immutable, picklable."""

    @property
    def name(self) -> str:
        """The policy's name on the command line and in results, e.g. "queue"."""

    def bind(self, database: str) -> Admission:
        """The policy at work on the file `database` (an absolute path)."""

"""The base class of a fault: each says what it does, to whom, and what would be wrong. Those there are: MENU."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

from pytest_sessionreg.registry.sqlite.admission.policy import AdmissionPolicy

from .nemesis import Nemesis
from .writer import MakeWriter, RegistryWriter, register_session
from .writer_process import OnBegin

__all__ = ["HOLD_S", "Fault"]

# Slept in each transaction of a writer.
HOLD_S = 0.002


class Fault:
    """Base of every fault; instances have no state.

    name: on the command line.
    summary: what is done, for the table's legend.
    control: whether it must come out red, or the harness is blind.
    may_lose: why acknowledged writes may be lost to it, empty where one lost write means that something is wrong.
    per_policy: whether the admission policy matters; if not it is injected once, beside writers of plain sqlite3.
    writers: how many write meanwhile.
    ballast_kib: rows that fill the database beforehand.
    disk_kib: of a private disk, None for the usual one.
    unprivileged: whether the writers obey permissions even if they are root's.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    control: ClassVar[bool] = False
    may_lose: ClassVar[str] = ""
    per_policy: ClassVar[bool] = True
    writers: ClassVar[int] = 4
    ballast_kib: ClassVar[int] = 0
    disk_kib: ClassVar[int | None] = None
    unprivileged: ClassVar[bool] = False

    def unavailable(self, policy: str) -> str:
        """Why there is nothing to be done under `policy`, or on this platform; empty where there is."""
        del policy
        return ""

    def writer(self, policy: AdmissionPolicy) -> MakeWriter:
        """How the writers write."""
        return partial(RegistryWriter, policy=policy, hold_s=HOLD_S, body=register_session)

    def on_begin(self) -> OnBegin | None:
        """What is called in every writer, between two writes, once the fault has begun; it is reported afterwards."""
        return None

    def inject(self, nemesis: Nemesis) -> None:
        """Do it: `nemesis.begin()` and `nemesis.end()` are called at its first and last instant."""
        raise NotImplementedError

    def red(self, *, lost: int, failed: int, codes: frozenset[int]) -> bool:
        """For a control: whether it came out as it must."""
        del failed, codes
        return lost > 0

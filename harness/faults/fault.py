"""The protocol of a fault: one per file, each says what it does, to whom, and what would be wrong."""

from __future__ import annotations

from typing import ClassVar

from .scene import Board, Scene
from .writer import RegistryWriter, Seen, Writer

__all__ = ["Fault"]


class Fault:
    """Base of every fault; instances have no state and travel to the processes of a scene.

    name: on the command line. summary: what is done, for the table's legend. evidence: the row of FAILURES.md, or what
    else it comes from. control: whether it must come out red, or the harness is blind. may_lose: why acknowledged
    writes may be lost to it, empty where one lost write means that something is wrong. per_policy: whether the
    admission policy matters; if not it is played once, through plain sqlite3. writers, ballast_kib (rows that fill the
    file beforehand), disk_kib (of a private disk, None for the usual one), unprivileged: the scene it needs.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    evidence: ClassVar[str]
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

    def writer(self, scene: Scene, worker: int) -> Writer:
        """How the writers write."""
        return RegistryWriter(scene, worker)

    def noticed(self, scene: Scene, worker: int) -> None:
        """Called in every writer, between two writes, once the fault has begun."""

    def strike(self, scene: Scene, board: Board) -> tuple[str, tuple[Seen, ...]]:
        """Do it, in the culprit: `board.begin()` and `board.end()` are called at its first and last instant.

        What is worth telling, and the errors that processes other than the writers saw.
        """
        raise NotImplementedError

    def red(self, *, lost: int, failed: int, codes: frozenset[int]) -> bool:
        """For a control: whether it came out as it must."""
        del failed, codes
        return lost > 0

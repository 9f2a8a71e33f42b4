"""One campaign's database, its board, and the ledgers outside the database by which it is judged."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from dataclasses import dataclass
from time import monotonic
from types import TracebackType
from typing import Any, Self

from pytest_sessionreg.processes import Call
from pytest_sessionreg.registry import Registry
from pytest_sessionreg.results.samples import EXHAUSTED, FAILED, Samples
from pytest_sessionreg.storm.verification import CREATE_TABLE, Verification, verify_own_rows
from tests.campaigns.board import Board
from tests.campaigns.plain_writer import PlainOrders, prepare_plain
from tests.campaigns.storm_name import STORM
from tests.campaigns.writer import Orders, prepare

__all__ = ["Arena", "Judgement"]


@dataclass(frozen=True, slots=True)
class Judgement:
    """acknowledged: writes whose COMMIT returned. lost: those of them that the database does not hold. refused: writes
    that ended in WriteTimeout. failed: writes that ended in any other error. integrity: "ok" or SQLite's first
    complaint.
    """

    acknowledged: int
    lost: int
    duplicated: int
    refused: int
    failed: int
    integrity: str

    @property
    def sound(self) -> bool:
        """Nothing lost, nothing twice, nothing damaged."""
        return not self.lost and not self.duplicated and self.integrity == "ok"

    def __str__(self) -> str:
        return (
            f"{self.acknowledged:,} acknowledged, {self.lost} lost, {self.refused} refused, {self.failed} failed, "
            f"integrity {self.integrity}"
        )


class Arena:
    """A context manager: a directory of its own with a fresh database, removed at the end.

    writers: how many will ever write.
    """

    def __init__(self, writers: int) -> None:
        self._writers = writers
        self._directory = tempfile.TemporaryDirectory(prefix="sessionreg-campaign-")
        self.directory = self._directory.name
        self.database = os.path.join(self.directory, "arena.db")
        self.sidecar = self.database + "-queue"
        self.started_s = monotonic()
        with Registry.open(self.database) as registry, registry.transaction() as setup:
            setup.execute(CREATE_TABLE)
            setup.execute("CREATE TABLE ballast (data BLOB)")
            setup.execute("INSERT INTO ballast VALUES (x'00')")
        self.board_path = os.path.join(self.directory, "board")
        self.board = Board(self.board_path, writers)

    def ledger(self, writer: int) -> str:
        """The path of one writer's ledger."""
        return os.path.join(self.directory, f"ledger-{writer}")

    def writer(self, writer: int, **orders: Any) -> Call:
        """The call that makes a process writer number `writer`; orders as Orders'."""
        given = Orders(self.database, self.ledger(writer), self.board_path, writer, self._writers, **orders)
        return Call(prepare, (given,))

    def plain_writer(self, writer: int, **orders: Any) -> Call:
        """The call that makes a process writer number `writer`, which knows nothing of the queue."""
        given = PlainOrders(self.database, self.ledger(writer), self.board_path, writer, self._writers, **orders)
        return Call(prepare_plain, (given,))

    def samples(self) -> Samples:
        """Every recorded write; instants in microseconds of the monotonic clock."""
        return Samples.read([self.ledger(writer) for writer in range(self._writers)], opened_ns=0)

    def judged(self, samples: Samples) -> Judgement:
        """The database held against the ledgers."""
        try:
            evidence = verify_own_rows(self.database, STORM, samples)
        except sqlite3.DatabaseError as error:
            evidence = Verification(lost=int(samples.committed.sum()), duplicated=0, integrity=str(error))
        return Judgement(
            acknowledged=int(samples.committed.sum()),
            lost=evidence.lost or 0,
            duplicated=evidence.duplicated or 0,
            refused=int((samples.outcome == EXHAUSTED).sum()),
            failed=int((samples.outcome == FAILED).sum()),
            integrity=str(evidence.integrity),
        )

    def rows(self, storm: str) -> int:
        """How many rows the writers of another name left."""
        with Registry.open(self.database) as registry:
            ((count,),) = registry._database.read("SELECT count(*) FROM storm_writes WHERE storm = ?", (storm,))
        return int(count)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._directory.cleanup()

"""The ledger: every write of one worker, recorded outside the database under test.

A memory-mapped file of fixed-size records, one ledger per worker. A record lives in the page cache from the moment it
is made, so it survives the worker's SIGKILL, and the storm can watch the count grow
(docs/measuring.md#the-ledger).
"""

from __future__ import annotations

import mmap
import os
import struct
from types import TracebackType
from typing import Self

from ..error_base import StormError
from ..registry.sqlite.admission.record import WriteRecord

__all__ = ["HEADER", "OUTCOMES", "PHASES", "RECORD", "UNKNOWN_NS", "UNSEEN", "Ledger"]

__tracebackhide__ = True  # pytest shows the test's line, not this module's

# The header: records made, busy BEGINs so far, all BEGINs so far; for the live display only.
HEADER = struct.Struct("<QQQ40x")
# started_ns, late_ns, before_ns, wait_ns, hold_ns, after_ns, sequence, busy, retries, code, phase, outcome. The outcome
# comes last and is never 0: a record cut off by a SIGKILL has none, and is not counted.
RECORD = struct.Struct("<qqqqqqIIIHBB")
OUTCOMES = ("", "committed", "rolled back", "exhausted", "failed")
PHASES = ("", "queue", "begin", "body", "commit")
# The busy and retries of a policy under which SQLite retries unseen.
UNSEEN = 0xFFFFFFFF
# The wait and hold of a write that only its author could divide, and the lateness of one that no schedule called for.
UNKNOWN_NS = -1

# The file grows by as many records as it has, but by no fewer and no more than these.
_LEAST_CHUNK = 256
_MOST_CHUNK = 8192
_OUTCOME_CODE = {name: number for number, name in enumerate(OUTCOMES)}
_PHASE_CODE: dict[str | None, int] = {name: number for number, name in enumerate(PHASES)} | {None: 0}


class Ledger:
    """A registry's observer that writes each record down.

    What the observer is not told is set here, for the write under way: `sequence`, its number; `due_ns`, when the
    schedule called for it (0: no schedule did); `before_ns`, spent in it before the first attempt; `after_ns`, spent
    after COMMIT's return. The last two are 0 again after each record.
    """

    __slots__ = (
        "_begins",
        "_busy",
        "_count",
        "_end",
        "_fd",
        "_map",
        "_offset",
        "after_ns",
        "before_ns",
        "due_ns",
        "sequence",
    )

    def __init__(self, path: str) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        self._count = 0
        self._busy = 0
        self._begins = 0
        self._offset = HEADER.size
        self._end = 0
        try:
            self._map = self._grow()
        except BaseException:
            os.close(self._fd)
            raise
        self.sequence = 0
        self.due_ns = 0
        self.before_ns = 0
        self.after_ns = 0

    def __call__(self, record: WriteRecord) -> None:
        """Write `record` down."""
        offset = self._offset
        if offset + RECORD.size > self._end:
            self._map.close()
            self._map = self._grow()
        busy = record.busy
        outcome = record.outcome
        started_ns = record.started_ns
        due_ns = self.due_ns
        before_ns = self.before_ns
        RECORD.pack_into(
            self._map,
            offset,
            started_ns,
            max(started_ns - before_ns - due_ns, 0) if due_ns else UNKNOWN_NS,
            before_ns,
            record.wait_ns,
            record.hold_ns,
            self.after_ns,
            self.sequence,
            UNSEEN if busy is None else busy,
            UNSEEN if record.retries is None else record.retries,
            record.code or 0,
            _PHASE_CODE[record.phase],
            _OUTCOME_CODE[outcome],
        )
        self.before_ns = self.after_ns = 0
        self._offset = offset + RECORD.size
        self._count += 1
        if busy is not None:
            self._busy += busy
            self._begins += busy + (outcome != "exhausted")
        HEADER.pack_into(self._map, 0, self._count, self._busy, self._begins)

    def close(self) -> None:
        """Unmap the file; the records stay."""
        self._map.close()
        os.close(self._fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _grow(self) -> mmap.mmap:
        """The map, one chunk longer. Reserved first: writing to a hole on a full disk is a SIGBUS."""
        start = self._end
        chunk = min(max(self._count, _LEAST_CHUNK), _MOST_CHUNK)
        self._end = max(start, HEADER.size) + chunk * RECORD.size
        try:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(self._fd, start, self._end - start)
            else:
                os.ftruncate(self._fd, self._end)
        except OSError as error:
            raise StormError(f"the ledger cannot grow ({error.strerror}); make room in TMPDIR, or set it") from error
        return mmap.mmap(self._fd, self._end)

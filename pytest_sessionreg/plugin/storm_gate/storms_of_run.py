"""The storms of a whole test run: their records, the baseline that they are judged by, and what is written of them."""

from __future__ import annotations

import os
import tempfile
from typing import TYPE_CHECKING

import pytest

from .options import StormOptions

if TYPE_CHECKING:
    from ...gate.baseline import Baseline
    from .record import StormRecord
    from .spool import Spool

__all__ = ["StormsOfRun"]


class StormsOfRun:
    """Of this process, and, once it is finished, of the workers that left theirs in the same directory.

    command: the run's, as the report says it.
    spool: the directory of the controller's where records are to be left, None to keep them here.

    Afterwards `records` are all there are, and `notes` is what to say of what was written.
    """

    def __init__(self, options: StormOptions, command: str, spool: str | None) -> None:
        self.records: list[StormRecord] = []
        self.notes: list[str] = []
        self._options = options
        self._command = command
        self._baseline: Baseline | None = None
        self._spool: Spool | None = None
        if spool is not None:
            self.leave_in(spool)

    def leave_in(self, directory: str) -> None:
        """From now on records are left in `directory`."""
        from .spool import Spool

        self._spool = Spool(directory)

    def add(self, record: StormRecord) -> None:
        """Store `record` where no crash takes it."""
        if self._spool is not None:
            self._spool.add(record)
        else:
            self.records.append(record)

    def baseline(self) -> Baseline:
        """The baseline, read once; an empty one where nothing is judged or updated. Raises pytest.UsageError."""
        from ...error_base import StormError
        from ...gate.baseline import Baseline

        if self._baseline is None:
            if self._options.gate == "off" and not self._options.update:
                return Baseline()
            try:
                self._baseline = Baseline.read(self._options.baseline)
            except StormError as error:
                raise pytest.UsageError(str(error)) from None
        return self._baseline

    def finish(self) -> bool:
        """Collect what was left, and write the baseline and the report; False where that cannot be."""
        if self._spool is not None:
            self.records += self._spool.records()
        try:
            self._update_baseline()
            self._report()
        except OSError as error:
            self.notes.append(f"{error}: nothing was written there; choose another path")
            return False
        return True

    def _update_baseline(self) -> None:
        measured = {record.name: dict([record.measured]) for record in self.records if record.measured is not None}
        if measured:
            self.baseline().with_measurements(measured).write(self._options.baseline)
            storms = "1 storm" if len(measured) == 1 else f"{len(measured)} storms"
            self.notes.append(f"{self._options.baseline}: {storms} measured; review it and commit it")

    def _report(self) -> None:
        judgements = [record.judgement for record in self.records if record.judgement is not None]
        if not judgements:
            return
        from ...report.judgements import append_summary, write_verdicts
        from ...results.environment import Environment

        if self._options.report is not None:
            here = Environment.of(os.path.join(tempfile.gettempdir(), "storm.db"))
            write_verdicts(judgements, self._options.report, self._command, here)
        append_summary(judgements)

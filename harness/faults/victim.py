"""A child of the culprit's: the process that a fault kills, stops, or sends to do harm."""

from __future__ import annotations

import os
import select
import signal
import sys
import traceback
from collections.abc import Callable
from typing import Self

from pytest_sessionreg.error_base import StormError

__all__ = ["PATIENCE_S", "Tell", "Victim"]

# For a victim to get as far as it must, behind busy writers and a policy that may give up now and then.
PATIENCE_S = 20.0

Tell = Callable[[], object]


class Victim:
    """A forked process that runs `act(tell)`; each call of `tell` wakes one `wait`. The culprit has one thread and no
    open database, so that a fork is safe. A context manager: leaving it kills and reaps what is left.
    """

    def __init__(self, act: Callable[[Tell], object]) -> None:
        reader, writer = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            status = 1
            try:
                os.close(reader)
                act(lambda: os.write(writer, b"t"))
                status = 0
            except BaseException:  # noqa: BLE001  the culprit tells of the status, and this of the cause
                traceback.print_exc(file=sys.stderr)
            finally:
                sys.stderr.flush()
                os._exit(status)
        os.close(writer)
        self._told = reader
        self._status: int | None = None

    def wait(self, patience_s: float = PATIENCE_S) -> None:
        """Until the victim tells. Raises StormError if it ends first, or after `patience_s` seconds."""
        if not self.told(patience_s):
            raise StormError("the process that the fault acts through did not get ready; see its output above")

    def told(self, patience_s: float) -> bool:
        """Whether the victim tells within `patience_s` seconds."""
        ready, _, _ = select.select([self._told], [], [], patience_s)
        return bool(ready) and os.read(self._told, 1) == b"t"

    def wait_until_stopped(self) -> None:
        """Until it has stopped itself, which it is about to do."""
        os.waitpid(self.pid, os.WUNTRACED)

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        os.kill(self.pid, number)

    def finish(self) -> None:
        """Wait until it has done its work. Raises StormError if that failed."""
        if self.reap() != 0:
            raise StormError(f"the process that the fault acts through ended with {self._status}; see its output above")

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self.signal(signal.SIGKILL)
        self.reap()

    def reap(self) -> int:
        """Its exit status, negative for a signal."""
        if self._status is None:
            _, status = os.waitpid(self.pid, 0)
            self._status = os.waitstatus_to_exitcode(status)
        return self._status

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        if self._status is None:
            self.kill()
        os.close(self._told)

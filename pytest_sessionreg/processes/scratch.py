"""A directory that is removed at the end, or, where its process was killed, by the next one that makes one like it."""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import tempfile
from contextlib import suppress
from types import TracebackType

__all__ = ["ScratchDirectory"]


class ScratchDirectory:
    """A new directory, for its owner alone. `path`: where it is.

    prefix: of its name; each use has one of its own, and never one under which directories were made without this lock:
        0.1.0 has sessionreg-storms-, sessionreg-storm-, sessionreg-gate-, sessionreg-fault- and sessionreg-open-.
    parent: where it lies, by default in the temporary directory.

    Its process holds the kernel's lock on it (flock) for as long as it lives. So a process that gets the lock of a
    directory with the same prefix knows that its process is dead, whichever namespace that was in, and removes it; only
    its own user's, and never what a symbolic link leads to. A file system without such locks has its orphans kept.
    Raises OSError where none can be made.
    """

    def __init__(self, prefix: str, parent: str | None = None) -> None:
        parent = tempfile.gettempdir() if parent is None else parent
        _remove_orphans(parent, prefix)
        descriptor = None
        while descriptor is None:
            self.path = tempfile.mkdtemp(prefix=prefix, dir=parent)
            try:
                descriptor = _lock(self.path)  # None: another process took it for an orphan's before it was locked
            except OSError:
                descriptor = os.open(self.path, os.O_RDONLY)  # without locks nobody can take it for one
        self._descriptor = descriptor

    def remove(self) -> None:
        """Remove it with all that is in it; a second call does nothing."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            shutil.rmtree(self.path, ignore_errors=True)
            os.close(descriptor)

    def __enter__(self) -> str:
        return self.path

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.remove()


def _remove_orphans(parent: str, prefix: str) -> None:
    """Remove the directories of dead processes. What cannot be removed is left: it is in nobody's way."""
    with suppress(OSError):
        for name in os.listdir(parent):
            if name.startswith(prefix):
                _remove_orphan(os.path.join(parent, name))


def _remove_orphan(path: str) -> None:
    with suppress(OSError):
        status = os.lstat(path)
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
            return
        descriptor = _lock(path)
        if descriptor is not None:
            shutil.rmtree(path, ignore_errors=True)
            os.close(descriptor)


def _lock(path: str) -> int | None:
    """A descriptor that holds the lock of the directory `path`; None where another process has it, or removed it."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(descriptor), os.lstat(path)):
            return descriptor
    except (BlockingIOError, FileNotFoundError):
        pass
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None

"""Keeps tests away from their user's own registry: a marker file per process that runs tests, found through ancestry.

Such a process (the pytest plugin) guards the files that would be its user's own. Its marker, named after its pid and
start time, lies in a directory whose path depends on nothing but the user id: so a child finds it whatever became of
its environment. A process about to open such a file asks the marker of its nearest ancestor that has one, itself first;
`$SESSIONREG_GUARD` names the marker for those that have lost that ancestor, such as daemons.

Loaded only where there is a marker or that variable: all that a hook's cold start pays is one failed stat. What is
refused is noted beside the marker, so that the test can fail even if the code under test swallows the error.
"""

from __future__ import annotations

import contextlib
import os
import sys

from .user_paths import GUARD_VARIABLE, default_path, guards_directory

__all__ = ["Marker", "own_registries", "refuse"]

_REFUSED = ".refused"
_ATTEMPTS = 5


class Marker:
    """The marker of a process that runs tests, at `path`."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._read = 0

    @classmethod
    def of_this_process(cls, guarded: list[str]) -> Marker | None:
        """Write a marker for this process; None where there cannot be one, or where there is one already."""
        directory = guards_directory()
        own = _origin(os.getpid())
        if own is None:
            return None
        marker = cls(os.path.join(directory, f"{os.getpid()}.{own[1]}"))
        for _ in range(_ATTEMPTS):
            if not _make_private(directory) or os.path.exists(marker.path):
                return None
            try:
                marker.guard(guarded)
            except FileNotFoundError:  # the last process before this one has just removed the directory
                continue
            except OSError:
                return None  # no guard is no reason to run no tests
            return marker
        return None

    def guard(self, paths: list[str]) -> None:
        """From now on refuse the files `paths` to this process and its descendants; an empty list allows all."""
        unfinished = f"{self.path}.unfinished"
        with open(unfinished, "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write("\0".join(map(os.path.realpath, paths)))
        os.replace(unfinished, self.path)

    def guarded_files(self) -> list[str]:
        """The files that are refused."""
        try:
            with open(self.path, encoding="utf-8", errors="surrogateescape") as file:
                return file.read().split("\0")
        except FileNotFoundError:
            return []

    def note(self, path: str) -> None:
        """Note that this process was refused `path`."""
        line = f"{path} by process {os.getpid()} ({' '.join(sys.orig_argv)[:200]!r})\n"
        with (
            contextlib.suppress(OSError),
            open(f"{self.path}{_REFUSED}", "a", encoding="utf-8", errors="replace") as file,
        ):
            file.write(line)

    def take_refusals(self) -> list[str]:
        """What was noted since the last call, a line each."""
        try:
            if os.stat(f"{self.path}{_REFUSED}").st_size == self._read:
                return []
        except FileNotFoundError:
            return []
        with open(f"{self.path}{_REFUSED}", "rb") as file:
            file.seek(self._read)
            lines = file.read()
        self._read += len(lines)
        return lines.decode(errors="replace").splitlines()

    def remove(self) -> None:
        """Remove the marker, those of processes that were killed before they could, and the directory with the last."""
        _remove_files(self.path)
        directory = os.path.dirname(self.path)
        for name in _names(directory):
            if not _process_lives(name):
                _remove_files(os.path.join(directory, name))
        with contextlib.suppress(OSError):
            os.rmdir(directory)


def own_registries() -> list[str]:
    """The registry files that are this process's user's own: by its environment, and by the user database."""
    found = [default_path()]
    if sys.platform == "linux":
        import pwd

        with contextlib.suppress(KeyError):  # a container's user may be in no database
            found.append(default_path(home=pwd.getpwuid(os.getuid()).pw_dir))
    return list(dict.fromkeys(found))


def refuse(path: str) -> None:
    """Raise RefusedInTest if `path` is guarded against this process, and note it."""
    __tracebackhide__ = True  # pytest then shows the caller's line
    marker = _nearest_marker()
    if marker is None or os.path.realpath(path) not in marker.guarded_files():
        return
    marker.note(path)
    from .errors import RefusedInTest

    pid = os.path.basename(marker.path).partition(".")[0]
    message = (
        f"{path}: is the user's own registry, and this process belongs to a test (of pytest, pid {pid}); pass a path, "
        "set SESSIONREG_DB, or use the fixture session_registry; a test that means it is marked real_registry"
    )
    raise RefusedInTest(message, database=path)


def _nearest_marker() -> Marker | None:
    """The marker that speaks for this process: the environment's, else that of the nearest ancestor that has one."""
    named = os.environ.get(GUARD_VARIABLE, "")
    if named and _process_lives(os.path.basename(named)) and os.path.exists(named):
        return Marker(named)
    directory = guards_directory()
    names = _names(directory)
    pid = os.getpid()
    while names and pid > 0:
        origin = _origin(pid)
        if origin is None:
            return None
        parent, start = origin
        if f"{pid}.{start}" in names:
            return Marker(os.path.join(directory, f"{pid}.{start}"))
        pid = parent
    return None


def _names(directory: str) -> set[str]:
    """What is in the directory; nothing if it is not this user's, who alone may guard himself."""
    try:
        return set(os.listdir(directory)) if os.stat(directory).st_uid == os.getuid() else set()
    except OSError:
        return set()


def _make_private(directory: str) -> bool:
    with contextlib.suppress(OSError):
        os.mkdir(directory, 0o700)
    try:
        return os.stat(directory).st_uid == os.getuid()
    except (OSError, AttributeError):
        return False


def _remove_files(path: str) -> None:
    for name in (path, f"{path}{_REFUSED}", f"{path}.unfinished"):
        with contextlib.suppress(OSError):
            os.unlink(name)


def _process_lives(name: str) -> bool:
    pid, _, rest = name.partition(".")
    origin = _origin(int(pid)) if pid.isdecimal() else None
    return origin is not None and rest.partition(".")[0] == origin[1]


def _origin(pid: int) -> tuple[int, str] | None:
    """A process's parent and its start, as a word; None if there is no such process, or it has ended."""
    if sys.platform != "linux":
        return _origin_by_psutil(pid)
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            # proc_pid_stat(5): behind the name, which may hold anything: the state, the parent, ... the start (22nd)
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return None
    return None if fields[0] in {b"Z", b"X"} else (int(fields[1]), fields[19].decode())


def _origin_by_psutil(pid: int) -> tuple[int, str] | None:
    import psutil

    try:
        process = psutil.Process(pid)
        return process.ppid(), str(int(process.create_time() * 1000))
    except psutil.Error:
        return None

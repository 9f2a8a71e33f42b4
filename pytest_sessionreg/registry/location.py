"""Where the registry's file lies, and how it comes into being with nobody else allowed to read it."""

from __future__ import annotations

import errno
import os
import stat
import sys

from .user_paths import DATABASE_VARIABLE, DEFAULT_ENDS_IN, GUARD_VARIABLE, default_path, guards_directory

__all__ = ["create_private", "resolve"]


# What SQLite and the write queue append to a database's name for their own files.
_OWN_SUFFIXES = ("-wal", "-shm", "-journal", "-line", "-line-bell")


def resolve(path: str | os.PathLike[str] | None, *, create_directory: bool = True) -> str:
    """The real, absolute path meant by `path`; None means `$SESSIONREG_DB` if set and not empty, else `default_path()`.

    Symbolic links are followed once, here: SQLite keeps its log beside the file itself, and so must everybody. A `~` at
    the beginning is the home directory. Only the default's directory is created (mode 0700): a mistyped path must not
    leave directories behind. With create_directory=False, for those who only ask, not even that one, which may then be
    missing. Raises CannotOpen for what names no file that processes can share, and RefusedInTest where it is the
    default and this process belongs to a test (see `guard`).
    """
    chosen: object = os.fspath(path) if path is not None else os.environ.get(DATABASE_VARIABLE, "")
    if not isinstance(chosen, str):
        raise _cannot_open(repr(chosen), "is no text; name the file by a str or a pathlib.Path")
    if not chosen:
        chosen = default_path()
        if not os.path.isabs(chosen):
            raise _cannot_open(chosen, f"no home directory is known; set {DATABASE_VARIABLE} or HOME")
        _refuse_in_test(chosen)
        if not create_directory and not os.path.exists(os.path.dirname(chosen)):
            return os.path.abspath(chosen)
        _make_private_directory(os.path.dirname(chosen), database=chosen)
    return _checked(_absolute(chosen))


def _absolute(chosen: str) -> str:
    """The absolute path that a caller's text means."""
    if "\0" in chosen:
        raise _cannot_open(repr(chosen), "a path cannot hold a NUL byte; name a file")
    if chosen == ":memory:" or chosen.startswith("file:"):
        raise _cannot_open(chosen, "is SQLite's notation, and no file's name; name a file that processes can share")
    expanded = os.path.expanduser(chosen)
    if expanded.startswith("~"):
        raise _cannot_open(chosen, "that home directory is not known; write the path out (a file in ./ if it is meant)")
    return os.path.abspath(expanded)


def _checked(absolute: str) -> str:
    """The real path of `absolute`, which names a file, or one that can be made."""
    _refuse_in_test(absolute)
    real = os.path.realpath(absolute)
    named = absolute if real == absolute else f"{absolute}, a link to {real}"
    if os.path.islink(real):
        raise _cannot_open(absolute, "leads in a circle of symbolic links; remove the link")
    if real.endswith(_OWN_SUFFIXES):
        raise _cannot_open(real, "may be another database's log or queue, by its name; choose another name", named)
    if os.path.isdir(real):
        raise _cannot_open(real, "is a directory; name a file in it", named)
    directory = os.path.dirname(real)
    if not os.path.isdir(directory):
        raise _cannot_open(real, f"the directory {directory} does not exist; create it first", named)
    return real


def _cannot_open(path: str, why: str, named: str | None = None) -> Exception:
    from .errors import CannotOpen  # here, so that the default path can be asked for without loading SQLite

    return CannotOpen(f"{named or path}: {why}", database=path)


def create_private(path: str) -> bool:
    """Create `path` as an empty file of mode 0600 unless it exists; whether this call created it.

    mknod, because it opens no descriptor: closing any descriptor of a database file drops every POSIX lock that the
    process holds on it (https://www.sqlite.org/howtocorrupt.html, 2.2). SQLite gives -wal and -shm the file's mode.
    """
    if os.path.exists(path):
        return False
    from .errors import CannotOpen  # here: see resolve

    try:
        os.mknod(path, stat.S_IFREG | 0o600)
    except FileExistsError:
        return False
    except (AttributeError, PermissionError) as error:
        if sys.platform == "linux":
            message = f"{path}: cannot be created ({error}); make the directory {os.path.dirname(path)} writable"
            raise CannotOpen(message, database=path) from None
        return False  # macOS lets only root make nodes and Windows has none: there SQLite creates the file
    except OSError as error:
        remedy = "choose a writable file system with space left"
        if error.errno == errno.ENAMETOOLONG:
            remedy = "choose a shorter name"
        message = f"{path}: cannot be created ({error.strerror}); {remedy}"
        raise CannotOpen(message, database=path) from None
    return True


def _refuse_in_test(path: str) -> None:
    """Raise RefusedInTest if `path` is the user's own registry and this process belongs to a test."""
    __tracebackhide__ = True
    if not path.endswith(DEFAULT_ENDS_IN) and not os.path.islink(path):
        return
    if GUARD_VARIABLE in os.environ or os.path.exists(guards_directory()):
        from .guard import refuse  # here: hardly any process has to ask

        refuse(path)


def _make_private_directory(directory: str, *, database: str) -> None:
    if os.path.isdir(directory):
        return
    try:
        os.makedirs(os.path.dirname(directory), exist_ok=True)
        os.mkdir(directory, 0o700)
    except FileExistsError:
        return
    except OSError as error:
        from .errors import CannotOpen  # here: see resolve

        message = (
            f"{database}: the directory {directory} cannot be created ({error.strerror}); "
            f"create it, or set {DATABASE_VARIABLE} to a path that you can write"
        )
        raise CannotOpen(message, database=database) from None

"""Where the registry's file lies, and how it comes into being with nobody else allowed to read it."""

from __future__ import annotations

import os
import stat
import sys

from .user_paths import DATABASE_VARIABLE, DEFAULT_ENDS_IN, GUARD_VARIABLE, default_path, guards_directory

__all__ = ["create_private", "resolve"]


def resolve(path: str | os.PathLike[str] | None, *, create_directory: bool = True) -> str:
    """The absolute path meant by `path`; None means `$SESSIONREG_DB` if set and not empty, else `default_path()`.

    Only the default's directory is created (mode 0700): a mistyped path must not leave directories behind. With
    create_directory=False, for those who only ask, not even that one, which may then be missing. Raises CannotOpen
    where the directory does not exist or `path` names a directory, and RefusedInTest where it is the default and this
    process belongs to a test (see `guard`).
    """
    from .errors import CannotOpen  # here, so that the default path can be asked for without loading SQLite

    chosen = os.fspath(path) if path is not None else os.environ.get(DATABASE_VARIABLE, "")
    if not chosen:
        chosen = default_path()
        _refuse_in_test(chosen)
        if not create_directory and not os.path.exists(os.path.dirname(chosen)):
            return os.path.abspath(chosen)
        _make_private_directory(os.path.dirname(chosen), database=chosen)
    absolute = os.path.abspath(chosen)
    _refuse_in_test(absolute)
    if "\0" in absolute:
        raise CannotOpen(f"{absolute!r}: a path cannot hold a NUL byte; name a file", database=absolute)
    if os.path.isdir(absolute):
        raise CannotOpen(f"{absolute}: is a directory; name a file in it", database=absolute)
    directory = os.path.dirname(absolute)
    if not os.path.isdir(directory):
        raise CannotOpen(f"{absolute}: the directory {directory} does not exist; create it first", database=absolute)
    return absolute


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
        message = f"{path}: cannot be created ({error.strerror}); choose a writable file system with space left"
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

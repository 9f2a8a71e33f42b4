"""The paths that belong to a user: of the default registry, and of the marker of processes that run tests."""

from __future__ import annotations

import os
import sys

__all__ = ["DATABASE_VARIABLE", "DEFAULT_ENDS_IN", "GUARD_VARIABLE", "default_path", "guards_directory"]

DATABASE_VARIABLE = "SESSIONREG_DB"
GUARD_VARIABLE = "SESSIONREG_GUARD"
_APPLICATION = "sessionreg"
_FILE_NAME = "sessions.db"
# How the default path of every user ends.
DEFAULT_ENDS_IN = os.path.join(os.sep, _APPLICATION, _FILE_NAME)


def default_path(*, home: str | None = None) -> str:
    """`sessions.db` in the per-user state directory, e.g. `~/.local/state/sessionreg/sessions.db`.

    home: on Linux, the one that a process with an empty environment and this home directory would use.
    """
    if home is not None:
        return os.path.join(home, ".local/state", _APPLICATION, _FILE_NAME)
    return os.path.join(_state_directory(), _FILE_NAME)


def guards_directory() -> str:
    """Where processes that run tests say so (see `guard`): the same for every process of a user, in any environment."""
    return f"/tmp/sessionreg-guard-{getattr(os, 'getuid', int)()}"  # noqa: S108  its owner is checked, and its mode is 0700


def _state_directory() -> str:
    if sys.platform == "linux":
        # platformdirs' own rule: importing it costs as much as the interpreter's start (tests hold the two equal)
        base = os.environ.get("XDG_STATE_HOME", "")
        if not os.path.isabs(base):
            base = os.path.expanduser("~/.local/state")
        return os.path.join(base, _APPLICATION)
    import platformdirs

    return platformdirs.user_state_dir(_APPLICATION, appauthor=False)

"""The fields of a session: which there are, what each may be, and how the database stores it."""

from __future__ import annotations

from ..clock import from_optional, from_text
from ..errors import InvalidValue
from ..store import converted
from ..values import identifier, instant_text, json_object, json_value, text, whole

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..records.session import Session

__all__ = ["COLUMNS", "DEFAULTS", "checked_fields", "flag", "session_of"]

COLUMNS = (
    "workspace_id, session_id, pid, ppid, process_started_at, pid_namespace, cwd, repo_path, repo_hash, worktree, "
    "branch, parent_id, label, notify, transport_kind, transport_details, status, started_at, last_heartbeat_at, "
    "ended_at, expires_at, metadata"
)
# What a cleared field becomes where it cannot be nothing.
DEFAULTS = {"notify": 0, "transport_kind": "unknown", "transport_details": "{}", "metadata": "{}"}


def checked_fields(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields as the database stores them, with repo_hash beside repo_path; None stays None. Raises InvalidValue."""
    checked: dict[str, Any] = {}
    for name, value in fields.items():
        check = _CHECKS.get(name)
        if check is None:
            raise InvalidValue(name, value, f"is no field that can be set; these are {', '.join(_CHECKS)}")
        checked[name] = None if value is None else check(name, value)
    if "repo_path" in checked:
        path = checked["repo_path"]
        checked["repo_hash"] = None if path is None else _repo_hash(path)
    return checked


def flag(field: str, value: Any) -> int:
    """True or False, as 1 or 0."""
    if not isinstance(value, bool):
        raise InvalidValue(field, value, "must be True or False")
    return int(value)


def _repo_hash(repo_path: str) -> str:
    from hashlib import sha256

    return sha256(repo_path.encode()).hexdigest()[:16]


_CHECKS: dict[str, Any] = {
    "pid": whole,
    "ppid": whole,
    "process_started_at": instant_text,
    "pid_namespace": text,
    "cwd": text,
    "repo_path": text,
    "worktree": text,
    "branch": text,
    "parent_id": identifier,
    "label": text,
    "notify": flag,
    "transport_kind": identifier,
    "transport_details": json_object,
    "metadata": json_object,
}

_CONVERSIONS = (
    (4, from_optional),
    (13, bool),
    (15, json_value),
    (17, from_text),
    (18, from_text),
    (19, from_optional),
    (20, from_optional),
    (21, json_value),
)


def session_of(row: tuple[Any, ...]) -> Session:
    """The session that a row of COLUMNS is."""
    from ..records.session import Session  # here, because dataclasses cost a cold start more than SQLite does

    return Session(*converted(row, _CONVERSIONS))

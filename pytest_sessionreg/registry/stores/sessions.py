"""The sessions store: who works where, and who else does.

For example:

    registry.sessions.register(
        "s-3", repo_path="/repo", branch="main", notify=True, transport_kind="tmux", ttl=timedelta(days=2)
    )
    registry.sessions.register("s-4", repo_path="/repo", branch="main")
    assert [peer.session_id for peer in registry.sessions.peers("s-4")] == ["s-3"]
    registry.sessions.heartbeat("s-3", min_interval=timedelta(seconds=30))  # writes only if the last one is that old
    registry.sessions.update("s-3", label="review", branch=None)
    assert registry.sessions.sweep().crashed == 0  # active ones without a heartbeat for a day
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import lru_cache

from ..clock import from_optional, from_text, later, now
from ..liveness import is_dead, pid_namespace, process_identity, process_start
from ..store import Store
from ..table import Record, Table, field
from ..values import choice, flag, identifier, instant_text, json_object, json_value, positive, text, whole

TYPE_CHECKING = False
if TYPE_CHECKING:
    from builtins import list as List  # noqa: N812  the method of that name hides it
    from collections.abc import Mapping
    from typing import Any

    from ..cleanup import Sweep

__all__ = ["STALE_AFTER", "STATUSES", "Session", "Sessions"]

STATUSES = ("active", "finished", "crashed")
# OrchestKit's rule: no heartbeat for a day, and nobody finished it.
STALE_AFTER = timedelta(hours=24)


class Session(Record):
    """One session as it stood when it was read.

    workspace_id: whose it is.
    session_id: unique in its workspace.
    pid: the process that works, None if unknown.
    ppid: its parent, None if unknown.
    process_started_at: when that process started, by the wall clock of when it was registered.
    pid_namespace: in which the numbers mean something.
    cwd: as given.
    repo_path: as given.
    repo_hash: the first 16 hexadecimal digits of the SHA-256 of repo_path.
    worktree: the linked work tree, None for the repository's main one.
    branch: as given.
    parent_id: the session that started this one.
    label: as given.
    notify: whether its user wants messages.
    transport_kind: how to reach it, such as "tmux"; "unknown" if nobody said.
    transport_details: what that takes, such as {"pane": "%5"}.
    status: one of STATUSES.
    started_at: aware instant.
    last_heartbeat_at: aware instant.
    ended_at: aware instant, None while it is active.
    expires_at: aware instant, None if never.
    metadata: the caller's own.
    """

    workspace_id: str
    session_id: str
    pid: int | None = field(whole)
    ppid: int | None = field(whole)
    process_started_at: datetime | None = field(instant_text, from_text)
    pid_namespace: str | None = field(text)
    cwd: str | None = field(text)
    repo_path: str | None = field(text)
    repo_hash: str | None
    worktree: str | None = field(text)
    branch: str | None = field(text)
    parent_id: str | None = field(identifier)
    label: str | None = field(text)
    notify: bool = field(flag, bool)
    transport_kind: str = field(identifier)
    transport_details: Mapping[str, Any] = field(json_object, json_value)
    status: str
    started_at: datetime = field(convert=from_text)
    last_heartbeat_at: datetime = field(convert=from_text)
    ended_at: datetime | None = field(convert=from_text)
    expires_at: datetime | None = field(instant_text, from_text)
    metadata: Mapping[str, Any] = field(json_object, json_value)


_SESSIONS = Table("sessions", Session)
# What is stored where a field is cleared that cannot be nothing.
_CLEARED = {"notify": 0, "transport_kind": "unknown", "transport_details": "{}", "metadata": "{}"}
_SELECT = f"SELECT {_SESSIONS.columns} FROM sessions WHERE workspace_id = ?"
_ORDER = " ORDER BY started_at, session_id"
_HEARTBEAT = "UPDATE sessions SET last_heartbeat_at = ? WHERE workspace_id = ? AND session_id = ? AND status = 'active'"
# What is stored of a session's process; whether it is still the same; and to forget it if it is.
_PROCESS = "pid, process_started_at, pid_namespace, process_identity"
_SAME_PROCESS = "pid IS ? AND process_started_at IS ? AND pid_namespace IS ? AND process_identity IS ?"
_FORGET = (
    "UPDATE sessions SET pid = NULL, process_started_at = NULL, pid_namespace = NULL, process_identity = NULL "
    f"WHERE workspace_id = ? AND session_id = ? AND {_SAME_PROCESS}"
)


class Sessions(Store):
    """`registry.sessions`.

    What becomes of a dead session differs in the stores of the field: CCR removes it, Overstory marks it. Here it is
    marked `crashed`: what belongs to a session is removed with it, and after a crash people look for exactly that.
    """

    __slots__ = ()

    def register(
        self,
        session_id: str,
        *,
        pid: int | None = None,
        ppid: int | None = None,
        process_started_at: datetime | None = None,
        cwd: str | None = None,
        repo_path: str | None = None,
        worktree: str | None = None,
        branch: str | None = None,
        parent_id: str | None = None,
        label: str | None = None,
        notify: bool | None = None,
        transport_kind: str | None = None,
        transport_details: Mapping[str, Any] | None = None,
        ttl: timedelta | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        """Record a session as active. One that exists is resumed: `started_at` and what is not mentioned stay.

        Of a process that is gone nothing stays: resumed without a pid, a session keeps the one that it had if that
        still lives or cannot be judged, else it has none, so that no clean-up takes it for crashed.

        process_started_at: of `pid`, looked up if not given, together with what tells the process from others even if
        the wall clock is set; one that is given is all there is to tell it by, to within liveness.TOLERANCE_S. ttl:
        until it expires, by default never.
        """
        instant = now()
        identity = None
        if pid is not None and process_started_at is None and whole("pid", pid):
            process_started_at, identity = process_start(pid), process_identity(pid)
        named = (
            ("pid", pid),
            ("ppid", ppid),
            ("process_started_at", process_started_at),
            ("cwd", cwd),
            ("repo_path", repo_path),
            ("worktree", worktree),
            ("branch", branch),
            ("parent_id", parent_id),
            ("label", label),
            ("notify", notify),
            ("transport_kind", transport_kind),
            ("transport_details", transport_details),
            ("metadata", metadata),
        )
        given = _check_fields({name: value for name, value in named if value is not None})
        if pid is not None:
            # what belongs to a pid comes with it, known or not: another process has another start
            given.setdefault("process_started_at", None)
            given["pid_namespace"] = pid_namespace()
        if "process_started_at" in given:
            given["process_identity"] = identity
        if ttl is not None:
            given["expires_at"] = later(instant, positive("ttl", ttl))
        key = (self._workspace, identifier("session_id", session_id))
        names, values = tuple(given), (*key, instant, instant, *given.values())
        if pid is not None:
            self._write(_register_sql(names), values)
        elif not self._write(_register_sql(names, unless_pid=True), values):
            gone = self._gone_process(key)  # looked at between two writes, without the write lock
            with self._joining():
                if gone is not None:
                    self._write(_FORGET, (*key, *gone))
                self._write(_register_sql(names), values)

    def _gone_process(self, key: tuple[str, str]) -> tuple[Any, ...] | None:
        """What is stored of the session's process, if that is gone; None if it lives, or if there is none."""
        sql = f"SELECT {_PROCESS} FROM sessions WHERE workspace_id = ? AND session_id = ? AND pid IS NOT NULL"
        for process in self._read(sql, key):
            if _is_gone(*process):
                return process  # type: ignore[no-any-return]
        return None

    def heartbeat(self, session_id: str, *, min_interval: timedelta | None = None) -> bool:
        """Say that a session is alive; False if there is no such active session, which should register again.

        min_interval: write only if the last heartbeat is at least that old; finding out takes no write lock.
        """
        identifier("session_id", session_id)
        instant = now()
        if min_interval is not None:
            recent = later(instant, -positive("min_interval", min_interval))
            rows = self._read(
                "SELECT last_heartbeat_at FROM sessions "
                "WHERE workspace_id = ? AND session_id = ? AND status = 'active'",
                (self._workspace, session_id),
            )
            if not rows or rows[0][0] > recent:
                return bool(rows)
        return self._write(_HEARTBEAT, (instant, self._workspace, session_id)) > 0

    def get(self, session_id: str) -> Session | None:
        """The session, or None."""
        return _SESSIONS.first(
            self._read(_SELECT + " AND session_id = ?", (self._workspace, identifier("session_id", session_id)))
        )

    def list(
        self,
        *,
        status: str | None = None,
        repo_path: str | None = None,
        branch: str | None = None,
        notify: bool | None = None,
    ) -> List[Session]:
        """The sessions that meet every given condition, the oldest first."""
        conditions: List[tuple[str, Any]] = []
        if repo_path is not None:
            conditions.append(("repo_path = ?", text("repo_path", repo_path)))
        if branch is not None:
            conditions.append(("branch = ?", text("branch", branch)))
        if notify is not None:
            conditions.append((f"notify = {flag('notify', notify)} AND ?", 1))
        if status is not None:
            conditions.append(("status = ?", choice("status", status, STATUSES)))
        # A unary plus keeps all but the first from choosing the index; they stand in order of how much they narrow.
        where = "".join(f" AND {'+' if number else ''}{condition}" for number, (condition, _) in enumerate(conditions))
        parameters = [self._workspace, *(value for _, value in conditions)]
        return _SESSIONS.records(self._read(_SELECT + where + _ORDER, parameters))

    def by_ppid(self, ppid: int) -> List[Session]:
        """The sessions whose parent process is `ppid`, the oldest first."""
        return _SESSIONS.records(self._read(_SELECT + " AND ppid = ?" + _ORDER, (self._workspace, whole("ppid", ppid))))

    def find_running(self) -> List[Session]:
        """The sessions that nobody has ended: what to look after when the program comes back from a restart."""
        return self.list(status="active")

    def peers(self, session_id: str) -> List[Session]:
        """The other active sessions in the same repository, branch and work tree: those whose edits would collide."""
        return _SESSIONS.records(
            self._read(
                "SELECT peer." + _SESSIONS.columns.replace(", ", ", peer.") + " FROM sessions AS me "
                "JOIN sessions AS peer ON peer.workspace_id = me.workspace_id AND peer.repo_path = me.repo_path "
                "AND +peer.branch IS me.branch AND peer.worktree IS me.worktree AND peer.session_id <> me.session_id "
                "WHERE me.workspace_id = ? AND me.session_id = ? AND +peer.status = 'active' "
                "ORDER BY peer.started_at, peer.session_id",
                (self._workspace, identifier("session_id", session_id)),
            )
        )

    def update(self, session_id: str, **fields: Any) -> bool:
        """Change some fields of a session, None clearing one; False if there is no such session.

        Any argument of `register` but ttl, and expires_at. Raises InvalidValue for an unknown field.
        """
        identifier("session_id", session_id)
        identity = None
        if "pid" in fields:  # another process: its start and its namespace go with its number
            pid = fields["pid"]
            known = pid is not None and whole("pid", pid) > 0
            if known and "process_started_at" not in fields:
                fields["process_started_at"], identity = process_start(pid), process_identity(pid)
            fields.setdefault("process_started_at", None)
            fields.setdefault("pid_namespace", pid_namespace() if known else None)
        cleared = {name: _CLEARED[name] for name, value in fields.items() if value is None and name in _CLEARED}
        checked = _check_fields({name: value for name, value in fields.items() if name not in cleared}) | cleared
        if "process_started_at" in checked:
            checked["process_identity"] = identity
        if not checked:
            return self.get(session_id) is not None
        changes = ", ".join(f"{name} = ?" for name in checked)
        return (
            self._write(
                f"UPDATE sessions SET {changes} WHERE workspace_id = ? AND session_id = ?",
                (*checked.values(), self._workspace, session_id),
            )
            > 0
        )

    def finish(self, session_id: str) -> bool:
        """End an active session; False if there is no such active session."""
        instant = now()
        return (
            self._write(
                "UPDATE sessions SET status = 'finished', ended_at = ?, last_heartbeat_at = ? "
                "WHERE workspace_id = ? AND session_id = ? AND status = 'active'",
                (instant, instant, self._workspace, identifier("session_id", session_id)),
            )
            > 0
        )

    def remove(self, session_id: str) -> bool:
        """Delete a session and what hangs on it (locks, overrides, outputs ...); False if there is none."""
        return (
            self._write(
                "DELETE FROM sessions WHERE workspace_id = ? AND session_id = ?",
                (self._workspace, identifier("session_id", session_id)),
            )
            > 0
        )

    def sweep(self, *, stale_after: timedelta = STALE_AFTER) -> Sweep:
        """Mark active sessions without a heartbeat for `stale_after` as crashed, and remove expired ones."""
        from ..cleanup import Sweep

        instant = now()
        oldest = later(instant, -positive("stale_after", stale_after))
        with self._joining():
            crashed = self._write(
                # told which index, for without statistics SQLite takes the key, and so every session that ever was
                "UPDATE sessions INDEXED BY sessions_by_status SET status = 'crashed', ended_at = ? "
                "WHERE workspace_id = ? AND status = 'active' AND last_heartbeat_at < ?",
                (instant, self._workspace, oldest),
            )
            expired = self._remove_expired(instant)
        return Sweep(crashed=crashed, expired=expired)

    def _remove_expired(self, instant: str) -> int:
        return self._write(
            "DELETE FROM sessions WHERE workspace_id = ? AND expires_at <= ?", (self._workspace, instant)
        )

    def _dead(self) -> List[tuple[Any, ...]]:
        """The active sessions whose process is gone: what `_mark_crashed` needs of each."""
        rows = self._read(
            f"SELECT session_id, last_heartbeat_at, {_PROCESS} "
            "FROM sessions INDEXED BY sessions_by_status WHERE workspace_id = ? AND status = 'active'",
            (self._workspace,),
        )
        return [(session_id, heard_at, *process) for session_id, heard_at, *process in rows if _is_gone(*process)]

    def _mark_crashed(self, dead: List[tuple[Any, ...]], instant: str) -> int:
        """Mark as crashed those of `_dead` that nobody has ended, resumed or heard of since; how many."""
        mark = (
            "UPDATE sessions SET status = 'crashed', ended_at = ? WHERE workspace_id = ? AND session_id = ? "
            f"AND status = 'active' AND last_heartbeat_at = ? AND {_SAME_PROCESS}"
        )
        return sum(self._write(mark, (instant, self._workspace, *row)) for row in dead)


@lru_cache(maxsize=64)
def _register_sql(given: tuple[str, ...], *, unless_pid: bool = False) -> str:
    """The statement that sets the fields `given` and no others: SQLite rewrites the indexes of all that it sets.

    unless_pid: leave a session that has a pid as it is; to ask first would cost every registration another statement.
    """
    fields = "".join(f", {name}" for name in given)
    changes = "".join(f", {name} = excluded.{name}" for name in given)
    if "expires_at" not in given:
        # an expiry that has passed must not remove what has just come back
        changes += ", expires_at = iif(expires_at > excluded.last_heartbeat_at, expires_at, NULL)"
    return (
        f"INSERT INTO sessions (workspace_id, session_id, status, started_at, last_heartbeat_at{fields}) "
        f"VALUES (?, ?, 'active', ?, ?{', ?' * len(given)}) ON CONFLICT (workspace_id, session_id) DO UPDATE SET "
        f"status = 'active', ended_at = NULL, last_heartbeat_at = excluded.last_heartbeat_at{changes}"
        f"{' WHERE pid IS NULL' if unless_pid else ''}"
    )


def _check_fields(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields as they are stored, with repo_hash beside repo_path."""
    checked = _SESSIONS.check_all(fields)
    if "repo_path" in checked:
        path = checked["repo_path"]
        checked["repo_hash"] = None if path is None else _repo_hash(path)
    return checked


def _repo_hash(repo_path: str) -> str:
    from hashlib import sha256

    return sha256(repo_path.encode()).hexdigest()[:16]


def _is_gone(pid: int | None, started_at: str | None, namespace: str | None, identity: str | None) -> bool:
    """Whether the process that is stored so (_PROCESS) is gone."""
    return is_dead(pid, from_optional(started_at), namespace, identity)

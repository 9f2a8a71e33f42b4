"""The terminal's table of sessions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from rich import box
from rich.table import Table
from rich.text import Text

from ..registry.stores.sessions import Session

__all__ = ["ago", "sessions_table"]

_STYLES = {"active": "green", "crashed": "red", "finished": ""}


def sessions_table(sessions: Sequence[Session], *, at: datetime | None = None) -> Table:
    """A row per session, at most 100 columns wide; ages are seen from `at`, by default now."""
    instant = at or datetime.now(UTC)
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False, header_style="bold")
    table.add_column("session", overflow="ellipsis", no_wrap=True, max_width=24)
    table.add_column("status", no_wrap=True)
    table.add_column("label", overflow="ellipsis", no_wrap=True, max_width=16)
    table.add_column("pid", justify="right", no_wrap=True)
    table.add_column("branch", overflow="ellipsis", no_wrap=True, max_width=16)
    table.add_column("directory", overflow="ellipsis", no_wrap=True, max_width=24)
    table.add_column("started", justify="right", no_wrap=True)
    table.add_column("heartbeat", justify="right", no_wrap=True)
    for session in sessions:
        table.add_row(
            Text(session.session_id),
            Text(session.status, style=_STYLES[session.status]),
            Text(session.label or "-"),
            "-" if session.pid is None else str(session.pid),
            Text(session.branch or "-"),
            Text(session.cwd or session.repo_path or "-"),
            ago(instant - session.started_at),
            ago(instant - session.last_heartbeat_at),
        )
    return table


def ago(span: timedelta) -> str:
    """A span in its largest unit, e.g. "5 s", "3 min", "7 h", "12 d"."""
    seconds = max(span.total_seconds(), 0)
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size:.0f} {unit}"
    return f"{seconds:.0f} s"

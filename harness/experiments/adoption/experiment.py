"""Asking a registry how its suggestions were taken: nothing is written, and nobody waits for a lock."""

from __future__ import annotations

from datetime import timedelta

from pytest_sessionreg import Registry
from pytest_sessionreg.registry.errors import NotFound
from pytest_sessionreg.registry.registry import DEFAULT_WORKSPACE
from pytest_sessionreg.results.envelope import Envelope
from pytest_sessionreg.results.environment import Environment

from .result import KIND, SCHEMA, AdoptionResult

__all__ = ["adoption"]


def adoption(
    registry: Registry,
    window: timedelta,
    *,
    workspace: str = DEFAULT_WORKSPACE,
    session: str | None = None,
    command: str = "",
) -> AdoptionResult:
    """The skills of `registry`, opened for `workspace`, or of one `session` of it, in the last `window`.

    Raises NotFound for a session that is not registered.
    """
    if session is not None and registry.sessions.get(session) is None:
        raise NotFound(
            f"{registry.path}: no session {session!r} in workspace {workspace!r}; see sessionreg sessions",
            database=registry.path,
        )
    return AdoptionResult(
        envelope=Envelope(KIND, SCHEMA, command, Environment.of(registry.path)),
        workspace=workspace,
        session=session,
        window_s=window.total_seconds(),
        skills=tuple(registry.skills.adoption_by_skill(window, session_id=session)),
    )

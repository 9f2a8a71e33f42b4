"""What is done with sessions."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from pytest_sessionreg import Registry
from pytest_sessionreg.registry.cleanup import Cleanup, Sweep
from pytest_sessionreg.registry.liveness import pid_namespace, process_start
from tests.registry.stores.model.sides import Sides, driving
from tests.registry.stores.model.strategies import IDS, SESSION_FIELDS, SIDES, SPANS
from tests.registry.stores.model.world import GONE, NEW, WINDOW


class SessionRules(Sides):
    @initialize(side=SIDES)
    def a_session_to_start_with(self, side: int) -> None:
        self.register(side, "a", {}, None)

    @rule(side=SIDES, session_id=IDS, given=SESSION_FIELDS, ttl=st.none() | SPANS)
    def register(self, side: int, session_id: str, given: dict[str, Any], ttl: timedelta | None) -> None:
        registry, world = self.at(side)
        registry.sessions.register(session_id, **given, ttl=ttl)
        known = world.sessions.get(session_id)
        old = known or replace(NEW, workspace_id=registry.workspace_id, session_id=session_id, started_at=self.now)
        expires_at = old.expires_at if old.expires_at is not None and old.expires_at > self.now else None
        if ttl is not None:
            expires_at = self.now + ttl
        new = replace(
            old,
            **given,
            status="active",
            last_heartbeat_at=self.now,
            ended_at=None,
            expires_at=expires_at,
        )
        if "pid" not in given and old.pid == GONE:
            new = replace(new, pid=None, process_started_at=None, pid_namespace=None)
        if "pid" in given:
            new = replace(new, process_started_at=process_start(given["pid"]), pid_namespace=pid_namespace())
        world.sessions[session_id] = replace(new, repo_hash=_hash_of(registry, session_id, new.repo_path))

    @driving("sessions")
    @rule(side=SIDES, session_id=IDS, interval=st.none() | SPANS)
    def heartbeat(self, side: int, session_id: str, interval: timedelta | None) -> None:
        registry, world = self.at(side)
        session = world.sessions.get(session_id)
        active = session is not None and session.status == "active"
        assert registry.sessions.heartbeat(session_id, min_interval=interval) == active
        if session is not None and active and (interval is None or self.now - session.last_heartbeat_at >= interval):
            world.sessions[session_id] = replace(session, last_heartbeat_at=self.now)

    @driving("sessions")
    @rule(side=SIDES, session_id=IDS, label=st.sampled_from([None, "y"]), notify=st.booleans())
    def update(self, side: int, session_id: str, label: str | None, notify: bool) -> None:  # noqa: FBT001  hypothesis passes it by name
        registry, world = self.at(side)
        assert registry.sessions.update(session_id, label=label, notify=notify) == (session_id in world.sessions)
        if session_id in world.sessions:
            world.sessions[session_id] = replace(world.sessions[session_id], label=label, notify=notify)

    @driving("sessions")
    @rule(side=SIDES, session_id=IDS)
    def finish(self, side: int, session_id: str) -> None:
        registry, world = self.at(side)
        session = world.sessions.get(session_id)
        active = session is not None and session.status == "active"
        assert registry.sessions.finish(session_id) == active
        if session is not None and active:
            world.sessions[session_id] = replace(
                session, status="finished", ended_at=self.now, last_heartbeat_at=self.now
            )

    @rule(side=SIDES, session_id=IDS)
    def remove(self, side: int, session_id: str) -> None:
        registry, world = self.at(side)
        assert registry.sessions.remove(session_id) == (session_id in world.sessions)
        if session_id in world.sessions:
            world.remove_session(session_id)

    @driving("sessions")
    @rule(side=SIDES)
    def sweep(self, side: int) -> None:
        registry, world = self.at(side)
        stale = [
            session
            for session in world.sessions.values()
            if session.status == "active" and session.last_heartbeat_at < self.now - WINDOW
        ]
        for session in stale:
            world.sessions[session.session_id] = replace(session, status="crashed", ended_at=self.now)
        wanted = Sweep(crashed=len(stale), expired=world.remove_expired_sessions(self.now))
        assert registry.sessions.sweep(stale_after=WINDOW) == wanted

    @driving("sessions", "locks", "tokens")
    @rule(side=SIDES)
    def cleanup(self, side: int) -> None:
        registry, world = self.at(side)
        dead = [session for session in world.sessions.values() if session.status == "active" and session.pid == GONE]
        for session in dead:
            world.sessions[session.session_id] = replace(session, status="crashed", ended_at=self.now)
        free = [
            name
            for name, lock in world.locks.items()
            if lock.expires_at <= self.now or world.sessions[lock.session_id].status != "active"
        ]
        for name in free:
            del world.locks[name]
        expired = world.remove_expired_tokens(self.now)
        sessions = world.remove_expired_sessions(self.now)
        assert registry.cleanup() == Cleanup(
            expired_sessions=sessions, expired_tokens=expired, freed_locks=len(free), dead_sessions=len(dead)
        )


def _hash_of(registry: Registry, session_id: str, repo_path: str | None) -> str | None:
    """The hash is tested elsewhere; here it only has to be there when a path is."""
    session = registry.sessions.get(session_id)
    assert session is not None
    assert (session.repo_hash is None) == (repo_path is None)
    return session.repo_hash

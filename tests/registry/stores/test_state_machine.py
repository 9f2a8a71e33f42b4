from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any, ClassVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from pytest_sessionreg import Registry
from pytest_sessionreg.registry.clock import to_text
from pytest_sessionreg.registry.errors import InvalidValue, NotFound
from pytest_sessionreg.registry.liveness import pid_namespace, process_start
from pytest_sessionreg.registry.records.agent import Agent, Transition
from pytest_sessionreg.registry.records.audit_event import AuditEvent
from pytest_sessionreg.registry.records.cleanup import Cleanup
from pytest_sessionreg.registry.records.command import Command
from pytest_sessionreg.registry.records.job import JobRun, JobStep
from pytest_sessionreg.registry.records.learning_state import LearningState
from pytest_sessionreg.registry.records.lock import Lock
from pytest_sessionreg.registry.records.meta_entry import MetaEntry
from pytest_sessionreg.registry.records.output import Output
from pytest_sessionreg.registry.records.override import Override
from pytest_sessionreg.registry.records.run import Run
from pytest_sessionreg.registry.records.session import Session, Sweep
from pytest_sessionreg.registry.records.skill import Adoption, SkillUse
from pytest_sessionreg.registry.records.token import Validation
from pytest_sessionreg.registry.records.worktree import Worktree
from pytest_sessionreg.registry.stores.agents import STATES
from pytest_sessionreg.registry.workspace import STORES

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
WINDOW = timedelta(seconds=50)
# No process can have this number.
GONE = 2**40

# A session of nothing but an id.
NEW = Session(
    workspace_id="",
    session_id="",
    pid=None,
    ppid=None,
    process_started_at=None,
    pid_namespace=None,
    cwd=None,
    repo_path=None,
    repo_hash=None,
    worktree=None,
    branch=None,
    parent_id=None,
    label=None,
    notify=False,
    transport_kind="unknown",
    transport_details={},
    status="active",
    started_at=START,
    last_heartbeat_at=START,
    ended_at=None,
    expires_at=None,
    metadata={},
)

SIDES = st.sampled_from([0, 0, 1])
IDS = st.sampled_from("aabc")
KEYS = st.sampled_from(["k", "ü"])
VALUES: st.SearchStrategy[Any] = st.sampled_from([None, 0, "text", {"a": [1]}, []])
SPANS = st.sampled_from([timedelta(seconds=seconds) for seconds in (1, 20, 60)])
CHATS = st.integers(-1, 1)
SESSION_FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "pid": st.sampled_from([GONE, os.getpid()]),
        "ppid": st.sampled_from([7, 8]),
        "repo_path": st.sampled_from(["/a", "/b"]),
        "branch": st.just("main"),
        "worktree": st.just("/w"),
        "label": st.sampled_from(["x", ""]),
        "notify": st.booleans(),
        "transport_kind": st.just("tmux"),
        "metadata": st.sampled_from([{}, {"a": 1}]),
    },
)


@dataclass
class World:
    """What one workspace should hold; the records are frozen, so a copy of the containers is a snapshot."""

    sessions: dict[str, Session] = field(default_factory=dict)
    locks: dict[str, Lock] = field(default_factory=dict)
    overrides: dict[tuple[str, str], Override] = field(default_factory=dict)
    worktrees: dict[str, Worktree] = field(default_factory=dict)
    suggested: list[tuple[str, str, datetime]] = field(default_factory=list)
    invoked: list[tuple[str, str, datetime]] = field(default_factory=list)
    outputs: list[Output] = field(default_factory=list)
    agents: dict[str, Agent] = field(default_factory=dict)
    runs: dict[str, Run] = field(default_factory=dict)
    tokens: dict[str, tuple[str, str, datetime]] = field(default_factory=dict)
    inbox: list[Command] = field(default_factory=list)
    audit: list[AuditEvent] = field(default_factory=list)
    jobs: dict[str, JobRun] = field(default_factory=dict)
    steps: dict[tuple[str, int], JobStep] = field(default_factory=dict)
    learning: dict[str, LearningState] = field(default_factory=dict)

    def snapshot(self) -> World:
        return World(**{each.name: copy(getattr(self, each.name)) for each in fields(self)})

    def remove_session(self, session_id: str) -> None:
        del self.sessions[session_id]
        self.locks = {name: lock for name, lock in self.locks.items() if lock.session_id != session_id}
        self.overrides = {key: value for key, value in self.overrides.items() if key[0] != session_id}
        self.worktrees = {
            child: link for child, link in self.worktrees.items() if session_id not in (child, link.parent_id)
        }
        self.suggested = [event for event in self.suggested if event[0] != session_id]
        self.invoked = [event for event in self.invoked if event[0] != session_id]
        self.outputs = [output for output in self.outputs if output.session_id != session_id]
        self.tokens = {token: bound for token, bound in self.tokens.items() if bound[0] != session_id}

    def remove_expired_sessions(self, now: datetime) -> int:
        expired = [
            session.session_id
            for session in self.sessions.values()
            if session.expires_at is not None and session.expires_at <= now
        ]
        for session_id in expired:
            self.remove_session(session_id)
        return len(expired)

    def command(self, command_id: str) -> Command | None:
        return next((command for command in self.inbox if command.command_id == command_id), None)

    def change_command(self, command: Command, **changes: Any) -> None:
        self.inbox[self.inbox.index(command)] = replace(command, **changes)


def driving(*stores: str) -> Callable[[Any], Any]:
    """The rule is for machines that drive one of these stores."""
    return precondition(lambda machine: not machine.driven.isdisjoint(stores))


class Machine(RuleBasedStateMachine):
    """Two registries on two workspaces of one file beside two Worlds; a transaction may be open on one of them."""

    driven: ClassVar[frozenset[str]] = frozenset(STORES)

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.patch = pytest.MonkeyPatch()
        for name in STORES:
            self.patch.setattr(import_module(f"pytest_sessionreg.registry.stores.{name}"), "now", self.now_text)
        self.patch.setattr("pytest_sessionreg.registry.workspace.now", self.now_text)
        self.directory = tempfile.mkdtemp()
        path = os.path.join(self.directory, "sessions.db")
        self.registries = [Registry.open(path, workspace=name) for name in ("zero", "one")]
        self.worlds = [World(), World()]
        self.meta = {entry.key: entry for entry in self.registries[0].meta.list()}
        self.fence = 0
        self.open_side: int | None = None
        self.transaction: Any = None
        self.before: tuple[list[World], dict[str, MetaEntry], int] = ([], {}, 0)

    def teardown(self) -> None:
        for registry in self.registries:
            registry.close()
        shutil.rmtree(self.directory)
        self.patch.undo()

    def now_text(self) -> str:
        return to_text(self.now)

    def at(self, side: int) -> tuple[Registry, World]:
        """A side to write on: that of the open transaction if there is one, for the other would wait for it."""
        chosen = side if self.open_side is None else self.open_side
        return self.registries[chosen], self.worlds[chosen]

    # -- time and transactions

    @rule(seconds=st.sampled_from([0.000001, 1, 5, 30]))
    def time_passes(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    @precondition(lambda self: self.open_side is None)
    @rule(side=SIDES)
    def begin(self, side: int) -> None:
        self.transaction = self.registries[side].transaction()
        self.transaction.__enter__()
        self.open_side = side
        self.before = ([world.snapshot() for world in self.worlds], dict(self.meta), self.fence)

    @precondition(lambda self: self.open_side is not None)
    @rule(commit=st.booleans())
    def end(self, commit: bool) -> None:  # noqa: FBT001  hypothesis passes it by name
        self.open_side = None
        if commit:
            self.transaction.__exit__(None, None, None)
        else:
            self.transaction.__exit__(KeyError, KeyError(), None)
            self.worlds, self.meta, self.fence = self.before

    # -- sessions

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
    def update(self, side: int, session_id: str, label: str | None, notify: bool) -> None:  # noqa: FBT001  as above
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
        expired = self.expired_tokens(world)
        sessions = world.remove_expired_sessions(self.now)
        assert registry.cleanup() == Cleanup(
            expired_sessions=sessions, expired_tokens=expired, freed_locks=len(free), dead_sessions=len(dead)
        )

    # -- what hangs on a session

    @driving("locks")
    @rule(side=SIDES, name=KEYS, session_id=IDS, ttl=SPANS)
    def acquire(self, side: int, name: str, session_id: str, ttl: timedelta) -> None:
        registry, world = self.at(side)
        held = world.locks.get(name)
        if held is not None and held.expires_at > self.now:
            assert registry.locks.acquire(name, session_id, ttl=ttl) is None
        elif session_id not in world.sessions:
            with pytest.raises(NotFound):
                registry.locks.acquire(name, session_id, ttl=ttl)
        else:
            lock = registry.locks.acquire(name, session_id, ttl=ttl)
            assert lock is not None
            assert lock.fence > self.fence
            self.fence = lock.fence
            world.locks[name] = Lock(name, session_id, lock.fence, self.now, self.now + ttl)

    @driving("locks")
    @rule(side=SIDES, name=KEYS, session_id=IDS, ttl=st.none() | SPANS)
    def renew_or_release(self, side: int, name: str, session_id: str, ttl: timedelta | None) -> None:
        registry, world = self.at(side)
        held = world.locks.get(name)
        its_own = held is not None and held.session_id == session_id and held.expires_at > self.now
        if ttl is None:
            assert registry.locks.release(name, session_id) == its_own
            if its_own:
                del world.locks[name]
        else:
            assert registry.locks.renew(name, session_id, ttl=ttl) == its_own
            if held is not None and its_own:
                world.locks[name] = replace(held, expires_at=self.now + ttl)

    @driving("overrides")
    @rule(side=SIDES, session_id=IDS, key=KEYS, value=VALUES)
    def set_override(self, side: int, session_id: str, key: str, value: Any) -> None:
        registry, world = self.at(side)
        if session_id in world.sessions:
            registry.overrides.set(session_id, key, value)
            world.overrides[session_id, key] = Override(session_id, key, value, self.now)
        else:
            with pytest.raises(NotFound):
                registry.overrides.set(session_id, key, value)

    @driving("overrides")
    @rule(side=SIDES, session_id=IDS, key=KEYS)
    def delete_override(self, side: int, session_id: str, key: str) -> None:
        registry, world = self.at(side)
        assert registry.overrides.delete(session_id, key) == ((session_id, key) in world.overrides)
        world.overrides.pop((session_id, key), None)

    @driving("worktrees")
    @rule(side=SIDES, child=IDS, parent=IDS, purpose=st.sampled_from([None, "fix"]))
    def link(self, side: int, child: str, parent: str, purpose: str | None) -> None:
        registry, world = self.at(side)
        if {child, parent} <= set(world.sessions):
            registry.worktrees.link(child, parent, purpose=purpose)
            world.worktrees[child] = Worktree(child, parent, purpose, self.now, None, None, None)
        else:
            with pytest.raises(NotFound):
                registry.worktrees.link(child, parent, purpose=purpose)

    @driving("worktrees")
    @rule(side=SIDES, child=IDS, payload=VALUES)
    def record_result(self, side: int, child: str, payload: Any) -> None:
        registry, world = self.at(side)
        assert registry.worktrees.record_result(child, "done", payload) == (child in world.worktrees)
        if child in world.worktrees:
            world.worktrees[child] = replace(
                world.worktrees[child], result_status="done", result_payload=payload, finished_at=self.now
            )

    @driving("skills")
    @rule(side=SIDES, session_id=IDS, skill=KEYS, invoked=st.booleans())
    def skill_event(self, side: int, session_id: str, skill: str, invoked: bool) -> None:  # noqa: FBT001  as above
        registry, world = self.at(side)
        known = session_id in world.sessions
        if invoked:
            assert registry.skills.try_invoke(session_id, skill) == known
        elif known:
            registry.skills.suggest(session_id, skill)
        else:
            with pytest.raises(NotFound):
                registry.skills.suggest(session_id, skill)
        if known:
            (world.invoked if invoked else world.suggested).append((session_id, skill, self.now))

    @driving("outputs")
    @rule(side=SIDES, session_id=IDS, pieces=st.lists(st.text(max_size=3).filter(lambda text: "\0" not in text)))
    def append_output(self, side: int, session_id: str, pieces: list[str]) -> None:
        registry, world = self.at(side)
        if session_id not in world.sessions and any(pieces):
            with pytest.raises(NotFound):
                registry.outputs.append(session_id, iter(pieces))
            return
        last = registry.outputs.append(session_id, iter(pieces))
        written = [piece for piece in pieces if piece]
        assert (last == 0) == (not written)
        first = last - len(written) + 1
        assert not written or all(first > output.output_id for world in self.worlds for output in world.outputs)
        world.outputs.extend(
            Output(first + number, session_id, piece, self.now) for number, piece in enumerate(written)
        )

    @driving("outputs")
    @rule(side=SIDES, session_id=IDS)
    def delete_outputs(self, side: int, session_id: str) -> None:
        registry, world = self.at(side)
        kept = [output for output in world.outputs if output.session_id != session_id]
        assert registry.outputs.delete(session_id) == len(world.outputs) - len(kept)
        world.outputs = kept

    @driving("tokens")
    @rule(side=SIDES, session_id=IDS, chat=CHATS, ttl=SPANS)
    def mint(self, side: int, session_id: str, chat: int, ttl: timedelta) -> None:
        registry, world = self.at(side)
        if session_id in world.sessions:
            token = registry.tokens.mint(session_id, chat, ttl=ttl)
            world.tokens[token] = (session_id, str(chat), self.now + ttl)
        else:
            with pytest.raises(NotFound):
                registry.tokens.mint(session_id, chat, ttl=ttl)

    @driving("tokens")
    @rule(side=SIDES, number=st.integers(0, 5))
    def revoke(self, side: int, number: int) -> None:
        registry, world = self.at(side)
        token = ([*world.tokens, *[""] * 6])[number]
        assert registry.tokens.revoke(token) == (token in world.tokens)
        assert not registry.tokens.revoke(token)
        world.tokens.pop(token, None)

    @driving("tokens")
    @rule(side=SIDES)
    def expire_tokens(self, side: int) -> None:
        registry, world = self.at(side)
        assert registry.tokens.expire() == self.expired_tokens(world)

    def expired_tokens(self, world: World) -> int:
        expired = [token for token, (_, _, expires_at) in world.tokens.items() if expires_at <= self.now]
        for token in expired:
            del world.tokens[token]
        return len(expired)

    # -- agents and runs

    @driving("agents")
    @rule(side=SIDES, name=IDS, state=st.sampled_from(STATES), run_id=st.none() | IDS)
    def upsert_agent(self, side: int, name: str, state: str, run_id: str | None) -> None:
        registry, world = self.at(side)
        registry.agents.upsert(name, agent_id="id", state=state, run_id=run_id)
        blank = ("", "", "", "", "")
        world.agents[name] = Agent(
            name, "id", *blank, state, None, None, 0, run_id, self.now, self.now, escalation_level=0, stalled_since=None
        )

    @driving("agents")
    @rule(side=SIDES, name=IDS, to=st.sampled_from(STATES), force=st.booleans())
    def change_agent(self, side: int, name: str, to: str, force: bool) -> None:  # noqa: FBT001  as above
        registry, world = self.at(side)
        agent = world.agents.get(name)
        if force:
            assert registry.agents.set_state(name, to) == (agent is not None)
            changed = True
        else:
            found = None if agent is None else agent.state
            changed = (
                found not in (None, "completed", to) and to != "booting" and (found != "zombie" or to == "completed")
            )
            assert registry.agents.transition(name, to) == Transition(changed=changed, found=found)
        if agent is not None and changed:
            world.agents[name] = replace(agent, state=to, last_activity_at=self.now)

    @driving("agents")
    @rule(side=SIDES, name=IDS, level=st.integers(0, 2))
    def worry_about_agent(self, side: int, name: str, level: int) -> None:
        registry, world = self.at(side)
        since = self.now if level else None
        known = name in world.agents
        assert registry.agents.escalation(name, level, since) == registry.agents.activity(name) == known
        if known:
            world.agents[name] = replace(
                world.agents[name], escalation_level=level, stalled_since=since, last_activity_at=self.now
            )

    @driving("agents")
    @rule(side=SIDES, name=IDS)
    def remove_agent(self, side: int, name: str) -> None:
        registry, world = self.at(side)
        assert registry.agents.remove(name) == (world.agents.pop(name, None) is not None)

    @driving("agents")
    @rule(side=SIDES, purge=st.sampled_from([{"all": True}, {"agent": "a"}, *({"state": state} for state in STATES)]))
    def purge_agents(self, side: int, purge: dict[str, Any]) -> None:
        registry, world = self.at(side)
        gone = [
            name
            for name, agent in world.agents.items()
            if purge.get("all") or agent.name == purge.get("agent") or agent.state == purge.get("state")
        ]
        assert registry.agents.purge(**purge) == len(gone)
        for name in gone:
            del world.agents[name]

    @driving("runs")
    @rule(side=SIDES, run_id=IDS)
    def create_run(self, side: int, run_id: str) -> None:
        registry, world = self.at(side)
        if run_id in world.runs:
            with pytest.raises(InvalidValue, match="taken"):
                registry.runs.create(run_id=run_id)
        else:
            world.runs[run_id] = Run(run_id, "active", None, 0, self.now, None)
            assert registry.runs.create(run_id=run_id) == world.runs[run_id]

    @driving("runs")
    @rule(side=SIDES, run_id=IDS, complete=st.booleans())
    def change_run(self, side: int, run_id: str, complete: bool) -> None:  # noqa: FBT001  as above
        registry, world = self.at(side)
        run = world.runs.get(run_id)
        if complete:
            active = run is not None and run.status == "active"
            assert registry.runs.complete(run_id) == active
            if run is not None and active:
                world.runs[run_id] = replace(run, status="completed", completed_at=self.now)
        else:
            assert registry.runs.count_agent(run_id) == (run is not None)
            if run is not None:
                world.runs[run_id] = replace(run, agent_count=run.agent_count + 1)

    # -- inbox and audit

    @driving("inbox")
    @rule(side=SIDES, command_id=IDS, payload=VALUES)
    def put(self, side: int, command_id: str, payload: Any) -> None:
        registry, world = self.at(side)
        known = world.command(command_id)
        assert registry.inbox.put(command_id, payload) == (known is None)
        if known is None:
            command = registry.inbox.get(command_id)
            assert command is not None
            assert all(command.position > other.position for world in self.worlds for other in world.inbox)
            world.inbox.append(Command(command.position, command_id, payload, "waiting", self.now, None, None, None))

    @driving("inbox")
    @rule(side=SIDES, taker=st.sampled_from([None, "ann"]))
    def take(self, side: int, taker: str | None) -> None:
        registry, world = self.at(side)
        command = next((command for command in world.inbox if command.status == "waiting"), None)
        if command is None:
            assert registry.inbox.take(taker) is None
        else:
            wanted = replace(command, status="taken", taken_at=self.now, taker=taker)
            assert registry.inbox.take(taker) == wanted
            world.change_command(command, status="taken", taken_at=self.now, taker=taker)

    @driving("inbox")
    @rule(side=SIDES, command_id=IDS, back=st.booleans())
    def done_or_put_back(self, side: int, command_id: str, back: bool) -> None:  # noqa: FBT001  as above
        registry, world = self.at(side)
        command = world.command(command_id)
        taken = command is not None and command.status == "taken"
        change = registry.inbox.put_back if back else registry.inbox.done
        assert change(command_id) == taken
        if command is not None and taken and back:
            world.change_command(command, status="waiting", taken_at=None, taker=None)
        elif command is not None and taken:
            world.change_command(command, status="done", done_at=self.now)

    @driving("inbox")
    @rule(side=SIDES, span=SPANS)
    def prune_inbox(self, side: int, span: timedelta) -> None:
        registry, world = self.at(side)
        kept = [command for command in world.inbox if command.done_at is None or command.done_at >= self.now - span]
        assert registry.inbox.prune(span) == len(world.inbox) - len(kept)
        world.inbox = kept

    @driving("audit")
    @rule(side=SIDES, event_id=IDS, ago=st.sampled_from([None, 0, 10]), payload=st.sampled_from(["{}", ' {"a" : 1}\n']))
    def append_event(self, side: int, event_id: str, ago: int | None, payload: str) -> None:
        registry, world = self.at(side)
        at = None if ago is None else self.now - timedelta(seconds=ago)
        known = any(event.event_id == event_id for event in world.audit)
        given: dict[str, Any] = {
            "source": "s",
            "event_type": "t",
            "run_id": "r",
            "agent_identity": "ann",
            "payload": payload,
        }
        assert registry.audit.append(event_id, at=at, **given) != known
        if not known:
            world.audit.append(AuditEvent(event_id, "s", 1, "t", at or self.now, "r", "ann", None, None, payload))

    @driving("audit")
    @rule(side=SIDES, ago=st.sampled_from([0, 10, 60]))
    def prune_audit(self, side: int, ago: int) -> None:
        registry, world = self.at(side)
        before = self.now - timedelta(seconds=ago)
        kept = [event for event in world.audit if event.at >= before]
        assert registry.audit.prune(before) == len(world.audit) - len(kept)
        world.audit = kept

    # -- jobs, learning, meta

    @driving("jobs")
    @rule(side=SIDES, run_id=IDS, job_id=KEYS, state=KEYS, retry_of=st.none() | IDS)
    def upsert_job(self, side: int, run_id: str, job_id: str, state: str, retry_of: str | None) -> None:
        registry, world = self.at(side)
        registry.jobs.upsert(run_id, job_id=job_id, state=state, scheduled_at=self.now, retry_of=retry_of)
        known = world.jobs.get(run_id)
        created_at = self.now if known is None else known.created_at
        world.jobs[run_id] = JobRun(
            run_id, job_id, 1, state, self.now, None, None, None, created_at, None, None, None, retry_of, *[None] * 6
        )

    @driving("jobs")
    @rule(side=SIDES, run_id=IDS, state=KEYS)
    def set_job_state(self, side: int, run_id: str, state: str) -> None:
        registry, world = self.at(side)
        known = run_id in world.jobs
        assert registry.jobs.set_state(run_id, state, finished_at=self.now) == known
        if known:
            world.jobs[run_id] = replace(world.jobs[run_id], state=state, finished_at=self.now)

    @driving("jobs")
    @rule(side=SIDES, run_id=IDS, number=st.integers(0, 2), state=KEYS)
    def upsert_step(self, side: int, run_id: str, number: int, state: str) -> None:
        registry, world = self.at(side)
        given = {"target_type": "t", "target_id": "i", "state": state}
        if run_id in world.jobs:
            registry.jobs.upsert_step(run_id, number, **given)
            world.steps[run_id, number] = JobStep(run_id, number, "t", "i", state, *[None] * 7)
        else:
            with pytest.raises(NotFound):
                registry.jobs.upsert_step(run_id, number, **given)

    @driving("jobs")
    @rule(side=SIDES, run_id=IDS)
    def remove_job(self, side: int, run_id: str) -> None:
        registry, world = self.at(side)
        assert registry.jobs.remove(run_id) == (world.jobs.pop(run_id, None) is not None)
        world.steps = {key: step for key, step in world.steps.items() if key[0] != run_id}

    @driving("learning")
    @rule(side=SIDES, session_id=IDS, state=VALUES, remove=st.booleans())
    def learn(self, side: int, session_id: str, state: Any, remove: bool) -> None:  # noqa: FBT001  as above
        registry, world = self.at(side)
        if remove:
            assert registry.learning.remove(session_id) == (world.learning.pop(session_id, None) is not None)
        else:
            registry.learning.put(session_id, state)
            world.learning[session_id] = LearningState(session_id, state, self.now)

    @driving("meta")
    @rule(side=SIDES, key=KEYS, value=IDS, how=st.sampled_from(["set", "mark", "delete"]))
    def change_meta(self, side: int, key: str, value: str, how: str) -> None:
        registry, _ = self.at(side)
        known = key in self.meta
        if how == "delete":
            assert registry.meta.delete(key) == known
            self.meta.pop(key, None)
            return
        if how == "set":
            registry.meta.set(key, value)
        else:
            assert registry.meta.mark(key, value) != known
        if how == "set" or not known:
            self.meta[key] = MetaEntry(key, value, self.now)

    # -- what must hold after every step

    @invariant()
    def sessions_and_what_hangs_on_them_are_as_in_the_model(self) -> None:
        for registry, world in zip(self.registries, self.worlds, strict=True):
            sessions = sorted(world.sessions.values(), key=lambda session: (session.started_at, session.session_id))
            assert registry.sessions.list() == sessions
            active = [session for session in sessions if session.status == "active"]
            assert registry.sessions.find_running() == active
            assert registry.sessions.by_ppid(7) == [session for session in sessions if session.ppid == 7]
            assert registry.sessions.list(repo_path="/a", notify=True) == [
                session for session in sessions if session.repo_path == "/a" and session.notify
            ]
            held = sorted(name for name, lock in world.locks.items() if lock.expires_at > self.now)
            assert registry.locks.list() == [world.locks[name] for name in held]
            for name in "abc":
                here = world.sessions.get(name)
                assert registry.sessions.get(name) == here
                assert registry.sessions.peers(name) == [
                    other
                    for other in active
                    if here is not None
                    and here.repo_path is not None
                    and other is not here
                    and _place(other) == _place(here)
                ]
                assert registry.overrides.list(name) == [
                    world.overrides[key] for key in sorted(world.overrides) if key[0] == name
                ]
                assert registry.worktrees.get(name) == world.worktrees.get(name)
                assert registry.worktrees.children(name) == sorted(
                    (link for link in world.worktrees.values() if link.parent_id == name),
                    key=lambda link: (link.linked_at, link.child_id),
                )
                assert registry.outputs.list(name) == [out for out in world.outputs if out.session_id == name]
                self.skills_are_as_in_the_model(registry, world, name)
            self.tokens_are_as_in_the_model(registry, world)

    def skills_are_as_in_the_model(self, registry: Registry, world: World, session_id: str) -> None:
        used = {event[1] for event in (*world.suggested, *world.invoked) if event[0] == session_id}
        assert registry.skills.of_session(session_id) == [
            SkillUse(
                skill,
                sum(event[:2] == (session_id, skill) for event in world.suggested),
                sum(event[:2] == (session_id, skill) for event in world.invoked),
            )
            for skill in sorted(used)
        ]
        recent = [event for event in world.suggested if event[2] >= self.now - WINDOW]
        taken = [event for event in recent if any(use[:2] == event[:2] and use[2] >= event[2] for use in world.invoked)]
        assert registry.skills.adoption_counts(WINDOW) == Adoption(len(recent), len(taken))
        assert registry.skills.adoption(WINDOW) == (len(taken) / len(recent) if recent else None)

    def tokens_are_as_in_the_model(self, registry: Registry, world: World) -> None:
        other = self.worlds[1] if world is self.worlds[0] else self.worlds[0]
        for token in other.tokens:
            assert registry.tokens.validate(token, 0).verdict == "unknown"
        for token, (session_id, chat, expires_at) in world.tokens.items():
            wanted = Validation("valid", session_id)
            if expires_at <= self.now:
                wanted = Validation("expired", None)
            if chat != "0":
                wanted = Validation("wrong chat", None)
            assert registry.tokens.validate(token, 0) == wanted

    @invariant()
    def what_stands_alone_is_as_in_the_model(self) -> None:
        for registry, world in zip(self.registries, self.worlds, strict=True):
            agents = sorted(world.agents.values(), key=lambda agent: (agent.started_at, agent.name))
            assert registry.agents.all() == agents
            assert registry.agents.active() == [
                agent for agent in agents if agent.state in ("booting", "working", "stalled")
            ]
            assert registry.agents.by_run("a") == [agent for agent in agents if agent.run_id == "a"]
            assert registry.agents.count(state="zombie") == sum(agent.state == "zombie" for agent in agents)
            runs = sorted(world.runs.values(), key=lambda run: (run.started_at, run.run_id), reverse=True)
            assert registry.runs.list() == runs
            assert registry.runs.active() == next((run for run in runs if run.status == "active"), None)
            assert [registry.inbox.get(name) for name in "abc"] == [world.command(name) for name in "abc"]
            assert registry.inbox.unfinished() == [command for command in world.inbox if command.status == "taken"]
            assert registry.inbox.waiting() == sum(command.status == "waiting" for command in world.inbox)
            assert registry.audit.query() == sorted(world.audit, key=lambda event: event.at)
            assert registry.learning.list() == sorted(
                world.learning.values(), key=lambda state: (state.updated_at, state.session_id)
            )
            jobs = sorted(world.jobs.values(), key=lambda run: (run.scheduled_at, run.run_id), reverse=True)
            assert registry.jobs.by_job("k") == [run for run in jobs if run.job_id == "k"]
            assert registry.jobs.by_state("ü", limit=1) == [run for run in jobs if run.state == "ü"][:1]
            for name in "abc":
                assert registry.jobs.get(name) == world.jobs.get(name)
                assert registry.jobs.steps(name) == [world.steps[key] for key in sorted(world.steps) if key[0] == name]

    @invariant()
    def meta_is_one_for_both_and_a_transaction_is_seen_only_from_inside(self) -> None:
        for side, registry in enumerate(self.registries):
            outside = self.open_side is not None and self.open_side != side
            meta = self.before[1] if outside else self.meta
            assert registry.meta.list() == [meta[key] for key in sorted(meta)]


def _place(session: Session) -> tuple[str | None, str | None, str | None]:
    return session.repo_path, session.branch, session.worktree


def _hash_of(registry: Registry, session_id: str, repo_path: str | None) -> str | None:
    """The hash is tested elsewhere; here it only has to be there when a path is."""
    session = registry.sessions.get(session_id)
    assert session is not None
    assert (session.repo_hash is None) == (repo_path is None)
    return session.repo_hash


@pytest.mark.parametrize("store", STORES)
def test_a_store_does_what_a_plain_python_model_does(store: str) -> None:
    """One store at a time, beside sessions, time and transactions: so an example goes deep."""
    machine = type("One", (Machine,), {"driven": frozenset([store])})
    run_state_machine_as_test(
        machine, settings=settings(deadline=None, max_examples=12, stateful_step_count=40, database=None)
    )


def test_all_stores_together_do_what_a_plain_python_model_does() -> None:
    run_state_machine_as_test(
        Machine, settings=settings(deadline=None, max_examples=15, stateful_step_count=40, database=None)
    )

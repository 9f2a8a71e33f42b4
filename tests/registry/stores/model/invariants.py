"""What must hold after every step."""

from __future__ import annotations

from hypothesis.stateful import invariant

from pytest_sessionreg import Registry
from pytest_sessionreg.registry.stores.sessions import Session
from pytest_sessionreg.registry.stores.skills import Adoption, SkillUse
from pytest_sessionreg.registry.stores.tokens import Validation
from tests.registry.stores.model.sides import Sides
from tests.registry.stores.model.world import WINDOW, World


class Invariants(Sides):
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

"""What is done with what hangs on a session."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import rule

from pytest_sessionreg.registry.errors import NotFound
from pytest_sessionreg.registry.stores.locks import Lock
from pytest_sessionreg.registry.stores.outputs import Output
from pytest_sessionreg.registry.stores.overrides import Override
from pytest_sessionreg.registry.stores.worktrees import Worktree
from tests.registry.stores.model.sides import Sides, driving
from tests.registry.stores.model.strategies import CHATS, IDS, KEYS, SIDES, SPANS, VALUES


class DependantRules(Sides):
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
    def skill_event(self, side: int, session_id: str, skill: str, invoked: bool) -> None:  # noqa: FBT001  hypothesis passes it by name
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
        assert registry.tokens.expire() == world.remove_expired_tokens(self.now)

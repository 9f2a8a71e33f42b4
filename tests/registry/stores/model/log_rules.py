"""What is done with the inbox and the audit log."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import rule

from pytest_sessionreg.registry.stores.audit import AuditEvent
from pytest_sessionreg.registry.stores.inbox import Command
from tests.registry.stores.model.sides import Sides, driving
from tests.registry.stores.model.strategies import IDS, SIDES, SPANS, VALUES


class LogRules(Sides):
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
    def done_or_put_back(self, side: int, command_id: str, back: bool) -> None:  # noqa: FBT001  hypothesis passes it by name
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

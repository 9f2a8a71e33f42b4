"""Skills suggested and invoked: two appends in turn."""

from __future__ import annotations

from ...registry import Registry
from .heartbeat import HeartbeatPart

__all__ = ["SkillsPart"]

_SKILL_COUNT = 20


class SkillsPart(HeartbeatPart):
    """Each write suggests a skill to the worker's session, or invokes the one that the write before suggested."""

    name = "skills"

    def write(self, registry: Registry, sequence: int) -> None:
        """Suggest on even numbers, invoke on odd ones."""
        skill = f"skill-{sequence // 2 % _SKILL_COUNT}"
        if sequence % 2:
            registry.skills.invoke(self.session_id, skill)
        else:
            registry.skills.suggest(self.session_id, skill)

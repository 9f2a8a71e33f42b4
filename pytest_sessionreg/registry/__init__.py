"""The session registry, and the records that its stores return. Imports the standard library only, and little of it:
hooks start cold.

The way of a write: docs/how-it-works.md#a-write. What it has to survive: docs/field-failures.md.

Importing this package loads nothing; its names are loaded when they are first used.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .cleanup import Cleanup, Sweep
    from .errors import RegistryError, WriteTimeout
    from .registry import Registry
    from .stores.agents import Agent, Transition
    from .stores.audit import AuditEvent
    from .stores.inbox import Command
    from .stores.jobs import JobRun, JobStep
    from .stores.learning import LearningState
    from .stores.locks import Lock
    from .stores.meta import MetaEntry
    from .stores.outputs import Output
    from .stores.overrides import Override
    from .stores.runs import Run
    from .stores.sessions import Session
    from .stores.skills import Adoption, SkillAdoption, SkillUse
    from .stores.tokens import Validation
    from .stores.worktrees import Worktree

__all__ = [
    "Adoption",
    "Agent",
    "AuditEvent",
    "Cleanup",
    "Command",
    "JobRun",
    "JobStep",
    "LearningState",
    "Lock",
    "MetaEntry",
    "Output",
    "Override",
    "Registry",
    "RegistryError",
    "Run",
    "Session",
    "SkillAdoption",
    "SkillUse",
    "Sweep",
    "Transition",
    "Validation",
    "Worktree",
    "WriteTimeout",
]

_MODULES = {
    "Adoption": "stores.skills",
    "Agent": "stores.agents",
    "AuditEvent": "stores.audit",
    "Cleanup": "cleanup",
    "Command": "stores.inbox",
    "JobRun": "stores.jobs",
    "JobStep": "stores.jobs",
    "LearningState": "stores.learning",
    "Lock": "stores.locks",
    "MetaEntry": "stores.meta",
    "Output": "stores.outputs",
    "Override": "stores.overrides",
    "Registry": "registry",
    "RegistryError": "errors",
    "Run": "stores.runs",
    "Session": "stores.sessions",
    "SkillAdoption": "stores.skills",
    "SkillUse": "stores.skills",
    "Sweep": "cleanup",
    "Transition": "stores.agents",
    "Validation": "stores.tokens",
    "Worktree": "stores.worktrees",
    "WriteTimeout": "errors",
}


def __getattr__(name: str) -> object:
    module = _MODULES.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    # not import_module: see the package above
    return getattr(__import__(f"{__name__}.{module}", fromlist=(name,)), name)

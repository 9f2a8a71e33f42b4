"""All stores of one workspace, each loaded when it is first used."""

from __future__ import annotations

from .clock import now
from .store import Store
from .stores.sessions import Sessions
from .transaction import Transaction

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .cleanup import Cleanup
    from .database import Database
    from .stores.agents import Agents
    from .stores.audit import Audit
    from .stores.inbox import Inbox
    from .stores.jobs import Jobs
    from .stores.learning import Learning
    from .stores.locks import Locks
    from .stores.meta import Meta
    from .stores.outputs import Outputs
    from .stores.overrides import Overrides
    from .stores.runs import Runs
    from .stores.skills import Skills
    from .stores.tokens import Tokens
    from .stores.worktrees import Worktrees

__all__ = ["Workspace"]


class Workspace:
    """The stores as attributes; `workspace_id` says whose rows they see. `meta` belongs to the file, not to a
    workspace.
    """

    # For type checkers and editors, which do not see what __getattr__ finds.
    sessions: Sessions
    locks: Locks
    overrides: Overrides
    worktrees: Worktrees
    skills: Skills
    outputs: Outputs
    agents: Agents
    runs: Runs
    tokens: Tokens
    inbox: Inbox
    audit: Audit
    jobs: Jobs
    learning: Learning
    meta: Meta

    def __init__(self, database: Database, workspace_id: str) -> None:
        self._database = database
        self.workspace_id = workspace_id
        self.sessions = Sessions(database, workspace_id)

    def __getattr__(self, name: str) -> Store:
        """Load the store `name`: a hook that beats a heart pays for the sessions store only."""
        from .stores import load

        kind = load(name)
        if kind is None:
            known = ", ".join(Workspace.__annotations__)
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}; its stores are {known}")
        store = kind(self._database, self.workspace_id)
        setattr(self, name, store)
        return store

    def cleanup(self) -> Cleanup:
        """Remove what has expired, free what nobody holds, and mark as crashed the sessions whose process is gone.

        One statement per kind, in one transaction. CCR runs its clean-up every minute; here one costs an indexed search
        per kind, and one look at the process table per active session. The looks come first, without the write lock
        (but for one that the caller holds); a session that was heard of since, or is another process's by then, is
        left.
        """
        from .cleanup import Cleanup

        instant = now()
        gone = self.sessions._dead()  # noqa: SLF001  the clean-up is the stores' own, in one transaction
        with Transaction(self._database, joins=True):
            dead = self.sessions._mark_crashed(gone, instant)  # noqa: SLF001  the stores' own clean-up
            locks = self.locks._free_stale(instant)  # noqa: SLF001  the stores' own clean-up
            tokens = self.tokens._remove_expired(instant)  # noqa: SLF001  the stores' own clean-up
            sessions = self.sessions._remove_expired(instant)  # noqa: SLF001  the stores' own clean-up
        return Cleanup(expired_sessions=sessions, expired_tokens=tokens, freed_locks=locks, dead_sessions=dead)

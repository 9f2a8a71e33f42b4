"""To which asyncio task an open transaction belongs. Loaded only where asyncio is."""

from __future__ import annotations

import asyncio

from ..errors import TransactionState

__all__ = ["check_task", "running_task"]


def running_task() -> asyncio.Task[object] | None:
    """The task that runs in this thread, if one does.

    Asked of asyncio itself: a context variable would be copied to the tasks that it starts.
    """
    try:
        return asyncio.current_task()
    except RuntimeError:  # no loop runs
        return None


def check_task(owner: object, database: str) -> None:
    """Raise TransactionState unless `owner`, a task or None, runs now."""
    task = running_task()
    if task is not owner:
        whose = f"the task {owner.get_name()}" if isinstance(owner, asyncio.Task) else "code outside of any task"
        message = (
            f"{database}: the open transaction belongs to {whose}, and this call comes from another task; "
            "await nothing inside a transaction, or open a registry for each task"
        )
        raise TransactionState(message, database=database)

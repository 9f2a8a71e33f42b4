"""The words of a result and what they mean, for readers of the page.

docs/glossary.md has these and those of the code. Where both have a word, what is said here up to the first semicolon is
the first sentence there.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..error_base import InvalidArgument

__all__ = ["GLOSSARY", "words_for"]

GLOSSARY = (
    ("storm", "many processes that write to one file at once, started together, with every write accounted for"),
    (
        "closed loop",
        "the next write of a worker waits for the one before; a slow store lowers the load",
    ),
    (
        "open loop",
        "writes are due at fixed instants, whatever became of those before; latency counts from when each was due",
    ),
    (
        "round",
        (
            "one repetition of what is compared: one storm, or where several kinds are compared, one storm of each; "
            "their order is shuffled anew, and ratios are made within a round"
        ),
    ),
    ("admission policy", "how a writer gets SQLite's write lock"),
    (
        "budget",
        "one attempt and at most 15 retries, each after a uniform 20 to 150 ms: 1.275 s on average, 2.25 s at most",
    ),
    (
        "budget-spin",
        (
            "the same budget, waiting busily as OrchestKit does, a toolkit for Claude Code sessions: what that costs "
            "the holder of the lock"
        ),
    ),
    ("own", "no policy: the workload is given a path or a store, and begins, retries and commits by itself"),
    ("busy-timeout", "SQLite's own busy handler, 5 s; the control that the others are set against"),
    ("interval", "another attempt every millisecond"),
    ("queue", "the write queue: first come, first served"),
    ("busy", "a BEGIN IMMEDIATE that returned SQLITE_BUSY"),
    ("exhausted", "the policy gave up the write; it never happened"),
    ("wait", "from the first attempt until the writer is admitted, or gives up"),
    (
        "hold",
        (
            "the time in which a writer has the write lock: from BEGIN's success to COMMIT's return, and never beyond "
            "the next writer's BEGIN"
        ),
    ),
    ("latency", "from the instant at which a write was due until it was over; in a closed loop wait plus hold"),
    ("ideal", "the same think times and holds through one simulated first-come-first-served lock; the limit"),
    (
        "slowdown",
        "a quantile of the measured latencies over the same quantile of the ideal's; 1.0 is the limit",
    ),
    ("ratio", "a figure of one policy over the control's of the same round; the mean is geometric"),
    ("95 % interval", "by a bootstrap over rounds, never over single writes; none from fewer than five rounds"),
    ("lost", "acknowledged, and not in the database afterwards; acknowledged: COMMIT returned"),
    ("not checked", "nobody looked whether acknowledged writes are in the database"),
    ("partial", "the storm ended before its time; what it had measured is kept"),
)


def words_for(*words: str, more: Mapping[str, str]) -> list[tuple[str, str]]:
    """Those of GLOSSARY that `words` names, in its order, and then `more`, whose meanings are an experiment's own.

    Raises InvalidArgument for a word that GLOSSARY does not have.
    """
    unknown = set(words) - {word for word, _ in GLOSSARY}
    if unknown:
        raise InvalidArgument(f"{', '.join(sorted(unknown))}: not in GLOSSARY; add what it means")
    return [(word, meaning) for word, meaning in GLOSSARY if word in words and word not in more] + list(more.items())

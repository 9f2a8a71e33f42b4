"""The words of a result and what they mean, for readers of the page; those of the code are in docs/glossary.md."""

from __future__ import annotations

from collections.abc import Mapping

from ..error_base import InvalidArgument

__all__ = ["GLOSSARY", "words_for"]

GLOSSARY = (
    ("storm", "worker processes, started at one barrier, each making its writes under one admission policy"),
    (
        "closed loop",
        "a worker begins its next write a think time after the one before was done: a slow lock slows it down",
    ),
    (
        "open loop",
        "writes are due at a fixed rate whether or not the ones before are done; latency counts from when each was due",
    ),
    ("round", "one storm of each policy, in an order shuffled anew; ratios are made within a round"),
    ("admission policy", "how a writer gets SQLite's write lock"),
    (
        "budget",
        "one attempt and at most 15 retries, each after a uniform 20 to 150 ms: 1.275 s on average, 2.25 s at most",
    ),
    ("budget-spin", "the same budget, waiting busily: what OrchestKit's synchronous wait costs the holder of the lock"),
    ("own", "no policy: the workload is given a path or a store, and begins, retries and commits by itself"),
    ("busy-timeout", "SQLite's own busy handler, 5 s; the control that the others are set against"),
    ("interval", "another attempt every millisecond"),
    ("queue", "the write queue: first come, first served"),
    ("busy", "a BEGIN IMMEDIATE that returned SQLITE_BUSY"),
    ("exhausted", "the policy gave up; the write never happened"),
    ("wait", "from the first attempt to BEGIN's success"),
    ("hold", "the lock held, from BEGIN's success to COMMIT's return"),
    ("latency", "wait plus hold"),
    ("ideal", "the same think and hold times through one simulated first-come-first-served lock: the limit"),
    (
        "slowdown",
        "a quantile of the measured latencies over the same quantile of the ideal's; 1.0 is the limit",
    ),
    ("ratio", "a figure of one policy over the control's of the same round; the mean is geometric"),
    ("95 % interval", "by a bootstrap over rounds, never over single writes; none from fewer than five rounds"),
    ("lost", "acknowledged (COMMIT returned), and not in the database afterwards"),
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

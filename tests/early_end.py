"""Storms that ended before their end."""

from __future__ import annotations

from dataclasses import fields

from pytest_sessionreg.results.result import StormRun

__all__ = ["end_early"]


def end_early(run: StormRun, reason: str) -> StormRun:
    """`run`, ended for `reason`; all else is as it was."""
    kind = type("PartialRun", (StormRun,), {})
    partial: StormRun = kind(**{entry.name: getattr(run, entry.name) for entry in fields(run)})
    object.__setattr__(partial, "partial", reason)
    return partial

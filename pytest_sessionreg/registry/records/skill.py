"""The records of suggested and invoked skills."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Adoption", "SkillAdoption", "SkillUse"]


@dataclass(frozen=True, slots=True)
class SkillUse:
    """How often a skill was suggested and invoked in one session."""

    skill: str
    suggested: int
    invoked: int


@dataclass(frozen=True, slots=True)
class Adoption:
    """Suggestions of a window, and how many of them were `taken`: invoked afterwards in the same session."""

    suggested: int
    taken: int


@dataclass(frozen=True, slots=True)
class SkillAdoption:
    """One skill in a window: how often it was suggested and invoked, and how many of the suggestions were `taken`:
    invoked afterwards in the same session.
    """

    skill: str
    suggested: int
    invoked: int
    taken: int

"""Whether pictures and pages can be made here: matplotlib and jinja2 come with the extra `report`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..extras import missing, remedy

__all__ = ["Renderers", "Written"]


@dataclass(frozen=True, slots=True)
class Renderers:
    """pictures, page: whether they are made.
    note: what is missing, why, and what to install, in one line; None where nothing is.
    """

    pictures: bool
    page: bool
    note: str | None

    @classmethod
    def installed(cls, *, pictures: bool) -> Renderers:
        """What can be made here. pictures: whether any are wanted; nothing is said of what nobody wants."""
        needs = {"pictures": "matplotlib", "page": "jinja2"} if pictures else {"page": "jinja2"}
        reasons = {output: reason for output, package in needs.items() if (reason := missing(package)) is not None}
        note = None
        if reasons:
            note = f"no {' and no '.join(reasons)}: {', '.join(reasons.values())}; {remedy('report')}"
        return cls(pictures=pictures and "pictures" not in reasons, page="page" not in reasons, note=note)


@dataclass(frozen=True, slots=True)
class Written:
    """paths: what was written, to be listed.
    note: what could not be, as `Renderers` says it.
    """

    paths: tuple[Path, ...]
    note: str | None

"""Bringing what the old stores hold into the registry: once only, all or nothing, the source left untouched."""

from __future__ import annotations

from .errors import UnknownSource, UnreadableSource
from .legacy import SOURCES, check_source, import_legacy
from .report import ImportReport, Malformed

__all__ = ["SOURCES", "ImportReport", "Malformed", "UnknownSource", "UnreadableSource", "check_source", "import_legacy"]

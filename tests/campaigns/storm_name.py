"""The name under which every campaign's writers write."""

from __future__ import annotations

__all__ = ["STORM"]

STORM = "campaign"

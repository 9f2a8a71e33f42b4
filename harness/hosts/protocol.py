"""What this side and the command at a host agree on."""

from __future__ import annotations

__all__ = ["BEAT_S", "SCRATCH"]

BEAT_S = 1.0
# Stands in the words of an order for the directory of its files, which each host makes for itself.
SCRATCH = "{host}"

"""A disk that is full for a while."""

from __future__ import annotations

import os

from ..fault import Fault
from ..filler import fill
from ..nemesis import Nemesis

__all__ = ["FullDisk"]

_FULL_S = 0.6


class FullDisk(Fault):
    """Writers must see DiskFull (13), lose nothing that was acknowledged, and go on when there is room again."""

    name = "disk-full"
    summary = f"the disk (a private tmpfs of 4 MiB) is filled for {_FULL_S:g} s"
    disk_kib = 4096

    def inject(self, nemesis: Nemesis) -> None:
        """Fill the disk to the last byte, wait, and make room."""
        path = nemesis.setup.outside(os.path.join(os.path.dirname(nemesis.setup.database), "filler"))
        nemesis.begin()
        try:
            fill(path)
            nemesis.sleep(_FULL_S)
        finally:
            os.unlink(path)
        nemesis.end()

"""The menu: every fault, in the order of the table; the negative controls come last."""

from __future__ import annotations

from ..fault import Fault
from .clock_step import ClockStep
from .controls import DeferredBegin, NoTimeout, StrayClosePlain
from .disk_full import FullDisk
from .fork import Fork
from .kills import KillAfter, KillBefore, KillInCheckpoint, KillInside
from .pinned_reader import PinnedReader
from .read_only_directory import ReadOnlyDirectory
from .sidecar_unlinked import SidecarUnlinked
from .stop_holder import StopHolder
from .stray_close import StrayClose
from .two_versions import TwoVersions
from .vacuum import Vacuum
from .wal_deleted import WalDeleted

__all__ = ["FAULT_NAMES", "MENU", "fault_named"]

MENU: tuple[Fault, ...] = (
    KillBefore(),
    KillInside(),
    KillAfter(),
    KillInCheckpoint(),
    StopHolder(),
    Fork(),
    SidecarUnlinked(),
    FullDisk(),
    ReadOnlyDirectory(),
    PinnedReader(),
    Vacuum(),
    ClockStep(),
    TwoVersions(),
    StrayClose(),
    WalDeleted(),
    StrayClosePlain(),
    DeferredBegin(),
    NoTimeout(),
)
FAULT_NAMES = tuple(fault.name for fault in MENU)


def fault_named(name: str) -> Fault:
    """The fault called `name`. Raises KeyError for an unknown one."""
    return {fault.name: fault for fault in MENU}[name]

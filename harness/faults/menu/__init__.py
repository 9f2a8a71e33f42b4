"""The menu: every fault, in the order of the table; the negative controls come last."""

from __future__ import annotations

from ..fault import Fault
from .clock_step import ClockStep
from .deferred_begin import DeferredBegin
from .disk_full import DiskFull
from .fork import Fork
from .kill_after import KillAfter
from .kill_before import KillBefore
from .kill_in_checkpoint import KillInCheckpoint
from .kill_inside import KillInside
from .no_timeout import NoTimeout
from .pinned_reader import PinnedReader
from .read_only_directory import ReadOnlyDirectory
from .sidecar_unlinked import SidecarUnlinked
from .stop_holder import StopHolder
from .stray_close import StrayClose
from .stray_close_plain import StrayClosePlain
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
    DiskFull(),
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

"""Another monotonic clock for processes to come: a time namespace (time_namespaces(7))."""

from __future__ import annotations

import ctypes

__all__ = ["shift_monotonic"]

_CLONE_NEWTIME = 0x80


def shift_monotonic(seconds: int) -> bool:
    """Have CLOCK_MONOTONIC and CLOCK_BOOTTIME of every process started from now on differ by so much; whether that is
    permitted. Once per process.
    """
    if ctypes.CDLL(None).unshare(_CLONE_NEWTIME):
        return False
    try:
        with open("/proc/self/timens_offsets", "w", encoding="ascii") as offsets:
            offsets.write(f"monotonic {seconds} 0\nboottime {seconds} 0\n")
    except OSError:
        return False
    return True

"""How a process of root comes to obey the modes of files, as everybody else's does."""

from __future__ import annotations

import ctypes
import os
import struct

__all__ = ["drop_override"]

_VERSION_3 = 0x20080522
# CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH (capabilities(7)).
_IGNORING_MODES = 1 << 1 | 1 << 2


def drop_override() -> None:
    """Give up the right to open files against their mode; nothing happens where there is none (capset(2))."""
    if os.geteuid() != 0:
        return
    library = ctypes.CDLL(None, use_errno=True)
    header = ctypes.create_string_buffer(struct.pack("=Ii", _VERSION_3, 0))
    data = ctypes.create_string_buffer(24)
    if library.capget(header, data):
        raise OSError(ctypes.get_errno(), "capget")
    numbers = list(struct.unpack("=6I", data.raw[:24]))
    numbers[0] &= ~_IGNORING_MODES
    data = ctypes.create_string_buffer(struct.pack("=6I", *numbers))
    if library.capset(header, data):
        raise OSError(ctypes.get_errno(), "capset")

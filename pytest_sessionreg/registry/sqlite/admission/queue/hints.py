"""What writers tell each other in the sidecar, in words of eight bytes. All of it is hints: a wrong one costs time.

Instants are on the monotonic clock, in nanoseconds, which all processes of one boot share. One that lies further ahead
than any writer sets it is damage, and counts as none.
"""

from __future__ import annotations

import struct

from .sidecar import HEADER, HUNGRY_AT

__all__ = [
    "HUNGRY_NS",
    "LONGEST_SLICE_NS",
    "LONGEST_SLICE_S",
    "ONE",
    "ROOM_NS",
    "SIZE",
    "SPIN_NS",
    "THREE",
    "TWO",
    "Hints",
    "soon",
]

SIZE = len(HEADER)
ONE, TWO, THREE = struct.Struct("<Q"), struct.Struct("<QQ"), struct.Struct("<QQQ")
_WORDS = struct.Struct("<QQQQ")

# How long somebody who woke in vain keeps newcomers from passing, and for how long it tries before it sleeps again:
# docs/write-queue.md#the-constants.
HUNGRY_NS = 20_000_000
SPIN_NS = 300_000
LONGEST_SLICE_S = 0.05
ROOM_NS = 2_000_000_000
LONGEST_SLICE_NS = round(LONGEST_SLICE_S * 1e9)
_LONGEST_HUNGRY_NS = HUNGRY_NS + LONGEST_SLICE_NS
_LONGEST_AWAKE_NS = SPIN_NS + LONGEST_SLICE_NS


class Hints:
    """The words as they stand at `now_ns`; 0 for what is over, or damage.

    hungry_ns: until when nobody may pass those in line.
    lease_ns: until when the last one admitted may come back ahead of the line.
    room_ns: until when to leave the lock free now and then, for writers that do not queue.
    """

    __slots__ = ("hungry_ns", "lease_ns", "room_ns")

    def __init__(self, words: bytes, now_ns: int) -> None:
        hungry_ns, _, lease_ns, room_ns = _WORDS.unpack(words[HUNGRY_AT:SIZE])
        self.hungry_ns = hungry_ns if now_ns < hungry_ns <= now_ns + _LONGEST_HUNGRY_NS else 0
        self.lease_ns = lease_ns if now_ns < lease_ns <= now_ns + LONGEST_SLICE_NS else 0
        self.room_ns = room_ns if now_ns < room_ns <= now_ns + ROOM_NS else 0


def soon(word: bytes, now_ns: int) -> bool:
    """Whether the instant in the AWAKE word, until when one in line is awake and tries, is still to come."""
    return now_ns < int.from_bytes(word, "little") <= now_ns + _LONGEST_AWAKE_NS

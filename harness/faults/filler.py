"""A file that takes what room is left on a disk."""

from __future__ import annotations

__all__ = ["fill"]

_CHUNKS = (64 * 1024, 4096, 1)


def fill(path: str) -> None:
    """Fill the disk of `path` to the last byte."""
    with open(path, "wb", buffering=0) as filler:
        for size in _CHUNKS:
            try:
                while filler.write(bytes(size)):
                    pass
            except OSError:
                continue  # full, to within the next smaller chunk

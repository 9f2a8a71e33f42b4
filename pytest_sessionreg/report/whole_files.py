"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

__all__ = ["write_files"]


def write_files(contents: Mapping[str, bytes], directory: Path) -> None:
    """Write `contents`, by path inside `directory`; what is missing of directories is created.

    They are made beside their names and renamed when all are complete. Raises OSError where that cannot be, and leaves
    nothing new behind then.
    """
    made: dict[Path, str] = {}
    created: list[Path] = []
    try:
        for name, data in contents.items():
            path = directory / name
            created += _make(path.parent)
            descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
            made[path] = temporary
            with open(descriptor, "wb") as file:
                file.write(data)
        for path, temporary in made.items():
            os.chmod(temporary, 0o644)
            os.replace(temporary, path)
    except BaseException:
        for temporary in made.values():
            Path(temporary).unlink(missing_ok=True)
        for path in reversed(created):
            path.rmdir()
        raise


def _make(directory: Path) -> list[Path]:
    """Create `directory`; what had to be created, outermost first."""
    missing = []
    while not directory.exists():
        missing.append(directory)
        directory = directory.parent
    for path in reversed(missing):
        path.mkdir()
    return missing[::-1]

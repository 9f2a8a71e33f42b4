"""Writing a result where people find it: all files whole, or none."""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from ..storm.result import StormResult

__all__ = ["write_report"]


def write_report(result: StormResult, directory: Path, *, plots: bool = True) -> list[Path]:
    """Write `storm.json`, `storm.png` (unless plots is false) and `storm.html` into `directory`, which is created.

    Each file appears whole or not at all: they are made beside their names and renamed when all of them are complete.
    Raises OSError where the directory cannot be written, and leaves nothing new behind then.
    """
    contents: dict[str, bytes] = {"storm.json": result.to_json().encode()}
    svg: str | None = None
    if plots:
        from .plots import latency_by_percentile

        figure = latency_by_percentile(result.runs)
        png, vector = io.BytesIO(), io.StringIO()
        figure.savefig(png, format="png")
        figure.savefig(vector, format="svg", metadata={"Date": None})
        contents["storm.png"] = png.getvalue()
        text = vector.getvalue()
        svg = text[text.index("<svg") :]
    from .page import storm_page

    contents["storm.html"] = storm_page(result, plot_svg=svg).encode()
    return _write_all(contents, directory)


def _write_all(contents: Mapping[str, bytes], directory: Path) -> list[Path]:
    existed = directory.exists()
    directory.mkdir(parents=True, exist_ok=True)
    made: dict[str, str] = {}
    try:
        for name, data in contents.items():
            descriptor, temporary = tempfile.mkstemp(dir=directory, prefix=f".{name}.")
            made[name] = temporary
            with open(descriptor, "wb") as file:
                file.write(data)
        for name, temporary in made.items():
            os.chmod(temporary, 0o644)
            os.replace(temporary, directory / name)
    except BaseException:
        for temporary in made.values():
            Path(temporary).unlink(missing_ok=True)
        if not existed:
            directory.rmdir()
        raise
    return [directory / name for name in contents]

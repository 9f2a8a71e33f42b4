"""Writing a result where people find it: all files whole, or none."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ..results.result import StormResult
from .pictures import PICTURES
from .renderers import Renderers, Written
from .whole_files import write_files

__all__ = ["write_report"]

_DIRECTORY = "plots"


def write_report(result: StormResult, directory: Path, *, plots: bool = True, json: bool = True) -> Written:
    """Write the page `storm.html`, the result `storm.json` (unless json is false) and the pictures (unless plots is
    false) into `directory`, which is created: `storm.png`, latency by percentile, and the directory `plots` with each
    picture as PNG and SVG. Returns the directory, if it was written, and then the files beside it. Where the extra
    `report` is not installed, the page and the pictures are left out, and the note says so.

    Each file appears whole or not at all: they are made beside their names and renamed when all of them are complete.
    Pictures and the page of an earlier result that this one does not have are removed. Raises OSError where the
    directory cannot be written, and leaves nothing new behind then.
    """
    contents: dict[str, bytes] = {"storm.json": result.to_json().encode()} if json else {}
    vectors: dict[str, str] = {}
    shown = [picture for picture in PICTURES if plots and picture.applies(result.runs)]
    renderers = Renderers.installed(pictures=bool(shown))
    if renderers.pictures:
        from .plots.canvas import png, svg

        for picture in shown:
            figure = picture.draw(result.runs)
            vectors[picture.name] = svg(figure)
            pixels = png(figure)
            contents[f"{_DIRECTORY}/{picture.name}.svg"] = vectors[picture.name].encode()
            contents[f"{_DIRECTORY}/{picture.name}.png"] = pixels
            if picture is PICTURES[0]:
                contents["storm.png"] = pixels
    if renderers.page:
        from .page import storm_page

        contents["storm.html"] = storm_page(result, pictures=vectors).encode()
    write_files(contents, directory)
    _remove_stale(contents, directory)
    listed = (*([_DIRECTORY] if vectors else ()), *(name for name in contents if "/" not in name))
    return Written(tuple(directory / name for name in listed), renderers.note)


def _remove_stale(contents: Mapping[str, bytes], directory: Path) -> None:
    """A picture or a page of another result beside this one's figures would tell a lie."""
    pictures = [f"{_DIRECTORY}/{picture.name}.{kind}" for picture in PICTURES for kind in ("png", "svg")]
    for name in ("storm.html", "storm.png", *pictures):
        if name not in contents:
            (directory / name).unlink(missing_ok=True)
    with_nothing = directory / _DIRECTORY
    if with_nothing.is_dir() and not any(with_nothing.iterdir()):
        with_nothing.rmdir()

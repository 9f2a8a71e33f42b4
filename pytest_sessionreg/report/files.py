"""Writing a result where people find it: all files whole, or none."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ..results.comparison import against_control
from ..results.result import StormResult
from .conclusion import load
from .renderers import Renderers, Written
from .whole_files import write_files

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["PICTURES", "write_report"]

# Every picture there may be, in the order in which the page shows them; `latency` is also `storm.png`.
PICTURES = ("latency", "ratios", "timeline", "waits", "retries")
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
    renderers = Renderers.installed(pictures=plots and any(len(run.samples) for run in result.runs))
    if renderers.pictures:
        from .plots import png, svg

        for name, figure in _figures(result).items():
            vectors[name] = svg(figure)
            picture = png(figure)
            contents[f"{_DIRECTORY}/{name}.svg"] = vectors[name].encode()
            contents[f"{_DIRECTORY}/{name}.png"] = picture
            if name == PICTURES[0]:
                contents["storm.png"] = picture
    if renderers.page:
        from .page import storm_page

        contents["storm.html"] = storm_page(result, pictures=vectors).encode()
    write_files(contents, directory)
    _remove_stale(contents, directory)
    listed = (*([_DIRECTORY] if vectors else ()), *(name for name in contents if "/" not in name))
    return Written(tuple(directory / name for name in listed), renderers.note)


def _figures(result: StormResult) -> dict[str, Figure]:
    from .plots import latency_by_percentile, ratio_forest, retries_histogram, timeline, wait_heat_map, waits_known

    ratios = against_control(result.runs) if any(run.rounds > 1 for run in result.runs) else ()
    figures = {"latency": latency_by_percentile(result.runs)}
    if ratios:
        figures["ratios"] = ratio_forest(ratios, load=load(result.runs[0]))
    if any(map(waits_known, result.runs)):
        figures["timeline"] = timeline(result.runs)
        figures["waits"] = wait_heat_map(result.runs)
        figures["retries"] = retries_histogram(result.runs)
    return figures


def _remove_stale(contents: Mapping[str, bytes], directory: Path) -> None:
    """A picture or a page of another result beside this one's figures would tell a lie."""
    ours = ["storm.html", "storm.png", *(f"{_DIRECTORY}/{name}.{kind}" for name in PICTURES for kind in ("png", "svg"))]
    for name in ours:
        if name not in contents:
            (directory / name).unlink(missing_ok=True)
    with_nothing = directory / _DIRECTORY
    if with_nothing.is_dir() and not any(with_nothing.iterdir()):
        with_nothing.rmdir()

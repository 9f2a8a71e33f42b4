"""The page: one HTML file that needs no network."""

from __future__ import annotations

from dataclasses import asdict

from jinja2 import Environment as Templates
from jinja2 import PackageLoader, StrictUndefined

from ..storm.result import StormResult
from .figures import COLUMNS
from .verdict import load, verdict

__all__ = ["storm_page"]

_GLOSSARY = (
    ("storm", "worker processes, started at one gate, each making its writes under one admission policy"),
    ("admission policy", "how a writer gets SQLite's write lock"),
    (
        "budget",
        "one attempt and at most 15 retries, each after a uniform 20 to 150 ms: 1.275 s on average, 2.25 s at most",
    ),
    ("busy-timeout", "SQLite's own busy handler, 5 s"),
    ("interval", "another attempt every millisecond"),
    ("queue", "the write queue: first come, first served"),
    ("busy", "a BEGIN IMMEDIATE that returned SQLITE_BUSY"),
    ("exhausted", "the policy gave up; the write never happened"),
    ("wait", "from the first attempt to BEGIN's success"),
    ("hold", "the lock held, from BEGIN's success to COMMIT's return"),
    ("latency", "wait plus hold"),
    ("ideal", "the same think and hold times through one simulated first-come-first-served lock: the limit"),
    (
        "slowdown",
        "a quantile of the measured latencies over the same quantile of the ideal's; 1.0 is the limit",
    ),
    ("lost", "acknowledged (COMMIT returned), and not in the database afterwards"),
)


def storm_page(result: StormResult, *, plot_svg: str | None) -> str:
    """The page of `result`; `plot_svg` is the plot as SVG text, or None to leave it out."""
    templates = Templates(
        loader=PackageLoader("pytest_sessionreg.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    return templates.get_template("storm.html.j2").render(
        verdict=verdict(result.runs),
        load=load(result.runs[0]),
        columns=[
            (" ".join(part for part in column.heading if part).replace("- ", ""), column.meaning) for column in COLUMNS
        ],
        rows=[[column.text(run) for column in COLUMNS] for run in result.runs],
        bad=[bool(run.counts.lost or run.counts.exhausted or run.counts.failed) for run in result.runs],
        plot_svg=plot_svg,
        environment=asdict(result.environment),
        machine_line=result.environment.line(),
        command=result.command,
        runs=result.runs,
        glossary=_GLOSSARY,
    )

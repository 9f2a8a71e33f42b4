"""`sessionreg compare`."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from pytest_sessionreg.error_base import ResultError
from pytest_sessionreg.results.comparison import MEASURES, Comparison
from pytest_sessionreg.results.comparison import compare as compared
from pytest_sessionreg.results.result import StormResult

from ..cli.console import output
from ..cli.parameters import json_option
from ..cli.stored_result import read_result

__all__ = ["compare"]


@click.command(epilog="Example: sessionreg compare reports/before reports/after")
@click.argument("a", type=click.Path(path_type=Path))
@click.argument("b", type=click.Path(path_type=Path))
@json_option
def compare(a: Path, b: Path, *, as_json: bool) -> None:
    """Set result B against result A, without running anything.

    Each is a JSON file or its directory. Ratios are judged only between results of the same machine, versions and load,
    by intervals over rounds; others are shown side by side.
    """
    try:
        left, right = read_result(a), read_result(b)
    except ResultError as error:
        raise click.UsageError(str(error)) from None
    comparison = compared(left, right)
    if as_json:
        click.echo(json.dumps(_document(comparison)))
        return
    _print(comparison, left, right)


def _print(comparison: Comparison, left: StormResult, right: StormResult) -> None:
    from pytest_sessionreg.report.comparison_table import comparison_lines, comparison_table, reason_not_judged
    from pytest_sessionreg.report.conclusion import load

    console = output()
    for name, result in (("A", left), ("B", right)):
        rounds = max(run.round for run in result.runs)
        console.print(f"{name}: {load(result.runs[0])}, {rounds} round{'' if rounds == 1 else 's'}", markup=False)
        console.print(f"   {result.environment.line()}", markup=False, style="dim")
    reason = reason_not_judged(comparison)
    if reason is not None:
        console.print(reason, markup=False)
    if comparison.policies:
        console.print(comparison_table(comparison))
    for line in comparison_lines(comparison):
        console.print(line, markup=False)


def _document(comparison: Comparison) -> dict[str, Any]:
    """For programs: each side's standing, and the ratios of B to A by the measures' names."""
    return {
        "judged": not comparison.differences,
        "differences": list(comparison.differences),
        "only_a": list(comparison.only_a),
        "only_b": list(comparison.only_b),
        "policies": [
            {
                "policy": policy.policy,
                "verdict": policy.verdict,
                "a": asdict(policy.a),
                "b": asdict(policy.b),
                "ratios": None
                if policy.ratios is None
                else {
                    measure.name: {"ratio": ratio.middle, "low": ratio.low, "high": ratio.high}
                    for measure, ratio in zip(MEASURES, policy.ratios, strict=True)
                },
            }
            for policy in comparison.policies
        ],
    }

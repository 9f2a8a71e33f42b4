"""The page: one HTML file that needs no network."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

from jinja2 import Environment as Templates
from jinja2 import PackageLoader, StrictUndefined

from ..results.comparison import CONTROL, MEASURES, against_control
from ..results.environment import Environment
from ..results.result import StormResult, StormRun
from ..results.summary import PolicySummary, partial_reason, rounds_by_policy, summarize_policies
from .conclusion import conclusion, load
from .figures import COLUMNS, NOT_CHECKED, interval, milliseconds, times
from .glossary import GLOSSARY
from .pictures import PICTURES
from .ratio_table import finding, ratios_note
from .remarks import storm_remarks, summary_remarks

__all__ = ["environment_facts", "render", "storm_page"]


@dataclass(frozen=True, slots=True)
class _Row:
    cells: tuple[str, ...]
    style: str


def storm_page(result: StormResult, *, pictures: Mapping[str, str]) -> str:
    """The page of `result`: conclusion, tables, pictures, where it was measured, how to repeat it, and the words.

    pictures: SVG texts by name, of PICTURES, in whose order they appear.
    """
    every = summarize_policies(result.runs)
    return render(
        "storm.html.j2",
        verdict=conclusion(result.runs),
        tone=_tone(every),
        partial=_reason_partial(result, every),
        load=load(result.runs[0]),
        columns=[(column.name, column.meaning) for column in COLUMNS],
        rows=[_Row(tuple(column.text(policy) for column in COLUMNS), _style(policy)) for policy in every],
        notes=[*summary_remarks(every), *storm_remarks(result.runs)],
        ratios=_ratios(result.runs),
        control=CONTROL,
        rounds=_rounds(result.runs),
        pictures=[(picture, pictures[picture.name]) for picture in PICTURES if picture.name in pictures],
        environment=environment_facts(result.environment),
        machine_line=result.environment.line(),
        command=result.command,
        policies=_parameters(result.runs),
        glossary=GLOSSARY,
    )


def render(template: str, **given: object) -> str:
    """The page that `template` makes of `given`."""
    templates = Templates(
        loader=PackageLoader("pytest_sessionreg.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return templates.get_template(template).render(**given)


def environment_facts(environment: Environment) -> dict[str, object]:
    """What is known of the machine and the software, by name."""
    return {name.replace("_", " "): value for name, value in asdict(environment).items()}


def _tone(every: Sequence[PolicySummary]) -> str:
    return "broken" if any(policy.broken for policy in every) else "plain"


def _reason_partial(result: StormResult, every: Sequence[PolicySummary]) -> str | None:
    """Why the result is partial, in words; None where it is whole."""
    reasons = [reason for policy in every for reason in policy.partial]
    missing = any(policy.rounds < policy.planned_rounds for policy in every)
    return result.partial or next(iter(reasons), "rounds are missing" if missing else None)


def _style(policy: PolicySummary) -> str:
    return "broken" if policy.broken else "bad" if policy.never_happened else ""


def _ratios(runs: Sequence[StormRun]) -> dict[str, object] | None:
    """The ratios to the control, if there were rounds of it."""
    policies = against_control(runs) if any(run.rounds > 1 for run in runs) else ()
    if not policies:
        return None
    return {
        "rows": [
            {
                "policy": policy.policy,
                "measure": measure.title,
                "mean": times(ratio.middle),
                "interval": interval(ratio),
                "rounds": ", ".join(times(value) for value in ratio.rounds),
                "finding": finding(measure, ratio),
            }
            for policy in policies
            for measure, ratio in zip(MEASURES, policy.ratios, strict=True)
        ],
        "note": ratios_note(policies),
    }


def _rounds(runs: Sequence[StormRun]) -> list[tuple[str, ...]]:
    """Every round by itself, where there are several."""
    if all(run.rounds == 1 for run in runs):
        return []
    return [
        (
            policy,
            f"{run.round}{'' if partial_reason(run) is None else '*'}",
            f"{run.counts.attempted}",
            f"{run.counts.exhausted + run.counts.failed}",
            milliseconds(run.latency_ms.p50),
            milliseconds(run.latency_ms.p99),
            milliseconds(run.latency_ms.max),
            times(run.slowdown.p99),
            f"{run.throughput_per_s:.0f}",
            _lost(run.counts.lost),
        )
        for policy, rounds in rounds_by_policy(runs).items()
        for run in rounds
    ]


def _lost(lost: int | None) -> str:
    return NOT_CHECKED if lost is None else f"{lost}"


def _parameters(runs: Iterable[StormRun]) -> list[tuple[str, str]]:
    """What each policy was, and the seeds and integrity of its rounds."""
    found = []
    for policy, rounds in rounds_by_policy(runs).items():
        first = rounds[0]
        seeds = sorted({run.seed for run in rounds})
        seed = f"seed {seeds[0]}" if len(seeds) == 1 else f"seeds {', '.join(map(str, seeds))}"
        integrity = ", ".join(sorted({run.integrity or NOT_CHECKED for run in rounds}))
        found.append((policy, f"{first.policy_parameters}, {seed}, workload {first.workload}, integrity {integrity}"))
    return found

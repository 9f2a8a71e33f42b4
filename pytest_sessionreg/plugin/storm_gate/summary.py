"""The end of a run with storms: what needs a look first, the rest as numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from ...gate.judgement import Verdict
from ...report.judgements import lines
from .options import StormOptions
from .record import StormRecord

__all__ = ["summary"]

Style = dict[str, bool]

_STYLES: dict[Verdict, Style] = {
    Verdict.REGRESSED: {"red": True, "bold": True},
    Verdict.INCONCLUSIVE: {"yellow": True},
    Verdict.NO_BASELINE: {"yellow": True},
    Verdict.IMPROVED: {"green": True},
    Verdict.PASS: {"green": True},
}


def summary(records: Sequence[StormRecord], options: StormOptions, *, verbose: bool) -> Iterator[tuple[str, Style]]:
    """Lines and their styles. A storm that passed is listed only if `verbose`; whatever else is, always."""
    verdicts: Counter[Verdict] = Counter()
    for record in records:
        yield from _remarks(record)
        if record.judgement is not None:
            verdict = record.judgement.verdict
            verdicts[verdict] += 1
            if verbose or verdict is not Verdict.PASS:
                for line in lines(record.judgement):
                    yield line, _STYLES[verdict]
        elif verbose:
            yield _figures(record.name, [record]), {}
    for note in dict.fromkeys(filter(None, (record.unreported for record in records))):
        yield f"--storm-report: {note}", {"yellow": True}
    yield _figures("1 storm" if len(records) == 1 else f"{len(records)} storms", records), {}
    if verdicts:
        counts = ", ".join(f"{verdicts[verdict]} {verdict.value}" for verdict in _STYLES if verdicts[verdict])
        warned = " (only warned of)" if verdicts[Verdict.REGRESSED] and options.gate == "warn" else ""
        yield f"storm gate: {counts}{warned}", _STYLES[next(verdict for verdict in _STYLES if verdicts[verdict])]
    if verdicts[Verdict.NO_BASELINE]:
        yield "make the baseline with --storm-update-baseline, review it and commit it", {}


def _remarks(record: StormRecord) -> Iterator[tuple[str, Style]]:
    for sentence in record.unchecked:
        yield f"{record.name}: {sentence}", {"yellow": True}
    if record.refused is not None:
        yield f"{record.name}: {record.refused}; the baseline keeps what it had", {"red": True}


def _figures(what: str, records: Sequence[StormRecord]) -> str:
    writes = sum(record.writes for record in records)
    lost = sum(record.lost or 0 for record in records)
    unknown = sum(record.lost is None for record in records)
    note = f" ({unknown} not checked)" if unknown else ""
    return f"{what}: {writes} writes, {sum(record.given_up for record in records)} given up, {lost} lost{note}"

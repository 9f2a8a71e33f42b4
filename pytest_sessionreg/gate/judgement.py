"""One look at a storm against its baseline: what changed, by how much, how sure that is, and what it amounts to."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from ..results.causes import likeliest_causes
from ..results.ratios import FEWEST_ROUNDS, unpaired_ratio
from ..results.result import StormRun
from .measurement import CONTROL_MEASURES, MEASURES, GateMeasure, Measurement

__all__ = ["Change", "Judgement", "Verdict", "judge"]


class Verdict(Enum):
    """What the gate says of a storm. In a test only REGRESSED fails."""

    PASS = "PASS"  # noqa: S105  no password
    REGRESSED = "REGRESSED"
    IMPROVED = "IMPROVED"
    INCONCLUSIVE = "INCONCLUSIVE"
    NO_BASELINE = "NO_BASELINE"


@dataclass(frozen=True, slots=True)
class Change:
    """One measure, now and in the baseline.

    now, before: geometric means over the rounds.
    ratio: how many times worse it is now (above 1: worse), low and high its 95 % interval over the rounds.
    tolerance: the ratio beyond which it counts.
    """

    name: str
    title: str
    now: float
    before: float
    ratio: float
    low: float
    high: float
    tolerance: float

    @property
    def worse(self) -> bool:
        """Whether all of the interval is beyond the tolerance."""
        return self.low > self.tolerance

    @property
    def better(self) -> bool:
        """Whether all of the interval is below the inverse of the tolerance."""
        return self.high < 1 / self.tolerance

    @property
    def vague(self) -> bool:
        """Whether the interval leaves room for twice what the tolerance allows, so that no pass can be claimed."""
        return self.high > self.tolerance**2

    def text(self) -> str:
        """The change with its interval."""
        return (
            f"{self.title}: {self.ratio:.3g} times the baseline's (95 % interval {self.low:.3g} to {self.high:.3g}, "
            f"limit {self.tolerance:.3g}; {self.now:.3g} now, {self.before:.3g} then)"
        )


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict on one storm.

    storm: its name.
    reason: one line.
    changes: what was compared, empty where nothing was.
    causes: the likeliest, of what got worse.
    measurement: what was measured last, None where nothing was.
    rounds: pairs of rounds that were run.
    damage: what is wrong with the data, where that is why.
    """

    storm: str
    verdict: Verdict
    reason: str
    changes: tuple[Change, ...] = ()
    causes: tuple[str, ...] = ()
    measurement: Measurement | None = None
    rounds: int = 0
    damage: str | None = None


def judge(
    storm: str, now: Measurement, before: Measurement, runs: Sequence[StormRun], tolerances: Mapping[str, float]
) -> Judgement:
    """One look: `now`, which is made of `runs` and their controls, against `before`. tolerances: by measure."""
    rounds = len(runs)
    changes = tuple(
        change
        for measure in MEASURES
        if (change := _change(measure, now.ratios, before.ratios, tolerances[measure.name])) is not None
    )
    moved = [
        change
        for measure in CONTROL_MEASURES
        if (change := _change(measure, now.control, before.control, measure.tolerance)) is not None
        and (change.worse or change.better)
    ]
    verdict, reason = _verdict(changes, moved)
    causes = _causes(changes, now, before, runs) if verdict is Verdict.REGRESSED else ()
    return Judgement(storm, verdict, reason, changes, causes, now, rounds)


def _change(
    measure: GateMeasure,
    now: Mapping[str, tuple[float, ...]],
    before: Mapping[str, tuple[float, ...]],
    tolerance: float,
) -> Change | None:
    """The change of one measure; None where one side has too few rounds with a figure."""
    over, under = now.get(measure.name, ()), before.get(measure.name, ())
    ratio = unpaired_ratio(under, over) if measure.more_is_better else unpaired_ratio(over, under)
    if ratio.middle is None or ratio.low is None or ratio.high is None:
        return None
    return Change(
        name=measure.name,
        title=measure.title,
        now=_middle(over),
        before=_middle(under),
        ratio=ratio.middle,
        low=ratio.low,
        high=ratio.high,
        tolerance=1 + tolerance,
    )


def _verdict(changes: Sequence[Change], moved: Sequence[Change]) -> tuple[Verdict, str]:
    if not any(change.name != "done" for change in changes):
        return Verdict.INCONCLUSIVE, f"too few samples: it takes {FEWEST_ROUNDS} rounds with a figure on both sides"
    # what the control does, the storm may do for the same reason: only what goes beyond that is the storm's own
    slack = max((max(change.ratio, 1 / change.ratio) for change in moved), default=1.0)
    worse = [change for change in changes if change.low > change.tolerance * slack]
    if worse:
        return Verdict.REGRESSED, "; ".join(change.text() for change in _by_weight(worse))
    if moved:
        return Verdict.INCONCLUSIVE, f"the control moved, so the machine did: {moved[0].text()}"
    vague = [change for change in changes if change.vague]
    if vague:
        return Verdict.INCONCLUSIVE, f"too noisy to tell: {'; '.join(change.text() for change in _by_weight(vague))}"
    better = [change for change in changes if change.better]
    if better:
        found = "; ".join(change.text() for change in better)
        return Verdict.IMPROVED, f"{found}; update the baseline to keep it"
    return Verdict.PASS, ", ".join(f"{change.name} {change.ratio:.2f}x" for change in changes) + " of the baseline"


def _by_weight(changes: Sequence[Change]) -> list[Change]:
    return sorted(changes, key=lambda change: -change.ratio / change.tolerance)


def _causes(
    changes: Sequence[Change], now: Measurement, before: Measurement, runs: Sequence[StormRun]
) -> tuple[str, ...]:
    """The two likeliest: what the baseline shows to have grown, then what the storm's own samples show."""
    found = [
        (change.ratio, f"holds grew: {change.before:.3g} times the control's then, {change.now:.3g} times now")
        for change in changes
        if change.name == "hold" and change.worse
    ]
    retries, then = now.context.get("retries_per_write"), before.context.get("retries_per_write")
    if retries is not None and retries > 1.5 * max(then or 0.0, 0.1):
        was = "none were seen then" if then is None else f"{then:.2g} a write then"
        found.append((retries / max(then or 0.0, 0.1), f"retries grew at equal load: {was}, {retries:.2g} now"))
    if now.policy != before.policy:
        found.append((math.inf, f"the policy is another: {before.policy} then, {now.policy} now"))
    found += [(cause.weight, cause.text) for cause in likeliest_causes(runs)]
    return tuple(text for _, text in sorted(found, key=lambda cause: -cause[0])[:2])


def _middle(values: tuple[float, ...]) -> float:
    return unpaired_ratio(values, [1.0]).middle or 0.0

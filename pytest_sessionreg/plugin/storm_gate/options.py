"""What the command line and the ini file say about storms."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from ...results.limits import Budget

__all__ = ["StormOptions", "add_options"]

_GATES = ("off", "warn", "fail")
_BASELINE = "storm-baseline.json"


@dataclass(frozen=True, slots=True)
class StormOptions:
    """gate: "off", "warn" or "fail".
    baseline: path of the file.
    named: whether the user said which file that is, so that it has to be there.
    update: whether it is written instead of judged by.
    report: directory for every storm's result, or None.
    scale: how much longer storms are.
    limits: of the budget that every storm has to keep, as "name=number".
    """

    gate: str
    baseline: str
    named: bool
    update: bool
    report: str | None
    scale: float
    limits: tuple[str, ...]

    @classmethod
    def of(cls, config: pytest.Config) -> StormOptions:
        """The command line's options, else the ini file's. Raises pytest.UsageError for a value that makes none."""
        gate = config.getoption("storm_gate") or config.getini("storm_gate") or "off"
        if gate not in _GATES:
            raise pytest.UsageError(f"storm_gate = {gate}: choose from {', '.join(_GATES)}")
        update = config.getoption("storm_update_baseline") or config.getini("storm_update_baseline")
        baseline = _path(config, "storm_baseline")
        options = cls(
            gate=gate,
            baseline=baseline or str(config.rootpath / _BASELINE),
            named=baseline is not None,
            update=bool(update),
            report=_path(config, "storm_report"),
            scale=_scale(config),
            limits=tuple(config.getini("storm_budget")),
        )
        if options.limits:
            options.budget({})  # a limit that is none is told before the first test
        return options

    @property
    def judges(self) -> bool:
        """Whether storms are compared with a baseline."""
        return self.gate != "off" and not self.update

    def check_baseline(self) -> None:
        """Refuse a baseline that was named and is not there: every storm would pass without one.

        Raises pytest.UsageError.
        """
        if self.judges and self.named and not os.path.exists(self.baseline):
            raise pytest.UsageError(
                f"{self.baseline}: does not exist; name the baseline, or make it with --storm-update-baseline"
            )

    def budget(self, marked: dict[str, object]) -> Budget | None:
        """The budget of all storms with the limits `marked` of one test in place of its own; None without any limit.

        Raises pytest.UsageError for what is no limit.
        """
        from ...error_base import StormError
        from ...results.limits import Budget

        if not self.limits and not marked:
            return None
        try:
            return Budget.of(**{**dict(map(_limit, self.limits)), **marked})
        except StormError as error:
            raise pytest.UsageError(str(error)) from None


def add_options(parser: pytest.Parser) -> None:
    """The options, each with its twin in the ini file."""
    group = parser.getgroup("storms", "write storms (pytest-sessionreg)")
    group.addoption(
        "--storm-gate",
        choices=_GATES,
        help="compare each storm with its baseline: fail tests that regressed, or only warn. [off]",
    )
    group.addoption(
        "--storm-baseline", metavar="FILE", help=f"the baseline; has to exist. [{_BASELINE} in the rootdir]"
    )
    group.addoption(
        "--storm-update-baseline",
        action="store_true",
        default=None,
        help="measure each storm, and write the baseline instead of judging by it",
    )
    group.addoption("--storm-report", metavar="DIR", help="write each storm's page and JSON, and gate.json, there")
    group.addoption("--storm-scale", type=float, metavar="F", help="make every storm F times as long. [1]")
    from_root = "a relative path starts at the rootdir"
    parser.addini("storm_gate", "the default of --storm-gate", type="string", default="")
    parser.addini("storm_baseline", f"the default of --storm-baseline; {from_root}", type="string", default="")
    parser.addini("storm_update_baseline", "the default of --storm-update-baseline", type="bool", default=False)
    parser.addini("storm_report", f"the default of --storm-report; {from_root}", type="string", default="")
    parser.addini("storm_scale", "the default of --storm-scale", type="string", default="")
    parser.addini(
        "storm_budget",
        "limits of every storm, e.g. exhausted=0 slowdown_p99=1.5 (see the marker storm_budget)",
        type="args",
        default=[],
    )


def _path(config: pytest.Config, name: str) -> str | None:
    """A path of the command line starts where pytest was called, one of the ini file at the rootdir."""
    given = config.getoption(name)
    if given:
        return os.path.join(config.invocation_params.dir, given)
    stored = config.getini(name)
    return os.path.join(config.rootpath, stored) if stored else None


def _scale(config: pytest.Config) -> float:
    given = config.getoption("storm_scale")
    text = config.getini("storm_scale") if given is None else given
    try:
        scale = float(text or 1)
    except ValueError:
        scale = 0.0
    if given == 0 or not 0.01 <= scale <= 100:
        raise pytest.UsageError(f"storm_scale = {text}: must be a number between 0.01 and 100")
    return scale


def _limit(text: str) -> tuple[str, object]:
    name, _, number = text.partition("=")
    value: object = number
    for kind in (int, float):
        try:
            value = kind(number)
            break
        except ValueError:
            continue
    return name.strip(), value

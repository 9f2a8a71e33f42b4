from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_sessionreg.errors import ResultError
from pytest_sessionreg.gate.judgement import Change, Judgement, Verdict
from pytest_sessionreg.gate.measurement import Measurement, StormLoad
from pytest_sessionreg.report.judgements import (
    failure_message,
    from_json,
    lines,
    markdown,
    properties,
    to_json,
    worst_verdict,
)
from pytest_sessionreg.results.environment import Environment

_CHANGE = Change("hold", "hold, to the control's", 1.28, 1.02, 1.2549, 1.21, 1.31, 1.1)
_REGRESSED = Judgement(
    "tests/test_a.py::test_b[x|y]", Verdict.REGRESSED, "hold is worse", (_CHANGE,), ("holds grew", "retries grew")
)
_PASSED = Judgement("a", Verdict.PASS, "hold 1.00x of the baseline")


def _judged(*verdicts: Verdict) -> list[Judgement]:
    return [Judgement(verdict.value.lower(), verdict, "why") for verdict in verdicts]


def test_the_verdict_to_act_on_is_the_worst() -> None:
    assert worst_verdict([]) is Verdict.PASS
    assert worst_verdict(_judged(Verdict.PASS, Verdict.IMPROVED)) is Verdict.IMPROVED
    assert worst_verdict(_judged(Verdict.IMPROVED, Verdict.NO_BASELINE)) is Verdict.NO_BASELINE
    assert worst_verdict(_judged(Verdict.NO_BASELINE, Verdict.INCONCLUSIVE)) is Verdict.INCONCLUSIVE
    assert worst_verdict(_judged(Verdict.INCONCLUSIVE, Verdict.REGRESSED, Verdict.PASS)) is Verdict.REGRESSED


def test_lines_name_the_storm_the_reason_and_the_causes() -> None:
    assert lines(_REGRESSED) == [
        "REGRESSED tests/test_a.py::test_b[x|y]: hold is worse",
        "  likely cause: holds grew",
        "  likely cause: retries grew",
    ]


def test_a_failure_lists_the_causes_in_order() -> None:
    assert failure_message(_REGRESSED).splitlines()[1:] == [
        "the likeliest causes:",
        "  1. holds grew",
        "  2. retries grew",
    ]
    assert failure_message(_PASSED) == "a regressed: hold 1.00x of the baseline"


def test_markdown_is_a_table_with_what_matters_first() -> None:
    why = "hold is worse; likely cause: holds grew; likely cause: retries grew"
    assert markdown([_PASSED, _REGRESSED]).splitlines() == [
        "### Storm gate: REGRESSED",
        "",
        "| verdict | storm | why |",
        "|---|---|---|",
        f"| REGRESSED | tests/test_a.py::test_b[x\\|y] | {why} |",
        "| PASS | a | hold 1.00x of the baseline |",
    ]


def test_properties_are_scalars() -> None:
    found = dict(properties(_REGRESSED))
    assert found["verdict"] == "REGRESSED"
    assert found["reason"] == "hold is worse"
    assert (found["hold_ratio"], found["hold_low"], found["hold_high"]) == (1.2549, 1.21, 1.31)


def test_json_holds_everything(tmp_path: Path) -> None:
    document = json.loads(to_json([_REGRESSED], "sessionreg gate", Environment.of(str(tmp_path))))
    assert (document["kind"], document["schema"], document["verdict"]) == ("storm-gate", 1, "REGRESSED")
    assert document["command"] == "sessionreg gate"
    assert document["environment"]["cpu_count"] >= 1
    (judgement,) = document["judgements"]
    assert judgement["verdict"] == "REGRESSED"
    assert judgement["changes"][0]["ratio"] == 1.2549


def test_json_is_read_again(tmp_path: Path) -> None:
    load = StormLoad("heartbeat", 8, 1.0, 10.0, None, 30)
    measurement = Measurement(load, "WriteQueue()", {"hold": (1.1, 1.2)}, {"control": (2.0,)}, {"fairness": 0.9})
    judgements = (_REGRESSED, replace(_PASSED, measurement=measurement, rounds=5))
    environment = Environment.of(str(tmp_path))
    text = to_json(judgements, "sessionreg gate", environment)
    envelope, found = from_json(text)
    assert found == judgements
    assert (envelope.command, envelope.environment) == ("sessionreg gate", environment)
    with pytest.raises(ResultError, match="lacks or misnames a field"):
        from_json(text.replace('"changes"', '"exchanges"'))


@pytest.mark.parametrize(
    ("low", "high", "found"),
    [
        (1.21, 1.31, (True, False, True)),
        (1.05, 1.2, (False, False, False)),
        (0.8, 0.9, (False, True, False)),
        (0.9, 1.3, (False, False, True)),
    ],
)
def test_only_a_whole_interval_counts(low: float, high: float, found: tuple[bool, bool, bool]) -> None:
    change = Change("hold", "hold", 1.0, 1.0, (low + high) / 2, low, high, 1.1)
    assert (change.worse, change.better, change.vague) == found

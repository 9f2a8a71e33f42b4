from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_sessionreg.errors import ResultError
from pytest_sessionreg.gate.baseline import Baseline
from pytest_sessionreg.gate.measurement import MEASURES, Measurement, StormLoad, machine_class
from pytest_sessionreg.results.environment import Environment

_HERE = "Linux x86_64, 2 processors, ext4, Python 3.11, SQLite 3.40.1"
_MEASUREMENT = Measurement(
    load=StormLoad("heartbeat", 8, 2.0, 20.0, None, 7),
    policy="WriteQueue(patience=5)",
    ratios={"hold": (1.0, 1.25, 1e-05), "done": (1.0,)},
    control={"slowdown": (2.5, 2.25)},
    context={"fairness": 0.98},
)


def test_a_baseline_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = str(tmp_path / "new" / "baseline.json")
    baseline = Baseline().with_measurements({"a": {_HERE: _MEASUREMENT}})
    baseline.write(path)
    assert Baseline.read(path) == baseline
    assert [entry.name for entry in (tmp_path / "new").iterdir()] == ["baseline.json"]


def test_it_is_made_for_review() -> None:
    one = Baseline().with_measurements({"b": {_HERE: _MEASUREMENT}, "a": {_HERE: _MEASUREMENT}})
    other = Baseline().with_measurements({"a": {_HERE: _MEASUREMENT}}).with_measurements({"b": {_HERE: _MEASUREMENT}})
    text = one.to_json()
    assert text == other.to_json(), "the order does not depend on who ran first"
    assert '"hold": [1.0, 1.25, 1e-05]' in text, "a measure's rounds are one line of a diff"
    assert '"done": [1.0]' in text
    assert text.endswith("}\n")
    names = {key for machines in json.loads(text)["storms"].values() for entry in machines.values() for key in entry}
    assert names == {"load", "policy", "ratios", "control", "context"}, "ratios and the load, and no times"


def test_other_storms_and_other_machines_stay() -> None:
    there = _HERE.replace("3.40.1", "3.45.0")
    baseline = Baseline().with_measurements({"a": {_HERE: _MEASUREMENT}, "b": {_HERE: _MEASUREMENT}})
    more = baseline.with_measurements({"a": {there: _MEASUREMENT}})
    assert {name: list(machines) for name, machines in more.storms.items()} == {"a": [_HERE, there], "b": [_HERE]}
    assert list(baseline.storms["a"]) == [_HERE]


def test_no_file_is_an_empty_baseline(tmp_path: Path) -> None:
    assert Baseline.read(str(tmp_path / "none.json")) == Baseline()


def test_tolerances_are_the_files_and_else_the_measures_own() -> None:
    document = json.loads(Baseline().to_json())
    document["tolerances"] = {"hold": 0.4}
    tolerances = Baseline.from_json(json.dumps(document)).tolerances
    assert tolerances["hold"] == 0.4
    assert tolerances["slowdown"] == next(measure.tolerance for measure in MEASURES if measure.name == "slowdown")


_TEXT = Baseline().with_measurements({"a": {_HERE: _MEASUREMENT}}).to_json()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no storm baseline, or a truncated one"),
        (_TEXT[:-40], "no storm baseline, or a truncated one"),
        ("[]", "no storm baseline"),
        (_TEXT.replace('"schema": 1', '"schema": 7'), "the baseline has schema 7, this version reads 1"),
        (_TEXT.replace('"storm-baseline"', '"storm"'), "of kind 'storm', not 'storm-baseline'"),
        (_TEXT.replace('"policy"', '"polity"'), "lacks or misnames a field"),
        (_TEXT.replace("1.25", "-1.25"), "are no ratios"),
        (_TEXT.replace("1.25", "NaN"), "are no ratios"),
        (_TEXT.replace('"slowdown": 0.25', '"showdown": 0.25'), "showdown is no measure"),
        (_TEXT.replace('"slowdown": 0.25', '"slowdown": -1'), "tolerance of slowdown=-1: must be between 0"),
        (_TEXT.replace('"workers": 8', '"wreckers": 8'), "lacks or misnames a field"),
    ],
)
def test_what_is_no_baseline_is_refused_in_one_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "baseline.json"
    path.write_text(text)
    with pytest.raises(ResultError) as caught:
        Baseline.read(str(path))
    assert message in str(caught.value)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_a_directory_is_no_baseline(tmp_path: Path) -> None:
    with pytest.raises(ResultError, match="cannot be read"):
        Baseline.read(str(tmp_path))


def test_the_class_of_a_machine_says_what_ratios_depend_on(tmp_path: Path) -> None:
    environment = Environment.of(str(tmp_path / "x.db"))
    found = machine_class(environment)
    assert found.count(", ") == 4
    assert f"{environment.cpu_count} processors" in found
    assert found.endswith(f"SQLite {environment.sqlite_version}")
    assert environment.cpu not in found

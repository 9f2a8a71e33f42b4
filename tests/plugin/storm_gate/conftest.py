"""Test suites of users, with a store of theirs to storm."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from pytest_sessionreg import WriteQueue
from pytest_sessionreg.gate.baseline import Baseline
from pytest_sessionreg.gate.measurement import Measurement, StormLoad, machine_class
from pytest_sessionreg.results.environment import Environment

_STORE = """
    import sqlite3

    def prepare(path):
        connection = sqlite3.connect(path)
        connection.execute("CREATE TABLE notes (worker, sequence)")
        connection.close()

    def write(connection, worker, sequence):
        connection.execute("INSERT INTO notes VALUES (?, ?)", (worker, sequence))

    def forgotten(path):
        return []
"""
_SUITE = """
    def test_notes(storm):
        storm(write, workers=2, writes=60, hold_ms=1, think_ms=2, prepare=prepare)
"""


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Callable[..., pytest.RunResult]:
    """Runs tests in a module of their own, behind the store, in a process of its own."""
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)

    def run(tests: str = _SUITE, *words: str) -> pytest.RunResult:
        (pytester.path / "test_store.py").write_text(dedent(_STORE) + dedent(tests))
        return pytester.runpytest_subprocess(*words)

    return run


@pytest.fixture
def baseline(pytester: pytest.Pytester) -> Callable[..., Path]:
    """Makes a baseline of the storms of the tests named, whose holds were `hold` times the control's."""

    def make(*names: str, hold: float = 1.0) -> Path:
        measurement = Measurement(
            load=StormLoad("write", 2, 1.0, 2.0, None, 6),
            policy=repr(WriteQueue()),
            ratios={"hold": (hold,) * 8, "slowdown": (1.1,) * 8, "done": (1.0,) * 8},
            control={},
            context={},
        )
        here = machine_class(Environment.of(tempfile.gettempdir() + "/storm.db"))
        path = pytester.path / "storm-baseline.json"
        Baseline().with_measurements({f"test_store.py::{name}": {here: measurement} for name in names}).write(str(path))
        return path

    return make

"""Runs of pytest inside tests: they are as if nobody ran them, whatever plugins and workers the outer run has."""

from __future__ import annotations

import os
from functools import cache
from importlib.metadata import entry_points

import pytest

from pytest_sessionreg.registry.user_paths import GUARD_VARIABLE

__all__ = ["inner_runs_inherit_nothing", "pytest_pyfunc_call", "pytester"]

_INHERITED = ("PYTEST_", "COV_CORE_", GUARD_VARIABLE)
_WANTED = {"sessionreg", "xdist", "xdist.looponfail"}


@pytest.fixture
def inner_runs_inherit_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable of the outer run, and no plugin but pytest-xdist and this project's."""
    for name in os.environ:
        if name.startswith(_INHERITED):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PYTEST_ADDOPTS", _without_other_plugins())


@pytest.fixture
def pytester(
    inner_runs_inherit_nothing: None,  # noqa: ARG001
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
) -> pytest.Pytester:
    """pytest's own, whose runs inherit nothing. It drops PYTEST_ADDOPTS itself when it is made."""
    monkeypatch.setenv("PYTEST_ADDOPTS", _without_other_plugins())
    return pytester


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> None:
    """Take away what pytest sets only after the fixtures; it sets it again for the teardown."""
    if "inner_runs_inherit_nothing" in pyfuncitem.fixturenames:
        os.environ.pop("PYTEST_CURRENT_TEST", None)


@cache
def _without_other_plugins() -> str:
    return " ".join(f"-p no:{point.name}" for point in entry_points(group="pytest11") if point.name not in _WANTED)

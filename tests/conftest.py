from __future__ import annotations

import gc
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from .inner_runs import inner_runs_inherit_nothing, pytest_pyfunc_call, pytester
from .leaks import interrupts_arrive, nothing_is_left_behind, traceable
from .whole_suite import pytest_cmdline_main

__all__ = [
    "database",
    "inner_runs_inherit_nothing",
    "interrupts_arrive",
    "nothing_is_left_behind",
    "pytest_cmdline_main",
    "pytest_pyfunc_call",
    "pytester",
    "traceable",
]

# As everywhere, no time is asserted: how long an example takes, or its data, says how busy the machine is.
settings.register_profile(
    "untimed",
    settings.get_profile(settings.get_current_profile_name()),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("untimed")


@pytest.fixture(autouse=True, scope="module")
def _searched_so_far() -> None:
    """What is there before a module's tests is none of their garbage: not to be searched again after each of them."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def database(tmp_path: Path) -> str:
    return str(tmp_path / "test.db")

"""The pytest plugin: what `pytest11` loads. Light, because every test run of every project that installs it pays for
it: whatever a fixture needs, it imports when it is used.
"""

from __future__ import annotations

from collections.abc import Generator

import pytest

from .fixtures.registries import session_registry, session_registry_factory, session_registry_path
from .fixtures.storm import storm
from .fixtures.temp_db import add_outcome, temp_db
from .fixtures.workers import workers
from .storm_gate.hooks import STORM_GATE, StormGate
from .storm_gate.options import add_options

__all__ = [
    "pytest_addoption",
    "pytest_configure",
    "pytest_runtest_makereport",
    "session_registry",
    "session_registry_factory",
    "session_registry_path",
    "storm",
    "temp_db",
    "workers",
]


_GUARD = "sessionreg-guard"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of the command line and of the ini file."""
    parser.addini(
        "sessionreg_guard",
        "fail tests that would open the user's own session registry (the default path), in children too",
        type="bool",
        default=True,
    )
    add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers, guard the user's own registry from here on, and conduct the storms."""
    config.addinivalue_line(
        "markers", "real_registry: let this test open the user's own session registry, which no other test may."
    )
    config.addinivalue_line(
        "markers",
        "storm_budget(*, exhausted=0, failed=0, lost=0, busy_rate=None, p99_ms=None, slowdown_p99=None): limits that "
        "every storm of this test has to keep; beyond one the test fails.",
    )
    if config.getoption("fulltrace"):
        from ..processes.user_frames import show_all

        show_all(shown=True)
        config.add_cleanup(lambda: show_all(shown=False))
    if not config.pluginmanager.is_blocked(STORM_GATE):
        config.pluginmanager.register(StormGate(config), STORM_GATE)
    if config.getini("sessionreg_guard") and not config.pluginmanager.is_blocked(_GUARD):
        from .registry_guard import RegistryGuard

        guard = RegistryGuard.set_up()
        if guard is not None:
            config.pluginmanager.register(guard, _GUARD)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Say where the databases of a failed test are."""
    report = yield
    add_outcome(item, report)
    return report

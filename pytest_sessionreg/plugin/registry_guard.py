"""The plugin's side of the guard: a test that would open the user's own registry fails, and says so."""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import Any

import pytest

from ..registry.guard import Marker, own_registries
from ..registry.user_paths import GUARD_VARIABLE

__all__ = ["RegistryGuard"]

_OUTPUT = "sessionreg_refused"


class RegistryGuard:
    """Guards the user's own registry while this process runs tests. A plugin of its own, one per run.

    The registry itself refuses to open the file; this makes the test fail in the phase in which that happened, even if
    the code under test swallowed the error, or did it in a child. Refusals outside of every test are told at the end,
    and then the run does not succeed.
    """

    def __init__(self, marker: Marker, own: list[str]) -> None:
        self._marker = marker
        self._own = own
        self._outside: list[str] = []
        self._variable = os.environ.get(GUARD_VARIABLE)
        os.environ[GUARD_VARIABLE] = marker.path

    @classmethod
    def set_up(cls) -> RegistryGuard | None:
        """Guard this process and its descendants; None where that cannot be, or where a run around this one does."""
        own = own_registries()
        marker = Marker.of_this_process(own)
        return None if marker is None else cls(marker, own)

    def pytest_unconfigure(self) -> None:
        """End the guard."""
        self._marker.remove()
        if self._variable is None:
            os.environ.pop(GUARD_VARIABLE, None)
        else:
            os.environ[GUARD_VARIABLE] = self._variable

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Allow all to a test that is marked for it."""
        self._outside += self._marker.take_refusals()
        if item.get_closest_marker("real_registry") is None:
            return (yield)
        self._marker.guard([])
        try:
            return (yield)
        finally:
            self._marker.guard(self._own)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(self) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Fail the phase in which something was refused, however it ended."""
        report = yield
        refused = self._marker.take_refusals()
        if refused and report.failed:
            report.sections.append(("sessionreg", _refusal_in_words(refused)))
        elif refused:
            report.outcome = "failed"
            report.longrepr = _refusal_in_words(refused)
            if hasattr(report, "wasxfail"):
                del report.wasxfail
        return report

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Tell a controller, or fail the run, when something was refused outside of every test."""
        self._outside += self._marker.take_refusals()
        output = getattr(session.config, "workeroutput", None)
        if output is not None:
            output[_OUTPUT] = self._outside
        elif self._outside and session.exitstatus in {pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED}:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take over what an xdist worker has to tell."""
        self._outside += getattr(node, "workeroutput", {}).get(_OUTPUT, [])

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Name what was refused outside of every test."""
        if self._outside:
            terminalreporter.section("sessionreg: the user's own registry, outside of every test", red=True)
            terminalreporter.write_line(_refusal_in_words(self._outside))


def _refusal_in_words(refused: list[str]) -> str:
    lines = "".join(f"\n  {line}" for line in refused)
    return (
        "the user's own session registry would have been opened; pass a path, set SESSIONREG_DB, or use the fixture "
        f"session_registry, or mark a test that means it real_registry. Refused:{lines}"
    )

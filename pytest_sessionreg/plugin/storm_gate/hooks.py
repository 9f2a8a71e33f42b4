"""The plugin's side of storms: budgets and the gate fail a test in its call phase; the run ends with one summary."""

from __future__ import annotations

import os
import shlex
from collections.abc import Generator
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from .options import StormOptions
from .storms_of_run import StormsOfRun

if TYPE_CHECKING:
    from ...processes.scratch import ScratchDirectory
    from ...results.rounds import Rounds
    from ...storm.plan import Plan
    from .gated_storm import RunStorm
    from .record import StormRecord

__all__ = ["STORM_GATE", "StormGate"]

__tracebackhide__ = True  # pytest shows the test's line, not this module's

# The name under which the plugin registers what conducts the storms.
STORM_GATE = "sessionreg-storms"

_SPOOL = "sessionreg_storms"


class StormGate:
    """Conducts the storms of this process's tests. A plugin of its own, one per process; silent while no storm runs.

    Under pytest-xdist each worker leaves its records in a directory of the controller's, which tells them all.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._options = StormOptions.of(config)
        self._problems = pytest.StashKey[list[str]]()
        self._names = pytest.StashKey[int]()
        self._scratch: ScratchDirectory | None = None
        self._verbose = config.get_verbosity() > 0
        spool = getattr(config, "workerinput", {}).get(_SPOOL)
        self._worker = spool is not None
        command = shlex.join(["pytest", *map(str, config.invocation_params.args)])
        self._storms = StormsOfRun(self._options, command, spool)
        if not self._worker and (self._options.gate != "off" or self._options.update):
            self._options.check_baseline()  # before the first test, and so is a file that is none
            self._storms.baseline()

    def storm_runner(self, item: pytest.Item) -> RunStorm:
        """What runs the storms of `item`."""
        return partial(self._run_storm, item)

    def pytest_report_header(self) -> str:
        """One line."""
        if self._options.update:
            return f"sessionreg: storms update the baseline {self._options.baseline}"
        if not self._options.judges:
            return "sessionreg: storm gate off"
        missing = "" if os.path.exists(self._options.baseline) else " (not there yet)"
        return f"sessionreg: storm gate {self._options.gate}, baseline {self._options.baseline}{missing}"

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Begin to count at one: a test that is run again has the same storms."""
        item.stash[self._problems], item.stash[self._names] = [], 0

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        """Fail a test if a storm of its, or of a fixture's before it, went over the budget or regressed."""
        return (yield from self._fail_with_problems(item, "call"))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, object, object]:
        """Fail the teardown of a test if a storm of a fixture's after it went over the budget or regressed."""
        return (yield from self._fail_with_problems(item, "teardown"))

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tell an xdist worker where to leave its records."""
        if self._scratch is None:
            from ...processes.scratch import ScratchDirectory

            self._scratch = ScratchDirectory("sessionreg-spool-")
            self._storms.leave_in(self._scratch.path)
        node.workerinput[_SPOOL] = self._scratch.path

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Collect what the workers left, and write the baseline and the report."""
        if self._worker or self._storms.finish():
            return
        if session.exitstatus in {pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED}:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say how the storms stand; nothing where none ran."""
        if not self._storms.records:
            return
        from .summary import summary

        terminalreporter.write_sep("=", "storms")
        for text, style in summary(self._storms.records, self._options, verbose=self._verbose):
            terminalreporter.write_line(text, **style)
        for note in self._storms.notes:
            terminalreporter.write_line(note)

    def pytest_unconfigure(self) -> None:
        """Remove the workers' directory."""
        if self._scratch is not None:
            self._scratch.remove()

    def _fail_with_problems(self, item: pytest.Item, phase: str) -> Generator[None, object, object]:
        """Fail `phase` of `item` where storms are to; where it fails by itself, add what they are to its report."""
        try:
            result = yield
        except BaseException:
            problems = self._take_problems(item)
            if problems:
                item.add_report_section(phase, "storms", problems)
            raise
        problems = self._take_problems(item)
        if problems:
            pytest.fail(problems, pytrace=False)
        return result

    def _take_problems(self, item: pytest.Item) -> str:
        """The problems so far; each is told once."""
        problems, item.stash[self._problems] = item.stash.get(self._problems, []), []
        return "\n\n".join(problems)

    def _run_storm(self, item: pytest.Item, plan: Plan, rounds: int) -> Rounds:
        from .gated_storm import apply_budget, run_gated_storm

        number = item.stash[self._names] = item.stash[self._names] + 1
        nodeid = _nodeid(item)
        name = nodeid if number == 1 else f"{nodeid} storm {number}"
        marked: dict[str, object] = {}
        for mark in reversed(list(item.iter_markers("storm_budget"))):
            if mark.args:
                raise pytest.UsageError(f"{nodeid}: storm_budget takes limits by name, e.g. storm_budget(lost=0)")
            marked.update(mark.kwargs)
        budget = self._options.budget(marked)
        found, record = run_gated_storm(name, plan, rounds, self._options, self._storms.baseline())
        if budget is not None:
            # a storm cut short by --storm-scale may have too few writes for a limit that it usually has enough for
            record = apply_budget(record, found, budget, strict=bool(marked) and self._options.scale >= 1)
        self._store_record(item, record)
        return found

    def _store_record(self, item: pytest.Item, record: StormRecord) -> None:
        """Keep `record` for the end of the run, and note what is to fail its test."""
        self._storms.add(record)
        problems = item.stash[self._problems]
        if record.over is not None:
            problems.append(record.over)
        if record.judgement is None:
            return
        from ...gate.judgement import Verdict
        from ...report.judgements import failure_message, properties

        prefix = "storm" + record.name.removeprefix(_nodeid(item)).removeprefix(" storm").replace(" ", "_")
        item.user_properties += [(f"{prefix}_{name}", value) for name, value in properties(record.judgement)]
        if record.judgement.verdict is Verdict.REGRESSED and self._options.gate == "fail":
            problems.append(failure_message(record.judgement))


def _nodeid(item: pytest.Item) -> str:
    """The test's, without the group that `xdist --dist loadgroup` appends to it."""
    group = item.get_closest_marker("xdist_group")
    if group is None or "workerinput" not in vars(item.config):
        return item.nodeid
    return item.nodeid.removesuffix(f"@{group.args[0] if group.args else group.kwargs.get('name', 'default')}")

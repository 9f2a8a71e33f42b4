"""How the whole suite runs: on every processor, unless something on the command line asks for one process."""

from __future__ import annotations

import os

import pytest

__all__ = ["pytest_cmdline_main"]

# By the names of their options: what needs the terminal, what shows or chooses tests, and other ways to distribute.
_SERIAL = (
    *("usepdb", "trace", "setupshow", "setuponly", "setupplan"),
    *("collectonly", "showfixtures", "show_fixtures_per_test", "cacheshow", "keyword", "lf", "stepwise"),
    *("distload", "tx", "looponfail"),
)
_MOST = 8


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Answer pytest-xdist's `-n` for the whole suite, if the command line does not. What measures takes turns anyway.

    Not by `-n` in addopts, which would hold for a single file, too, and fail with `-p no:xdist`.
    """
    processors = _processors()
    if processors > 1 and _is_whole_suite(config) and not _asks_for_one_process(config):
        config.option.numprocesses = processors
        config.option.dist = "worksteal"


def _is_whole_suite(config: pytest.Config) -> bool:
    paths = {config.invocation_params.dir / path for path in config.args}
    return paths in ({config.rootpath}, {config.rootpath / path for path in config.getini("testpaths")})


def _asks_for_one_process(config: pytest.Config) -> bool:
    """Whether something does; a worker of pytest-xdist is one process already."""
    if hasattr(config, "workerinput") or not config.pluginmanager.has_plugin("xdist"):
        return True
    option = config.option
    if option.numprocesses is not None or option.dist != "no" or option.capture == "no":
        return True
    return any(config.getoption(name, None) for name in _SERIAL)


def _processors() -> int:
    """Those that this process may use, where the system says it; more than a few would only wait for each other."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(allowed, _MOST)

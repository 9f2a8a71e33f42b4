"""How a run of this suite starts, in a small suite with the same hooks."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

_HOOKS = (Path(__file__).parent / "whole_suite.py").read_text(encoding="utf-8")
_CONFTEST = """
import os
from pathlib import Path

from .whole_suite import pytest_cmdline_main

os.sched_getaffinity = lambda pid: {0, 1, 2}

def pytest_configure(config):
    if hasattr(config, "workerinput"):
        Path(__file__).with_name(config.workerinput["workerid"]).touch()
"""


@pytest.fixture
def workers_of(pytester: pytest.Pytester) -> Callable[..., int]:
    """Runs the small suite with options, as if on three processors; how many workers of pytest-xdist it had."""
    pytester.makepyprojecttoml(
        '[tool.pytest.ini_options]\ntestpaths = ["tests"]\naddopts = "--import-mode=importlib"\nmarkers = ["slow"]'
    )
    directory = pytester.mkdir("tests")
    test = "def test_it(): pass"
    files = {"conftest.py": _CONFTEST, "whole_suite.py": _HOOKS, "test_one.py": test, "test_two.py": test}
    for name, text in files.items():
        (directory / name).write_text(text, encoding="utf-8")

    def run(*words: str) -> int:
        result = pytester.run(sys.executable, "-m", "pytest", *words, stdin=b"continue\n" * 4)
        assert result.ret == pytest.ExitCode.OK
        return len(list(directory.glob("gw*")))

    return run


_OTHER_WORDS = (["tests"], ["."], ["-m", "not slow"], ["-x", "--ff"])


@pytest.mark.parametrize(
    "words", [[], *(pytest.param(words, marks=pytest.mark.slow) for words in _OTHER_WORDS)], ids=" ".join
)
def test_the_whole_suite_runs_on_every_processor(workers_of: Callable[..., int], words: list[str]) -> None:
    assert workers_of(*words) == 3


_FEW = (["tests/test_one.py"], ["-p", "no:xdist"], ["--pdb"])
_MORE = (
    *(["tests/test_one.py", "tests/test_two.py"], ["tests/test_one.py::test_it"], ["-k", "test_it"]),
    *(["--lf"], ["--stepwise"], ["--trace"], ["-s"], ["-n", "0"], ["--collect-only"], ["--fixtures"], ["--help"]),
)


@pytest.mark.parametrize(
    "words",
    [*_FEW, *(pytest.param(words, marks=pytest.mark.slow) for words in _MORE)],
    ids=" ".join,
)
def test_a_part_of_it_or_what_needs_one_process_runs_in_one(workers_of: Callable[..., int], words: list[str]) -> None:
    assert workers_of(*words) == 0


@pytest.mark.slow
@pytest.mark.parametrize("words", [["-n", "1"], ["-d", "--tx", "popen"]], ids=" ".join)
def test_workers_that_are_asked_for_are_as_asked(workers_of: Callable[..., int], words: list[str]) -> None:
    assert workers_of(*words) == 1

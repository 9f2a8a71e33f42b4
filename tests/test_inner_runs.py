"""A run inside a test knows nothing of the run around it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_sessionreg.registry.user_paths import GUARD_VARIABLE

_OUTER = {"PYTEST_XDIST_WORKER": "gw7", "PYTEST_PLUGINS": "no_such_plugin", "COV_CORE_SOURCE": "here"}
_TEST = f"""
import os

def test_first(pytestconfig):
    assert not {set(_OUTER)} & set(os.environ)
    assert os.environ["PYTEST_CURRENT_TEST"].startswith("test_it.py")
    assert os.environ[{GUARD_VARIABLE!r}].split("/")[-1].startswith(f"{{os.getpid()}}.")
    plugins = {{distribution.project_name for _, distribution in pytestconfig.pluginmanager.list_plugin_distinfo()}}
    assert plugins == {{"pytest-sessionreg", "pytest-xdist"}}
"""


@pytest.fixture(autouse=True, scope="module")
def _outer_run() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in _OUTER.items():
            patch.setenv(name, value)
        yield


def test_a_run_by_pytester(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_it=_TEST)
    pytester.runpytest_subprocess().assert_outcomes(passed=1)
    assert "PYTEST_CURRENT_TEST" not in os.environ


@pytest.mark.usefixtures("inner_runs_inherit_nothing")
def test_a_run_by_the_tests_own_command(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(_TEST)
    subprocess.run([sys.executable, "-m", "pytest"], cwd=tmp_path, check=True)


def test_other_tests_keep_it() -> None:
    assert os.environ["PYTEST_XDIST_WORKER"] == "gw7"
    assert os.environ["PYTEST_CURRENT_TEST"].endswith("(call)")

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest

_PUBLIC = ["pytest_sessionreg", "pytest_sessionreg.errors", "pytest_sessionreg.results", "pytest_sessionreg.plugin"]


@pytest.mark.parametrize("module", _PUBLIC)
def test_every_public_name_is_there_and_has_a_docstring(module: str) -> None:
    for name in import_module(module).__all__:
        value = getattr(import_module(module), name)
        assert name == "__version__" or value.__doc__


@pytest.mark.parametrize("module", _PUBLIC)
def test_importing_a_public_module_loads_neither_pytest_nor_numpy(module: str) -> None:
    program = f"import sys, {module}; print(*({{'pytest', 'numpy', 'matplotlib'}} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "\n"

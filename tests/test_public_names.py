from __future__ import annotations

import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from pytest_sessionreg import RegistryError, errors, registry
from pytest_sessionreg.registry import stores
from pytest_sessionreg.registry.table import Record

_PUBLIC = [
    "pytest_sessionreg",
    "pytest_sessionreg.errors",
    "pytest_sessionreg.registry",
    "pytest_sessionreg.results",
    "pytest_sessionreg.plugin",
]
_REFERENCE = (Path(__file__).parent.parent / "pytest_sessionreg/README.md").read_text(encoding="utf-8")
# A string, and an alias of a Callable: neither has a docstring of its own.
_WITHOUT_DOCSTRING = {"__version__", "Observer"}


@pytest.mark.parametrize("module", _PUBLIC)
def test_every_public_name_is_there_and_has_a_docstring(module: str) -> None:
    for name in import_module(module).__all__:
        value = getattr(import_module(module), name)
        assert name in _WITHOUT_DOCSTRING or value.__doc__


@pytest.mark.parametrize("module", _PUBLIC)
def test_importing_a_public_module_loads_neither_pytest_nor_numpy(module: str) -> None:
    program = f"import sys, {module}; print(*({{'pytest', 'numpy', 'matplotlib'}} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "\n"


@pytest.mark.parametrize("module", [module for module in _PUBLIC if module != "pytest_sessionreg.errors"])
def test_the_reference_lists_the_public_names_and_no_others(module: str) -> None:
    section = _REFERENCE.partition("## Public names\n")[2].partition("\n## ")[0]
    row = re.search(rf"^\| `{re.escape(module)}` \| (.*) \|$", section, re.MULTILINE)
    assert row is not None
    assert sorted(re.findall(r"`(\w+)`", row[1])) == sorted(import_module(module).__all__)


def _kinds(base: type[BaseException]) -> set[str]:
    return {name for name in errors.__all__ if base in getattr(errors, name).__bases__}


def test_the_reference_lists_every_error_under_its_base() -> None:
    section = _REFERENCE.partition("### Errors\n")[2]
    lines = re.findall(r"^- `(\w+)`(.*(?:\n  .*)*)", section, re.MULTILINE)
    listed = {base: set(re.findall(r"`(\w+)`", kinds)) for base, kinds in lines}
    for base, kinds in listed.items():
        assert kinds == _kinds(getattr(errors, base))
    assert {*listed, *(kind for kinds in listed.values() for kind in kinds)} == set(errors.__all__)


def test_the_reference_says_where_each_error_of_a_store_is_raised() -> None:
    section = _REFERENCE.partition("### What a store raises\n")[2].partition("\n## ")[0]
    assert set(re.findall(r"`([A-Z]\w+)`", section)) == _kinds(RegistryError) - {"UnknownSource", "UnreadableSource"}


def test_every_record_of_a_store_is_public() -> None:
    for name in stores.names():
        module = import_module(f"{stores.__name__}.{name}")
        records = {value for value in vars(module).values() if isinstance(value, type) and issubclass(value, Record)}
        assert {record.__name__ for record in records - {Record}} <= set(registry.__all__)

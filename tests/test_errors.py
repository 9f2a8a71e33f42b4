from __future__ import annotations

import ast
import builtins
import importlib
import pkgutil
from pathlib import Path

import pytest

import pytest_sessionreg
from pytest_sessionreg import errors


def test_every_error_has_the_one_base_and_is_what_its_room_raises() -> None:
    for name in errors.__all__:
        error = getattr(errors, name)
        assert error.__name__ == name
        assert issubclass(error, errors.SessionregError)


def test_every_error_of_the_package_is_on_the_page() -> None:
    defined = {
        value.__name__
        for module in pkgutil.walk_packages(pytest_sessionreg.__path__, "pytest_sessionreg.")
        if "_harness" not in module.name and "__main__" not in module.name
        for value in vars(importlib.import_module(module.name)).values()
        if isinstance(value, type) and issubclass(value, errors.SessionregError) and value.__module__ == module.name
    }
    assert defined == set(errors.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        errors.Nothing  # noqa: B018


_ROOT = Path(__file__).parent.parent
# Python's own errors that are raised on purpose, and why each is right.
_BARE = {
    "AttributeError": "what Python's protocol of attributes asks for",
    "KeyboardInterrupt": "Ctrl-C, passed on to who started the command",
    "NotImplementedError": "a method that each kind of fault has to have",
    "ExceptionGroup": "several errors of ours at once",
}
_BARE_IN = {
    ("harness/commands/sessions.py", "TypeError"): "what json asks of a default",
    ("pytest_sessionreg/gate/baseline.py", "KeyError"): "a ResultError by the time that a caller sees it",
    ("pytest_sessionreg/gate/measurement.py", "ValueError"): "the same",
    ("pytest_sessionreg/processes/fork_server.py", "AssertionError"): "tells type checkers that the process has ended",
    ("pytest_sessionreg/processes/fork_server.py", "EOFError"): "caught in the same file",
    ("pytest_sessionreg/processes/fork_server.py", "TimeoutError"): "the same",
    ("pytest_sessionreg/registry/migrations/__init__.py", "FileNotFoundError"): "a package without its files",
    ("pytest_sessionreg/registry/sqlite/admission/queue/beside.py", "OSError"): "the queue goes on without its files",
    ("pytest_sessionreg/registry/sqlite/admission/queue/sidecar.py", "OSError"): "the same",
    ("pytest_sessionreg/registry/sqlite/migration.py", "ValueError"): "a migration of ours that was written wrongly",
    ("pytest_sessionreg/registry/table.py", "TypeError"): "a record of ours that was written wrongly",
    ("pytest_sessionreg/registry/values.py", "ValueError"): "an InvalidValue by the time that a caller sees it",
    ("pytest_sessionreg/results/policies.py", "TypeError"): "a StormError by the time that a caller sees it",
}


def test_nothing_raises_an_error_of_python_s_own_but_for_a_reason() -> None:
    bare = {
        (str(path.relative_to(_ROOT)), name, node.lineno)
        for room in ("pytest_sessionreg", "harness")
        for path in (_ROOT / room).rglob("*.py")
        if "_harness" not in path.parts
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Raise) and (name := _raised(node)) and hasattr(builtins, name) and name not in _BARE
    }
    assert len(bare) > 5
    assert not [f"{path}:{line} raises {name}" for path, name, line in sorted(bare) if (path, name) not in _BARE_IN]


def _raised(node: ast.Raise) -> str | None:
    error = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
    return error.id if isinstance(error, ast.Name) else None

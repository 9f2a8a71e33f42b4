from __future__ import annotations

import sqlite3

import pytest

from pytest_sessionreg.registry import errors
from pytest_sessionreg.registry.errors import RegistryError, primary_code, translate_error


def _error(code: int, name: str = "SQLITE_SOMETHING") -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("text that nothing may depend on")
    error.sqlite_errorcode = code
    error.sqlite_errorname = name
    return error


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (5, errors.DatabaseBusy),
        (261, errors.DatabaseBusy),
        (517, errors.DatabaseBusy),
        (773, errors.DatabaseBusy),
        (8, errors.DatabaseReadOnly),
        (1032, errors.DatabaseReadOnly),
        (10, errors.StorageError),
        (11, errors.DatabaseCorrupt),
        (13, errors.DiskFull),
        (14, errors.CannotOpen),
        (15, errors.StorageError),
        (26, errors.DatabaseCorrupt),
    ],
)
def test_the_code_and_nothing_else_chooses_the_error(code: int, kind: type[RegistryError]) -> None:
    error = translate_error(_error(code, "SQLITE_X"), database="/a/b.db", doing="reading")
    assert type(error) is kind
    assert error.code == code
    assert error.database == "/a/b.db"


def test_a_message_names_the_object_its_state_and_the_remedy() -> None:
    text = str(translate_error(_error(13, "SQLITE_FULL"), database="/a/b.db", doing="COMMIT"))
    assert text.startswith("/a/b.db: COMMIT failed with SQLITE_FULL")
    assert "free some space" in text


def test_an_error_of_the_module_itself_has_no_code() -> None:
    assert primary_code(sqlite3.ProgrammingError("closed")) == 0


def test_every_error_is_a_registry_error() -> None:
    kinds = [getattr(errors, name) for name in errors.__all__ if name[0].isupper()]
    assert kinds
    assert all(issubclass(kind, RegistryError) for kind in kinds)

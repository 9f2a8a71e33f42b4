from __future__ import annotations

import importlib
import pkgutil

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

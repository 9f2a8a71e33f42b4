"""Packages that only an extra brings: whether they are there, and what to install where they are not."""

from __future__ import annotations

from importlib import import_module

from .error_base import SessionregError

__all__ = ["MissingExtra", "missing", "remedy", "require"]


class MissingExtra(SessionregError, ImportError):
    """What was asked for needs a package that is not installed. The message names it and the extra to install."""


def missing(package: str) -> str | None:
    """Why `package` cannot be imported, e.g. "matplotlib is not installed"; None where it can, and now is."""
    try:
        import_module(package)
    except ModuleNotFoundError as error:
        return f"{package} is not installed" if error.name == package else f"{package} cannot be imported: {error}"
    except ImportError as error:
        return f"{package} cannot be imported: {error}"
    return None


def remedy(extra: str) -> str:
    """How `extra` is installed."""
    return f"pip install 'pytest-sessionreg[{extra}]'"


def require(what: str, package: str, extra: str) -> None:
    """Raises MissingExtra unless `package` can be imported, which `what` needs and `extra` brings."""
    reason = missing(package)
    if reason is not None:
        raise MissingExtra(f"{what}: {reason}; {remedy(extra)}")

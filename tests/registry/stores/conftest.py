from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from importlib import import_module

import pytest

from pytest_sessionreg import Registry
from pytest_sessionreg.registry import stores
from pytest_sessionreg.registry.clock import to_text

pytest.register_assert_rewrite(f"{__package__}.model")


@pytest.fixture
def registry(session_registry: Registry) -> Registry:
    """One with the sessions a and b."""
    for session_id in ("a", "b"):
        session_registry.sessions.register(session_id)
    return session_registry


@pytest.fixture
def let_pass(monkeypatch: pytest.MonkeyPatch) -> Callable[[timedelta], None]:
    """The stores' clock stands still; the function given moves it."""
    instant = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def now() -> str:
        return to_text(instant)

    def move(span: timedelta) -> None:
        nonlocal instant
        instant += span

    for name in stores.names():
        module = import_module(f"pytest_sessionreg.registry.stores.{name}")
        monkeypatch.setattr(module, "now", now, raising=False)  # not every store asks for the time
    monkeypatch.setattr("pytest_sessionreg.registry.workspace.now", now)
    return move

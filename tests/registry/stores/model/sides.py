"""Two registries on two workspaces of one file, time, and transactions."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from datetime import timedelta
from importlib import import_module
from typing import Any, ClassVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from pytest_sessionreg import Registry
from pytest_sessionreg.registry import stores
from pytest_sessionreg.registry.clock import to_text
from pytest_sessionreg.registry.stores.meta import MetaEntry
from tests.registry.stores.model.strategies import SIDES
from tests.registry.stores.model.world import START, World

# The stores that a rule drives.
DRIVEN: set[str] = set()


def driving(*stores: str) -> Callable[[Any], Any]:
    """The rule is for machines that drive one of these stores."""
    DRIVEN.update(stores)
    return precondition(lambda machine: not machine.driven.isdisjoint(stores))


class Sides(RuleBasedStateMachine):
    """Two registries on two workspaces of one file beside two Worlds; a transaction may be open on one of them."""

    driven: ClassVar[frozenset[str]] = frozenset(stores.names())

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.patch = pytest.MonkeyPatch()
        for name in stores.names():
            module = import_module(f"pytest_sessionreg.registry.stores.{name}")
            self.patch.setattr(module, "now", self.now_text, raising=False)  # not every store asks for the time
        self.patch.setattr("pytest_sessionreg.registry.workspace.now", self.now_text)
        self.directory = tempfile.mkdtemp()
        path = os.path.join(self.directory, "sessions.db")
        self.registries = [Registry.open(path, workspace=name) for name in ("zero", "one")]
        self.worlds = [World(), World()]
        self.meta = {entry.key: entry for entry in self.registries[0].meta.list()}
        self.fence = 0
        self.open_side: int | None = None
        self.transaction: Any = None
        self.before: tuple[list[World], dict[str, MetaEntry], int] = ([], {}, 0)

    def teardown(self) -> None:
        for registry in self.registries:
            registry.close()
        shutil.rmtree(self.directory)
        self.patch.undo()

    def now_text(self) -> str:
        return to_text(self.now)

    def at(self, side: int) -> tuple[Registry, World]:
        """A side to write on: that of the open transaction if there is one, for the other would wait for it."""
        chosen = side if self.open_side is None else self.open_side
        return self.registries[chosen], self.worlds[chosen]

    # -- time and transactions

    @rule(seconds=st.sampled_from([0.000001, 1, 5, 30]))
    def time_passes(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    @precondition(lambda self: self.open_side is None)
    @rule(side=SIDES)
    def begin(self, side: int) -> None:
        self.transaction = self.registries[side].transaction()
        self.transaction.__enter__()
        self.open_side = side
        self.before = ([world.snapshot() for world in self.worlds], dict(self.meta), self.fence)

    @precondition(lambda self: self.open_side is not None)
    @rule(commit=st.booleans())
    def end(self, commit: bool) -> None:  # noqa: FBT001  hypothesis passes it by name
        self.open_side = None
        if commit:
            self.transaction.__exit__(None, None, None)
        else:
            self.transaction.__exit__(KeyError, KeyError(), None)
            self.worlds, self.meta, self.fence = self.before

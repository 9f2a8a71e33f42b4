from __future__ import annotations

import io

from rich.console import Console

from pytest_sessionreg._harness.cli.step_display import step_display


def test_a_terminal_sees_what_runs_now_and_how_much_is_done() -> None:
    screen = io.StringIO()
    with step_display(Console(file=screen, force_terminal=True, width=120, color_system=None)) as show:
        show("round 1: settled file, registry", 0, 4)
        show("round 2: crashed file, wal-first", 3, 4)
    assert "round 2: crashed file, wal-first" in screen.getvalue()
    assert "75 %" in screen.getvalue()


def test_nobody_else_sees_anything() -> None:
    screen = io.StringIO()
    with step_display(Console(file=screen, force_terminal=False)) as show:
        show("round 1", 0, 4)
    assert screen.getvalue() == ""

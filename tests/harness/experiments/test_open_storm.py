from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from pytest_sessionreg._harness.experiments.open_storm import opener, stage
from pytest_sessionreg._harness.experiments.open_storm.experiment import open_storm
from pytest_sessionreg._harness.experiments.open_storm.orders import ORDER_NAMES, ORDERS, OpenFailed, order_named
from pytest_sessionreg._harness.experiments.open_storm.result import OpeningFailure, OpeningRound, OpenStormResult
from pytest_sessionreg._harness.experiments.open_storm.stage import STATES
from pytest_sessionreg._harness.experiments.open_storm.table import finding, open_storm_table, wrong
from pytest_sessionreg.errors import ResultError
from pytest_sessionreg.processes import Call, Group


def _storm(orders: list[str], states: Sequence[str], rounds: int = 1) -> OpenStormResult:
    # so long that even openers who wait for a busy machine are done before the writer
    return open_storm(openers=8, rounds=rounds, orders=orders, states=tuple(states), hold_ms=1500)


@pytest.fixture(scope="module")
def own() -> OpenStormResult:
    """A round of the registry's own order on each state."""
    return _storm(["registry"], tuple(STATES))


@pytest.fixture(scope="module")
def small(own: OpenStormResult) -> OpenStormResult:
    """The same with a few rounds of the order that must fail, and of one that stalls."""
    others = _storm(["no-timeout"], ["fresh"], rounds=3), _storm(["write-at-open"], ["held"])
    return replace(own, rounds=own.rounds + tuple(entry for result in others for entry in result.rounds))


@pytest.mark.parametrize("order", ORDERS, ids=ORDER_NAMES)
def test_every_order_opens_a_file_that_nobody_else_uses(tmp_path: Path, order: object) -> None:
    path = str(tmp_path / "alone.db")
    for _ in range(2):  # a new file, then a settled one
        opened = order_named(getattr(order, "name", "")).open(path)
        opened.close()
    connection = sqlite3.connect(path)
    (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
    connection.close()
    assert mode == "wal"


@pytest.mark.slow
def test_without_a_timeout_the_race_for_a_new_file_is_lost(small: OpenStormResult) -> None:
    cell = next(cell for cell in small.cells() if (cell.order, cell.state) == ("no-timeout", "fresh"))
    assert cell.failed > 0
    assert {failure.code for failure in cell.failures} <= {5, 261, 517}
    assert not small.blind


@pytest.mark.slow
def test_the_registry_opens_whatever_state_the_file_is_in(own: OpenStormResult) -> None:
    cells = own.cells()
    assert [cell.state for cell in cells] == list(STATES)
    assert [cell.failed for cell in cells] == [0, 0, 0, 0]
    assert own.wrong == []


@pytest.mark.slow
def test_an_order_that_always_writes_stalls_behind_a_writer(small: OpenStormResult) -> None:
    held = {cell.order: cell for cell in small.cells() if cell.state == "held"}
    assert held["write-at-open"].median_ms > small.hold_ms / 2
    assert held["registry"].median_ms < small.hold_ms
    assert re.search(r"write-at-open\b[^.]* stalled", finding(small))  # others may, on a busy machine


def test_a_crash_leaves_a_log_that_the_first_opener_recovers(tmp_path: Path) -> None:
    path = str(tmp_path / "crashed.db")
    with Group([Call(stage.prepare, (path, "crashed", "today", 0.0))], deadline_s=60) as group:
        group.run()
    assert Path(path + "-wal").stat().st_size > 4_000_000
    connection = sqlite3.connect(path)
    (rows,) = connection.execute("SELECT count(*) FROM ballast").fetchone()
    connection.close()
    assert rows == 1500


def test_a_schema_checked_outside_the_lock_is_created_twice(tmp_path: Path) -> None:
    """Deterministic: the second opener has read the version before the first one wrote it."""
    path = str(tmp_path / "twice.db")
    order = order_named("check-outside")
    migrate = dict(order.steps)["migrate"]
    first, second = (sqlite3.connect(path, isolation_level=None) for _ in range(2))
    second.set_trace_callback(
        lambda statement: migrate(first) if statement.startswith("BEGIN") and not first.in_transaction else None
    )
    with pytest.raises(sqlite3.OperationalError) as raised:
        migrate(second)
    assert raised.value.sqlite_errorcode == sqlite3.SQLITE_ERROR
    first.close()
    second.close()


def test_a_failed_step_is_named_with_its_code(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("no database at all " * 100)
    opened = opener.prepare(str(path), "wal-first")()
    assert (opened.phase, opened.code, opened.kind) == ("WAL", sqlite3.SQLITE_NOTADB, "DatabaseError")
    with pytest.raises(OpenFailed):
        order_named("registry").open(str(path))


def test_the_result_survives_json(own: OpenStormResult) -> None:
    text = own.to_json()
    again = OpenStormResult.from_json(text)
    assert again == own
    assert again.to_json() == text
    with pytest.raises(ResultError, match="lacks or misnames"):
        OpenStormResult.from_json(text.replace('"took_ms"', '"shook_ms"'))


@pytest.mark.slow
def test_the_table_fits_100_columns(small: OpenStormResult, capsys: pytest.CaptureFixture[str]) -> None:
    Console(width=100).print(open_storm_table(small))
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 100
    assert not any("…" in line for line in lines)


def test_a_failing_registry_is_wrong_and_a_green_control_blind(own: OpenStormResult) -> None:
    def forged(order: str, failures: tuple[OpeningFailure, ...]) -> OpeningRound:
        return OpeningRound(order, "fresh", 8, failures, (1.0,) * 8, "ok")

    failing = replace(own, rounds=(forged("registry", (OpeningFailure("WAL", 5, "DatabaseBusy", 1),)),))
    assert "registry on a fresh file: 1 of 8 openings failed" in wrong(failing)[0]
    green = replace(own, rounds=(forged("no-timeout", ()),))
    assert "blind" in wrong(green)[0]
    damaged = replace(own, rounds=(replace(forged("wal-first", ()), integrity="malformed"),))
    assert "1 files damaged" in wrong(damaged)[0]


def _raising(error: BaseException, *, after: int) -> tuple[Callable[[str, float, float], None], Callable[[], None]]:
    """An on_step and a check: that raises as soon as so many rounds are done."""
    finished = [0.0]

    def on_step(_now: str, done: float, _total: float) -> None:
        finished.append(done)

    def check() -> None:
        if finished[-1] >= after:
            raise error

    return on_step, check


def test_an_interrupted_storm_keeps_the_rounds_it_has() -> None:
    on_step, check = _raising(KeyboardInterrupt(), after=2)
    result = open_storm(openers=2, rounds=50, orders=["today"], states=["fresh"], on_step=on_step, check=check)
    assert result.envelope.partial == "interrupted"
    assert len(result.rounds) == 2


def test_interrupted_before_the_first_round_there_is_nothing_to_keep() -> None:
    def check() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        open_storm(openers=2, rounds=1, orders=["today"], states=["fresh"], check=check)


def test_a_failure_of_the_machine_keeps_the_rounds_it_has() -> None:
    on_step, check = _raising(OSError(28, "No space left on device"), after=1)
    result = open_storm(openers=2, rounds=50, orders=["today"], states=["fresh"], on_step=on_step, check=check)
    assert "No space left on device" in (result.envelope.partial or "")
    assert len(result.rounds) == 1

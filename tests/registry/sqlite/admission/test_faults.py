"""Short forms of the fault campaigns (tests/campaigns): the same commands, so few times that each takes seconds.

What depends on the machine's speed is not asked here, but in the full campaigns, whose results are committed.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from pytest_sessionreg import Registry
from pytest_sessionreg.registry.errors import DatabaseMoved

_ROOT = Path(__file__).parents[4]
_SIBLING = (
    "import sys; from pytest_sessionreg import Registry\n"
    "with Registry.open(sys.argv[1]) as registry: registry.sessions.register('sibling')\n"
)
_ONLOOKER = (
    "import sqlite3, sys\n"
    "for row in sqlite3.connect(sys.argv[1]).execute('SELECT session_id FROM sessions'): print(*row)\n"
)


def _campaign(name: str, tmp_path: Path, *options: str) -> dict[str, Any]:
    """Run a campaign; its findings, by fault."""
    return {finding["fault"]: finding for finding in _run(name, tmp_path, *options)["findings"]}


def _measured(name: str, tmp_path: Path, *options: str) -> dict[str, Any]:
    """Run a campaign; its measurements."""
    measurements: dict[str, Any] = _run(name, tmp_path, *options)["measurements"]
    return measurements


def _run(name: str, tmp_path: Path, *options: str) -> dict[str, Any]:
    command = [sys.executable, "-m", f"tests.campaigns.{name}", "--out", str(tmp_path), *options]
    done = subprocess.run(command, check=False, cwd=_ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode in (0, 1), done.stderr
    assert not done.stderr, done.stderr
    (path,) = tmp_path.glob("*.json")
    document: dict[str, Any] = json.loads(path.read_text())
    return document


def _good(findings: dict[str, Any], *faults: str) -> None:
    for fault in faults:
        assert findings[fault]["good"] is True, findings[fault]["found"]


@pytest.mark.slow
def test_writers_killed_anywhere_lose_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    found = _campaign("kills", tmp_path, "--kills", "30")
    _good(found, "SIGKILL, ordinary storm", "SIGKILL, a checkpoint at every COMMIT")


@pytest.mark.slow
def test_a_stopped_holder_refuses_all_in_line_lets_nobody_write_and_goes_on(tmp_path: Path) -> None:
    found = _campaign("stops", tmp_path, "--rounds", "1", "--stops", "0", "--joins", "0")
    _good(found, "whom WriteTimeout names", "SIGCONT after that")


@pytest.mark.slow
def test_whoever_is_stopped_with_the_join_byte_keeps_nobody_out(tmp_path: Path) -> None:
    found = _campaign("stops", tmp_path, "--rounds", "0", "--stops", "2", "--joins", "1")
    _good(
        found,
        "a process is stopped while it takes its ticket, with the join byte",
        "SIGSTOP of anybody at random in a storm of 16 for 0 to 1.5 s",
    )


@pytest.mark.slow
def test_every_wait_behind_a_live_or_stopped_holder_is_refused_and_none_before_its_end(tmp_path: Path) -> None:
    options = ("--rounds", "1", "--longest", "0.2", "--others", "4", "--repeat", "0.4")
    for name, found in _measured("deadlines", tmp_path, *options).items():
        assert found["refused"] + found["admitted"] > 0
        if not name.startswith("dying"):
            assert found["admitted"] == 0, name
            assert min(found["deviations_ms"]) > -found["bar_ms"], name


def test_waiters_that_leave_the_middle_of_the_line_change_nobodys_order(tmp_path: Path) -> None:
    _good(_campaign("give_ups", tmp_path, "--rounds", "1", "--waiters", "24"), "waiters leave the middle of the line")


@pytest.mark.slow
def test_a_forked_child_that_lives_on_may_not_write_and_keeps_nobody_out(tmp_path: Path) -> None:
    found = _campaign("forks", tmp_path, "--rounds", "1", "--fate", "lives on")
    _good(found, *(f"a fork by a process that is {state}" for state in ("idle", "waiting", "holding")))


@pytest.mark.slow
@pytest.mark.parametrize(
    "damage",
    [
        "made read-only",
        "replaced by a directory",
        "replaced by another file",
        "bell deleted",
        "bell replaced by a file",
    ],
)
def test_a_sidecar_or_bell_damaged_in_a_storm_costs_no_write(tmp_path: Path, damage: str) -> None:
    found = _campaign("sidecars", tmp_path, "--rounds", "1", "--only", damage, "--before", "0.4", "--after", "0.6")
    _good(found, f"the {damage}" if damage.startswith("bell") else f"the sidecar {damage}")


@pytest.mark.slow
def test_nothing_in_the_queue_depends_on_the_wall_clock(tmp_path: Path) -> None:
    found = _campaign("clocks", tmp_path, "--seconds", "0.5", "--only", "wall clock")
    _good(found, "wall clocks that jump back and forth by 1 h in a storm of 8")


@pytest.mark.slow
def test_without_descriptors_the_open_write_and_the_others_are_told(tmp_path: Path) -> None:
    found = _campaign("descriptors", tmp_path, "--rounds", "1")
    _good(found, *found)


@pytest.mark.slow
def test_plain_writers_and_shells_beside_the_queue_lose_nothing_and_the_head_alone_polls(tmp_path: Path) -> None:
    company = "4 plain writers, 5 and 30 s, and 2 shells"
    found = _campaign("mixed_company", tmp_path, "--seconds", "1.5", "--only", company)
    if shutil.which("sqlite3") is None:
        pytest.skip("the sqlite3 shell is not installed")
    _good(found, f"16 queue writers beside {company}", f"who polls, beside {company}")


def test_a_write_after_a_stray_close_and_a_last_close_fails_or_the_ledger_misses_it(database: str) -> None:
    """A sibling that closes takes itself for the last one, and removes the log that the strayer goes on writing to."""
    acknowledged = []
    with Registry.open(database) as strayer:
        strayer.sessions.register("before")
        os.close(os.open(database, os.O_RDONLY))
        subprocess.run([sys.executable, "-c", _SIBLING, database], check=True)
        with suppress(DatabaseMoved):
            strayer.sessions.register("after")
            acknowledged.append("after")
        # from outside: in this process SQLite would share what it knows of the removed log
        listed = subprocess.run([sys.executable, "-c", _ONLOOKER, database], check=True, capture_output=True, text=True)
    found = set(listed.stdout.split())
    assert found >= {"before", "sibling"}, "what was written before the log was removed is in the database"
    assert not found & set(acknowledged), "neither refused nor missed: the log was not removed after all"


def test_the_committed_table_is_what_the_committed_results_give() -> None:
    assert (
        subprocess.run([sys.executable, "-m", "tests.campaigns.table", "--check"], check=False, cwd=_ROOT).returncode
        == 0
    )

"""Short forms of the fault campaigns: the same commands, so few times that each takes seconds.

What depends on the machine's speed is not asked here, but in the full campaigns, whose results are committed.
"""

from __future__ import annotations

import json
import shutil
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytest_sessionreg._harness.cli.kinds import read_outcome
from pytest_sessionreg._harness.faults.campaigns.campaign import Campaign, run_campaign
from pytest_sessionreg._harness.faults.campaigns.result import CampaignFinding, CampaignResult
from pytest_sessionreg._harness.faults.campaigns.table import results_table
from pytest_sessionreg.errors import ResultError, StormError

from ..command import Sessionreg
from ..conftest import Interrupt

_COMMITTED = Path(__file__).parents[3] / "reports/write-queue-faults"


def _run(sessionreg: Sessionreg, tmp_path: Path, name: str, *options: str) -> dict[str, Any]:
    """Run a campaign; its stored result."""
    done = sessionreg("campaign", name, *options, "--out", "stored")
    assert done.returncode in (0, 1), done.stderr
    assert not done.stderr
    document: dict[str, Any] = json.loads((tmp_path / "stored" / f"{name}.json").read_text())
    bad = [finding["fault"] for finding in document["findings"] if finding["good"] is False]
    assert done.returncode == bool(bad), bad
    return document


def _findings(sessionreg: Sessionreg, tmp_path: Path, name: str, *options: str) -> dict[str, Any]:
    return {finding["fault"]: finding for finding in _run(sessionreg, tmp_path, name, *options)["findings"]}


def _good(findings: dict[str, Any], *faults: str) -> None:
    for fault in faults:
        assert findings[fault]["good"] is True, findings[fault]["found"]


@pytest.mark.slow
def test_writers_killed_anywhere_lose_nothing_that_was_acknowledged(sessionreg: Sessionreg, tmp_path: Path) -> None:
    found = _findings(sessionreg, tmp_path, "kills", "--kills", "30")
    _good(found, "SIGKILL, ordinary storm", "SIGKILL, a checkpoint at every COMMIT")


@pytest.mark.slow
def test_a_stopped_holder_refuses_all_in_line_lets_nobody_write_and_goes_on(
    sessionreg: Sessionreg, tmp_path: Path
) -> None:
    found = _findings(sessionreg, tmp_path, "stops", "--rounds", "1", "--only", "holder")
    _good(found, "whom WriteTimeout names", "SIGCONT after that")


@pytest.mark.slow
def test_a_process_that_is_stopped_while_it_joins_keeps_nobody_out(sessionreg: Sessionreg, tmp_path: Path) -> None:
    found = _findings(sessionreg, tmp_path, "stops", "--joins", "1", "--only", "joiner")
    _good(found, "a process is stopped while it joins, with its byte locked and not asleep")


@pytest.mark.slow
def test_writers_stopped_at_random_refuse_nobody(sessionreg: Sessionreg, tmp_path: Path) -> None:
    found = _findings(sessionreg, tmp_path, "stops", "--stops", "2", "--only", "storm")
    _good(found, "SIGSTOP of anybody at random in a storm of 16 for 0 to 1.5 s")


@pytest.mark.slow
def test_every_wait_behind_a_live_or_stopped_holder_is_refused_and_none_before_its_end(
    sessionreg: Sessionreg, tmp_path: Path
) -> None:
    options = ("--rounds", "1", "--longest", "0.2", "--others", "4", "--repeat", "0.4")
    for name, found in _run(sessionreg, tmp_path, "deadlines", *options)["measurements"].items():
        assert found["refused"] + found["admitted"] > 0
        if not name.startswith("dying"):
            assert found["admitted"] == 0, name
            assert min(found["deviations_ms"]) > -found["bar_ms"], name


@pytest.mark.slow
def test_waiters_that_leave_the_middle_of_the_line_change_nobodys_order(sessionreg: Sessionreg, tmp_path: Path) -> None:
    found = _findings(sessionreg, tmp_path, "give-ups", "--rounds", "1", "--waiters", "24")
    _good(found, "waiters leave the middle of the line")


@pytest.mark.slow
def test_a_forked_child_that_lives_on_may_not_write_and_keeps_nobody_out(
    sessionreg: Sessionreg, tmp_path: Path
) -> None:
    found = _findings(sessionreg, tmp_path, "forks", "--rounds", "1", "--fate", "lives on")
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
        "replaced by a link",
    ],
)
def test_a_sidecar_or_bell_damaged_in_a_storm_costs_no_write(
    sessionreg: Sessionreg, tmp_path: Path, damage: str
) -> None:
    options = ("--rounds", "1", "--only", damage, "--before", "0.4", "--after", "0.6")
    found = _findings(sessionreg, tmp_path, "sidecars", *options)
    name = f"the {damage}" if damage.startswith("bell") else f"the sidecar {damage}"
    if found[name]["good"] is None:
        pytest.skip(found[name]["found"])
    _good(found, name)


@pytest.mark.slow
def test_nothing_in_the_queue_depends_on_a_clock_that_can_be_set(sessionreg: Sessionreg, tmp_path: Path) -> None:
    found = _findings(sessionreg, tmp_path, "clocks", "--seconds", "0.5")
    _good(found, "wall clocks that jump back and forth by 1 h in a storm of 8")
    assert all(finding["good"] is not False for finding in found.values()), found


@pytest.mark.slow
def test_without_descriptors_the_open_write_and_the_others_are_told(sessionreg: Sessionreg, tmp_path: Path) -> None:
    found = _findings(sessionreg, tmp_path, "descriptors", "--rounds", "1")
    _good(found, *found)


@pytest.mark.slow
def test_plain_writers_and_shells_beside_the_queue_lose_nothing(sessionreg: Sessionreg, tmp_path: Path) -> None:
    if shutil.which("sqlite3") is None:
        pytest.skip("the sqlite3 shell is not installed")
    company = "4 plain writers, 5 and 30 s, and 2 shells"
    found = _findings(sessionreg, tmp_path, "mixed-company", "--seconds", "1.5", "--only", company)
    _good(found, f"16 queue writers beside {company}")


@pytest.mark.slow
def test_stray_closes_beside_queue_writers_that_stay_open_lose_nothing(sessionreg: Sessionreg, tmp_path: Path) -> None:
    found = _run(sessionreg, tmp_path, "stray-close", "--rounds", "1", "--seconds", "0.4")["measurements"]
    for name, measured in found.items():
        assert measured["acknowledged"] > 0
        if "queue writers that stay open" in name:
            assert measured["lost"] == 0, name


def test_a_campaign_prints_what_it_asked_and_found_and_stores_how_to_repeat_it(
    sessionreg: Sessionreg, tmp_path: Path
) -> None:
    words = ("campaign", "sidecars", "--only", "deleted", "--rounds", "1", "--before", "0.2", "--after", "0.2")
    done = sessionreg(*words, "--out", "stored")
    lines = done.stdout.splitlines()
    assert lines[0] == "good the sidecar deleted (1 times)"
    assert lines[1] == "     asked: nothing lost, nothing given up"
    assert lines[2].startswith("     found: ")
    assert lines[-1] == "stored/sidecars.json"
    document = json.loads((tmp_path / "stored/sidecars.json").read_text())
    assert document["command"] == f"sessionreg {' '.join(words)} --out stored"
    assert document["parameters"] == {"seed": 1, "rounds": 1, "only": "deleted", "before": 0.2, "after": 0.2}
    assert (document["kind"], document["schema"], document["partial"]) == ("campaign", 1, None)
    assert f"SQLite {document['environment']['sqlite_version']}" in lines[-2]
    assert sessionreg("report", "stored/sidecars.json", "--no-plots").returncode == 0
    assert "the sidecar deleted" in (tmp_path / "stored/sidecars/campaign.md").read_text()


def test_a_bar_that_is_not_held_is_an_exit_code(sessionreg: Sessionreg, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(campaign: Campaign, *, rounds: int = 5) -> None:
        campaign.ask("planted", times=rounds, asked="yes", found="no", good=False)

    monkeypatch.setattr("pytest_sessionreg._harness.faults.campaigns.descriptors.run", run)
    done = sessionreg("campaign", "descriptors")
    assert done.returncode == 1
    assert "BAD  planted (5 times)\n     asked: yes\n     found: no\n" in done.stdout


@pytest.mark.parametrize("stopper", [KeyboardInterrupt(), StormError("the machine failed")])
def test_what_ends_a_campaign_keeps_the_findings_that_there_are(stopper: BaseException) -> None:
    told: list[CampaignFinding] = []

    def run(campaign: Campaign, *, before: int) -> None:
        for _ in range(before):
            campaign.note("planted", times=1, found="something")
        raise stopper

    def go(before: int) -> str | None:
        result = run_campaign(
            "x", run, {"before": before}, seed=1, command="", check=lambda: None, on_finding=told.append
        )
        assert list(result.findings) == told
        assert not result.good
        return result.envelope.partial

    assert go(2) == ("interrupted" if isinstance(stopper, KeyboardInterrupt) else "the machine failed")
    with pytest.raises(type(stopper)):
        go(0)


@pytest.mark.slow
def test_ctrl_c_leaves_nothing_of_a_campaign_and_keeps_what_there_is(interrupt: Interrupt, tmp_path: Path) -> None:
    words = ["campaign", "sidecars", "--rounds", "1", "--before", "0.2", "--after", "0.2", "--out", str(tmp_path)]
    done = interrupt(words, 3, signal.SIGINT)
    assert done.returncode == 1
    assert "interrupted; no worker is left; what was measured is kept, marked as partial" in done.stderr
    document = json.loads((tmp_path / "sidecars.json").read_text())
    assert document["partial"] == "interrupted"
    assert 1 <= len(document["findings"]) < 15
    assert ", interrupted |" in results_table(tmp_path)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["sidecars", "--only", "eaten"], "'eaten' is not one of 'deleted', 'emptied'"),
        (["forks", "--fate", "marries"], "'marries' is not one of 'lives on'"),
        (["kills", "--kills", "0"], "0 is not in the range"),
        (["kills", "--out", "file"], "is not a directory that can be written"),
        (["earthquake"], "No such command 'earthquake'"),
    ],
)
def test_a_wrong_word_is_told_before_anything_runs(
    sessionreg: Sessionreg, tmp_path: Path, words: list[str], message: str
) -> None:
    (tmp_path / "file").touch()
    done = sessionreg("campaign", *words)
    assert done.returncode == 2
    assert message in done.stderr


def test_the_committed_table_is_what_the_committed_results_give(sessionreg: Sessionreg) -> None:
    assert sessionreg("campaign", "table", str(_COMMITTED), "--check").returncode == 0


@pytest.mark.parametrize("path", sorted(_COMMITTED.glob("*.json")), ids=lambda path: path.stem)
def test_a_result_of_version_0_1_is_read_and_stored_in_the_envelope(path: Path) -> None:
    former = json.loads(path.read_text())
    result = CampaignResult.from_json(path.read_text())
    document = json.loads(result.to_json())
    assert result.envelope.environment.line() == former.pop("machine")
    assert {name: document[name] for name in former} == former
    assert (document["kind"], document["schema"]) == ("campaign", 1)
    assert CampaignResult.from_json(result.to_json()) == result
    assert read_outcome(path.read_text()).envelope.kind == "campaign"


def test_numbers_of_numpy_and_what_is_no_number_are_stored() -> None:
    def run(campaign: Campaign) -> None:
        campaign.note("planted", times=1, found="something")
        campaign.measurements["x"] = {"count": np.int64(3), "worst": float("nan"), "all": [np.float64(0.5)]}

    result = run_campaign("x", run, {}, seed=1, command="", check=lambda: None, on_finding=lambda _: None)
    assert json.loads(result.to_json())["measurements"] == {"x": {"count": 3.0, "worst": None, "all": [0.5]}}


def test_a_table_that_is_not_what_the_results_give_is_told(sessionreg: Sessionreg, tmp_path: Path) -> None:
    shutil.copy(_COMMITTED / "kills.json", tmp_path)
    done = sessionreg("campaign", "table", ".", "--check")
    assert (done.returncode, done.stdout) == (1, "")
    assert "is not what the results give" in done.stderr
    assert sessionreg("campaign", "table", ".").returncode == 0
    assert sessionreg("campaign", "table", ".", "--check").returncode == 0
    assert "SIGKILL, ordinary storm" in (tmp_path / "table.md").read_text()


@pytest.mark.parametrize("text", ["", "[]", '{"campaign": "kills"}'])
def test_what_is_no_result_of_a_campaign_is_told(tmp_path: Path, text: str) -> None:
    with pytest.raises(ResultError, match=r"no NAME.json is there"):
        results_table(tmp_path)
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(ResultError, match="no result of a campaign"):
        results_table(tmp_path)

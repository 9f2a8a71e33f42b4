from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest

from pytest_sessionreg.report.page import storm_page
from pytest_sessionreg.report.pictures import PICTURES, Picture
from pytest_sessionreg.results.environment import Environment
from pytest_sessionreg.results.policies import policy_named
from pytest_sessionreg.results.result import StormResult, StormRun
from pytest_sessionreg.results.samples import Samples
from pytest_sessionreg.storm.plan import Plan
from pytest_sessionreg.storm.storm import run_storm


@pytest.fixture(scope="module")
def rounds() -> tuple[StormRun, ...]:
    run = run_storm(Plan(policy_named("queue"), workers=2, writes=4, hold_ms=0, think_ms=1))
    return tuple(
        replace(run, policy=policy, round=number, rounds=2) for number in (1, 2) for policy in ("busy-timeout", "queue")
    )


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.name)
def test_every_picture_of_rounds_can_be_drawn(rounds: tuple[StormRun, ...], picture: Picture) -> None:
    assert picture.applies(rounds)
    assert picture.draw(rounds).axes


def test_a_picture_is_left_out_where_the_runs_lack_what_it_shows(rounds: tuple[StormRun, ...]) -> None:
    alone = [replace(rounds[0], rounds=1)]
    assert [picture.name for picture in PICTURES if not picture.applies(alone)] == ["ratios"]
    unknown = [replace(run, samples=replace(run.samples, wait_us=run.samples.wait_us * 0 - 1)) for run in rounds]
    assert [picture.name for picture in PICTURES if picture.applies(unknown)] == ["latency", "ratios"]
    nothing = [replace(run, samples=Samples.read([], opened_ns=0)) for run in rounds]
    assert not any(picture.applies(nothing) for picture in PICTURES)


def test_the_page_shows_pictures_in_the_order_of_the_table(rounds: tuple[StormRun, ...]) -> None:
    result = StormResult(environment=Environment.of("x.db"), command="", runs=rounds)
    page = storm_page(result, pictures={picture.name: "<svg></svg>" for picture in reversed(PICTURES)})
    places = [page.index(f'aria-label="{picture.heading}"') for picture in PICTURES]
    assert places == sorted(places)
    assert all(picture.caption.split(".")[0] in page.replace("&#39;", "'") for picture in PICTURES)


def test_the_table_of_pictures_loads_no_matplotlib() -> None:
    program = "import sys, pytest_sessionreg.report.pictures; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from pytest_sessionreg import Registry
from pytest_sessionreg.registry.errors import InvalidValue, NotFound
from pytest_sessionreg.registry.stores.skills import Adoption, SkillAdoption, SkillUse
from pytest_sessionreg.registry.workspace import Workspace

DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


def test_the_sessions_table_counts_each_skill(registry: Registry) -> None:
    for skill in ("plan", "fix", "plan"):
        registry.skills.suggest("a", skill)
    for skill in ("plan", "test"):
        registry.skills.invoke("a", skill)
    registry.skills.suggest("b", "plan")
    assert registry.skills.of_session("a") == [SkillUse("fix", 1, 0), SkillUse("plan", 2, 1), SkillUse("test", 0, 1)]
    assert registry.skills.of_session("nobody") == []


def test_adoption_of_nothing_is_none_and_not_zero(registry: Registry) -> None:
    registry.skills.invoke("a", "plan")
    assert registry.skills.adoption(DAY) is None
    assert registry.skills.adoption_counts(DAY) == Adoption(0, 0)


def test_adoption_of_what_nobody_invoked_is_zero(registry: Registry) -> None:
    registry.skills.suggest("a", "plan")
    assert registry.skills.adoption(DAY) == 0.0


def test_adoption_is_the_share_of_suggestions(registry: Registry, let_pass: Callable[[timedelta], None]) -> None:
    for session_id, skill in (("a", "plan"), ("a", "fix"), ("b", "plan")):
        registry.skills.suggest(session_id, skill)
    let_pass(SECOND)
    registry.skills.invoke("a", "plan")
    assert registry.skills.adoption_counts(DAY) == Adoption(3, 1)
    assert registry.skills.adoption(DAY) == pytest.approx(1 / 3)


def test_only_an_invocation_afterwards_counts(registry: Registry, let_pass: Callable[[timedelta], None]) -> None:
    registry.skills.invoke("a", "plan")
    let_pass(SECOND)
    registry.skills.suggest("a", "plan")
    assert registry.skills.adoption(DAY) == 0.0
    let_pass(SECOND)
    registry.skills.invoke("a", "plan")
    assert registry.skills.adoption(DAY) == 1.0


def test_each_skill_of_a_window_is_counted(registry: Registry, let_pass: Callable[[timedelta], None]) -> None:
    registry.skills.suggest("a", "old")
    registry.skills.invoke("a", "old")
    let_pass(DAY + SECOND)
    for session_id, skill in (("a", "plan"), ("a", "plan"), ("b", "plan"), ("b", "fix")):
        registry.skills.suggest(session_id, skill)
    let_pass(SECOND)
    for session_id, skill in (("a", "plan"), ("b", "test"), ("b", "test")):
        registry.skills.invoke(session_id, skill)
    plan, fix, test = (SkillAdoption("plan", 3, 1, 2), SkillAdoption("fix", 1, 0, 0), SkillAdoption("test", 0, 2, 0))
    assert registry.skills.adoption_by_skill(DAY) == [fix, plan, test]
    assert registry.skills.adoption_counts(DAY) == Adoption(suggested=4, taken=2)
    assert registry.skills.adoption_by_skill(DAY, session_id="a") == [SkillAdoption("plan", 2, 1, 2)]
    assert registry.skills.adoption_by_skill(DAY, session_id="nobody") == []


def test_another_session_or_another_skill_is_no_adoption(
    registry: Registry, let_pass: Callable[[timedelta], None]
) -> None:
    registry.skills.suggest("a", "plan")
    let_pass(SECOND)
    registry.skills.invoke("b", "plan")
    registry.skills.invoke("a", "fix")
    assert registry.skills.adoption(DAY) == 0.0


def test_several_invocations_adopt_a_suggestion_once_and_one_adopts_several(
    registry: Registry, let_pass: Callable[[timedelta], None]
) -> None:
    registry.skills.suggest("a", "plan")
    registry.skills.suggest("a", "plan")
    let_pass(SECOND)
    for _ in range(3):
        registry.skills.invoke("a", "plan")
    assert registry.skills.adoption_counts(DAY) == Adoption(2, 2)


def test_the_window_is_of_suggestions(registry: Registry, let_pass: Callable[[timedelta], None]) -> None:
    registry.skills.suggest("a", "old")
    let_pass(DAY)
    registry.skills.suggest("a", "new")
    registry.skills.invoke("a", "old")
    assert registry.skills.adoption_counts(DAY) == Adoption(2, 1)  # the window's edge is in it
    let_pass(SECOND)
    registry.skills.invoke("a", "new")
    assert registry.skills.adoption_counts(DAY) == Adoption(1, 1)
    let_pass(2 * DAY)
    assert registry.skills.adoption(DAY) is None


def test_an_event_of_an_unknown_session_is_refused(registry: Registry) -> None:
    with pytest.raises(NotFound):
        registry.skills.suggest("nobody", "plan")
    with pytest.raises(NotFound):
        registry.skills.invoke("nobody", "plan")
    assert registry.skills.of_session("nobody") == []


def test_the_best_effort_form_answers_instead(registry: Registry) -> None:
    assert not registry.skills.try_invoke("nobody", "plan")
    assert registry.skills.try_invoke("a", "plan")
    assert registry.skills.of_session("a") == [SkillUse("plan", 0, 1)]
    with pytest.raises(InvalidValue, match="skill"):
        registry.skills.try_invoke("a", "")


def test_the_best_effort_form_spares_an_open_transaction(registry: Registry) -> None:
    with registry.transaction():
        registry.skills.suggest("a", "plan")
        assert not registry.skills.try_invoke("nobody", "plan")
    assert registry.skills.of_session("a") == [SkillUse("plan", 1, 0)]


def test_the_best_effort_form_survives_a_closed_registry(session_registry_path: Path) -> None:
    registry = Registry.open(session_registry_path)
    registry.sessions.register("a")
    registry.close()
    assert not registry.skills.try_invoke("a", "plan")


def test_events_go_with_their_session(registry: Registry, let_pass: Callable[[timedelta], None]) -> None:
    registry.skills.suggest("a", "plan")
    let_pass(SECOND)
    registry.skills.invoke("a", "plan")
    registry.sessions.remove("a")
    assert registry.skills.of_session("a") == []
    assert registry.skills.adoption(DAY) is None


@pytest.mark.parametrize("window", [timedelta(0), -DAY, 7, None])
def test_a_window_is_a_positive_span(registry: Registry, window: timedelta) -> None:
    with pytest.raises(InvalidValue, match="window"):
        registry.skills.adoption(window)


# -- what the tests of all stores do with this one: ../test_workspace.py and ../test_query_plans.py
HOUR = timedelta(hours=1)


def fill(of: Workspace) -> None:
    of.skills.suggest("one", "skill")


def reads(of: Workspace) -> list[object]:
    return [of.skills.of_session("one"), of.skills.adoption(HOUR) is not None]


def changes(of: Workspace) -> list[object]:
    return [of.skills.try_invoke("one", "skill")]


def calls(registry: Registry) -> None:
    registry.skills.suggest("s", "k")
    registry.skills.invoke("s", "k")
    registry.skills.try_invoke("s", "k")
    registry.skills.of_session("s")
    registry.skills.adoption(HOUR)
    registry.skills.adoption_counts(HOUR)
    registry.skills.adoption_by_skill(HOUR)
    registry.skills.adoption_by_skill(HOUR, session_id="s")

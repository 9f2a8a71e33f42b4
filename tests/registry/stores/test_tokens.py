from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from pytest_sessionreg import Registry
from pytest_sessionreg.registry.errors import InvalidValue, NotFound
from pytest_sessionreg.registry.stores.tokens import TTL, Validation
from pytest_sessionreg.registry.workspace import Workspace

TICK = timedelta(microseconds=1)


def verdict(registry: Registry, token: str, chat_id: str | int = 7) -> str:
    return registry.tokens.validate(token, chat_id).verdict


def test_a_token_speaks_for_its_session_in_its_chat(registry: Registry) -> None:
    token = registry.tokens.mint("a", 7)
    assert registry.tokens.validate(token, 7) == Validation("valid", "a")
    assert registry.tokens.validate(token, "7") == Validation("valid", "a")


def test_the_verdicts_are_told_apart_and_name_no_session(
    registry: Registry, let_pass: Callable[[timedelta], None]
) -> None:
    token = registry.tokens.mint("a", 7)
    assert registry.tokens.validate("guess", 7) == Validation("unknown", None)
    assert registry.tokens.validate(token, 8) == Validation("wrong chat", None)
    let_pass(TTL)
    assert registry.tokens.validate(token, 7) == Validation("expired", None)
    assert registry.tokens.validate(token, 8) == Validation("wrong chat", None)
    assert registry.tokens.expire() == 1
    assert registry.tokens.validate(token, 7) == Validation("unknown", None)


def test_a_token_lives_for_a_day_or_as_told(registry: Registry, let_pass: Callable[[timedelta], None]) -> None:
    assert timedelta(hours=24) == TTL
    day, minute = registry.tokens.mint("a", 7), registry.tokens.mint("a", 7, ttl=timedelta(minutes=1))
    let_pass(timedelta(minutes=1) - TICK)
    assert verdict(registry, minute) == "valid"
    let_pass(TICK)
    assert (verdict(registry, minute), verdict(registry, day)) == ("expired", "valid")
    assert registry.tokens.expire() == 1
    assert registry.tokens.expire() == 0
    assert (verdict(registry, minute), verdict(registry, day)) == ("unknown", "valid")


def test_tokens_are_long_and_never_alike(registry: Registry) -> None:
    tokens = {registry.tokens.mint("a", 7) for _ in range(50)}
    assert len(tokens) == 50
    assert min(len(token) for token in tokens) >= 43  # 256 bits in base 64


def test_the_file_holds_no_token(registry: Registry, session_registry_path: Path) -> None:
    token = registry.tokens.mint("a", 7)
    registry.close()  # the last closer moves the log into the file
    assert b"tokens" in session_registry_path.read_bytes()
    assert token.encode() not in session_registry_path.read_bytes()
    with Registry.open(session_registry_path) as again:
        assert verdict(again, token) == "valid"


def test_a_token_is_revoked_once(registry: Registry) -> None:
    token, other = registry.tokens.mint("a", 7), registry.tokens.mint("a", 7)
    assert registry.tokens.revoke(token)
    assert not registry.tokens.revoke(token)
    assert (verdict(registry, token), verdict(registry, other)) == ("unknown", "valid")


def test_a_session_and_its_token_change_together(registry: Registry) -> None:
    with registry.transaction():
        registry.sessions.update("a", label="paired")
        token = registry.tokens.mint("a", 7)
    session = registry.sessions.get("a")
    assert session is not None
    assert session.label == "paired"
    assert verdict(registry, token) == "valid"


def test_a_session_and_its_token_are_rolled_back_together(registry: Registry) -> None:
    minted = ""
    with pytest.raises(KeyError), registry.transaction():
        registry.sessions.update("a", label="paired")
        minted = registry.tokens.mint("a", 7)
        assert verdict(registry, minted) == "valid"
        raise KeyError
    session = registry.sessions.get("a")
    assert session is not None
    assert session.label is None
    assert verdict(registry, minted) == "unknown"


def test_a_token_of_an_unknown_session_takes_the_update_beside_it_back(registry: Registry) -> None:
    with pytest.raises(NotFound), registry.transaction():
        registry.sessions.update("a", label="paired")
        registry.tokens.mint("nobody", 7)
    session = registry.sessions.get("a")
    assert session is not None
    assert session.label is None


def test_tokens_go_with_their_session(registry: Registry) -> None:
    gone, left = registry.tokens.mint("a", 7), registry.tokens.mint("b", 7)
    registry.sessions.remove("a")
    assert (verdict(registry, gone), verdict(registry, left)) == ("unknown", "valid")


def test_a_groups_negative_chat_id_is_one(registry: Registry) -> None:
    token = registry.tokens.mint("a", -1001234567890)
    assert verdict(registry, token, "-1001234567890") == "valid"
    assert verdict(registry, token, 1001234567890) == "wrong chat"


@pytest.mark.parametrize("chat_id", [None, "", True, 1.5, 2**64, "x" * 10_000, "a\0b"])
def test_a_chat_id_is_text_or_a_whole_number(registry: Registry, chat_id: str) -> None:
    with pytest.raises(InvalidValue, match="chat_id"):
        registry.tokens.mint("a", chat_id)
    with pytest.raises(InvalidValue, match="chat_id"):
        registry.tokens.validate("guess", chat_id)


@pytest.mark.parametrize("ttl", [timedelta(0), -TICK, 86_400, None])
def test_a_token_needs_a_positive_time_to_live(registry: Registry, ttl: timedelta) -> None:
    with pytest.raises(InvalidValue, match="ttl"):
        registry.tokens.mint("a", 7, ttl=ttl)


# -- what the tests of all stores do with this one: ../test_workspace.py and ../test_query_plans.py
HOUR = timedelta(hours=1)


def fill(of: Workspace) -> None:
    of.tokens.mint("one", 7, ttl=HOUR)


def reads(of: Workspace) -> list[object]:
    return [
        of.sessions.get("one") and of._database.read("SELECT 1 FROM tokens WHERE workspace_id = ?", (of.workspace_id,))
    ]


def changes(of: Workspace) -> list[object]:
    return [of.tokens.expire()]


def calls(registry: Registry) -> None:
    token = registry.tokens.mint("s", 7)
    registry.tokens.validate(token, 7)
    registry.tokens.revoke(token)
    registry.tokens.expire()

from __future__ import annotations

import json

import pytest

from pytest_sessionreg.errors import ResultError
from pytest_sessionreg.results.envelope import Envelope
from pytest_sessionreg.results.environment import Environment


@pytest.fixture
def sealed(database: str) -> str:
    envelope = Envelope("capacity", 3, "sessionreg capacity --seconds 5", Environment.of(database), "interrupted")
    return envelope.seal({"answer": [1, 2]})


def test_what_was_sealed_comes_out_as_it_was(sealed: str) -> None:
    envelope, findings = Envelope.open(sealed, kind="capacity", schema=3)
    assert findings == {"answer": [1, 2]}
    assert (envelope.command, envelope.partial) == ("sessionreg capacity --seconds 5", "interrupted")
    assert envelope.seal(findings) == sealed
    assert sealed.endswith("}\n")


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (lambda text: text[:100], "truncated"),
        (lambda _: "[]", "not a result"),
        (lambda _: "[" * 100_000, "not a result"),
        (lambda _: "", "not a result"),
        (lambda text: text.replace('"schema": 3', '"schema": 4'), "has schema 4, this version reads 3"),
        (lambda text: text.replace('"kind": "capacity"', '"kind": "faults"'), "a result of 'faults', not of capacity"),
        (lambda text: text.replace('"python"', '"snake"'), "lacks or misnames a field"),
        (lambda text: text.replace('"partial"', '"part"'), "lacks or misnames a field"),
    ],
)
def test_anything_else_is_one_clear_line(sealed: str, damage: object, complaint: str) -> None:
    assert callable(damage)
    with pytest.raises(ResultError, match=r"run it again|name a file") as raised:
        Envelope.open(damage(sealed), kind="capacity", schema=3)
    assert complaint in str(raised.value)
    assert "\n" not in str(raised.value)


def test_numbers_that_json_does_not_know_are_refused(database: str) -> None:
    envelope = Envelope("capacity", 1, "", Environment.of(database))
    with pytest.raises(ValueError, match="not JSON compliant"):
        envelope.seal({"share": float("nan")})
    assert json.loads(envelope.seal({}))["partial"] is None

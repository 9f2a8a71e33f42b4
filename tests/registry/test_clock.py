from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_sessionreg.registry.clock import from_text, now, to_text

_INSTANTS = st.datetimes(
    min_value=datetime(1, 1, 3),  # noqa: DTZ001  hypothesis adds the zone
    max_value=datetime(9999, 12, 29),  # noqa: DTZ001  hypothesis adds the zone
    timezones=st.integers(-23, 23).map(lambda hours: timezone(timedelta(hours=hours))),
)


@given(_INSTANTS)
def test_an_instant_survives_as_27_characters(instant: datetime) -> None:
    text = to_text(instant)
    assert len(text) == 27
    assert from_text(text) == instant


@given(_INSTANTS, _INSTANTS)
def test_text_order_is_time_order(one: datetime, other: datetime) -> None:
    assert (to_text(one) < to_text(other)) == (one < other)


def test_a_naive_instant_is_refused() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        to_text(datetime(2026, 1, 1))  # noqa: DTZ001  that is the point


def test_now_is_utc() -> None:
    instant = now()
    assert abs(from_text(instant) - datetime.now(UTC)) < timedelta(seconds=60)
    assert to_text(from_text(instant)) == instant

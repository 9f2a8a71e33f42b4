from __future__ import annotations

import json
from pathlib import Path

from pytest_sessionreg._harness.hosts.result import HostsResult

_REPORTS = Path(__file__).parents[3] / "reports"


def test_a_result_of_version_0_1_is_read_and_stored_anew() -> None:
    stored = (_REPORTS / "two-places/places.json").read_text()
    assert json.loads(stored)["kind"] == "places"
    result = HostsResult.from_json(stored)
    assert [host.name for host in result.hosts] == ["first", "second"]
    assert json.loads(result.to_json())["kind"] == "hosts"
    assert HostsResult.from_json(result.to_json()) == result

from __future__ import annotations

import click
import pytest

from pytest_sessionreg._harness.hosts.host import Place, places


def test_places_are_called_by_their_id_their_host_or_their_way() -> None:
    specs = ["popen", "ssh=me@host.example//python=/opt/v/bin/python", "ssh=-p 2222 me@other", "popen//id=mine"]
    assert [place.name for place in places(specs)] == ["popen", "host.example", "other", "mine"]
    assert places(specs)[1].spec == specs[1]


def test_places_of_one_name_are_numbered() -> None:
    assert places(["popen", "popen"]) == (Place("popen-1", "popen"), Place("popen-2", "popen"))


def test_a_name_is_fit_for_a_directory() -> None:
    (place,) = places(["popen//id=../../etc/x y"])
    assert place.name == "etc-x-y"


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("", "is no place"),
        ("nonsense", "'nonsense' is nothing that execnet knows"),
        ("popen//pyhton=/bin/python", "'pyhton' is nothing that execnet knows"),
        ("popen//via=other", "'via' is nothing"),
        ("python=/bin/python", "is no place"),
        ("popen//ssh=me@host", "is no place"),
        ("popen//popen", "is no place"),
        ("ssh", "ssh needs a value"),
        ("ssh=", "ssh needs a value"),
        ("popen//_spec=x", "is no place"),
    ],
)
def test_what_execnet_could_not_follow_is_refused(spec: str, message: str) -> None:
    with pytest.raises(click.BadParameter, match="no place") as refused:
        places([spec])
    assert message in refused.value.message


def test_two_places_of_one_id_are_refused() -> None:
    with pytest.raises(click.BadParameter, match="would be called popen-1"):
        places(["popen//id=popen-1", "popen", "popen"])

from __future__ import annotations

import click
import pytest

from pytest_sessionreg._harness.hosts.host import Host, hosts


def test_hosts_are_called_by_their_id_their_host_or_their_way() -> None:
    specs = ["popen", "ssh=me@host.example//python=/opt/v/bin/python", "ssh=-p 2222 me@other", "popen//id=mine"]
    assert [host.name for host in hosts(specs)] == ["popen", "host.example", "other", "mine"]
    assert hosts(specs)[1].spec == specs[1]


def test_hosts_of_one_name_are_numbered() -> None:
    assert hosts(["popen", "popen"]) == (Host("popen-1", "popen"), Host("popen-2", "popen"))


def test_a_name_is_fit_for_a_directory() -> None:
    (host,) = hosts(["popen//id=../../etc/x y"])
    assert host.name == "etc-x-y"


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("", "is no host"),
        ("nonsense", "'nonsense' is nothing that execnet knows"),
        ("popen//pyhton=/bin/python", "'pyhton' is nothing that execnet knows"),
        ("popen//via=other", "'via' is nothing"),
        ("python=/bin/python", "is no host"),
        ("popen//ssh=me@host", "is no host"),
        ("popen//popen", "is no host"),
        ("ssh", "ssh needs a value"),
        ("ssh=", "ssh needs a value"),
        ("popen//_spec=x", "is no host"),
    ],
)
def test_what_execnet_could_not_follow_is_refused(spec: str, message: str) -> None:
    with pytest.raises(click.BadParameter, match="no host") as refused:
        hosts([spec])
    assert message in refused.value.message


def test_two_hosts_of_one_id_are_refused() -> None:
    with pytest.raises(click.BadParameter, match="would be called popen-1"):
        hosts(["popen//id=popen-1", "popen", "popen"])

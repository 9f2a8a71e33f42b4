from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_sessionreg import Registry
from pytest_sessionreg.registry.errors import UnsafeFileSystem
from pytest_sessionreg.registry.sqlite import filesystem
from pytest_sessionreg.registry.sqlite.filesystem import file_system_of, parse_mount_table

_TABLE = """\
22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
36 35 98:0 /mnt1 /mnt\\0402 rw,noatime master:1 - ext3 /dev/root rw,errors=continue
90 27 0:55 / /srv/share rw shared:7 master:2 - nfs4 server:/export rw,vers=4.2
"""


def test_the_type_follows_the_optional_fields() -> None:
    table = parse_mount_table(_TABLE)
    assert table == {(0, 21): "proc", (254, 0): "ext4", (98, 0): "ext3", (0, 55): "nfs4"}


@given(st.text(max_size=300))
def test_no_text_whatever_breaks_the_parser(text: str) -> None:
    parse_mount_table(text)


@given(
    st.lists(
        st.tuples(st.integers(0, 4095), st.integers(0, 1 << 20), st.sampled_from(["ext4", "nfs", "fuse.sshfs"])),
        max_size=5,
        unique_by=lambda entry: entry[:2],
    )
)
def test_every_well_formed_line_is_understood(entries: list[tuple[int, int, str]]) -> None:
    text = "".join(f"1 2 {major}:{minor} / /m rw - {kind} none rw\n" for major, minor, kind in entries)
    assert parse_mount_table(text) == {(major, minor): kind for major, minor, kind in entries}


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "9p", "virtiofs", "fuse.sshfs"])
def test_a_network_file_system_is_refused_before_any_pragma(
    monkeypatch: pytest.MonkeyPatch, database: str, kind: str
) -> None:
    monkeypatch.setattr(filesystem, "_verdicts", {})
    monkeypatch.setattr(filesystem, "file_system_of", lambda _: kind)
    monkeypatch.setattr(os, "major", lambda _: 0)
    with pytest.raises(UnsafeFileSystem, match=f"lies on {kind}"):
        Registry.open(database)
    assert not os.path.exists(database)


def test_this_machine_has_a_file_system_with_a_name(database: str) -> None:
    assert file_system_of(database) not in {"", "unknown"}

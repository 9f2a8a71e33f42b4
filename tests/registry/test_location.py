from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import platformdirs
import pytest

from pytest_sessionreg import Registry
from pytest_sessionreg.registry.errors import CannotOpen
from pytest_sessionreg.registry.location import create_private, resolve
from pytest_sessionreg.registry.user_paths import default_path


@pytest.mark.parametrize("state_home", [None, "", "  ", "/somewhere/state"])
def test_the_default_directory_is_the_one_that_platformdirs_names(
    monkeypatch: pytest.MonkeyPatch, state_home: str | None
) -> None:
    if state_home is None:
        monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    else:
        monkeypatch.setenv("XDG_STATE_HOME", state_home)
    assert os.path.dirname(default_path()) == platformdirs.user_state_dir("sessionreg", appauthor=False)


def test_the_environment_variable_overrides_the_default(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SESSIONREG_DB", str(tmp_path / "mine.db"))
    with Registry.open() as registry:
        assert registry.path == str(tmp_path / "mine.db")


def test_an_explicit_path_overrides_the_environment_variable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SESSIONREG_DB", str(tmp_path / "mine.db"))
    assert resolve(tmp_path / "other.db") == str(tmp_path / "other.db")


@pytest.mark.skipif(sys.platform != "linux", reason="XDG directories are Linux's")
def test_the_default_directory_is_created_for_its_user_only(tmp_path: Path) -> None:
    environment = {**os.environ, "XDG_STATE_HOME": str(tmp_path / "a" / "state"), "SESSIONREG_DB": ""}
    program = "from pytest_sessionreg import Registry; print(Registry.open().path)"
    subprocess.run([sys.executable, "-c", program], env=environment, check=True)
    directory = tmp_path / "a" / "state" / "sessionreg"
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert stat.S_IMODE((directory / "sessions.db").stat().st_mode) == 0o600


def test_every_file_of_a_registry_is_its_users_only(database: str) -> None:
    mask = os.umask(0)
    try:
        with Registry.open(database) as registry:
            registry.sessions.register("one")
            modes = {name: stat.S_IMODE(os.stat(name).st_mode) for name in Path(database).parent.iterdir()}
    finally:
        os.umask(mask)
    assert len(modes) == 4, "database, -wal, -shm and -line"
    assert set(modes.values()) == {0o600}


def test_a_missing_directory_is_named_and_not_created(tmp_path: Path) -> None:
    with pytest.raises(CannotOpen, match=r"missing does not exist; create it first"):
        Registry.open(tmp_path / "missing" / "sessions.db")
    assert not (tmp_path / "missing").exists()


def test_a_directory_is_not_a_database(tmp_path: Path) -> None:
    with pytest.raises(CannotOpen, match="is a directory"):
        Registry.open(tmp_path)


def test_a_path_with_a_nul_byte_is_refused() -> None:
    with pytest.raises(CannotOpen, match="NUL"):
        resolve("a\0b")


def test_creating_a_file_leaves_an_existing_one_alone(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    assert create_private(str(path))
    path.write_bytes(b"content")
    assert not create_private(str(path))
    assert path.read_bytes() == b"content"

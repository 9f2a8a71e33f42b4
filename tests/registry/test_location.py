from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
from collections.abc import Callable
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
    assert len(modes) == 5, "database, -wal, -shm, -line and -line-bell"
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


def _loop(directory: Path) -> str:
    (directory / "one.db").symlink_to(directory / "two.db")
    (directory / "two.db").symlink_to(directory / "one.db")
    return str(directory / "one.db")


def _dangling(directory: Path) -> str:
    (directory / "link.db").symlink_to(directory / "nowhere" / "sessions.db")
    return str(directory / "link.db")


@pytest.mark.parametrize(
    ("make", "remedy"),
    [
        (lambda _: ":memory:", "name a file that processes can share"),
        (lambda directory: f"file:{directory}/x.db?mode=rw", "name a file that processes can share"),
        (lambda directory: os.fsencode(directory / "x.db"), "by a str"),
        (lambda _: "~nobody-of-this-name/x.db", "write the path out"),
        (_loop, "circle of symbolic links"),
        (_dangling, "nowhere does not exist; create it first"),
        (lambda directory: f"{directory}/{'x' * 500}.db", "choose a shorter name"),
        (lambda directory: f"{directory}/jobs-line", "choose another name"),
        (lambda directory: f"{directory}/jobs-wal", "choose another name"),
    ],
)
def test_what_names_no_file_that_can_be_shared_is_refused_with_a_remedy_and_makes_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], object], remedy: str
) -> None:
    path = make(tmp_path)
    monkeypatch.chdir(tmp_path)
    before = sorted(os.listdir(tmp_path))
    with pytest.raises(CannotOpen, match=re.escape(remedy)):
        Registry.open(path)  # type: ignore[arg-type]
    assert sorted(os.listdir(tmp_path)) == before


def test_a_tilde_is_the_home_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SESSIONREG_DB", "~/mine.db")
    with Registry.open() as registry:
        assert registry.path == str(tmp_path / "mine.db")


def test_without_a_home_directory_the_default_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pytest_sessionreg.registry.location.default_path", lambda: "~/.local/state/sessions.db")
    monkeypatch.delenv("SESSIONREG_DB", raising=False)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CannotOpen, match="no home directory is known; set SESSIONREG_DB"):
        Registry.open()
    assert not os.listdir(tmp_path)


def test_a_symbolic_link_and_its_target_have_one_log_and_one_line(tmp_path: Path) -> None:
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "link.db").symlink_to(tmp_path / "real.db")
    with Registry.open(tmp_path / "real.db") as real, Registry.open(tmp_path / "links" / "link.db") as link:
        assert real.path == link.path == str(tmp_path / "real.db")
        link.sessions.register("one")
        assert real.sessions.get("one") is not None
    assert os.listdir(tmp_path / "links") == ["link.db"]


def test_a_file_with_two_names_is_refused(tmp_path: Path) -> None:
    Registry.open(tmp_path / "one.db").close()
    os.link(tmp_path / "one.db", tmp_path / "two.db")
    for name in ("one.db", "two.db"):
        with pytest.raises(CannotOpen, match="has 2 names"):
            Registry.open(tmp_path / name)
    os.unlink(tmp_path / "two.db")
    Registry.open(tmp_path / "one.db").close()


@pytest.mark.skipif(sys.platform != "linux", reason="mounts are Linux's")
@pytest.mark.parametrize("name", ["mounted.db", "a b\\c\t.db"])
def test_a_file_that_is_mounted_by_itself_is_refused(tmp_path: Path, name: str) -> None:
    Registry.open(tmp_path / "real.db").close()
    (tmp_path / name).touch()
    program = (
        "import subprocess, sys\n"
        "from pytest_sessionreg import Registry; from pytest_sessionreg.errors import CannotOpen\n"
        "subprocess.run(['mount', '--bind', sys.argv[1], sys.argv[2]], check=True)\n"
        "try: Registry.open(sys.argv[2])\n"
        "except CannotOpen as error: print(error)\n"
    )
    command = ["unshare", "--mount", "--map-root-user", sys.executable, "-c", program]
    done = subprocess.run(
        [*command, str(tmp_path / "real.db"), str(tmp_path / name)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(f"no mount can be made here: {done.stderr}")
    assert "is mounted by itself, without its log, which loses writes; mount its directory" in done.stdout

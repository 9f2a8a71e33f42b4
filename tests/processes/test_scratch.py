from __future__ import annotations

import errno
import fcntl
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_sessionreg.processes.scratch import ScratchDirectory

_PROGRAM = (
    "import sys; from pytest_sessionreg.processes.scratch import ScratchDirectory; "
    "made = ScratchDirectory('ours-', sys.argv[1]); open(made.path + '/file', 'x').close(); "
    "print(made.path, flush=True); input()"
)


def _start(parent: Path) -> tuple[subprocess.Popen[str], Path]:
    """A process with a directory in `parent`, until it is killed or reads a line."""
    process = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, str(parent)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    return process, Path(process.stdout.readline().strip())


def test_it_is_private_and_gone_at_the_end(tmp_path: Path) -> None:
    with ScratchDirectory("ours-", str(tmp_path)) as path:
        assert Path(path).stat().st_mode & 0o777 == 0o700
        (Path(path) / "file").touch()
    assert not list(tmp_path.iterdir())


def test_removing_it_twice_closes_nothing_of_others(tmp_path: Path) -> None:
    scratch = ScratchDirectory("ours-", str(tmp_path))
    scratch.remove()
    with (tmp_path / "file").open("w") as file:
        scratch.remove()
        file.write("x")


def test_where_there_are_no_locks_it_works_and_leaves_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    killed, orphan = _start(tmp_path)
    killed.kill()
    killed.communicate()

    def refuse(_descriptor: int, _operation: int) -> None:
        raise OSError(errno.ENOLCK, "no locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with ScratchDirectory("ours-", str(tmp_path)) as path:
        assert Path(path).is_dir()
    assert list(tmp_path.iterdir()) == [orphan]


def test_the_next_one_removes_that_of_a_killed_process_and_no_living_one_s(tmp_path: Path) -> None:
    killed, orphan = _start(tmp_path)
    living, kept = _start(tmp_path)
    killed.kill()
    assert killed.wait(120) == -signal.SIGKILL
    assert orphan.is_dir()
    with ScratchDirectory("ours-", str(tmp_path)):
        assert not orphan.exists()
        assert (kept / "file").exists()
    killed.communicate()
    living.communicate("\n")


@pytest.mark.parametrize("name", ["theirs-1", "ours-link", "ours-file"])
def test_what_is_not_its_own_is_left(tmp_path: Path, name: str) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    other = tmp_path / name
    if name == "ours-link":
        other.symlink_to(tmp_path / "theirs", target_is_directory=True)
        (tmp_path / "theirs").mkdir()
        (tmp_path / "theirs/file").touch()
    elif name == "ours-file":
        other.touch()
    else:
        other.mkdir()
    before = sorted(tmp_path.rglob("*"))
    with ScratchDirectory("ours-", str(tmp_path)):
        pass
    assert sorted(tmp_path.rglob("*")) == before

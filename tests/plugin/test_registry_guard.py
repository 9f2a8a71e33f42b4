from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from pytest_sessionreg import Registry
from pytest_sessionreg.registry.errors import RefusedInTest
from pytest_sessionreg.registry.guard import Marker, own_registries
from pytest_sessionreg.registry.user_paths import GUARD_VARIABLE, default_path, guards_directory

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the user's own directory is put elsewhere as on Linux")

_OPEN = "from pytest_sessionreg import Registry; Registry.open().close()"


@pytest.fixture(autouse=True)
def own_state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The runs inside these tests take this for their user's state directory."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.delenv("SESSIONREG_DB", raising=False)
    return tmp_path / "sessionreg"


def _run(pytester: pytest.Pytester, code: str, *words: str, **outcomes: int) -> pytest.RunResult:
    pytester.makepyfile(f"import os, subprocess, sys, pytest\nfrom pytest_sessionreg import Registry\n{code}")
    result = pytester.runpytest_subprocess(*words)
    result.assert_outcomes(**outcomes)
    return result


_TRESPASSES = f"""
def test_plain():
    Registry.open()

def test_swallowed():
    try: Registry.open()
    except Exception: pass

def test_skipped():
    try: Registry.open()
    except Exception: pytest.skip("none")

# its parent's environment, an empty one (and so another default path), and one without the variable
@pytest.mark.parametrize("kept", [os.environ, [], ["XDG_STATE_HOME"]], ids=["all", "none", "one"])
def test_child(kept):
    environment = {{name: os.environ[name] for name in kept}}
    program = {f"import sys; sys.path[:] = {sys.path!r}; {_OPEN}"!r}
    assert subprocess.run([sys.executable, "-c", program], env=environment).returncode == 1

def test_orphan():
    program = "import os, time\\nwhile os.getppid() == int(os.sys.argv[1]): time.sleep(.01)\\n" + {_OPEN!r}
    between = (
        "import os, subprocess, sys; pipe, program = sys.argv[1:];"
        "child = [sys.executable, '-c', program, str(os.getpid())];"
        "subprocess.Popen(child, pass_fds=[int(pipe)], start_new_session=True)"
    )
    read, write = os.pipe()
    subprocess.run([sys.executable, "-c", between, str(write), program], pass_fds=[write], check=True)
    os.close(write)
    assert os.read(read, 1) == b""  # it has ended
    os.close(read)
"""


@pytest.mark.parametrize("words", [[], pytest.param(["-n", "2"], marks=pytest.mark.slow)], ids=str)
def test_a_test_that_would_open_the_users_own_registry_fails(
    pytester: pytest.Pytester, own_state: Path, words: list[str]
) -> None:
    result = _run(pytester, _TRESPASSES, *words, "-rf", failed=7)
    result.stdout.fnmatch_lines_random(
        [
            "*RefusedInTest: *sessions.db: is the user's own registry, and this process belongs to a test*",
            "*the user's own session registry would have been opened; pass a path*",
            f"*{own_state}/sessions.db by process *",
            "*.local/state/sessionreg/sessions.db by process *",
        ]
    )
    for name in ("plain", "swallowed", "skipped", "child?all?", "child?none?", "child?one?", "orphan"):
        result.stdout.fnmatch_lines_random([f"FAILED *test_{name}*"])
    assert not own_state.exists()


@pytest.mark.parametrize("where", ["setup", "teardown"])
def test_fixtures_are_watched_too(pytester: pytest.Pytester, where: str) -> None:
    swallowed = "    try: Registry.open()\n    except Exception: pass\n"
    order = f"{swallowed}    yield\n" if where == "setup" else f"    yield\n{swallowed}"
    code = f"@pytest.fixture\ndef mine():\n{order}\ndef test_it(mine): pass"
    _run(pytester, code, errors=1, passed=0 if where == "setup" else 1)


@pytest.mark.parametrize("words", [[], pytest.param(["-n", "2"], marks=pytest.mark.slow)], ids=str)
def test_what_is_refused_while_tests_are_collected_fails_the_run(pytester: pytest.Pytester, words: list[str]) -> None:
    result = _run(pytester, "try: Registry.open()\nexcept Exception: pass\ndef test_it(): pass", *words, passed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*the user's own registry, outside of every test*", "*sessions.db by process*"])


def test_a_marked_test_may_and_the_next_may_not(pytester: pytest.Pytester, own_state: Path) -> None:
    code = f"""
@pytest.mark.real_registry
def test_marked():
    Registry.open().close()
    subprocess.run([sys.executable, "-c", {_OPEN!r}], check=True)

def test_next():
    Registry.open()
"""
    _run(pytester, code, passed=1, failed=1)
    assert (own_state / "sessions.db").exists()


@pytest.mark.parametrize("words", [["-o", "sessionreg_guard=false"], ["-p", "no:sessionreg-guard"]], ids=str)
def test_the_guard_can_be_switched_off(pytester: pytest.Pytester, words: list[str]) -> None:
    code = f"""
def test_it():
    Registry.open().close()
    assert not any(name.startswith(f"{{os.getpid()}}.") for name in os.listdir({guards_directory()!r}))
"""
    _run(pytester, code, *words, passed=1)


def test_other_paths_are_open_to_all(pytester: pytest.Pytester) -> None:
    code = """
def test_path(tmp_path): Registry.open(tmp_path / "sessions.db").close()
def test_variable(tmp_path, monkeypatch):
    monkeypatch.setenv("SESSIONREG_DB", str(tmp_path / "x.db"))
    Registry.open().close()
def test_another_home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    Registry.open().close()
"""
    _run(pytester, code, passed=3)


def test_the_same_file_by_another_name_is_refused(pytester: pytest.Pytester, own_state: Path) -> None:
    (own_state.parent / "door").symlink_to(own_state / "sessions.db")
    (own_state.parent / "house").symlink_to(own_state.parent)
    code = f"""
@pytest.mark.parametrize("path", ["door", "house/sessionreg/sessions.db", "sessionreg/../sessionreg/sessions.db"])
def test_it(path): Registry.open(os.path.join({str(own_state.parent)!r}, path))
"""
    _run(pytester, code, failed=3)


@pytest.mark.slow
@pytest.mark.parametrize("words", [[], pytest.param(["-n", "2"], marks=pytest.mark.slow)], ids=str)
def test_no_marker_is_left(pytester: pytest.Pytester, words: list[str]) -> None:
    code = """
def test_crash(request):
    open("pid", "w").write(str(os.getpid()))
    assert os.environ["SESSIONREG_GUARD"] and os.path.exists(os.environ["SESSIONREG_GUARD"])
    if hasattr(request.config, "workerinput"):
        os._exit(1)
"""
    _run(pytester, code, *words, **({"failed": 1} if words else {"passed": 1}))
    pid = (pytester.path / "pid").read_text()
    assert not any(name.startswith(f"{pid}.") for name in os.listdir(guards_directory()))


@pytest.mark.slow
def test_a_run_inside_a_run_leaves_the_outer_guard_alone(pytester: pytest.Pytester) -> None:
    code = """
pytest_plugins = ["pytester"]
def test_it(pytester):
    pytester.makepyfile("def test_it(): pass")
    pytester.runpytest_inprocess().assert_outcomes(passed=1)
    with pytest.raises(Exception, match="user's own"):
        Registry.open()
"""
    _run(pytester, code, "-p", "pytester", failed=1)


def test_this_very_process_is_guarded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_STATE_HOME")
    variable = os.environ[GUARD_VARIABLE]
    marker = Marker(variable)
    assert os.path.realpath(default_path()) in marker.guarded_files()
    assert set(map(os.path.realpath, own_registries())) <= set(marker.guarded_files())


def test_a_marker_of_a_process_that_has_ended_binds_nobody(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, own_state: Path
) -> None:
    stale = Marker(str(tmp_path / "1.999999"))
    stale.guard([default_path()])
    monkeypatch.setenv(GUARD_VARIABLE, stale.path)
    with Registry.open() as registry:
        assert registry.path == str(own_state / "sessions.db")


def test_a_refusal_is_told_once(tmp_path: Path) -> None:
    marker = Marker(str(tmp_path / "marker"))
    assert marker.take_refusals() == []
    marker.note("/a\udcff/b")
    assert len(marker.take_refusals()) == 1
    assert marker.take_refusals() == []


def test_the_error_is_one_of_the_registrys() -> None:
    assert RefusedInTest.__mro__[1].__name__ == "CannotOpen"

"""The check for leaks: the test that leaks is blamed, and no other, and what it left is gone before the next test."""

from __future__ import annotations

import os
from pathlib import Path

import psutil
import pytest

# Whatever else is installed: in the order of the file, in one process.
_PLAIN = ("-p", "no:randomly", "-p", "no:xdist")
_HERE = os.path.dirname(os.path.abspath(__file__))


@pytest.fixture
def checked(pytester: pytest.Pytester) -> pytest.Pytester:
    """A project whose tests are checked, without patience for what ends by itself."""
    pytester.makeconftest(
        f"import sys; sys.path.insert(0, {_HERE!r})\n"
        "import leaks\n"
        "from leaks import interrupts_arrive, nothing_is_left_behind, traceable\n"
        "leaks.SETTLE_S = 0.2\n"
    )
    return pytester


_LEAKS = {
    "child": ("KEPT.append(subprocess.Popen(SLEEP))", "process * time.sleep(600)"),
    "orphan": ("subprocess.run([sys.executable, '-c', PARENT])", "process * time.sleep(600)"),
    "stopped": (
        "KEPT.append(subprocess.Popen([*SLEEP, 'x'])); KEPT[-1].send_signal(19)",
        "process * time.sleep(600) x",
    ),
    "zombie": ("os.fork() or os._exit(0)", "process * it has ended, and nobody has waited for it"),
    "thread": ("threading.Thread(target=time.sleep, args=(600,), daemon=True, name='idler').start()", "thread idler"),
    "descriptor": (
        "KEPT.append(sqlite3.connect(tmp_path / 'kept.db')); KEPT[-1].execute('CREATE TABLE t (a)')",
        "kept.db",
    ),
    "directory": ("tempfile.mkdtemp(prefix='sessionreg-storm-')", "file */sessionreg-storm-"),
    "file": ("open(tempfile.gettempdir() + '/sessionreg-x', 'w').close()", "file */sessionreg-x"),
}


@pytest.mark.slow
def test_a_leak_is_charged_to_the_test_that_leaked_and_to_no_other(checked: pytest.Pytester) -> None:
    lines = [
        "import os, sqlite3, subprocess, sys, tempfile, threading, time",
        "KEPT = []",
        "SLEEP = [sys.executable, '-c', 'import time; time.sleep(600)']",
        "PARENT = f'import subprocess; subprocess.Popen({SLEEP!r})'",
    ]
    for name, (body, _) in _LEAKS.items():
        lines += [f"def test_{name}(tmp_path): {body}", f"def test_after_{name}(): pass"]
    lines.append("def test_of_a_process_that_ends(): subprocess.run([sys.executable, '-c', ''], check=True)")
    checked.makepyfile("\n".join(lines))
    result = checked.runpytest_subprocess(*_PLAIN)
    result.assert_outcomes(passed=2 * len(_LEAKS) + 1, errors=len(_LEAKS))
    for name, (_, charge) in _LEAKS.items():
        result.stdout.fnmatch_lines([f"*ERROR at teardown of test_{name} *", f"*{charge}*"])
    blamed = [line.rpartition("::test_")[2] for line in result.outlines if line.startswith("ERROR ")]
    assert [line.partition(" ")[0] for line in blamed] == list(_LEAKS)


def test_processes_and_files_of_the_culprit_are_gone_before_the_next_test(checked: pytest.Pytester) -> None:
    checked.makepyfile(
        """
        import os, pathlib, subprocess, sys, tempfile
        SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]
        PARENT = f"import subprocess; print(subprocess.Popen({SLEEP!r}, stdout=subprocess.DEVNULL).pid)"
        def test_culprit():
            child = subprocess.Popen(SLEEP)
            orphan = subprocess.check_output([sys.executable, "-c", PARENT], text=True)
            pathlib.Path("pids").write_text(f"{child.pid} {orphan}")
            tempfile.mkdtemp(prefix="sessionreg-storm-")
        def test_next():
            assert os.listdir(tempfile.gettempdir()) == []
        """
    )
    checked.runpytest_subprocess(*_PLAIN).assert_outcomes(passed=2, errors=1)
    child, orphan = map(int, Path("pids").read_text().split())
    assert not psutil.pid_exists(child)
    assert not psutil.pid_exists(orphan) or psutil.Process(orphan).status() == psutil.STATUS_ZOMBIE


@pytest.mark.slow
def test_what_is_wider_than_a_test_or_ends_by_itself_is_no_leak(checked: pytest.Pytester) -> None:
    checked.makepyfile(
        """
        import gc, sqlite3, subprocess, sys, threading, time
        import pytest
        import leaks
        leaks.SETTLE_S = 60
        @pytest.fixture(scope="module")
        def server():
            process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
            yield process
            process.kill()
            process.wait()
        def test_of_a_server(server): assert server.poll() is None
        def test_of_another(server): assert server.poll() is None
        def test_of_what_ends_by_itself():
            threading.Thread(target=time.sleep, args=(0.5,)).start()
            subprocess.run([sys.executable, "-c", "import subprocess; subprocess.Popen(['sleep', '0.5'])"])
        @pytest.mark.filterwarnings("ignore::ResourceWarning")
        def test_of_garbage(tmp_path):
            class Cycle: pass
            cycle = Cycle()
            cycle.itself, cycle.connection = cycle, sqlite3.connect(str(tmp_path / "x.db"))
            cycle.connection.execute("CREATE TABLE t (a)")
        """
    )
    checked.runpytest_subprocess(*_PLAIN).assert_outcomes(passed=4)


@pytest.mark.slow
def test_other_workers_of_a_parallel_run_are_not_charged(checked: pytest.Pytester) -> None:
    checked.makepyfile(
        """
        import os, pathlib, subprocess, sys, tempfile, time
        import pytest
        def meet(name, other):
            pathlib.Path(name).touch()
            while not pathlib.Path(other).exists():
                time.sleep(0.01)
        @pytest.mark.xdist_group("one")
        def test_culprit():
            meet("a", "b")
            subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
            tempfile.mkdtemp(prefix="sessionreg-storm-")
            pathlib.Path("leaked").touch()
        @pytest.mark.xdist_group("other")
        def test_beside_it():
            meet("b", "a")
            while not pathlib.Path("leaked").exists():
                time.sleep(0.01)
        """
    )
    result = checked.runpytest_subprocess("-p", "no:randomly", "-n", "2", "--dist", "loadgroup")
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(["ERROR *::test_culprit*"])

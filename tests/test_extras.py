"""Without an extra: what is missing is said in one line, and everything else is as ever."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from pytest_sessionreg import Registry
from pytest_sessionreg.report.renderers import Renderers

_SMALL = ["--policy", "queue", "--workers", "2", "--writes", "3", "--think-ms", "1"]
_OPEN = ["open-storm", "--state", "fresh", "--order", "registry", "--openers", "2", "--rounds", "1"]
_CAPACITY = ["capacity", "--policy", "queue", "--workers", "2", "--ceiling", "4", "--seconds", "2", "--round-s", "0.5"]
_NO_PICTURES = "no pictures: matplotlib is not installed; pip install 'pytest-sessionreg[report]'"
_NO_PAGE = "no page: jinja2 is not installed; pip install 'pytest-sessionreg[report]'"
_NEITHER = (
    "no pictures and no page: matplotlib is not installed, jinja2 is not installed; "
    "pip install 'pytest-sessionreg[report]'"
)
# Python imports this when it starts: whatever is named in $WITHOUT is then not to be found.
_SITECUSTOMIZE = """
import os, sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in os.environ["WITHOUT"].split():
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())
"""


@pytest.fixture
def without(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a process that finds no package of any extra; WITHOUT names them."""
    directory = tmp_path_factory.mktemp("blocker")
    (directory / "sitecustomize.py").write_text(_SITECUSTOMIZE)
    path = os.pathsep.join([str(directory), *filter(None, [os.environ.get("PYTHONPATH")])])
    return {**os.environ, "PYTHONPATH": path, "WITHOUT": "matplotlib jinja2 execnet"}


def _sessionreg(*words: str, cwd: Path, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pytest_sessionreg", *words],
        cwd=cwd,
        env=env,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("absent", "words", "said", "files"),
    [
        ("matplotlib jinja2", [], _NEITHER, ["storm.json"]),
        ("matplotlib jinja2", ["--no-plots"], _NO_PAGE, ["storm.json"]),
        ("matplotlib", [], _NO_PICTURES, ["storm.html", "storm.json"]),
        ("matplotlib", ["--no-plots"], None, ["storm.html", "storm.json"]),
        ("jinja2", ["--no-plots"], _NO_PAGE, ["storm.json"]),
        ("jinja2", [], _NO_PAGE, ["plots", "storm.json", "storm.png"]),
    ],
)
def test_a_storm_is_as_ever_but_for_what_is_missing(
    absent: str, words: list[str], said: str | None, files: list[str], without: dict[str, str], tmp_path: Path
) -> None:
    done = _sessionreg("storm", *_SMALL, *words, "--out", "here", cwd=tmp_path, env={**without, "WITHOUT": absent})
    assert done.returncode == 0, done.stderr
    assert done.stderr == ("" if said is None else f"sessionreg: {said}\n")
    assert done.stdout.splitlines()[-len(files) :] == sorted([f"here/{name}" for name in files], key=_as_listed)
    assert sorted(path.name for path in (tmp_path / "here").iterdir()) == files
    assert json.loads((tmp_path / "here/storm.json").read_text())["runs"]


def _as_listed(path: str) -> int:
    return [".json", ".png", ".html"].index(Path(path).suffix) if "." in path else -1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (_OPEN, _NO_PAGE),
        (_CAPACITY, _NEITHER),
        (["policies", *_SMALL, "--rounds", "1"], _NEITHER),
    ],
)
def test_an_experiment_is_as_ever_but_for_what_is_missing(
    words: list[str], said: str, without: dict[str, str], tmp_path: Path
) -> None:
    done = _sessionreg(*words, "--out", "here", cwd=tmp_path, env=without)
    assert done.returncode == 0, done.stderr
    assert done.stderr == f"sessionreg: {said}\n"
    assert {path.suffix for path in (tmp_path / "here").iterdir()} <= {".json", ".md"}


def test_what_is_not_stored_is_not_missed(without: dict[str, str], tmp_path: Path) -> None:
    done = _sessionreg(*_OPEN, cwd=tmp_path, env=without)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.slow
@pytest.mark.parametrize("words", [["storm", *_SMALL], _CAPACITY])
def test_no_page_or_picture_of_an_earlier_result_stays(
    words: list[str], without: dict[str, str], tmp_path: Path
) -> None:
    """They would lie beside figures that are not theirs."""
    assert _sessionreg(*words, "--out", "here", cwd=tmp_path).returncode == 0
    assert (tmp_path / f"here/{words[0]}.html").exists()
    assert _sessionreg(*words, "--out", "here", cwd=tmp_path, env=without).returncode == 0
    left = {path.suffix for path in (tmp_path / "here").rglob("*") if path.is_file()}
    assert left <= {".json", ".md"}


@pytest.mark.slow
def test_pictures_that_are_all_that_is_asked_for_are_an_error(without: dict[str, str], tmp_path: Path) -> None:
    assert _sessionreg("storm", *_SMALL, "--no-plots", "--out", "here", cwd=tmp_path).returncode == 0
    done = _sessionreg("report", "here", cwd=tmp_path, env=without)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"sessionreg: {_NEITHER}\n")
    done = _sessionreg("report", "here", "--no-plots", cwd=tmp_path, env=without)
    assert (done.returncode, done.stderr) == (2, f"sessionreg: {_NO_PAGE}\n")
    assert (tmp_path / "here/storm.html").exists(), "what was there stays"


def test_other_places_are_a_usage_error_without_the_extra(without: dict[str, str], tmp_path: Path) -> None:
    done = _sessionreg("storm", *_SMALL, "--on", "popen", cwd=tmp_path, env=without)
    said = "sessionreg: --on: execnet is not installed; pip install 'pytest-sessionreg[hosts]'\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", said)


@pytest.mark.slow
def test_other_places_say_once_what_is_missing_here(without: dict[str, str], tmp_path: Path) -> None:
    here = {**without, "WITHOUT": "matplotlib jinja2"}
    words = ["--on", "popen//id=a", "--on", "popen//id=b", "--out", "out"]
    done = _sessionreg("storm", *_SMALL, *words, cwd=tmp_path, env=here)
    assert (done.returncode, done.stderr) == (0, f"sessionreg: {_NEITHER}\n")
    stored = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file())
    assert stored == ["out/a/storm.json", "out/b/storm.json", "out/hosts.json", "out/hosts.md"]


@pytest.mark.slow
def test_commands_that_draw_nothing_miss_nothing(without: dict[str, str], tmp_path: Path) -> None:
    Registry.open(str(tmp_path / "sessions.db")).close()
    database = ["--database", "sessions.db"]
    for words in (["sessions", *database], ["cleanup", *database], ["adoption", *database], ["doctor", "sessions.db"]):
        done = _sessionreg(*words, cwd=tmp_path, env=without)
        assert (done.returncode, done.stderr) == (0, ""), words


@pytest.mark.slow
def test_a_storm_of_a_test_notes_what_its_report_lacks_and_passes(
    pytester: pytest.Pytester, without: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**without, "WITHOUT": "matplotlib jinja2"}.items():
        monkeypatch.setenv(name, value)
    pytester.makepyfile(
        dedent("""
        def test_one(storm):
            storm(workers=2, writes=3, hold_ms=0, think_ms=1)

        def test_two(storm):
            storm(workers=2, writes=3, hold_ms=0, think_ms=1)
        """)
    )
    result = pytester.runpytest_subprocess("--storm-report=out", "-W", "error")
    result.assert_outcomes(passed=2)
    assert result.stdout.str().count(f"--storm-report: {_NEITHER}") == 1
    assert {path.suffix for path in (pytester.path / "out").rglob("*") if path.is_file()} <= {".json", ".md"}
    assert len(list((pytester.path / "out").rglob("storm.json"))) == 2
    assert "pip install" not in pytester.runpytest_subprocess().stdout.str()


@pytest.mark.slow
def test_a_warning_of_a_library_that_draws_fails_no_test(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        dedent("""
        import warnings
        from pytest_sessionreg.report import page

        whole_page = page.storm_page

        def storm_page(*given, **named):
            warnings.warn("a release of tomorrow", DeprecationWarning)
            return whole_page(*given, **named)

        page.storm_page = storm_page
        """)
    )
    pytester.makepyfile("def test_it(storm): storm(workers=2, writes=3, hold_ms=0, think_ms=1)")
    pytester.runpytest_subprocess("--storm-report=out", "-W", "error").assert_outcomes(passed=1)
    assert len(list((pytester.path / "out").rglob("storm.html"))) == 1


def test_a_package_that_is_there_and_broken_is_told_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "jinja2.py").write_text("import no_such_dependency_of_it")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "jinja2", raising=False)
    renderers = Renderers.installed(pictures=False)
    assert not renderers.page
    assert renderers.note is not None
    assert "jinja2 cannot be imported: No module named 'no_such_dependency_of_it'" in renderers.note

"""What is run of this project, one session each: `nox -l` lists them, `nox -s NAME` runs one.

CI runs the same sessions: `.ci/run` those of every landing, `.github/workflows` the others. Each makes its environment
with pip alone, and installs the package as users do, from its wheel: the wheel is what is tested.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nox

nox.needs_version = ">=2024.10.9"
nox.options.default_venv_backend = "venv"
nox.options.sessions = ["locked"]
nox.options.error_on_external_run = True

_ROOT = Path(__file__).parent
_LOCK = "constraints.txt"
_LOCK_HEADER = """\
# One release of each package that the project, its extras and its workshop need, for Python 3.11 to 3.14 on Linux and
# macOS. Made by `nox -s lock`; not edited by hand.
"""
# What only sessions of this file install; locked like everything else.
_TOOLS = ("build", "twine", "uv")
_TESTS_OF_THE_PLUGIN = ("tests/plugin",)
# What the plugin's tests need beside the package.
_TEST_TOOLS = ("hypothesis", "pytest-xdist")
# Such as a developer may have set, and CI has not.
_FOREIGN = ("PYTHONPATH", "PYTHONHOME", "PYTHONDONTWRITEBYTECODE", "PYTEST_ADDOPTS", "SESSIONREG_DB")
# Ends by itself when its parent does, whatever ended that.
_BUSY_LOOP = """
import os
parent = os.getppid()
while os.getppid() == parent:
    for _ in range(1_000_000):
        pass
"""


@nox.session
def lock(session: nox.Session) -> None:
    """Write constraints.txt anew, with the newest releases that fit."""
    session.install("-c", _LOCK, "uv")
    tools = Path(session.virtualenv.location) / "tools.in"
    tools.write_text("\n".join(_TOOLS), encoding="utf-8")
    found = session.run(
        *("uv", "pip", "compile", "-q", "--universal", "--python-version", "3.11", "--upgrade"),
        *("--all-extras", "--no-emit-package", "pytest-sessionreg", "--no-header", "--no-annotate"),
        *("pyproject.toml", str(tools)),
        silent=True,
    )
    (_ROOT / _LOCK).write_text(_LOCK_HEADER + str(found), encoding="utf-8")


@nox.session
def lint(session: nox.Session) -> None:
    """Run ruff, mypy and import-linter."""
    session.install("-q", "-c", _LOCK, ".[all,dev]")
    _lint(session)


@nox.session
def locked(session: nox.Session) -> None:
    """Run the linters and the whole suite with the releases of constraints.txt: what every landing has to pass."""
    session.install("-q", "-c", _LOCK, ".[all,dev]")
    _lint(session)
    readme = (_ROOT / "README.md").read_text(encoding="utf-8")
    if "<!-- test command -->\n```sh\n.venv/bin/pytest\n```" not in readme:
        session.error("the README's test command is no longer .venv/bin/pytest, which is what is run here")
    _pytest(session, *session.posargs)


@nox.session(python="3.11")
def oldest(session: nox.Session) -> None:
    """Run the whole suite with the oldest release of everything that pyproject.toml allows."""
    session.install("-q", "-c", _oldest(session), ".[all,dev]")
    _pytest(session, *session.posargs)


@nox.session(python="3.11")
def oldest_plugin(session: nox.Session) -> None:
    """Run the plugin's tests with the oldest release of everything, and no extra."""
    session.install("-q", "-c", _oldest(session), ".", *_TEST_TOOLS)
    _pytest(session, "-n", "auto", *_TESTS_OF_THE_PLUGIN, *session.posargs)


@nox.session
def newest(session: nox.Session) -> None:
    """Run the whole suite with the newest release of everything."""
    session.install("-q", "--upgrade", "--upgrade-strategy", "eager", ".[all,dev]")
    session.run("python", "-m", "pip", "list")
    _pytest(session, *session.posargs)


@nox.session
def light(session: nox.Session) -> None:
    """Run commands and the plugin's tests without any extra."""
    session.install("-q", "-c", _LOCK, ".")
    out = str(Path(session.virtualenv.location) / "storm")
    short = ("--workers", "2", "--writes", "2")
    session.run("python", "-c", _NOTHING_OF_THE_EXTRAS)
    session.run("sessionreg", "storm", *short, "--out", out)
    session.run("sessionreg", "report", out, success_codes=[2])
    session.run("sessionreg", "storm", *short, "--on", "popen", success_codes=[2])
    session.install("-q", "-c", _LOCK, *_TEST_TOOLS)
    _pytest(session, "-n", "auto", *_TESTS_OF_THE_PLUGIN, *session.posargs)


_NOTHING_OF_THE_EXTRAS = """
from importlib.util import find_spec
found = [name for name in ("matplotlib", "jinja2", "execnet") if find_spec(name)]
assert not found, f"a plain install brought {found}"
"""


@nox.session
def gate(session: nox.Session) -> None:
    """Hold the registry to the committed baseline of its storms."""
    session.install("-q", "-c", _LOCK, ".")
    # 3: another machine or SQLite than the baseline's, or too noisy to tell; it is printed, and fails nothing
    words = ("--baseline", "reports/baselines/registry.json", "--workload", "heartbeat", "--workload", "mixed")
    session.run("sessionreg", "gate", *words, success_codes=[0, 3])


@nox.session
def loaded(session: nox.Session) -> None:
    """Run the suite in random order beside busy loops: nox -s loaded -- [--runs N] [--loops N] [pytest's words]."""
    parser = argparse.ArgumentParser(prog="nox -s loaded --", allow_abbrev=False)
    parser.add_argument("--runs", type=int, default=1, help="one after the other, each in another order [1]")
    parser.add_argument("--loops", type=int, default=2, help="busy loops beside them [2]")
    given, words = parser.parse_known_args(session.posargs)
    session.install("-q", "-c", _LOCK, ".[all,dev]")
    with _busy_loops(given.loops):
        for _ in range(given.runs):
            _pytest(session, "-p", "randomly", *words)


@nox.session
def dist(session: nox.Session) -> None:
    """Build and check the wheel and the sdist in dist/, and test the sdist: nox -s dist -- [TAG that they have]."""
    for tag in session.posargs:
        _check_version(session, tag)
    session.install("-q", "-c", _LOCK, "build", "twine")
    directory = _ROOT / "dist"
    for old in directory.glob("pytest_sessionreg-*"):
        old.unlink()
    session.run("python", "-m", "build", "--outdir", str(directory))
    (wheel,), (sdist,) = directory.glob("*.whl"), directory.glob("*.tar.gz")
    session.run("twine", "check", "--strict", str(wheel), str(sdist))
    _check_contents(session, wheel, sdist)
    unpacked = Path(session.virtualenv.location) / "sdist"
    with tarfile.open(sdist) as archive:
        archive.extractall(unpacked, filter="data")
    session.chdir(unpacked / sdist.name.removesuffix(".tar.gz"))
    session.install("-q", "-c", _LOCK, ".[all,dev]")
    _pytest(session, "-n", "auto", *_TESTS_OF_THE_PLUGIN, "tests/test_workshop.py")


def _lint(session: nox.Session) -> None:
    session.run("ruff", "format", "--check", ".")
    session.run("ruff", "check", ".")
    session.run("mypy")
    session.run("lint-imports", "--no-logo")


def _pytest(session: nox.Session, *words: str) -> None:
    session.run("pytest", *words, env=dict.fromkeys(_FOREIGN))


def _oldest(session: nox.Session) -> str:
    """A constraints file with every lower bound of pyproject.toml as the only release: "click>=8.1" as "click==8.1"."""
    project = tomllib.loads((_ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"].values()
    every = [*project["dependencies"], *(requirement for extra in extras for requirement in extra)]
    own = project["name"]  # of which `all` takes the extras
    pins = [requirement.replace(">=", "==") for requirement in every if not requirement.startswith(own)]
    path = Path(session.virtualenv.location) / "oldest.txt"
    path.write_text("\n".join(pins), encoding="utf-8")
    return str(path)


@contextmanager
def _busy_loops(number: int) -> Iterator[None]:
    loops = [subprocess.Popen([sys.executable, "-c", _BUSY_LOOP]) for _ in range(number)]  # noqa: S603  our own text
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
        for loop in loops:
            loop.wait()


def _check_version(session: nox.Session, tag: str) -> None:
    """Refuse `tag`, such as v0.1.0, unless the package has that version and the changelog a heading for it."""
    package = (_ROOT / "pytest_sessionreg/__init__.py").read_text(encoding="utf-8")
    changelog = (_ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    version = tag.removeprefix("v")
    if f'__version__ = "{version}"\n' not in package or f"\n## {version}\n" not in changelog:
        session.error(f"{tag}: pytest_sessionreg/__init__.py or CHANGELOG.md has another version")


def _check_contents(session: nox.Session, wheel: Path, sdist: Path) -> None:
    """Each holds what git has: the sdist all but a link, the wheel the package with the harness in its place."""
    listed = session.run("git", "ls-files", silent=True, external=True)
    ours = set(str(listed).splitlines())
    with tarfile.open(sdist) as archive:
        packed = {name.partition("/")[2] for name in archive.getnames()}
    with zipfile.ZipFile(wheel) as archive:
        installed = {name for name in archive.namelist() if ".dist-info/" not in name}
    ours.remove("pytest_sessionreg/_harness")
    packages = {name for name in ours if name.startswith("pytest_sessionreg/")}
    packages |= {f"pytest_sessionreg/_{name}" for name in ours if name.startswith("harness/")}
    if packed != ours | {"PKG-INFO"} or installed != packages:
        session.error(f"differs from git: {sorted(packed ^ (ours | {'PKG-INFO'}))}, {sorted(installed ^ packages)}")

"""What CONTRIBUTING.md, the lock, the sessions and the workflows say agrees."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

import pytest_sessionreg

_ROOT = Path(__file__).parent.parent
_PROJECT = tomllib.loads((_ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
_EXTRAS = [Requirement(text) for extra in _PROJECT["optional-dependencies"].values() for text in extra]
_REQUIREMENTS = [
    *map(Requirement, _PROJECT["dependencies"]),
    *(requirement for requirement in _EXTRAS if requirement.name != _PROJECT["name"]),
]
_LOCK = (_ROOT / "constraints.txt").read_text(encoding="utf-8")
_CONTRIBUTING = (_ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
_SESSIONS = set(
    re.findall(r"^def ([a-z]\w*)\(session: ", (_ROOT / "noxfile.py").read_text(encoding="utf-8"), re.MULTILINE)
)


def test_the_lock_has_pins_and_nothing_else() -> None:
    pins = [line for line in _LOCK.splitlines() if not line.startswith("#")]
    assert pins
    for line in pins:
        assert re.fullmatch(r"[\w.-]+==[\w.]+( ; [\w .'<>=!()]+)?", line), line


@pytest.mark.parametrize("platform", ["linux", "darwin"])
@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13", "3.14"])
def test_the_lock_has_one_release_of_every_dependency_and_it_is_allowed(python: str, platform: str) -> None:
    here = {
        "python_version": python,
        "python_full_version": f"{python}.1",
        "sys_platform": platform,
        "platform_python_implementation": "CPython",
    }
    locked: dict[str, list[str]] = {}
    for line in _LOCK.splitlines():
        pin = None if line.startswith("#") else Requirement(line)
        if pin is not None and (pin.marker is None or pin.marker.evaluate(here)):
            locked.setdefault(pin.name, []).append(str(pin.specifier).removeprefix("=="))
    for requirement in _REQUIREMENTS:
        (version,) = locked[requirement.name]
        assert requirement.specifier.contains(version), requirement


def test_every_dependency_has_a_lower_bound_and_no_other() -> None:
    """The session `oldest` makes pins of them."""
    for requirement in _REQUIREMENTS:
        assert [bound.operator for bound in requirement.specifier] == [">="], requirement


def test_all_brings_every_extra_that_users_want() -> None:
    (everything,) = map(Requirement, _PROJECT["optional-dependencies"]["all"])
    assert everything.extras == set(_PROJECT["optional-dependencies"]) - {"all", "dev"}


def test_the_two_commands_use_the_lock_and_the_sources_themselves() -> None:
    install = "pip install -q -c constraints.txt -e '.[all,dev]'"
    assert install in (_ROOT / "README.md").read_text(encoding="utf-8")
    assert install in _CONTRIBUTING


def test_the_changelog_begins_with_the_version() -> None:
    """A version that is not released yet, such as 0.2.0.dev0, has the heading "Unreleased (0.2.0)"."""
    changelog = (_ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    version, development, _ = pytest_sessionreg.__version__.partition(".dev")
    newest = re.findall(r"^## (.*)$", changelog, re.MULTILINE)[0]
    assert newest == (f"Unreleased ({version})" if development else version)


def test_every_session_is_described_and_every_session_named_exists() -> None:
    assert set(re.findall(r"^\| `(\w+)` \|", _CONTRIBUTING, re.MULTILINE)) | {"lint"} == _SESSIONS
    named = set()
    for path in (_ROOT / ".ci/run", *(_ROOT / ".github/workflows").iterdir()):
        for words in re.findall(r"nox\S* .*?-s ([\w ]+)", path.read_text(encoding="utf-8")):
            named |= set(words.split())
    assert {"locked", "oldest_plugin", "light", "gate"} <= named <= _SESSIONS
    nightly = yaml.safe_load((_ROOT / ".github/workflows/nightly.yml").read_text(encoding="utf-8"))
    sessions = {entry["session"] for entry in nightly["jobs"]["bounds"]["strategy"]["matrix"]["include"]}
    assert sessions == {"oldest", "newest"}


def test_every_python_that_is_promised_is_in_the_workflow() -> None:
    promised = {found[1] for name in _PROJECT["classifiers"] if (found := re.search(r":: (3\.\d+)$", name))}
    text = (_ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8")
    assert promised == set(re.findall(r"\"(3\.\d+)\"", text))


def test_a_commit_is_held_to_the_linters_of_ci() -> None:
    hooks = yaml.safe_load((_ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"][0]["hooks"]
    before_commit = {hook["entry"].removeprefix(".venv/bin/") for hook in hooks}
    linters = re.search(r"## Run the linters\n\n```sh\n(.*?)```", _CONTRIBUTING, re.DOTALL)
    assert linters is not None
    assert {line.removesuffix(" .") for line in linters[1].splitlines()} == before_commit
    session = (_ROOT / "noxfile.py").read_text(encoding="utf-8").partition("def _lint(")[2].partition("\ndef ")[0]
    run = {" ".join(re.findall(r'"([^"]+)"', line)) for line in session.splitlines() if "session.run(" in line}
    assert {words.replace(" --check", "").removesuffix(" .") for words in run} == before_commit


def test_every_file_that_is_named_exists() -> None:
    named = set(re.findall(r"`([\w.-]+/[\w./-]*)`", re.sub(r"\S*(NAME|NNNN)\S*", "", _CONTRIBUTING)))
    assert len(named) > 30
    folders = (_ROOT, _ROOT / "pytest_sessionreg")
    assert not {name for name in named if not any((folder / name).exists() for folder in folders)}

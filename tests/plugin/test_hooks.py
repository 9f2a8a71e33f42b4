from __future__ import annotations

import subprocess
import sys

import pytest

from pytest_sessionreg.plugin import hooks

# Every fixture with what a test of it may do.
_USES = {
    "temp_db": "temp_db().check()",
    "session_registry": "session_registry.sessions.heartbeat('one')",
    "session_registry_path": "assert not session_registry_path.exists()",
    "session_registry_factory": "session_registry_factory().sessions.list()",
    "workers": "assert workers.run(int, 2) == [0, 0]",
    "storm": "assert storm(policy='queue', workers=2, writes=2).lost == 0",
}
_FIXTURES = {name for name in hooks.__all__ if not name.startswith("pytest_")}
_SUITE = "".join(f"def test_{name}({name}):\n    {use}\n\n" for name, use in _USES.items())


def _passes(pytester: pytest.Pytester, code: str, *words: str, passed: int = 1) -> pytest.RunResult:
    pytester.makepyfile(code)
    result = pytester.runpytest_subprocess(*words)
    result.assert_outcomes(passed=passed)
    return result


@pytest.mark.slow
@pytest.mark.parametrize("words", [[], ["-n", "2"], ["-p", "no:cacheprovider", "--import-mode=importlib"]], ids=str)
def test_workers_run_functions_defined_inside_the_test(pytester: pytest.Pytester, words: list[str]) -> None:
    _passes(
        pytester,
        """
        from pytest_sessionreg import Registry

        LABEL = "from the module"

        def label():
            return LABEL

        def test_it(workers, session_registry_path):
            def register(path, number):
                with Registry.open(path) as registry:
                    registry.sessions.register(f"s{number}", label=label())
                return number

            assert workers.run(register, 4, session_registry_path, workers.index) == [0, 1, 2, 3]
            with Registry.open(session_registry_path) as registry:
                assert [s.label for s in registry.sessions.list()] == [LABEL] * 4
        """,
        *words,
    )


@pytest.mark.parametrize("count", ["0", "-1", "True", "2.0"])
def test_a_count_that_makes_no_group_is_an_invalid_argument(pytester: pytest.Pytester, count: str) -> None:
    _passes(
        pytester,
        f"""
        import pytest
        from pytest_sessionreg.errors import InvalidArgument

        def test_it(workers):
            with pytest.raises(InvalidArgument, match="count="):
                workers.run(print, {count})
        """,
    )


def test_a_storm_in_one_line(pytester: pytest.Pytester) -> None:
    _passes(
        pytester,
        """
        from pytest_sessionreg import RetryBudget

        def test_by_name(storm):
            assert storm(policy="queue", workers=3, writes=5).lost == 0

        def test_by_object(storm, tmp_path):
            run = storm(policy=RetryBudget(retries=2), workers=2, writes=3, database=tmp_path / "x.db")
            assert run.counts.attempted == 6
            assert run.policy_parameters == repr(RetryBudget(retries=2))
        """,
        passed=2,
    )


def test_every_fixture_of_the_plugin_is_used_here() -> None:
    assert set(_USES) == _FIXTURES


@pytest.mark.parametrize("words", [[], pytest.param(["-n", "2"], marks=pytest.mark.slow)], ids=str)
def test_every_fixture_works_under_every_way_to_run_tests(pytester: pytest.Pytester, words: list[str]) -> None:
    _passes(pytester, _SUITE, *words, "-W", "error", passed=len(_USES))


@pytest.mark.slow
def test_unittest_classes_get_the_fixtures_through_an_autouse_one(pytester: pytest.Pytester) -> None:
    """unittest.TestCase methods take no arguments: https://docs.pytest.org/en/stable/how-to/unittest.html."""
    _passes(
        pytester,
        """
        import unittest
        import pytest

        class TestStore(unittest.TestCase):
            @pytest.fixture(autouse=True)
            def _fixtures(self, temp_db, workers, session_registry):
                self.db = temp_db("CREATE TABLE t (n)")
                self.workers = workers
                self.registry = session_registry

            def setUp(self):
                self.connection = self.db.connect()
                self.addCleanup(self.connection.close)

            def test_one(self):
                self.connection.execute("INSERT INTO t VALUES (1)")
                self.connection.commit()
                self.registry.sessions.register("one")

            def test_other(self):
                self.assertEqual(self.connection.execute("SELECT count(*) FROM t").fetchone(), (0,))
                self.assertEqual(self.workers.run(int, 2), [0, 0])
                self.assertEqual(self.registry.sessions.list(), [])

        @pytest.mark.usefixtures("session_registry")
        class TestUsed(unittest.TestCase):
            def test_it(self):
                pass
        """,
        passed=3,
    )


def test_a_unittest_that_closes_too_late_is_told_where_it_opened(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import unittest
        import pytest

        class TestStore(unittest.TestCase):
            @pytest.fixture(autouse=True)
            def _fixtures(self, temp_db):
                self.connection = temp_db().connect()

            def test_it(self):
                pass
        """
    )
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*1 connection outlived the test*", "*opened at *.py:7 in _fixtures*"])


def test_switched_off_nothing_of_the_plugin_is_left(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        _SUITE
        + """
def test_nothing_is_loaded_and_nothing_guarded():
    import os, sys
    assert not any(name.startswith("pytest_sessionreg") for name in sys.modules)
    assert str(os.getpid()) not in os.environ.get("SESSIONREG_GUARD", "")
"""
    )
    result = pytester.runpytest_subprocess("-p", "no:sessionreg")
    result.assert_outcomes(errors=len(_USES), passed=1)
    for name in _USES:
        result.stdout.fnmatch_lines_random([f"*fixture '{name}' not found*"])
    for words in (["--help"], ["--fixtures"]):
        text = pytester.runpytest_subprocess("-p", "no:sessionreg", *words).stdout.str()
        assert "real_registry" not in text
        assert "sessionreg_guard" not in text
        assert "temp_db" not in text


@pytest.mark.slow
def test_what_the_plugin_offers_is_explained_by_pytest_itself(pytester: pytest.Pytester) -> None:
    fixtures = pytester.runpytest_subprocess("--fixtures").stdout
    for name in _USES:
        fixtures.fnmatch_lines_random([f"{name} -- *pytest_sessionreg/plugin/fixtures/*.py:*"])
    assert "no docstring available" not in fixtures.str()
    pytester.runpytest_subprocess("--markers").stdout.fnmatch_lines(["@pytest.mark.real_registry: let this test open*"])
    pytester.runpytest_subprocess("--help").stdout.fnmatch_lines(["*sessionreg_guard (bool):*"])


def test_a_run_that_uses_nothing_is_told_nothing(pytester: pytest.Pytester) -> None:
    result = _passes(pytester, "def test_it(): pass")
    assert "sessionreg" not in result.stdout.str().partition("\ncollected")[2]


@pytest.mark.parametrize(
    "heavy", ["pytest", "numpy", "matplotlib", "psutil", "dataclasses", "platformdirs", "threading"]
)
def test_importing_the_package_and_writing_once_stays_light(
    heavy: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = str(tmp_path_factory.mktemp("light") / "x.db")
    program = (
        "import sys\n"
        "from pytest_sessionreg import Registry\n"
        f"with Registry.open({path!r}) as registry: registry.sessions.heartbeat('one')\n"
        f"sys.exit({heavy!r} in sys.modules)"
    )
    # -I -S: without what this environment's site packages import at start
    isolated = f"import sys; sys.path[:0] = {sys.path!r}; exec({program!r})"
    assert subprocess.run([sys.executable, "-I", "-S", "-c", isolated], check=False).returncode == 0


def test_the_plugin_loads_nothing_heavy_before_it_is_used() -> None:
    program = (
        "import sys, pytest, pytest_sessionreg.plugin.hooks\n"
        "heavy = {'numpy', 'matplotlib', 'psutil', 'cloudpickle', 'rich.console', 'jinja2', 'sqlite3'}\n"
        "sys.exit(bool(heavy & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_names_are_loaded_when_first_used() -> None:
    program = (
        "import pytest_sessionreg as p\n"
        "assert all(getattr(p, name) for name in p.__all__)\n"
        "try: p.nothing\n"
        "except AttributeError as error: assert 'nothing' in str(error)\n"
        "else: raise SystemExit(1)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0

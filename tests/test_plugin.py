from __future__ import annotations

import subprocess
import sys

import pytest


def _passes(pytester: pytest.Pytester, code: str, *words: str, passed: int = 1) -> pytest.RunResult:
    pytester.makepyfile(code)
    result = pytester.runpytest_subprocess(*words)
    result.assert_outcomes(passed=passed)
    return result


def test_a_registry_of_its_own_per_test(pytester: pytest.Pytester) -> None:
    _passes(
        pytester,
        """
        def test_one(session_registry, session_registry_path):
            session_registry.sessions.register("one")
            assert session_registry.path == str(session_registry_path)

        def test_other(session_registry):
            assert session_registry.sessions.list() == []
        """,
        passed=2,
    )


def test_the_path_comes_without_a_file(pytester: pytest.Pytester) -> None:
    _passes(pytester, "def test_it(session_registry_path):\n    assert not session_registry_path.exists()")


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


def test_a_failing_assertion_in_a_worker_shows_its_values(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        def test_it(workers):
            def check(number):
                assert number < 2, "too large"

            workers.run(check, 4, workers.index)
        """
    )
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*2 of 4 workers failed, the first is worker 2*", "*assert 2 < 2*"])


@pytest.mark.parametrize("count", ["0", "-1", "True", "2.0"])
def test_a_count_that_makes_no_group_is_a_value_error(pytester: pytest.Pytester, count: str) -> None:
    _passes(
        pytester,
        f"""
        import pytest

        def test_it(workers):
            with pytest.raises(ValueError, match="count="):
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


def test_the_plugin_can_be_switched_off(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_it(session_registry):\n    pass")
    result = pytester.runpytest_subprocess("-p", "no:sessionreg")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*fixture 'session_registry' not found*"])


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
        "import sys, pytest, pytest_sessionreg.plugin\n"
        "heavy = {'numpy', 'matplotlib', 'psutil', 'cloudpickle', 'rich.console', 'jinja2'}\n"
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

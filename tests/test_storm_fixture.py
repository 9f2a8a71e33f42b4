"""The fixture `storm` as its users meet it: in test suites of their own."""

from __future__ import annotations

import pytest

_STORE = """
    import sqlite3

    import pytest

    TABLE = "notes"

    def prepare(path):
        connection = sqlite3.connect(path)
        connection.execute(f"CREATE TABLE {TABLE} (worker, sequence)")
        connection.close()

    def acknowledged(path):
        connection = sqlite3.connect(path)
        rows = connection.execute(f"SELECT worker, sequence FROM {TABLE}").fetchall()
        connection.close()
        return rows

    def connect(path):
        return sqlite3.connect(path, timeout=2)
"""


def _run(pytester: pytest.Pytester, tests: str, *words: str) -> pytest.RunResult:
    from textwrap import dedent

    pytester.makepyfile(dedent(_STORE) + dedent(tests))
    return pytester.runpytest_subprocess(*words)


@pytest.mark.parametrize("words", [[], ["-n", "2"], ["--import-mode=importlib"]], ids=str)
def test_functions_of_the_test_and_its_module_reach_the_workers(pytester: pytest.Pytester, words: list[str]) -> None:
    result = _run(
        pytester,
        """
        def test_connection(storm):
            offset = 1000

            def write(connection, worker, sequence):
                connection.execute(f"INSERT INTO {TABLE} VALUES (?, ?)", (worker, sequence + offset - 1000))

            result = storm(
                write, policy="budget", workers=3, writes=4, connect=connect, prepare=prepare, acknowledged=acknowledged
            )
            assert result.lost == 0
            assert result.counts.acknowledged == 12

        def test_path(storm):
            def write(path, worker, sequence):
                connection = sqlite3.connect(path, timeout=10)
                with connection:
                    connection.execute(f"INSERT INTO {TABLE} VALUES (?, ?)", (worker, sequence))
                connection.close()

            assert storm(write, workers=3, writes=4, prepare=prepare, acknowledged=acknowledged).lost == 0

        @pytest.mark.parametrize("workload", ["heartbeat", "mixed"])
        def test_built_in(storm, workload):
            assert storm(workload, workers=2, writes=3, rate=100).lost == 0
        """,
        *words,
    )
    result.assert_outcomes(passed=4)


def test_a_store_that_loses_writes_fails_the_test_and_shows_how_many(pytester: pytest.Pytester) -> None:
    result = _run(
        pytester,
        """
        def test_it(storm):
            def write(path, worker, sequence):
                connection = sqlite3.connect(path, timeout=0)
                try:
                    connection.execute(f"INSERT INTO {TABLE} VALUES (?, ?)", (worker, sequence))
                    connection.commit()
                except sqlite3.OperationalError:
                    pass  # the naive store: locked, never mind
                finally:
                    connection.close()

            result = storm(write, workers=6, writes=30, think_ms=0, prepare=prepare, acknowledged=acknowledged)
            assert result.lost == 0
        """,
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*assert result.lost == 0*", "*assert * == 0*"])


def test_a_function_that_raises_fails_the_test_with_the_workers_traceback(pytester: pytest.Pytester) -> None:
    result = _run(
        pytester,
        """
        def test_it(storm):
            def write(connection, worker, sequence):
                assert worker + sequence < 2, "too large"

            storm(write, workers=2, writes=3)
        """,
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*3 of 6 writes failed*", "*assert (* + *) < 2*", "*3 times AssertionError*"])


def test_rounds_are_runs_with_seeds_of_their_own(pytester: pytest.Pytester) -> None:
    result = _run(
        pytester,
        """
        def test_it(storm):
            result = storm("register", workers=2, writes=2, think_ms=0, rounds=3, seed=5)
            assert result.lost == 0
            assert result.duplicated == 0
            assert [(run.seed, run.round, run.rounds) for run in result] == [(5, 1, 3), (6, 2, 3), (7, 3, 3)]
            assert len(result) == 3

        @pytest.mark.parametrize("rounds", [0, -1, 1.5, True])
        def test_no_rounds(storm, rounds):
            with pytest.raises(Exception, match="rounds="):
                storm(rounds=rounds)
        """,
    )
    result.assert_outcomes(passed=5)


def test_the_registry_is_not_touched_by_a_storm_on_the_tests_own_file(pytester: pytest.Pytester) -> None:
    result = _run(
        pytester,
        """
        def test_it(storm, tmp_path):
            path = tmp_path / "mine.db"
            prepare(path)

            def write(connection, worker, sequence):
                assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)
                connection.execute(f"INSERT INTO {TABLE} VALUES (?, ?)", (worker, sequence))

            assert storm(write, workers=2, writes=3, database=path, connect=connect).lost == 0
            connection = sqlite3.connect(path)
            assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [(TABLE,)]
            assert connection.execute("PRAGMA application_id").fetchone() == (0,)
            connection.close()
            assert len(acknowledged(path)) == 6
        """,
    )
    result.assert_outcomes(passed=1)

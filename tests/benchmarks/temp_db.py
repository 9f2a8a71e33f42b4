"""What a `temp_db` costs a test, beside `tmp_path`.

    python tests/benchmarks/temp_db.py

One suite of tests of each kind, shuffled; each test's setup, call and teardown are summed as pytest measures them. The
connection that the last two open, and close after a commit, costs the same from `sqlite3.connect`. Bar: 1 ms.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from statistics import median, quantiles

from pytest_sessionreg.results.environment import Environment

_TESTS = 300
_SUITE = f"""
import json, random, sqlite3
import pytest

SCHEMA = "".join(f"CREATE TABLE t{{n}} (id INTEGER PRIMARY KEY, a TEXT, b REFERENCES t0 (id));" for n in range(20))
KINDS = ("empty", "tmp_path", "temp_db", "temp_db schema", "sqlite3 write", "temp_db write")

def pytest_generate_tests(metafunc):
    order = list(KINDS) * {_TESTS}
    random.Random(1).shuffle(order)
    metafunc.parametrize("kind", order)

def write(connection):
    connection.execute("CREATE TABLE t (n)")
    connection.execute("INSERT INTO t VALUES (1)")
    connection.commit()
    connection.close()

def test(request, kind):
    if kind == "tmp_path":
        request.getfixturevalue("tmp_path")
    elif kind == "temp_db":
        request.getfixturevalue("temp_db")()
    elif kind == "temp_db schema":
        request.getfixturevalue("temp_db")(SCHEMA)
    elif kind == "temp_db write":
        write(request.getfixturevalue("temp_db")().connect())
    elif kind == "sqlite3 write":
        connection = sqlite3.connect(request.getfixturevalue("tmp_path") / "x.db", isolation_level="IMMEDIATE")
        connection.execute("PRAGMA journal_mode=WAL")
        write(connection)
"""
_CONFTEST = """
import json
taken = {}
def pytest_runtest_logreport(report):
    name = report.nodeid.partition("[")[2].rstrip("]0123456789")
    if report.when == "setup":
        taken.setdefault(name, []).append(0.0)
    taken[name][-1] += report.duration * 1000
def pytest_unconfigure(config):
    (config.rootpath / "taken.json").write_text(json.dumps(taken))
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        print(Environment.of(os.path.join(directory, "x.db")).line())
        for name, text in (("test_it.py", _SUITE), ("conftest.py", _CONFTEST), ("pytest.ini", "[pytest]\n")):
            with open(os.path.join(directory, name), "w", encoding="utf-8") as file:
                file.write(text)
        base = f"--basetemp={os.path.join(directory, 'base')}"
        subprocess.run([sys.executable, "-m", "pytest", "-q", "-q", base], cwd=directory, check=True, stdout=-3)
        with open(os.path.join(directory, "taken.json"), encoding="utf-8") as file:
            taken: dict[str, list[float]] = json.load(file)
    for kind, each_ms in sorted(taken.items()):
        low, middle, high = quantiles(each_ms, n=4)
        print(f"{kind:<15} median {middle:6.3f} ms   quartiles {low:6.3f} and {high:6.3f}   ({len(each_ms)} tests)")
    for kind, beside in (("temp_db", "tmp_path"), ("temp_db schema", "tmp_path"), ("temp_db write", "sqlite3 write")):
        print(f"{kind} costs {median(taken[kind]) - median(taken[beside]):+.3f} ms beside {beside} (bar: 1)")


if __name__ == "__main__":
    main()

"""What the test files beside this share: the loads, the fixture that measures, and where the results go."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from measuring import Load, Store, measured
from table import table

from pytest_sessionreg.plugin import Storm
from pytest_sessionreg.results.environment import Environment

_HERE = Path(__file__).parent
_RESULT = "peers.json"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--peers-out",
        metavar="DIR",
        default=str(_HERE.parent / "latest" / "peers"),
        help="where peers.json and table.md go; entries of an earlier run there are kept until measured again",
    )
    parser.addoption("--peers-short", action="store_true", help="two writers and one round: shows only that it works")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "load" in metafunc.fixturenames:
        short = Load(2, writes=4, think_ms=1.0, rounds=1, alone=4, timeout_s=30)
        loads = [short] if metafunc.config.getoption("peers_short") else [Load(32), Load(64)]
        metafunc.parametrize("load", loads, ids=lambda load: f"{load.writers}-writers")


@pytest.fixture
def peer(
    storm: Storm, load: Load, request: pytest.FixtureRequest, tmp_path: Path
) -> Callable[..., list[dict[str, Any]]]:
    """`peer(store, ...)`: storm the stores and the registry in turns, keep what was found, check the measurement."""

    def run(*stores: Store) -> list[dict[str, Any]]:
        environment = asdict(Environment.of(str(tmp_path / "x.db")))
        found = measured(storm, stores, load)
        for entry in found[:-1]:
            _keep(
                Path(request.config.getoption("peers_out")),
                {**entry, "environment": environment, "registry": found[-1]},
            )
        registry = found[-1]
        assert (registry["acknowledged"], registry["lost"]) == (registry["asked"], 0)
        for entry in found:
            cut_short = any(part["partial"] for part in entry["rounds"])
            assert entry["attempted"] == entry["asked"] or cut_short, "every write is accounted for"
            assert entry["lost"] is not None, "the ledger was set against the store"
        return found

    return run


def _keep(directory: Path, entry: dict[str, Any]) -> None:
    """Put `entry` in the place of the one of the same store and load, and make the table anew."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / _RESULT
    document = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"kind": "peers", "entries": []}
    same = (entry["package"], entry["store"], entry["load"])
    entries = [kept for kept in document["entries"] if (kept["package"], kept["store"], kept["load"]) != same]
    entries.append(entry)
    entries.sort(key=lambda kept: (kept["load"]["writers"], kept["package"].lower(), kept["store"]))
    document["entries"] = entries
    path.write_text(json.dumps(document, separators=(",", ":")) + "\n", encoding="utf-8")
    (directory / "table.md").write_text(table(entries), encoding="utf-8")

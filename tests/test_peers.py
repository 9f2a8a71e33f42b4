"""The storms of other packages in reports/peers still run: each in short, for the packages that are installed."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

_PEERS = Path(__file__).parent.parent / "reports/peers"
_PINNED = dict(re.findall(r"^([\w-]+)==(.*)$", (_PEERS / "requirements.txt").read_text(encoding="utf-8"), re.MULTILINE))


@pytest.mark.slow
@pytest.mark.usefixtures("inner_runs_inherit_nothing")
@pytest.mark.parametrize("path", sorted(_PEERS.glob("test_*.py")), ids=lambda path: path.stem)
def test_a_storm_of_another_package_in_short(path: Path, tmp_path: Path) -> None:
    package = re.search(r'Store\(\s*"([^"]*)"', path.read_text(encoding="utf-8"))
    assert package is not None
    if package[1]:
        assert package[1] in _PINNED
        try:
            version(package[1])
        except PackageNotFoundError:
            pytest.skip(f"{package[1]} is not installed")
    words = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "--peers-short", "--peers-out", str(tmp_path), str(path)]
    done = subprocess.run([sys.executable, *words], cwd=_PEERS, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    entries = json.loads((tmp_path / "peers.json").read_text(encoding="utf-8"))["entries"]
    assert {entry["package"] for entry in entries} == {package[1]}
    assert all(entry["acknowledged"] + entry["given_up"] + entry["failed"] == 8 for entry in entries)
    assert (tmp_path / "table.md").read_text(encoding="utf-8").count("\n| ") == len(entries) + 2

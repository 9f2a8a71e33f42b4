"""The architecture's page names every room that there is."""

from __future__ import annotations

import tomllib
from pathlib import Path

_ROOT = Path(__file__).parent.parent
_PAGE = (_ROOT / "docs/architecture.md").read_text(encoding="utf-8")


def test_every_room_is_in_the_drawing_and_in_the_table() -> None:
    drawing = _PAGE.split("```")[1]
    rooms = [
        path.parent.name
        for path in (_ROOT / "pytest_sessionreg").glob("*/__init__.py")
        if path.parent.name != "_harness"
    ]
    assert len(rooms) > 5
    assert not [room for room in rooms if f"{room}/" not in drawing or f"| `{room}` |" not in _PAGE]


def test_every_part_of_the_harness_is_in_its_drawing() -> None:
    drawing = _PAGE.partition("## Inside the harness")[2].split("```")[1]
    parts = [path.parent.name for path in (_ROOT / "harness").glob("*/__init__.py")]
    assert len(parts) > 3
    assert not [part for part in parts if f"{part}/" not in drawing]


def test_every_experiment_is_in_the_table_of_experiments() -> None:
    table = _PAGE.partition("\n| experiment | its modules |\n")[2].partition("\n\n")[0]
    experiments = [path.parent.name for path in (_ROOT / "harness/experiments").glob("*/__init__.py")]
    assert len(experiments) > 3
    assert not [name for name in experiments if f"`{name}`" not in table]


def test_the_drawing_has_the_order_of_the_contract() -> None:
    contracts = tomllib.loads((_ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    layers = next(
        contract["layers"] for contract in contracts if contract["name"] == "The house: arrows point down only"
    )
    drawing = _PAGE.split("```")[1]
    rooms = [name.strip().rpartition(".")[2] for layer in layers for name in layer.split(":")]
    places = [drawing.index(f"{room}/") for room in rooms if f"{room}/" in drawing]
    assert len(places) > 6
    assert places == sorted(places)

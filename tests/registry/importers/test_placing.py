from __future__ import annotations

import pytest

from pytest_sessionreg import Registry
from pytest_sessionreg.registry.importers.part import KEYS
from pytest_sessionreg.registry.importers.placing import _TABLES


@pytest.mark.parametrize("store", KEYS)
def test_what_tells_records_apart_is_what_the_schema_keeps_unique(session_registry: Registry, store: str) -> None:
    """A key that were another would place a record twice, or leave one out."""
    sql = (
        "SELECT i.name, c.name FROM pragma_index_list(?) AS i, pragma_index_info(i.name) AS c "
        'WHERE i."unique" ORDER BY i.name, c.seqno'
    )
    unique: dict[str, list[str]] = {}
    for index, column in session_registry._database.read(sql, (_TABLES[store],)):
        unique.setdefault(index, []).append(column)
    assert ["workspace_id", *KEYS[store]] in unique.values()
    assert KEYS.keys() == _TABLES.keys()

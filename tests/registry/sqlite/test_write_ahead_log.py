from __future__ import annotations

import os
from typing import Any

import pytest

from pytest_sessionreg import Registry
from pytest_sessionreg.errors import DatabaseMoved
from pytest_sessionreg.registry.sqlite.admission.queue import byte_locks

pytestmark = pytest.mark.skipif(not byte_locks.AVAILABLE, reason="needs open-file-description locks")


def test_a_write_in_which_the_index_was_closed_beside_sqlite_is_undone_and_says_why(database: str) -> None:
    with Registry.open(database) as registry:
        registry.sessions.register("one")
        registry.sessions.register("two")
        with pytest.raises(DatabaseMoved, match="lost SQLite's write lock") as caught, registry.transaction():
            registry.sessions.register("three")
            os.close(os.open(database + "-shm", os.O_RDONLY))
        assert "nothing was written" in str(caught.value)
    with Registry.open(database) as again:
        assert {session.session_id for session in again.sessions.list()} == {"one", "two"}


def test_a_descriptor_whose_number_is_another_files_by_now_is_no_reason_to_undo_a_write(database: str) -> None:
    with Registry.open(database) as registry:
        registry.sessions.register("one")
        registry.sessions.register("two")
        log: Any = registry._database._log
        assert log._index >= 0
        other = os.open(os.devnull, os.O_RDWR)
        try:
            log._index = other
            registry.sessions.register("three")
        finally:
            os.close(other)
        registry.sessions.register("four")
        assert len(registry.sessions.list()) == 4

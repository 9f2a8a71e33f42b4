from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pytest_sessionreg import Registry
from pytest_sessionreg.registry.importers import Malformed, UnreadableSource, import_legacy


def _write(directory: Path, sessions: dict[str, Any]) -> Path:
    file = directory / "claude-sessions.json"
    file.write_text(json.dumps({"sessions": sessions}, indent=1))
    return file


def test_a_session_keeps_everything_that_ccr_knew(session_registry: Registry, ccr: Path) -> None:
    report = import_legacy(session_registry, ccr)
    assert (report.kind, report.imported, report.repeated) == ("ccr", {"sessions": 2, "tokens": 1}, {})
    session = session_registry.sessions.get("s-1")
    assert session is not None
    assert (session.pid, session.ppid, session.cwd, session.label) == (12346, 12345, "/home/dev/projects/foo", "foo")
    assert session.process_started_at is None, "CCR's start_time is the parent's"
    assert session.metadata == {"start_time": 1770600000}
    assert (session.notify, session.transport_kind, session.status) == (True, "nvim", "active")
    assert session.transport_details["instance_name"] == "/dev/pts/12"
    assert session.started_at == datetime(2026, 2, 9, 1, 20, tzinfo=UTC)
    assert session.last_heartbeat_at == datetime(2026, 2, 9, 1, 25, tzinfo=UTC)
    assert session.expires_at == datetime(2026, 2, 10, 1, 20, tzinfo=UTC)
    assert (session.ended_at, session.pid_namespace) == (None, None)


def test_an_unknown_state_is_finished_and_unknown_fields_become_metadata(session_registry: Registry, ccr: Path) -> None:
    import_legacy(session_registry, ccr)
    session = session_registry.sessions.get("s-2")
    assert session is not None
    moment = datetime(2026, 2, 9, 1, 20, tzinfo=UTC)
    assert (session.status, session.started_at, session.ended_at) == ("finished", moment, moment)
    assert (session.metadata, session.transport_kind, session.transport_details) == ({"nickname": "bar"}, "unknown", {})


def test_a_token_is_worth_what_it_was_and_only_its_hash_is_stored(session_registry: Registry, ccr: Path) -> None:
    import_legacy(session_registry, ccr)
    verdict = session_registry.tokens.validate("tok-1", 123456)
    assert verdict.session_id == "s-1"
    assert session_registry.tokens.validate("tok-1", 7).verdict == "wrong chat"
    assert session_registry.tokens.validate("tok-2", 123456).verdict == "unknown"
    ((stored, expires_at),) = session_registry._database.read("SELECT token_hash, expires_at FROM tokens")
    assert stored == hashlib.sha256(b"tok-1").hexdigest()
    assert expires_at == "2099-02-10T01:20:00.000000Z"


def test_a_token_without_its_session_is_malformed_where_it_stands(session_registry: Registry, ccr: Path) -> None:
    (malformed,) = import_legacy(session_registry, ccr).malformed
    assert malformed.file == str(ccr / "claude-tokens.json")
    assert malformed.line == 8
    assert "session_id='gone'" in malformed.reason
    assert "tok-2" not in malformed.reason


def test_each_file_may_be_the_source_by_itself(session_registry: Registry, ccr: Path) -> None:
    first = import_legacy(session_registry, ccr / "claude-tokens.json")
    assert (first.imported, len(first.malformed)) == ({}, 2)
    assert import_legacy(session_registry, ccr / "claude-sessions.json").imported == {"sessions": 2}
    assert import_legacy(session_registry, ccr).already_imported


def test_after_one_file_the_directory_brings_the_other(session_registry: Registry, ccr: Path) -> None:
    import_legacy(session_registry, ccr / "claude-sessions.json")
    session_registry.sessions.remove("s-2")
    report = import_legacy(session_registry, ccr)
    assert (report.imported, report.already_imported) == ({"tokens": 1}, False)
    assert session_registry.sessions.get("s-2") is None


@pytest.mark.parametrize(
    ("session", "reason"),
    [
        (7, "record=7"),
        ([], "record=[]"),
        ({"session_id": "other"}, "differs from its key"),
        ({"pid": "12"}, "pid='12'"),
        ({"pid": True}, "pid=True"),
        ({"pid": -1}, "pid=-1"),
        ({"pid": 1 << 63}, "pid=9223372036854775808"),
        ({"notify": "yes"}, "notify='yes'"),
        ({"transport": "tmux"}, "transport='tmux'"),
        ({"transport": {"kind": 7}}, "kind=7"),
        ({"transport": {"details": [1]}}, "details=[1]"),
        ({"state": 7}, "state=7"),
        ({"created_at": "yesterday"}, "created_at='yesterday'"),
        ({"created_at": True}, "created_at=True"),
        ({"cwd": "a\0b"}, "without NUL"),
        ({"cwd": "\ud800"}, "cwd="),
        ({"label": "x" * 10_000_000}, "at most 1048576 characters"),
        ({"extra": {"deep": "y" * 10_000_000}}, "at most 1048576 characters"),
        ({"extra": float("nan")}, "metadata="),
    ],
)
def test_a_malformed_session_is_named_and_the_others_come(
    session_registry: Registry, tmp_path: Path, session: Any, reason: str
) -> None:
    file = _write(tmp_path, {"good": {"state": "active"}, "bad": session, "fine": {}})
    report = import_legacy(session_registry, file)
    (malformed,) = report.malformed
    assert (malformed.file, malformed.line) == (str(file), 6)
    assert reason in malformed.reason
    assert len(malformed.reason) < 400
    assert [session.session_id for session in session_registry.sessions.list()] == ["good", "fine"]


def test_an_id_that_is_none_is_malformed(session_registry: Registry, tmp_path: Path) -> None:
    report = import_legacy(session_registry, _write(tmp_path, {"": {}, "x" * 513: {}, "a\0": {}}))
    assert [malformed.line for malformed in report.malformed] == [3, 4, 5]
    assert session_registry.sessions.list() == []


def test_a_bad_token_is_not_shown(session_registry: Registry, tmp_path: Path) -> None:
    file = tmp_path / "claude-tokens.json"
    file.write_text('{"secret\\u0000": {"session_id": "s"}, "other": {"session_id": "s", "chat_id": true}}')
    report = import_legacy(session_registry, file)
    assert [malformed.line for malformed in report.malformed] == [1, 1]
    assert not any("secret" in malformed.reason for malformed in report.malformed)


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b'{"sessions": {\n  "s-1": {\n', 3),
        (b"", 1),
        (b"not json", 1),
        (b'{"sessions": {}}\n\n{', 3),
        (b'{"a": 1,\n"b": "\xff"}', 2),
        (b"[]", 1),
        (b"{}", 1),
        (b'{"sessions": []}', 1),
        (b"[" * 100_000, 1),
        (b"\0" * 100, 1),
    ],
)
def test_a_file_that_is_no_store_stops_the_import_and_is_named(
    session_registry: Registry, ccr: Path, content: bytes, line: int
) -> None:
    file = ccr / "claude-sessions.json"
    file.write_bytes(content)
    with pytest.raises(UnreadableSource, match="nothing was imported") as caught:
        import_legacy(session_registry, ccr)
    assert (caught.value.file, caught.value.line) == (str(file), line)
    assert session_registry.sessions.list() == []
    assert session_registry.meta.list() == []


def test_a_session_that_the_registry_knows_stays_as_it_is(session_registry: Registry, ccr: Path) -> None:
    session_registry.sessions.register("s-1", label="in use")
    report = import_legacy(session_registry, ccr)
    assert (report.imported, report.repeated) == ({"sessions": 1, "tokens": 1}, {"sessions": 1})
    session = session_registry.sessions.get("s-1")
    assert session is not None
    assert session.label == "in use"


def test_of_a_repeated_key_the_last_counts(session_registry: Registry, tmp_path: Path) -> None:
    file = tmp_path / "claude-sessions.json"
    file.write_text('{"sessions": {"a": {"label": "first"},\n "a": {"label": "last"}}}')
    report = import_legacy(session_registry, file)
    assert (report.imported, report.repeated, report.malformed) == ({"sessions": 1}, {"sessions": 1}, ())
    (session,) = session_registry.sessions.list()
    assert session.label == "last"


def test_sessions_come_into_the_registrys_own_workspace(database: str, ccr: Path) -> None:
    with Registry.open(database, workspace="mine") as registry:
        import_legacy(registry, ccr)
        assert len(registry.sessions.list()) == 2
        assert registry.all_workspaces().ids() == ["mine"]


def test_the_report_is_typed(session_registry: Registry, ccr: Path) -> None:
    report = import_legacy(session_registry, str(ccr))
    assert report.source == str(ccr)
    assert all(isinstance(malformed, Malformed) for malformed in report.malformed)

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pytest_sessionreg import Registry
from pytest_sessionreg.plugin import Workers
from pytest_sessionreg.processes import WorkerDied
from pytest_sessionreg.registry.errors import DatabaseBusy, DatabaseCorrupt
from pytest_sessionreg.registry.importers import ImportReport, UnknownSource, UnreadableSource, import_legacy

CCR = """
CREATE TABLE sessions (session_id TEXT PRIMARY KEY, ppid INTEGER, pid INTEGER, start_time INTEGER, cwd TEXT, label TEXT,
  notify INTEGER DEFAULT 0, transport_kind TEXT, transport_details TEXT, state TEXT DEFAULT 'active', created_at TEXT,
  updated_at TEXT, expires_at TEXT);
CREATE TABLE tokens (token TEXT PRIMARY KEY, session_id TEXT REFERENCES sessions(session_id) ON DELETE CASCADE,
  chat_id INTEGER, created_at TEXT, expires_at TEXT);
INSERT INTO sessions VALUES ('s-1', 1, 2, 1770600000, '/w', 'foo', 1, 'tmux', '{"tmux_pane": "%5"}', 'active',
  '2026-02-09 01:20:00', '2026-02-09 01:25:00', NULL);
INSERT INTO sessions (session_id, pid) VALUES ('bad', 'x');
INSERT INTO tokens VALUES ('tok-1', 's-1', 7, '2026-02-09T01:20:00Z', '2099-01-01T00:00:00Z');
INSERT INTO tokens VALUES ('tok-2', 'bad', 7, NULL, NULL);
"""
OVERSTORY = """
CREATE TABLE sessions (id TEXT PRIMARY KEY, agent_name TEXT NOT NULL UNIQUE, capability TEXT NOT NULL,
  worktree_path TEXT NOT NULL, branch_name TEXT NOT NULL, bead_id TEXT NOT NULL, tmux_session TEXT NOT NULL,
  state TEXT NOT NULL, pid INTEGER, parent_agent TEXT, depth INTEGER NOT NULL DEFAULT 0, run_id TEXT,
  started_at TEXT NOT NULL, last_activity TEXT NOT NULL, escalation_level INTEGER NOT NULL DEFAULT 0,
  stalled_since TEXT);
CREATE TABLE runs (id TEXT PRIMARY KEY, started_at TEXT NOT NULL, completed_at TEXT,
  agent_count INTEGER NOT NULL DEFAULT 0, coordinator_session_id TEXT, status TEXT NOT NULL, description TEXT);
INSERT INTO sessions VALUES ('a-1', 'lead', 'lead', '/w', 'b', 'bead-1', 'tmux-1', 'working', 5, NULL, 0, 'run-1',
  '2026-02-09T01:20:00.000Z', '2026-02-09T01:25:00.000Z', 2, '2026-02-09T01:24:00.000Z');
INSERT INTO runs VALUES ('run-1', '2026-02-09T01:00:00.000Z', NULL, 3, NULL, 'active', 'night');
"""
ORBIT = """
CREATE TABLE v2_audit_events (id INTEGER PRIMARY KEY AUTOINCREMENT, workspace_id TEXT NOT NULL, event_id TEXT NOT NULL,
  source TEXT NOT NULL, schema_version INTEGER NOT NULL, event_type TEXT NOT NULL, ts TEXT NOT NULL,
  run_id TEXT NOT NULL, agent_identity TEXT NOT NULL, parent_event_id TEXT, workspace_path TEXT,
  payload_json TEXT NOT NULL, UNIQUE(workspace_id, event_id));
CREATE TABLE job_runs (run_id TEXT NOT NULL, workspace_id TEXT NOT NULL, job_id TEXT NOT NULL, attempt INTEGER NOT NULL,
  state TEXT NOT NULL, scheduled_at TEXT NOT NULL, started_at TEXT, finished_at TEXT, duration_ms INTEGER,
  created_at TEXT NOT NULL, pid INTEGER, pid_start_time TEXT, input_json TEXT, retry_source_run_id TEXT,
  pipeline_state_json TEXT, PRIMARY KEY(workspace_id, run_id));
CREATE TABLE job_run_steps (workspace_id TEXT NOT NULL, run_id TEXT NOT NULL, step_index INTEGER NOT NULL,
  target_type TEXT NOT NULL, target_id TEXT NOT NULL, state TEXT NOT NULL, started_at TEXT, finished_at TEXT,
  duration_ms INTEGER, exit_code INTEGER, error_code TEXT, error_message TEXT, agent_response_json TEXT,
  PRIMARY KEY(workspace_id, run_id, step_index));
CREATE TABLE session_learning_state (workspace_id TEXT NOT NULL, session_id TEXT NOT NULL,
  learning_injection_state_json TEXT NOT NULL, updated_at TEXT NOT NULL, PRIMARY KEY(workspace_id, session_id));
INSERT INTO v2_audit_events VALUES (1, 'ws_1', 'e-1', 'cli', 1, 'x', '2026-05-01T10:00:00Z', 'r-1', 'me', NULL, NULL,
  '{ "a":1.50 }');
INSERT INTO v2_audit_events VALUES (2, 'ws_2', 'e-1', 'cli', 1, 'x', '2026-05-01T10:00:00Z', 'r-1', 'me', NULL, NULL,
  'not json');
INSERT INTO job_runs VALUES ('r-1', 'ws_1', 'nightly', 1, 'done', '2026-05-01T09:00:00Z', NULL, NULL, 7,
  '2026-05-01T08:00:00Z', 3, '2026-05-01T07:00:00Z', '{"n": 1}', NULL, NULL);
INSERT INTO job_run_steps VALUES ('ws_1', 'r-1', 0, 'activity', 'plan', 'done', NULL, NULL, 1, -1, NULL, NULL, '[1]');
INSERT INTO job_run_steps VALUES ('ws_1', 'r-2', 0, 'activity', 'plan', 'done', NULL, NULL, 1, 0, NULL, NULL, NULL);
INSERT INTO session_learning_state VALUES ('ws_2', 's-1', '{"seen": []}', '2026-05-01T06:00:00Z');
INSERT INTO session_learning_state VALUES ('ws_2', 's-2', '{', '2026-05-01T06:00:00Z');
"""


def _made(path: Path, script: str) -> Path:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(script)
    return path


def test_a_ccr_database_is_imported(session_registry: Registry, tmp_path: Path) -> None:
    source = _made(tmp_path / "ccr.db", CCR)
    report = import_legacy(session_registry, source)
    assert (report.kind, report.imported) == ("ccr database", {"sessions": 1, "tokens": 1})
    session = session_registry.sessions.get("s-1")
    assert session is not None
    assert (session.pid, session.notify, session.transport_kind) == (2, True, "tmux")
    assert session.transport_details == {"tmux_pane": "%5"}
    assert session.started_at == datetime(2026, 2, 9, 1, 20, tzinfo=UTC)
    assert session_registry.tokens.validate("tok-1", 7).session_id == "s-1"
    assert [(malformed.file, malformed.line) for malformed in report.malformed] == [(str(source), None)] * 2
    assert [malformed.reason[:21] for malformed in report.malformed] == [
        "table sessions, row 2",
        "table tokens, row 2: ",
    ]


def test_an_overstory_database_is_imported(session_registry: Registry, tmp_path: Path) -> None:
    report = import_legacy(session_registry, _made(tmp_path / "old.db", OVERSTORY))
    assert (report.kind, report.imported) == ("overstory database", {"runs": 1, "agents": 1})
    agent = session_registry.agents.get("lead")
    assert agent is not None
    assert (agent.agent_id, agent.task_id, agent.run_id, agent.escalation_level) == ("a-1", "bead-1", "run-1", 2)
    run = session_registry.runs.get("run-1")
    assert run is not None
    assert (run.status, run.agent_count, run.description) == ("active", 3, "night")
    assert run.started_at == datetime(2026, 2, 9, 1, tzinfo=UTC)


def test_an_orbit_database_fills_the_workspaces_that_its_rows_name(session_registry: Registry, tmp_path: Path) -> None:
    report = import_legacy(session_registry, _made(tmp_path / "orbit.db", ORBIT))
    assert report.kind == "orbit database"
    assert report.imported == {"audit": 1, "jobs": 1, "job_steps": 1, "learning": 1}
    one, two = (session_registry.all_workspaces().workspace(name) for name in ("ws_1", "ws_2"))
    (event,) = one.audit.query()
    assert event.payload == '{ "a":1.50 }'
    run = one.jobs.get("r-1")
    assert run is not None
    assert (run.input, run.duration_ms) == ('{"n": 1}', 7)
    assert run.process_started_at == datetime(2026, 5, 1, 7, tzinfo=UTC)
    assert run.created_at == datetime(2026, 5, 1, 8, tzinfo=UTC)
    (step,) = one.jobs.steps("r-1")
    assert (step.exit_code, step.agent_response) == (-1, "[1]")
    (learned,) = two.learning.list()
    assert (learned.session_id, learned.updated_at) == ("s-1", datetime(2026, 5, 1, 6, tzinfo=UTC))
    assert [malformed.reason.partition(":")[0] for malformed in report.malformed] == [
        "table v2_audit_events, row 2",
        "table session_learning_state, row 2",
        "table job_run_steps, row 2",
    ]


def test_an_earlier_ccr_schema_gets_the_defaults(session_registry: Registry, tmp_path: Path) -> None:
    script = """
    CREATE TABLE sessions (session_id TEXT PRIMARY KEY, ppid INTEGER, start_time INTEGER);
    INSERT INTO sessions VALUES ('s-1', 1, NULL);
    CREATE TABLE tokens (token TEXT PRIMARY KEY, session_id TEXT, chat_id INTEGER, created_at TEXT);
    INSERT INTO tokens VALUES ('tok-1', 's-1', 7, '2026-02-09T01:20:00Z');
    """
    report = import_legacy(session_registry, _made(tmp_path / "ccr.db", script))
    assert (report.imported, report.malformed) == ({"sessions": 1, "tokens": 1}, ())
    session = session_registry.sessions.get("s-1")
    assert session is not None
    assert (session.status, session.notify, session.transport_kind, session.expires_at) == (
        "active",
        False,
        "unknown",
        None,
    )
    assert session_registry.tokens.validate("tok-1", 7).verdict == "expired"


@pytest.mark.parametrize(
    "missing", [("escalation_level", "stalled_since"), ("run_id",), ("last_activity",), ("run_id", "last_activity")]
)
def test_earlier_overstory_schemas_get_the_defaults(
    session_registry: Registry, tmp_path: Path, missing: tuple[str, ...]
) -> None:
    script = OVERSTORY + "".join(f"ALTER TABLE sessions DROP COLUMN {column};" for column in missing)
    script += "DROP TABLE runs;"
    report = import_legacy(session_registry, _made(tmp_path / "old.db", script))
    assert (report.imported, report.malformed) == ({"agents": 1}, ())
    agent = session_registry.agents.get("lead")
    assert agent is not None
    assert (agent.run_id is None) == ("run_id" in missing)
    assert agent.escalation_level == (0 if "escalation_level" in missing else 2)
    assert (agent.last_activity_at == agent.started_at) == ("last_activity" in missing)


def test_an_earlier_orbit_schema_without_workspaces_fills_the_registrys_own(
    session_registry: Registry, tmp_path: Path
) -> None:
    script = """
    CREATE TABLE v2_audit_events (event_id TEXT, event_type TEXT, ts TEXT, payload_json TEXT);
    INSERT INTO v2_audit_events VALUES ('e-1', 'x', '2026-05-01T10:00:00Z', '{}');
    CREATE TABLE job_runs (run_id TEXT, job_id TEXT, state TEXT, scheduled_at TEXT);
    INSERT INTO job_runs VALUES ('r-1', 'j', 'done', '2026-05-01T10:00:00Z');
    """
    report = import_legacy(session_registry, _made(tmp_path / "orbit.db", script))
    assert (report.imported, report.malformed) == ({"audit": 1, "jobs": 1}, ())
    assert session_registry.audit.count() == 1
    run = session_registry.jobs.get("r-1")
    assert run is not None
    assert (run.attempt, run.pid) == (1, None)


def test_a_hostile_row_is_malformed_and_the_others_come(session_registry: Registry, tmp_path: Path) -> None:
    source = tmp_path / "old.db"
    with closing(sqlite3.connect(_made(source, OVERSTORY))) as connection:
        values = (b"\xff\xfe", "a" * 10_000, "a\0b", 7, b"text")
        for number, name in enumerate(values):
            connection.execute(
                "INSERT INTO sessions SELECT ?, CASE WHEN ? THEN CAST(? AS TEXT) ELSE ? END, capability, "
                "worktree_path, branch_name, bead_id, tmux_session, state, pid, parent_agent, depth, run_id, "
                "started_at, last_activity, escalation_level, stalled_since FROM sessions WHERE id = 'a-1'",
                (f"h-{number}", number == 0, name, name),
            )
        connection.execute("UPDATE sessions SET capability = ? WHERE id = 'h-3'", ("x" * 10_000_000,))
        connection.commit()
    report = import_legacy(session_registry, source)
    assert (report.imported["agents"], len(report.malformed)) == (1, 5)
    assert all(len(malformed.reason) < 300 for malformed in report.malformed)


def _listing(directory: Path) -> dict[str, tuple[int, int, bytes]]:
    return {
        path.name: (path.stat().st_mtime_ns, path.stat().st_size, path.read_bytes())
        for path in directory.iterdir()
        if path.is_file()
    }


def test_a_wal_database_is_left_as_it_was_with_nothing_beside_it(session_registry: Registry, tmp_path: Path) -> None:
    directory = tmp_path / "old store"
    directory.mkdir()
    source = _made(directory / "odd?name#%41.db", "PRAGMA journal_mode = WAL;" + OVERSTORY)
    before = _listing(directory)
    assert list(before) == [source.name]
    assert import_legacy(session_registry, source).imported == {"runs": 1, "agents": 1}
    assert _listing(directory) == before


def test_what_is_still_in_the_log_of_a_living_writer_is_imported(session_registry: Registry, tmp_path: Path) -> None:
    source = _made(tmp_path / "old.db", "PRAGMA journal_mode = WAL;" + OVERSTORY)
    with closing(sqlite3.connect(source)) as writer:
        writer.execute("UPDATE sessions SET state = 'stalled'")
        writer.commit()
        before = os.stat(source)
        writer.execute("UPDATE sessions SET state = 'zombie'")
        import_legacy(session_registry, source)
        assert (os.stat(source).st_mtime_ns, os.stat(source).st_size) == (before.st_mtime_ns, before.st_size)
    agent = session_registry.agents.get("lead")
    assert agent is not None
    assert agent.state == "stalled"


def test_a_database_that_changes_while_it_is_read_is_read_again(
    session_registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pytest_sessionreg.registry.importers import database_source

    source = _made(tmp_path / "old.db", OVERSTORY)
    part = database_source._DatabaseSource._part
    changed: list[bool] = []

    def disturbed(*arguments: object) -> object:
        read = part(*arguments)  # type: ignore[arg-type]
        if not changed:
            changed.append(True)
            _made(source, "UPDATE sessions SET state = 'zombie'")
        return read

    monkeypatch.setattr(database_source._DatabaseSource, "_part", disturbed)
    import_legacy(session_registry, source)
    agent = session_registry.agents.get("lead")
    assert agent is not None
    assert agent.state == "zombie"


def test_a_database_is_imported_once_under_any_name(session_registry: Registry, tmp_path: Path) -> None:
    source = _made(tmp_path / "old.db", OVERSTORY)
    link = tmp_path / "link.db"
    link.symlink_to(source)
    reports: list[ImportReport] = [import_legacy(session_registry, path) for path in (link, source)]
    assert [report.already_imported for report in reports] == [False, True]


def test_a_damaged_database_is_our_error(session_registry: Registry, tmp_path: Path) -> None:
    source = _made(tmp_path / "old.db", OVERSTORY)
    content = bytearray(source.read_bytes())
    content[100:2000] = b"\xff" * 1900
    source.write_bytes(content)
    with pytest.raises(DatabaseCorrupt, match=r"old\.db"):
        import_legacy(session_registry, source)
    assert session_registry.meta.list() == []


def _die_inside_a_transaction(path: str) -> None:
    import signal

    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA cache_size = 5")
    connection.execute("BEGIN")
    for number in range(500):
        connection.execute("INSERT INTO runs VALUES (?, 'x', NULL, 0, NULL, 'active', ?)", (f"r-{number}", "z" * 2000))
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_database_that_a_crash_left_half_written_names_the_remedy(
    session_registry: Registry, tmp_path: Path, workers: Workers
) -> None:
    source = _made(tmp_path / "old.db", OVERSTORY)
    with pytest.raises(WorkerDied):
        workers.run(_die_inside_a_transaction, 1, str(source))
    with pytest.raises(UnreadableSource, match="open it once with its own program"):
        import_legacy(session_registry, source)
    with closing(sqlite3.connect(source)) as program:
        program.execute("SELECT * FROM runs").fetchall()
    assert import_legacy(session_registry, source).imported == {"runs": 1, "agents": 1}


def test_a_database_that_stays_locked_is_our_error(
    session_registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pytest_sessionreg.registry.importers.source_file._PATIENCE_S", 0.05)
    source = _made(tmp_path / "old.db", OVERSTORY)
    with closing(sqlite3.connect(source, isolation_level=None)) as program:
        program.execute("BEGIN EXCLUSIVE")
        program.execute("DELETE FROM runs")
        with pytest.raises(DatabaseBusy, match=r"old\.db"):
            import_legacy(session_registry, source)
        program.execute("ROLLBACK")


@pytest.mark.parametrize(
    "script",
    [
        "",
        "CREATE TABLE other (a)",
        "CREATE TABLE sessions (id, status); CREATE TABLE locks (name)",
        "CREATE TABLE sessions (session_id TEXT, status TEXT, branch TEXT)",
        "CREATE TABLE tokens (token TEXT)",
    ],
)
def test_another_applications_database_is_an_unknown_source(
    session_registry: Registry, tmp_path: Path, script: str
) -> None:
    with pytest.raises(UnknownSource, match="an SQLite database of Overstory"):
        import_legacy(session_registry, _made(tmp_path / "other.db", script))


def test_another_registry_is_an_unknown_source(session_registry: Registry, tmp_path: Path) -> None:
    with Registry.open(tmp_path / "other.db") as other:
        other.sessions.register("one")
        with pytest.raises(UnknownSource):
            import_legacy(session_registry, other.path)

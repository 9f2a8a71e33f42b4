from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pytest_sessionreg import Registry
from pytest_sessionreg.registry.importers import UnreadableSource, import_legacy
from pytest_sessionreg.registry.workspace import Workspace


@pytest.fixture
def imported(session_registry: Registry) -> Workspace:
    """The stores of the workspace that the sample's config.yaml names."""
    return session_registry.all_workspaces().workspace("ws_7")


def _events(workspace: Path) -> Path:
    return workspace / ".orbit" / "state" / "audit" / "v2_loop" / "2026-05" / "run-1.jsonl"


def test_events_runs_steps_and_learnings_come_into_the_named_workspace(
    session_registry: Registry, imported: Workspace, orbit: Path
) -> None:
    report = import_legacy(session_registry, orbit)
    assert report.source == str(orbit / ".orbit")
    assert (report.kind, report.imported) == ("orbit", {"audit": 2, "jobs": 1, "job_steps": 2, "learning": 1})
    assert session_registry.all_workspaces().ids() == ["ws_7"]
    learned = imported.learning.get("s-1")
    file = orbit / ".orbit" / "state" / "sessions" / "s-1" / "learnings.json"
    assert learned is not None
    assert learned.state == {"seen": ["L-1"]}
    assert abs(learned.updated_at.timestamp() - file.stat().st_mtime) < 0.001


def test_a_payload_is_kept_to_the_byte(session_registry: Registry, imported: Workspace, orbit: Path) -> None:
    import_legacy(session_registry, orbit)
    first, second = imported.audit.query()
    assert first.payload == '{ "b" : 1.50, "a":"\\u00fc", "blob":"sha256:ab" }'
    assert (first.event_id, first.source, first.schema_version, first.event_type) == (
        "e-1",
        "v2_loop",
        2,
        "tool_denied",
    )
    assert (first.run_id, first.agent_identity, first.workspace_path) == ("run-1", "crew/impl", "/w")
    assert first.at == datetime(2026, 5, 1, 10, 0, 0, 123456, tzinfo=UTC)
    assert second.payload == _events(orbit).read_text().splitlines()[2]
    assert (second.source, second.run_id, second.agent_identity) == ("unknown", "unknown", "unknown")


def test_a_job_run_keeps_its_json_and_its_steps(session_registry: Registry, imported: Workspace, orbit: Path) -> None:
    report = import_legacy(session_registry, orbit)
    run = imported.jobs.get("run-1")
    assert run is not None
    assert (run.job_id, run.attempt, run.state, run.duration_ms, run.pid) == ("nightly", 2, "failed", 1500, 99)
    assert (run.input, run.retry_of, run.process_started_at) == ('{"n":  1.0}', "run-0", None)
    assert run.scheduled_at == run.created_at == datetime(2026, 5, 1, 9, tzinfo=UTC)
    first, second = imported.jobs.steps("run-1")
    assert (first.step, first.exit_code, first.target_id) == (0, -9, "plan")
    assert (second.step, second.agent_response) == (2, '{"ok":  false}')
    (malformed,) = report.malformed
    assert (os.path.basename(malformed.file), malformed.line) == ("run-1.json", 7)
    assert malformed.reason == "target_id=None: is missing"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{", "is not JSON"),
        (b"[1, 2]", "must be a JSON object"),
        (b'{"event_type": "x", "ts": "2026-05-01T10:00:00Z"}', "event_id=None: is missing"),
        (b'{"event_id": "x", "event_type": "x"}', "ts=None: is missing"),
        (b'{"event_id": "x", "event_type": "x", "ts": "2026-05-01T10:00:00Z", "payload": {"a": NaN}}', "NaN"),
        (b'{"event_id": "x", "event_type": "x", "ts": "2026-05-01T10:00:00Z", "a": Infinity}', "Infinity"),
        (b'{"event_id": "x\\u0000", "event_type": "x", "ts": "2026-05-01T10:00:00Z"}', "without NUL"),
        (b'{"event_id": "\xff"}', "is not UTF-8"),
        (b"\0\0\0", "is not JSON"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"event_id": "x", "event_type": "x", "ts": 1, "payload": {"a": "' + b"y" * 10_000_000 + b'"}}', "1048576"),
        (b'{"event_id": "x", "event_type": "x", "ts": 1, "payload": {"a": ' + b"9" * 5_000 + b"}}", "payload="),
    ],
)
def test_a_malformed_line_is_named_and_the_others_come(
    session_registry: Registry, imported: Workspace, orbit: Path, line: bytes, reason: str
) -> None:
    events = _events(orbit)
    first, _, second = events.read_bytes().splitlines()
    events.write_bytes(b"\xef\xbb\xbf" + first + b"\r\n" + line + b"\n" + second)
    report = import_legacy(session_registry, orbit)
    malformed = report.malformed[0]
    assert (malformed.file, malformed.line) == (str(events), 2)
    assert reason in malformed.reason
    assert imported.audit.count() == 2


def test_an_event_that_was_written_twice_comes_once_as_it_was_first(
    session_registry: Registry, imported: Workspace, orbit: Path
) -> None:
    events = _events(orbit)
    repeated = events.read_text().splitlines()[2].replace('"detail":7', '"detail":8')
    with events.open("a") as file:
        file.write(repeated + "\n")
    report = import_legacy(session_registry, orbit)
    assert (report.imported["audit"], report.repeated) == (2, {"audit": 1})
    assert '"detail":7' in imported.audit.query()[1].payload


@pytest.mark.parametrize(
    ("content", "line"),
    [("{\n\n]", 3), ("", 1), ("[]", 1), ('{"run_id": "r"}', 1), ('{"run_id": "r", "job_id": "j", "state": "s"}', 1)],
)
def test_a_malformed_job_run_is_one_bad_record(
    session_registry: Registry, imported: Workspace, orbit: Path, content: str, line: int
) -> None:
    file = orbit / ".orbit" / "state" / "job-runs" / "a.json"
    file.write_text(content)
    report = import_legacy(session_registry, orbit)
    assert (report.malformed[0].file, report.malformed[0].line) == (str(file), line)
    assert imported.jobs.get("run-1") is not None


def test_malformed_learnings_are_one_bad_record(session_registry: Registry, imported: Workspace, orbit: Path) -> None:
    sessions = orbit / ".orbit" / "state" / "sessions"
    for name, content in (("s-0", "{"), ("s-2", '"\\ud800"'), ("s-3", '"' + "x" * 10_000_000 + '"'), ("x" * 200, "7")):
        (sessions / name).mkdir()
        (sessions / name / "learnings.json").write_text(content)
    (sessions / "s-4").mkdir()
    report = import_legacy(session_registry, orbit)
    named = [os.path.basename(os.path.dirname(malformed.file)) for malformed in report.malformed]
    assert [name for name in named if name.startswith("s-")] == ["s-0", "s-2", "s-3"]
    assert {state.session_id for state in imported.learning.list()} == {"s-1", "x" * 200}


@pytest.mark.parametrize(
    ("config", "workspace_id"),
    [
        ("workspace_id: ws_1", "ws_1"),
        ("workspace_id:   'ws 1'   # ours\r\nother: 1", "ws 1"),
        ('# workspace_id: no\nnested:\n  workspace_id: no\nworkspace_id: "ws#1"', "ws#1"),
        ("workspace_id: ws_1#2 # ours", "ws_1#2"),
    ],
)
def test_the_workspace_id_is_read_from_the_configuration(
    session_registry: Registry, orbit: Path, config: str, workspace_id: str
) -> None:
    (orbit / ".orbit" / "config.yaml").write_bytes(config.encode())
    import_legacy(session_registry, orbit / ".orbit")
    assert session_registry.all_workspaces().ids() == [workspace_id]


@pytest.mark.parametrize(
    "config",
    [None, "", "name: x", "workspace_id:", 'workspace_id: ""', "workspace_id: # x", "nested:\n  workspace_id: x"],
)
def test_without_a_workspace_id_the_remedy_is_named(
    session_registry: Registry, orbit: Path, config: str | None
) -> None:
    file = orbit / ".orbit" / "config.yaml"
    if config is None:
        file.unlink()
    else:
        file.write_text(config)
    with pytest.raises(UnreadableSource, match="add a line `workspace_id: <id>`") as caught:
        import_legacy(session_registry, orbit)
    assert caught.value.file == str(file)
    assert session_registry.meta.list() == []


def test_a_run_that_the_registry_knows_keeps_its_own_steps(
    session_registry: Registry, imported: Workspace, orbit: Path
) -> None:
    imported.jobs.upsert("run-1", job_id="nightly", state="running", scheduled_at=datetime.now(UTC))
    report = import_legacy(session_registry, orbit)
    assert report.repeated == {"jobs": 1, "job_steps": 2}
    run = imported.jobs.get("run-1")
    assert run is not None
    assert (run.state, imported.jobs.steps("run-1")) == ("running", [])


def test_what_is_no_regular_file_is_passed_over(session_registry: Registry, imported: Workspace, orbit: Path) -> None:
    audit = orbit / ".orbit" / "state" / "audit"
    os.mkfifo(audit / "pipe.jsonl")
    (audit / "directory.jsonl").mkdir()
    (audit / "dangling.jsonl").symlink_to(audit / "nowhere")
    (audit / "blobs").mkdir()
    (audit / "blobs" / "ab12").write_bytes(b"\0\1")
    import_legacy(session_registry, orbit)
    assert imported.audit.count() == 2

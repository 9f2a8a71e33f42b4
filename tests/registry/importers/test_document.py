from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_sessionreg import Registry, RegistryError
from pytest_sessionreg.registry.importers import import_legacy
from pytest_sessionreg.registry.importers.document import Document

NAMES = [
    *("sessions", "session_id", "pid", "ppid", "start_time", "notify", "transport", "kind", "details", "state"),
    *("created_at", "updated_at", "expires_at", "chat_id", "agentName", "id", "depth", "runId", "startedAt"),
    *("stalledSince", "event_id", "event_type", "ts", "payload", "payload_json", "run_id", "job_id", "scheduled_at"),
    *("steps", "step_index", "target_type", "target_id", "input", "pid_start_time", "cwd", "label", ""),
]
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.sampled_from(["active", "working", "2026-05-01T10:00:00Z", "9999-12-31T23:59:59-12:00", "0001-01-01", "\ud800"]),
)
KEYS = st.one_of(st.sampled_from(NAMES), st.text(st.characters(codec=None), max_size=4))
DOCUMENTS = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=6), max_leaves=25
)
RECORDS = st.dictionaries(st.sampled_from(NAMES), LEAVES | DOCUMENTS, max_size=12)
SHAPED = st.one_of(
    DOCUMENTS,
    RECORDS,
    st.lists(RECORDS, max_size=3),
    st.dictionaries(KEYS, RECORDS, max_size=3),
    st.builds(lambda sessions: {"sessions": sessions}, st.dictionaries(KEYS, RECORDS | DOCUMENTS, max_size=3)),
)
EXAMPLES = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def _imported(registry: Registry, source: Path) -> None:
    """What the dry run says is what the import does; only errors of ours come out."""
    for key in [entry.key for entry in registry.meta.list()]:
        registry.meta.delete(key)
    try:
        told = import_legacy(registry, source, dry_run=True)
    except RegistryError:
        with pytest.raises(RegistryError):
            import_legacy(registry, source)
        return
    done = import_legacy(registry, source)
    assert (told.imported, told.repeated, told.malformed) == (done.imported, done.repeated, done.malformed)
    assert all(malformed.line is not None and "\n" not in malformed.reason for malformed in done.malformed)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["claude-sessions.json", "claude-tokens.json", "sessions.json"])
@EXAMPLES
@given(document=SHAPED)
def test_no_json_document_crashes_an_import(
    session_registry: Registry, tmp_path: Path, name: str, document: Any
) -> None:
    file = tmp_path / name
    file.write_text(json.dumps(document, indent=1))
    _imported(session_registry, file)


@pytest.mark.slow
@EXAMPLES
@given(lines=st.lists(SHAPED, max_size=3), runs=SHAPED, learnings=SHAPED)
def test_no_json_document_crashes_an_import_from_orbit(
    session_registry: Registry, orbit: Path, lines: list[Any], runs: Any, learnings: Any
) -> None:
    state = orbit / ".orbit" / "state"
    (state / "audit" / "a.jsonl").write_text("\n".join(json.dumps(line) for line in lines))
    (state / "job-runs" / "a.json").write_text(json.dumps(runs))
    (state / "sessions" / "s-1" / "learnings.json").write_text(json.dumps(learnings))
    _imported(session_registry, orbit)


@EXAMPLES
@given(content=st.binary(max_size=200))
def test_no_bytes_crash_an_import(session_registry: Registry, tmp_path: Path, content: bytes) -> None:
    for name in ("claude-sessions.json", "sessions.json", "old.db"):
        (tmp_path / name).write_bytes(content)
        _imported(session_registry, tmp_path / name)


@given(document=DOCUMENTS)
def test_members_are_the_documents_own(document: Any) -> None:
    text = json.dumps(document, indent=2)
    parsed = Document("file", text)
    if not isinstance(parsed.value, list | dict):
        return
    members = list(parsed.members())
    values = parsed.value if isinstance(parsed.value, dict) else dict(enumerate(parsed.value))
    assert repr({member.key: member.value for member in members}) == repr(values)
    for member in members:
        assert repr(json.loads(text[member.start : member.end])) == repr(member.value)
        assert parsed.line(member.start) == text.count("\n", 0, member.start) + 1


def test_a_number_of_5000_digits_spoils_nothing_but_itself() -> None:
    assert Document("file", "[1, " + "9" * 5000 + "]").value == [1, float("inf")]

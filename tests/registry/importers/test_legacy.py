from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_sessionreg import Registry
from pytest_sessionreg.plugin import Workers
from pytest_sessionreg.processes import WorkerDied
from pytest_sessionreg.registry.errors import TransactionState
from pytest_sessionreg.registry.importers import SOURCES, ImportReport, UnknownSource, UnreadableSource, import_legacy
from pytest_sessionreg.registry.importers.database_source import DATABASES
from pytest_sessionreg.registry.importers.legacy import LAYOUTS, marker

TABLES = ("sessions", "tokens", "agents", "runs", "audit_events", "job_runs", "job_steps", "learning", "meta")


# Of these are the files that conftest.py writes; databases have test_database_source.py.
_OF_FILES = ("ccr", "overstory", "orbit")


@pytest.fixture(params=_OF_FILES)
def source(request: pytest.FixtureRequest) -> Path:
    path: Path = request.getfixturevalue(request.param)
    return path


def _rows(registry: Registry) -> dict[str, list[Any]]:
    return {table: registry._database.read(f"SELECT * FROM {table}") for table in TABLES}


def _tree(source: Path) -> dict[str, tuple[int, bytes]]:
    files = [source] if source.is_file() else sorted(path for path in source.rglob("*") if path.is_file())
    return {str(path): (path.stat().st_mtime_ns, path.read_bytes()) for path in files}


def test_every_layout_of_files_is_a_source_here() -> None:
    assert {layout.kind.replace(" ", "_") for layout in LAYOUTS if layout not in DATABASES} == set(_OF_FILES)


def test_a_source_is_imported_once(session_registry: Registry, source: Path) -> None:
    first = import_legacy(session_registry, source)
    rows = _rows(session_registry)
    second = import_legacy(session_registry, source)
    assert (first.already_imported, second.already_imported) == (False, True)
    assert (second.source, second.kind) == (first.source, first.kind)
    assert (second.imported, second.repeated, second.malformed) == ({}, {}, ())
    assert _rows(session_registry) == rows


def test_what_was_removed_after_an_import_does_not_come_back(session_registry: Registry, overstory: Path) -> None:
    import_legacy(session_registry, overstory)
    session_registry.agents.purge(all=True)
    import_legacy(session_registry, overstory)
    assert session_registry.agents.count() == 0


def test_a_source_can_be_imported_again_when_its_marker_is_deleted(session_registry: Registry, overstory: Path) -> None:
    import_legacy(session_registry, overstory)
    assert session_registry.meta.delete(f"import:overstory:{overstory}")
    assert import_legacy(session_registry, overstory).repeated == {"agents": 2}


def test_two_ways_to_a_source_are_one_source(
    session_registry: Registry, orbit: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "link").symlink_to(orbit)
    monkeypatch.chdir(orbit)
    paths: list[str | Path] = [orbit, orbit / ".orbit", tmp_path / "link", ".", ".orbit", str(orbit) + "//x/../"]
    (orbit / "x").mkdir()
    reports = [import_legacy(session_registry, path) for path in paths]
    assert [report.already_imported for report in reports] == [False, True, True, True, True, True]
    assert {report.source for report in reports} == {str(orbit / ".orbit")}


def test_the_source_is_untouched(session_registry: Registry, source: Path) -> None:
    before = _tree(source)
    import_legacy(session_registry, source, dry_run=True)
    import_legacy(session_registry, source)
    assert _tree(source) == before


def test_a_dry_run_tells_what_the_import_then_does(session_registry: Registry, source: Path) -> None:
    session_registry.sessions.register("s-1")
    told = import_legacy(session_registry, source, dry_run=True)
    done = import_legacy(session_registry, source)
    again = import_legacy(session_registry, source, dry_run=True)
    assert (told.imported, told.repeated, told.malformed) == (done.imported, done.repeated, done.malformed)
    assert (told.dry_run, done.dry_run, told.already_imported) == (True, False, False)
    assert (again.already_imported, again.imported) == (True, {})


@pytest.fixture
def held(session_registry: Registry) -> Iterator[None]:
    """Another process holds the registry's write lock."""
    code = (
        "import sqlite3, sys\nc = sqlite3.connect(sys.argv[1], isolation_level=None)\nc.execute('BEGIN IMMEDIATE')\n"
        "print('held', flush=True)\nsys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code, session_registry.path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdin is not None
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    yield
    holder.stdin.close()
    holder.stdout.close()
    assert holder.wait(10) == 0


@pytest.mark.usefixtures("held")
def test_a_dry_run_writes_nothing_and_needs_no_lock(session_registry: Registry, source: Path) -> None:
    files = [session_registry.path, session_registry.path + "-wal"]
    before = [(os.stat(file).st_size, os.stat(file).st_mtime_ns) for file in files]
    rows = _rows(session_registry)
    assert import_legacy(session_registry, source, dry_run=True).imported
    assert [(os.stat(file).st_size, os.stat(file).st_mtime_ns) for file in files] == before
    assert _rows(session_registry) == rows
    assert rows["meta"] == []


def test_a_write_that_fails_half_way_leaves_nothing(
    session_registry: Registry, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pytest_sessionreg.registry.importers.placing import Placing

    before = _rows(session_registry)
    write = Placing._write
    written: list[object] = []

    def failing(self: Placing, record: Any) -> bool:
        if written:
            raise sqlite3.OperationalError
        written.append(record)
        return write(self, record)

    monkeypatch.setattr(Placing, "_write", failing)
    with pytest.raises(sqlite3.OperationalError):
        import_legacy(session_registry, source)
    assert _rows(session_registry) == before
    monkeypatch.undo()
    assert import_legacy(session_registry, source).imported


def _import_and_die(database: str, source: str) -> None:
    import signal

    from pytest_sessionreg.registry.importers.placing import Placing

    write = Placing._write
    written: list[object] = []

    def deadly(self: Placing, record: Any) -> bool:
        placed = write(self, record)
        written.append(record)
        if len(written) == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return placed

    Placing._write = deadly  # type: ignore[method-assign]
    with Registry.open(database) as registry:
        import_legacy(registry, source)


def test_an_import_that_was_killed_half_way_leaves_nothing_and_can_be_repeated(
    session_registry: Registry, source: Path, workers: Workers
) -> None:
    with pytest.raises(WorkerDied):
        workers.run(_import_and_die, 1, session_registry.path, str(source))
    assert not any(_rows(session_registry).values())
    report = import_legacy(session_registry, source)
    assert not report.already_imported
    assert sum(report.imported.values()) >= 2


def _import(database: str, source: str) -> ImportReport:
    with Registry.open(database) as registry:
        return import_legacy(registry, source)


@pytest.mark.slow
def test_of_processes_that_import_at_once_one_does(session_registry_path: Path, source: Path, workers: Workers) -> None:
    reports: list[ImportReport] = workers.run(_import, 8, str(session_registry_path), str(source))
    (winner,) = [report for report in reports if not report.already_imported]
    assert winner.imported
    assert all(not report.imported and not report.malformed for report in reports if report is not winner)
    with Registry.open(session_registry_path) as registry:
        told = import_legacy(registry, source)
        assert told.already_imported
        written = sum(len(rows) for table, rows in _rows(registry).items() if table != "meta")
        assert written == sum(winner.imported.values())


def test_the_loser_of_a_race_says_so(
    session_registry: Registry, overstory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both have read the source when the first one commits."""
    transaction = Registry.transaction

    def late(registry: Registry) -> Any:
        monkeypatch.undo()
        with Registry.open(registry.path) as other:
            assert not import_legacy(other, overstory).already_imported
        return transaction(registry)

    monkeypatch.setattr(Registry, "transaction", late)
    report = import_legacy(session_registry, overstory)
    assert (report.already_imported, report.imported, report.malformed) == (True, {}, ())


def _missing(directory: Path) -> Path:
    return directory / "nowhere"


def _empty_directory(directory: Path) -> Path:
    (directory / "empty").mkdir()
    return directory / "empty"


def _other_json(directory: Path) -> Path:
    (directory / "other.json").write_text("{}")
    return directory / "other.json"


def _text(directory: Path) -> Path:
    (directory / "notes.txt").write_text("no database at all, only text that is long enough to be looked at" * 20)
    return directory / "notes.txt"


def _empty_file(directory: Path) -> Path:
    (directory / "empty.db").touch()
    return directory / "empty.db"


def _pipe(directory: Path) -> Path:
    os.mkfifo(directory / "sessions.json")
    return directory / "sessions.json"


@pytest.mark.parametrize("make", [_missing, _empty_directory, _other_json, _text, _empty_file, _pipe])
def test_an_unknown_source_is_named_with_what_was_looked_for(
    session_registry: Registry, tmp_path: Path, make: Callable[[Path], Path]
) -> None:
    path = make(tmp_path)
    with pytest.raises(UnknownSource) as caught:
        import_legacy(session_registry, path)
    message = str(caught.value)
    assert str(path) in message
    assert all(looked_for in message for looked_for in SOURCES)


@pytest.mark.parametrize("path", ["", "a\0b", "x" * 5000, 7, None])
def test_what_is_no_path_is_an_unknown_source(session_registry: Registry, path: Any) -> None:
    with pytest.raises(UnknownSource):
        import_legacy(session_registry, path)


def test_the_registry_itself_is_no_source(session_registry: Registry) -> None:
    with pytest.raises(UnknownSource, match="is the registry"):
        import_legacy(session_registry, session_registry.path)


def test_a_directory_of_two_old_stores_must_be_named_more_closely(session_registry: Registry, orbit: Path) -> None:
    (orbit / "claude-sessions.json").write_text('{"sessions": {}}')
    with pytest.raises(UnknownSource, match=r"ccr, orbit.*name the file"):
        import_legacy(session_registry, orbit)
    assert import_legacy(session_registry, orbit / ".orbit").kind == "orbit"


def test_a_file_that_may_not_be_read_is_named(
    session_registry: Registry, overstory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: str) -> bytes:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr("pytest_sessionreg.registry.importers.document.read_bytes", refuse)
    with pytest.raises(
        UnreadableSource, match=r"sessions\.json: cannot be read \(Permission denied\); make it readable"
    ):
        import_legacy(session_registry, overstory)


def test_inside_a_transaction_an_import_is_refused(session_registry: Registry, overstory: Path) -> None:
    with session_registry.transaction(), pytest.raises(TransactionState):
        import_legacy(session_registry, overstory)
    assert session_registry.agents.count() == 0


def test_a_path_that_is_too_long_or_no_utf8_for_a_marker_is_marked_by_its_hash(
    session_registry: Registry, tmp_path: Path
) -> None:
    directory = tmp_path
    for _ in range(3):
        directory /= "d" * 200
    file = Path(os.fsdecode(os.fsencode(directory) + b"/\xff/sessions.json"))
    file.parent.mkdir(parents=True)
    file.write_text('[{"agentName": "a"}, {}]')
    first, second = import_legacy(session_registry, file), import_legacy(session_registry, file)
    assert (first.imported, first.already_imported, second.already_imported) == ({"agents": 1}, False, True)
    (entry,) = session_registry.meta.list()
    assert entry.key == marker("overstory", str(file))
    assert entry.key.startswith("import:overstory:sha256:")
    assert entry.value.endswith("\\xff/sessions.json")


def test_an_empty_store_is_imported_once_too(session_registry: Registry, overstory: Path) -> None:
    overstory.write_text("[]")
    first, second = import_legacy(session_registry, overstory), import_legacy(session_registry, overstory)
    assert (first.imported, first.already_imported, second.already_imported) == ({}, False, True)

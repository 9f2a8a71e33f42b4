from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_sessionreg import Registry
from pytest_sessionreg.registry.user_paths import DATABASE_VARIABLE

from .command import Done, Sessionreg, sessionreg_process


@pytest.fixture
def at(sessionreg: Sessionreg) -> Callable[..., Done]:
    """Runs a command where the registry is at `database`."""
    return lambda *words, database: sessionreg(*words, **{DATABASE_VARIABLE: database})


@pytest.fixture
def filled(database: str) -> str:
    with Registry.open(database) as registry:
        registry.sessions.register("one", label="the first", branch="main", cwd="/home/dev/project")
        registry.sessions.register("two")
        registry.sessions.finish("two")
        registry.skills.suggest("one", "bisect")
        registry.skills.suggest("one", "write-tests")
        registry.skills.invoke("one", "bisect")
    with Registry.open(database, workspace="other") as registry:
        registry.sessions.register("three", pid=2**22 + 1)
    return database


def test_sessions_are_a_table_of_a_hundred_columns(at: Callable[..., Done], filled: str) -> None:
    with Registry.open(filled) as registry:
        registry.sessions.register("x" * 300, label="l" * 300, branch="b" * 300, cwd="/c" * 300, pid=os.getpid())
    done = at("sessions", database=filled)
    assert done.returncode == 0, done.stderr
    assert "the first" in done.stdout
    assert "three" not in done.stdout, "another workspace's"
    assert max(map(len, done.stdout.splitlines())) <= 100


def test_sessions_as_json(filled: str, tmp_path: Path) -> None:
    words = ("sessions", "--status", "finished", "--json")
    done = sessionreg_process(*words, cwd=tmp_path, **{DATABASE_VARIABLE: filled})
    (session,) = json.loads(done.stdout)
    assert (session["session_id"], session["status"]) == ("two", "finished")
    assert session["ended_at"].endswith("+00:00")


def test_no_sessions_is_said(at: Callable[..., Done], database: str) -> None:
    Registry.open(database).close()
    assert at("sessions", database=database).stdout == "no sessions\n"


def test_the_adoption_is_a_table_of_skills_and_a_share_of_what_was_suggested(
    at: Callable[..., Done], filled: str
) -> None:
    done = at("adoption", "--window", "1h", database=filled)
    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    assert ["skill", "suggested", "invoked", "taken", "adoption"] in lines
    assert ["bisect", "1", "1", "1", "100%"] in lines
    assert ["write-tests", "1", "0", "0", "0.0%"] in lines
    assert "1 of 2 suggestions in the last 1h were taken: 50.0%." in done.stdout
    document = json.loads(at("adoption", "--json", database=filled).stdout)
    assert (document["suggested"], document["taken"], document["adoption"]) == (2, 1, 0.5)
    assert document["skills"][0] == {"skill": "bisect", "suggested": 1, "invoked": 1, "taken": 1}


def test_the_adoption_of_one_session(at: Callable[..., Done], filled: str) -> None:
    with Registry.open(filled) as registry:
        registry.skills.invoke("two", "bisect")
    other = at("adoption", "--session", "two", database=filled)
    assert "Nothing was suggested in session two, the last 1w, so there is no rate." in other.stdout
    assert ["bisect", "0", "1", "0", "-"] in [line.split() for line in other.stdout.splitlines()]
    unknown = at("adoption", "--session", "nobody", database=filled)
    assert unknown.returncode == 1
    assert "no session 'nobody' in workspace 'default'" in unknown.stderr
    assert len(unknown.stderr.splitlines()) == 1


def test_where_nothing_was_suggested_there_is_no_rate(at: Callable[..., Done], filled: str) -> None:
    done = at("adoption", "--workspace", "other", database=filled)
    assert "Nothing was suggested in workspace other, the last 1w, so there is no rate.\n" in done.stdout
    document = json.loads(at("adoption", "--workspace", "other", "--json", database=filled).stdout)
    assert document["adoption"] is None


def test_the_adoption_fits_a_hundred_columns_and_is_drawn_again(
    at: Callable[..., Done], filled: str, tmp_path: Path
) -> None:
    with Registry.open(filled) as registry:
        registry.skills.suggest("one", "[bold]x" * 30)
    out = str(tmp_path / "out")
    done = at("adoption", "--out", out, database=filled)
    assert max(len(line) for line in done.stdout.splitlines() if not line.startswith(out)) <= 100
    assert "[bold]x" in done.stdout
    page = (tmp_path / "out/adoption.html").read_text()
    assert page.index("1 of 3 suggestions") < page.index("<table")
    (tmp_path / "out/adoption.html").unlink()
    again = at("report", out, database=filled)
    assert again.returncode == 0, again.stderr
    assert (tmp_path / "out/adoption.html").read_text() == page


def test_the_doctor_exits_1_until_the_cleanup_ran(at: Callable[..., Done], filled: str) -> None:
    sick = at("doctor", database=filled)
    assert sick.returncode == 1
    assert "sessionreg cleanup" in sick.stdout
    assert max(map(len, sick.stdout.splitlines())) <= 100
    cleaned = at("cleanup", "--json", database=filled)
    assert json.loads(cleaned.stdout)["dead_sessions"] == 1
    healthy = at("doctor", "--full", "--json", database=filled)
    assert healthy.returncode == 0
    assert json.loads(healthy.stdout)["wrong"] is False


def test_the_doctor_moves_a_damaged_file_aside(at: Callable[..., Done], tmp_path: Path) -> None:
    path = tmp_path / "sessions.db"
    path.write_bytes(b"rubbish " * 1000)
    done = at("doctor", str(path), "--quarantine", database="")
    assert done.returncode == 1
    (moved,) = [line.removeprefix("moved to ") for line in done.stdout.splitlines() if line.startswith("moved to ")]
    assert Path(moved).read_bytes() == b"rubbish " * 1000
    assert not path.exists()


def test_the_doctor_moves_no_sound_file(at: Callable[..., Done], filled: str) -> None:
    done = at("doctor", filled, "--quarantine", database="")
    assert "nothing was moved" in done.stdout
    assert os.path.exists(filled)


@pytest.mark.parametrize("command", ["sessions", "adoption", "doctor", "cleanup"])
def test_asking_creates_no_registry(at: Callable[..., Done], command: str, database: str) -> None:
    done = at(command, database=database)
    assert done.returncode == 1
    assert done.stderr == f"sessionreg: {database}: does not exist; nothing has been registered there yet\n"
    assert not os.path.exists(database)


@pytest.mark.parametrize("window", ["7", "0d", "-1d", "7y", "", "1e9d"])
def test_a_window_that_is_no_span_is_a_usage_error(at: Callable[..., Done], window: str, filled: str) -> None:
    done = at("adoption", "--window", window, database=filled)
    assert done.returncode == 2
    assert "no time span" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("command", ["sessions", "adoption", "doctor", "cleanup", "import", "storm"])
def test_every_command_shows_an_example(at: Callable[..., Done], command: str) -> None:
    done = at(command, "--help", database="")
    assert done.returncode == 0
    assert f"Example: sessionreg {command}" in " ".join(done.stdout.split())


def test_an_import_says_what_came_and_what_was_skipped(at: Callable[..., Done], tmp_path: Path, database: str) -> None:
    source = tmp_path / "claude-sessions.json"
    source.write_text('{"sessions": {\n  "a": {"session_id": "a", "cwd": "/x"},\n  "b": {"session_id": 7}\n}}\n')
    dry = at("import", str(source), "--dry-run", database=database)
    assert dry.returncode == 0, dry.stderr
    assert "would import 1 sessions" in dry.stdout
    done = at("import", str(source), database=database)
    assert "imported 1 sessions" in done.stdout
    assert f"skipped {source}:3: " in done.stdout
    again = at("import", str(source), "--json", database=database)
    assert json.loads(again.stdout)["already_imported"] is True
    with Registry.open(database) as registry:
        assert [session.session_id for session in registry.sessions.list()] == ["a"]


@pytest.mark.parametrize("content", [None, "{ not json", "[]"])
def test_a_source_that_is_none_is_one_line_and_its_exit_code_says_whether_it_is_there(
    at: Callable[..., Done], tmp_path: Path, database: str, content: str | None
) -> None:
    source = tmp_path / ("claude-sessions.json" if content else "nothing.json")
    if content is not None:
        source.write_text(content)
    done = at("import", str(source), database=database)
    assert done.returncode == (2 if content is None else 1)
    assert done.stderr.startswith("sessionreg: ")
    assert str(source) in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("words", [["nothing.json"], ["nothing.json", "--dry-run"], ["notes.txt"]], ids=str)
def test_an_import_of_no_known_source_creates_no_registry(
    at: Callable[..., Done], tmp_path: Path, words: list[str]
) -> None:
    (tmp_path / "notes.txt").write_text("no store\n")
    there = sorted(tmp_path.iterdir())
    done = at("import", str(tmp_path / words[0]), *words[1:], database=str(tmp_path / "new.db"))
    assert done.returncode == 2
    assert "; name one " in done.stderr
    assert sorted(tmp_path.iterdir()) == there


def test_a_dry_run_creates_no_registry_and_says_what_would_come(at: Callable[..., Done], tmp_path: Path) -> None:
    source = tmp_path / "claude-sessions.json"
    source.write_text('{"sessions": {"a": {"session_id": "a", "cwd": "/x"}}}')
    database = tmp_path / "new.db"
    done = at("import", str(source), "--dry-run", database=str(database))
    assert (done.returncode, done.stderr) == (0, "")
    assert "would import 1 sessions\n" in done.stdout
    assert f"{database}: does not exist; an import would create it\n" in done.stdout
    assert (
        json.loads(at("import", str(source), "--dry-run", "--json", database=str(database)).stdout)["dry_run"] is True
    )
    assert list(tmp_path.iterdir()) == [source]


@pytest.mark.parametrize(
    "words", [["sessions"], ["doctor"], ["import", "claude-sessions.json", "--dry-run"]], ids=" ".join
)
def test_asking_does_not_create_the_users_directory(tmp_path: Path, words: list[str]) -> None:
    (tmp_path / "claude-sessions.json").write_text('{"sessions": {}}')
    there = sorted(tmp_path.iterdir())
    words_of_home = {"HOME": str(tmp_path / "home"), "XDG_STATE_HOME": str(tmp_path / "home/state")}
    done = sessionreg_process(*words, cwd=tmp_path, **{DATABASE_VARIABLE: ""}, **words_of_home)
    assert "sessions.db: does not exist" in done.stderr + done.stdout
    assert sorted(tmp_path.iterdir()) == there

from __future__ import annotations

import ast
import copy
import dataclasses
import pickle
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from importlib import import_module
from importlib.util import module_from_spec, spec_from_loader
from inspect import getdoc
from pathlib import Path
from threading import Barrier, Thread
from types import ModuleType
from typing import Any

import pytest

from pytest_sessionreg import Registry
from pytest_sessionreg.registry import stores
from pytest_sessionreg.registry.errors import InvalidValue
from pytest_sessionreg.registry.stores.locks import Lock
from pytest_sessionreg.registry.table import Record, Table, field
from pytest_sessionreg.registry.values import identifier, json_text, json_value, whole
from pytest_sessionreg.registry.workspace import Workspace

NOW = datetime(2026, 3, 1, tzinfo=UTC)
LOCK = Lock(name="merge", session_id="one", fence=7, acquired_at=NOW, expires_at=NOW)
CASES = {name: import_module(f"tests.registry.stores.test_{name}") for name in stores.names() if name != "meta"}


def tables_of(module: ModuleType) -> list[Table[Any]]:
    return [value for value in vars(module).values() if isinstance(value, Table)]


TABLES = {
    table.name: table
    for name in stores.names()
    for table in tables_of(import_module(f"pytest_sessionreg.registry.stores.{name}"))
}


class Note(Record):
    """A record of this test's."""

    name: str = field(identifier)
    size: int | None = field(whole)
    content: Any = field(json_text, json_value)
    stamp: int


_NOTES = Table("notes", Note)


# -- records


def test_a_record_is_a_frozen_dataclass_with_slots() -> None:
    assert [one.name for one in dataclasses.fields(LOCK)] == [
        "name",
        "session_id",
        "fence",
        "acquired_at",
        "expires_at",
    ]
    assert not hasattr(LOCK, "__dict__")
    with pytest.raises(dataclasses.FrozenInstanceError):
        LOCK.fence = 8  # type: ignore[misc]
    assert dataclasses.replace(LOCK, fence=8).fence == 8
    assert dataclasses.asdict(LOCK)["session_id"] == "one"
    assert repr(LOCK).startswith("Lock(name='merge', session_id='one', fence=7, ")
    assert hash(LOCK) == hash(dataclasses.replace(LOCK))


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda record: pickle.loads(pickle.dumps(record))])
def test_a_copied_record_is_the_same(copied: Any) -> None:
    assert copied(LOCK) == LOCK


def test_a_record_takes_neither_fewer_nor_other_fields() -> None:
    with pytest.raises(TypeError):
        Lock(name="merge")  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        dataclasses.replace(LOCK, colour="red")  # type: ignore[call-arg]


def test_the_fields_of_a_record_can_be_asked_for_before_there_is_one() -> None:
    class Fresh(Record):
        a: int

    assert not dataclasses.is_dataclass(Record)
    assert [one.name for one in dataclasses.fields(Fresh)] == ["a"]
    assert Fresh(a=1) == Fresh(1)


def test_a_record_without_fields_is_refused() -> None:
    with pytest.raises(TypeError, match="record Empty: has no fields"):

        class Empty(Record):
            pass


def test_threads_that_make_the_first_record_at_once_all_get_one() -> None:
    for _ in range(50):

        class Fresh(Record):
            a: int

        made: list[Fresh] = []
        barrier = Barrier(4)

        def make(kind: type[Fresh], made: list[Fresh], barrier: Barrier) -> None:
            barrier.wait()
            made.append(kind(a=1))

        threads = [Thread(target=make, args=(Fresh, made, barrier)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert made == [Fresh(a=1)] * 4


# -- rows


def test_a_row_is_read_by_the_names_of_its_columns() -> None:
    assert _NOTES.columns == "name, size, content, stamp"
    assert _NOTES.values == ":name, :size, :content, :stamp"
    assert _NOTES.replacements("name") == "size = excluded.size, content = excluded.content, stamp = excluded.stamp"
    note = Note(name="a", size=None, content={"b": 1}, stamp=3)
    assert _NOTES.record(("a", None, '{"b":1}', 3)) == note
    assert _NOTES.of({"stamp": 3, "size": None, "content": '{"b":1}', "name": "a", "workspace_id": "w"}) == note
    assert _NOTES.by_column(("a", None, "{}", 3)) == {"name": "a", "size": None, "content": "{}", "stamp": 3}
    assert (_NOTES.first([]), _NOTES.first([("a", None, '{"b":1}', 3)])) == (None, note)


def test_null_is_none_whatever_the_conversion() -> None:
    assert _NOTES.record(("a", None, None, 3)).content is None
    assert _NOTES.record(("a", None, "null", 3)).content is None


def test_a_row_with_too_few_or_too_many_columns_is_no_record() -> None:
    for row in (("a", None, "{}"), ("a", None, "{}", 3, 4)):
        with pytest.raises(TypeError):
            _NOTES.record(row)
        with pytest.raises(ValueError, match="argument"):
            _NOTES.by_column(row)


def test_values_are_checked_by_their_fields() -> None:
    assert _NOTES.check_all({"size": 3, "content": None}) == {"size": 3, "content": "null"}
    assert _NOTES.check_all({"size": None}) == {"size": None}
    assert (_NOTES.check("size", None), _NOTES.check("size", 3), _NOTES.check("content", None)) == (None, 3, "null")
    for values, message in (
        ({"size": -1}, "size=-1: must be a whole number"),
        ({"name": None}, "name=None: must be text"),
        ({"stamp": 3}, "stamp=3: is no field that can be set; these are name, size, content;"),
        ({"colour": 3}, "colour=3: is no field that can be set; these are name, size, content;"),
    ):
        with pytest.raises(InvalidValue, match=message):
            _NOTES.check_all(values)
    with pytest.raises(InvalidValue, match="name='a': is no field that can be set; these are size, content;"):
        _NOTES.check_all({"name": "a"}, but=("name",))


# -- the stores' tables and the schema


@pytest.mark.parametrize("name", TABLES)
def test_a_declared_table_is_that_of_the_schema(session_registry: Registry, name: str) -> None:
    columns = session_registry._database.read(f"PRAGMA table_info({name})")
    nullable = {column: not (required or key) for _, column, _, required, _, key in columns}
    for field_name, (_, _, optional) in TABLES[name]._kind._declared.items():
        any_value = TABLES[name]._kind.__annotations__[field_name] == "Any"
        assert field_name in nullable, f"{name} has no column {field_name}"
        assert any_value or nullable[field_name] == optional, field_name


@pytest.mark.parametrize("name", TABLES)
def test_a_record_says_each_of_its_fields_on_a_line_of_its_own(name: str) -> None:
    lines = (getdoc(TABLES[name]._kind) or "").splitlines()  # 3.13 takes the indentation away, and earlier ones do not
    said = [line.partition(":")[0] for line in lines if re.match(r"\w+: ", line)]
    assert tuple(said) == TABLES[name].names


# -- a column in the middle


def with_a_field_in_the_middle(name: str) -> ModuleType:
    """The store's module with one line more: a field in the middle of each of its tables' records."""
    module = import_module(f"pytest_sessionreg.registry.stores.{name}")
    source = Path(str(module.__file__)).read_text(encoding="utf-8")
    kinds = {table._kind.__name__ for table in tables_of(module)}
    lines = source.splitlines(keepends=True)
    for node in reversed(ast.parse(source).body):
        if isinstance(node, ast.ClassDef) and node.name in kinds:
            fields = [one for one in node.body if isinstance(one, ast.AnnAssign)]
            lines.insert(fields[len(fields) // 2].lineno - 1, "    put_between: str | None\n")
    spec = spec_from_loader(module.__name__, loader=None)
    assert spec is not None
    wider = module_from_spec(spec)
    exec(compile("".join(lines), str(module.__file__), "exec"), vars(wider))  # noqa: S102  the module, as it would be
    return wider


def migrate(path: Path) -> None:
    """Put a column in the middle of every table: make it anew, copy, drop, rename (sqlite.org/lang_altertable.html)."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA legacy_alter_table=ON")  # references to a table are to the one of that name
        connection.execute("BEGIN IMMEDIATE")
        schema = connection.execute(
            "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'"
        ).fetchall()
        for name, sql in [(name, sql) for kind, name, sql in schema if kind == "table"]:
            columns = [column for _, column, *_ in connection.execute(f"PRAGMA table_info({name})")]
            middle = columns[len(columns) // 2]
            wider = re.sub(
                rf"(?m)^(\s*|.*\(){middle} ", rf"\1put_between TEXT DEFAULT 'between', {middle} ", sql, count=1
            )
            connection.execute(wider.replace(f"CREATE TABLE {name} ", "CREATE TABLE made_anew "))
            listed = ", ".join(columns)
            connection.execute(f"INSERT INTO made_anew ({listed}) SELECT {listed} FROM {name}")
            connection.execute(f"DROP TABLE {name}")
            connection.execute(f"ALTER TABLE made_anew RENAME TO {name}")
        for index in [sql for kind, _, sql in schema if kind == "index"]:
            connection.execute(index)
        connection.execute("COMMIT")
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []


def plain(found: object) -> Iterator[object]:
    """Records as values by field, without the one that was put between."""
    if isinstance(found, list):
        for one in found:
            yield from plain(one)
    elif isinstance(found, Record):
        values = {one: getattr(found, one) for one in found._declared}
        assert values.pop("put_between", "between") == "between"
        yield type(found).__name__, values
    else:
        yield found


@pytest.mark.parametrize("name", CASES)
def test_every_record_reads_right_when_a_column_is_put_in_the_middle(session_registry_path: Path, name: str) -> None:
    with Registry.open(session_registry_path) as registry:
        registry.sessions.register("one", pid=7, cwd="/a", branch="b", label="l", metadata={"m": 1})
        CASES[name].fill(registry)
        before = list(plain(CASES[name].reads(registry)))
    assert all(before)
    migrate(session_registry_path)
    with Registry.open(session_registry_path) as registry:
        assert list(plain(CASES[name].reads(registry))) == before
        store = getattr(with_a_field_in_the_middle(name), type(getattr(registry, name)).__name__)
        setattr(registry, name, store(registry._database, registry.workspace_id))
        assert list(plain(CASES[name].reads(registry))) == before


def test_the_column_in_the_middle_is_read(session_registry_path: Path) -> None:
    with Registry.open(session_registry_path) as registry:
        registry.agents.upsert("ann", branch="b", parent="bob")
    migrate(session_registry_path)
    with Registry.open(session_registry_path) as registry:
        agents = with_a_field_in_the_middle("agents").Agents(registry._database, registry.workspace_id)
        ann = agents.get("ann")
        assert (ann.branch, ann.put_between, ann.parent) == ("b", "between", "bob")


# -- what a store costs and needs elsewhere


def test_type_checkers_know_every_store_that_there_is() -> None:
    """The two lines of a store in workspace.py, of which mypy wants the second where the first is missing."""
    found = {name: stores.load(name) for name in stores.names()}
    assert Workspace.__annotations__ == {name: kind.__name__ for name, kind in found.items() if kind is not None}


def test_a_module_that_a_store_lacks_is_told_from_a_store_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "pytest_sessionreg.registry.stores.runs", raising=False)
    monkeypatch.setitem(sys.modules, "pytest_sessionreg.registry.identifier", None)
    with pytest.raises(ModuleNotFoundError, match="identifier"):
        stores.load("runs")
    assert stores.load("nothing") is None


# Those of the package. Each costs a hook some 0.1 ms; fewer are welcome.
_OWN_MODULES = 40


def test_a_heartbeat_from_a_fresh_interpreter_loads_few_modules(session_registry_path: Path) -> None:
    with Registry.open(session_registry_path) as registry:
        registry.sessions.register("one")
    program = (
        f"import sys; sys.path[:0] = {sys.path!r}\n"
        "from pytest_sessionreg import Registry\n"
        f"with Registry.open({str(session_registry_path)!r}) as registry: assert registry.sessions.heartbeat('one')\n"
        "print(*sys.modules)"
    )
    # -I -S: without what this environment's site packages import at start
    run = subprocess.run([sys.executable, "-I", "-S", "-c", program], check=True, capture_output=True, text=True)
    loaded = run.stdout.split()
    assert sum(name.startswith("pytest_sessionreg") for name in loaded) <= _OWN_MODULES
    heavy = {
        "dataclasses",
        "typing",
        "inspect",
        "re",
        "enum",
        "json",
        "pkgutil",
        "contextlib",
        "importlib",
        "threading",
    }
    assert heavy.isdisjoint(loaded)

"""A script of SQL statements as a workload."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...error_base import StormError
from ...registry.sqlite.connection import open_connection
from ...results.failures import FailureLog
from ...results.ledger import Ledger
from ..job import SETUP_PATIENCE_S, Job, Site
from ..storm_writes import RowPerWrite, create_table, drop_table
from .connection_writer import ConnectionWriter

__all__ = ["Statements", "read_statements"]

_COMMENTS = re.compile(r"^(?:\s+|--[^\n]*(?:\n|$)|/\*.*?\*/)+", re.DOTALL)
# What the storm itself says around each transaction.
_NOT_OURS = {"BEGIN", "COMMIT", "END", "ROLLBACK"}


@dataclass(frozen=True, slots=True)
class Statements(RowPerWrite):
    """Each write is one transaction of the statements in `script`, with the parameters :worker and :sequence.

    script: SQL text, from the file `source` (for messages).
    schema: SQL text that is run once before each storm, in one transaction. Both as they were read, so that a result
        can be repeated without the files.

    Raises StormError for a script that makes no transaction.
    """

    script: str
    schema: str = ""
    source: str = "the script"
    statements: tuple[str, ...] = field(init=False, repr=False, compare=False)

    name = "sql"
    admitted = True
    foreign_keys = False  # many a file leaves them unenforced, and dangled before the storm
    modules = ()

    def __post_init__(self) -> None:
        found = tuple(_split(self.script, self.source))
        if not found:
            raise StormError(f"{self.source}: holds no statement; write at least one that ends with a semicolon")
        object.__setattr__(self, "statements", found)

    @property
    def parameters(self) -> Mapping[str, str]:
        """The two scripts."""
        return {"sql": self.script, "schema": self.schema}

    def prepare(self, site: Site) -> None:
        """Run the schema, and have SQLite compile each statement: what is wrong is said before anybody writes."""
        connection = open_connection(site.database)
        try:
            connection.execute(f"PRAGMA busy_timeout={SETUP_PATIENCE_S * 1000:.0f}")
            try:
                connection.executescript(f"BEGIN IMMEDIATE;\n{self.schema}\n;COMMIT;")
            except sqlite3.Error as error:
                raise StormError(f"the schema of {self.source} cannot be run: {error}") from error
            for statement in self.statements:
                self._compile(connection, statement)
        finally:
            connection.close()
        create_table(site.database)

    def writer(self, job: Job, ledger: Ledger, failures: FailureLog) -> ConnectionWriter:
        """The writer of one worker."""
        connection = open_connection(job.site.database)
        return ConnectionWriter(job, ledger, failures, connection, self._run, insert=True)

    def clear(self, site: Site) -> None:
        """Remove the storm's own table; what the script wrote stays."""
        drop_table(site.database)

    def _run(self, connection: Any, worker: int, sequence: int) -> None:
        values = {"worker": worker, "sequence": sequence}
        for statement in self.statements:
            connection.execute(statement, values).fetchall()

    def _compile(self, connection: sqlite3.Connection, statement: str) -> None:
        try:
            connection.execute(f"EXPLAIN {statement}", {"worker": 0, "sequence": 0}).close()
        except sqlite3.Error as error:
            shown = " ".join(statement.split())
            shown = shown if len(shown) <= 60 else f"{shown[:57]}..."
            raise StormError(
                f"{self.source}: {shown!r} cannot be compiled: {error}; correct it, or its schema"
            ) from error


def read_statements(script: str, schema: str | None = None) -> Statements:
    """The workload in the file `script`, with the schema in the file `schema`.

    Raises StormError for a file that cannot be read, and as Statements does.
    """
    return Statements(_text(script), "" if schema is None else _text(schema), source=script)


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        what = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise StormError(f"{path}: cannot be read ({what}); name a file of SQL statements") from error


def _split(script: str, source: str) -> list[str]:
    """The statements of `script`, without what is before their first word."""
    found = []
    start = 0
    for end in (match.end() for match in re.finditer(";", script)):
        piece = script[start:end]
        if sqlite3.complete_statement(piece):
            found.append(piece)
            start = end
    rest = script[start:]
    if _COMMENTS.sub("", rest):
        if not sqlite3.complete_statement(f"{rest}\n;"):
            shown = " ".join(rest.split())[:60]
            raise StormError(f"{source}: the last statement does not end ({shown!r}); close its quotes or its trigger")
        found.append(rest)
    statements = [_COMMENTS.sub("", piece) for piece in found]
    statements = [statement for statement in statements if statement.strip(" \t\r\n;")]
    for statement in statements:
        word = statement.split(maxsplit=1)[0].rstrip(";").upper()
        if word in _NOT_OURS:
            raise StormError(f"{source}: holds {word}; leave it out, the storm begins and commits each transaction")
    return statements

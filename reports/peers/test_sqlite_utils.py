"""sqlite-utils' Database: one table.insert per write."""

from measuring import PAYLOAD, Store
from sqlite_utils import Database


def prepare(path):
    database = Database(path)
    database["notes"].create({"worker": int, "sequence": int, "text": str})
    database.close()


def write(store, worker, sequence):
    store["notes"].insert({"worker": worker, "sequence": sequence, "text": PAYLOAD})


def acknowledged(path):
    database = Database(path)
    rows = list(database.query("SELECT worker, sequence FROM notes"))
    database.close()
    return [(row["worker"], row["sequence"]) for row in rows]


def test_sqlite_utils(peer):
    does = "rollback journal, synchronous=FULL, one INSERT, sqlite3's busy timeout of 5 s"
    peer(Store("sqlite-utils", "table.insert", does, write, Database, acknowledged, prepare=prepare))

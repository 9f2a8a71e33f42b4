"""sqlitedict's SqliteDict: one key per write, and a commit."""

from measuring import PAYLOAD, Store
from sqlitedict import SqliteDict


def write(store, worker, sequence):
    store[f"{worker} {sequence}"] = PAYLOAD
    store.commit()


def acknowledged(path):
    with SqliteDict(path) as store:
        return [tuple(map(int, key.split())) for key in store]


def test_sqlitedict(peer):
    does = "rollback journal, synchronous=OFF, REPLACE and COMMIT in a thread, sqlite3's busy timeout of 5 s"
    peer(Store("sqlitedict", "SqliteDict", does, write, SqliteDict, acknowledged, prepare=acknowledged))

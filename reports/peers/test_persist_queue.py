"""persist-queue's SQLiteQueue: one item per write."""

from measuring import PAYLOAD, Store
from persistqueue import SQLiteQueue


def write(store, worker, sequence):
    store.put((worker, sequence, PAYLOAD))


def acknowledged(path):
    return [item["data"][:2] for item in SQLiteQueue(path).queue()]


def test_persist_queue(peer):
    does = "WAL, synchronous=FULL, one INSERT, SQLite's busy timeout of 10 s"
    peer(Store("persist-queue", "SQLiteQueue.put", does, write, SQLiteQueue, acknowledged, prepare=acknowledged))

"""litequeue's LiteQueue: one message per write."""

from litequeue import LiteQueue
from measuring import PAYLOAD, Store


def write(store, worker, sequence):
    store.put(f"{worker} {sequence} {PAYLOAD}")


def acknowledged(path):
    queue = LiteQueue(path)
    messages = [data.split() for (data,) in queue.conn.execute("SELECT data FROM Queue")]
    queue.close()
    return [(int(worker), int(sequence)) for worker, sequence, _ in messages]


def test_litequeue(peer):
    does = "WAL, synchronous=NORMAL, one INSERT in autocommit, sqlite3's busy timeout of 5 s"
    peer(Store("litequeue", "LiteQueue.put", does, write, LiteQueue, acknowledged, prepare=acknowledged))

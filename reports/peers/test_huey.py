"""huey's SqliteHuey: one task put into the queue per write."""

from huey import SqliteHuey
from measuring import PAYLOAD, Store


class Queue:
    def __init__(self, path):
        self.huey = SqliteHuey(filename=path)
        self.note = self.huey.task()(note)

    def close(self):
        self.huey.storage.close()


def note(worker, sequence, text):
    """The task; nobody runs it here."""


def write(store, worker, sequence):
    store.note(worker, sequence, PAYLOAD)


def acknowledged(path):
    queue = Queue(path)
    tasks = queue.huey.pending()
    queue.close()
    return [task.args[:2] for task in tasks]


def test_huey(peer):
    does = "WAL, synchronous=FULL, BEGIN EXCLUSIVE, SQLite's busy timeout of 5 s"
    peer(Store("huey", "SqliteHuey task", does, write, Queue, acknowledged, prepare=acknowledged))

"""peewee's SqliteDatabase: one Model.create per write."""

import peewee
from measuring import PAYLOAD, Store


def connect(path):
    database = peewee.SqliteDatabase(path)

    class Note(peewee.Model):
        worker = peewee.IntegerField()
        sequence = peewee.IntegerField()
        text = peewee.TextField()

        class Meta:
            pass

    Note.bind(database)
    database.connect()
    return Note


def prepare(path):
    connect(path).create_table()


def write(store, worker, sequence):
    store.create(worker=worker, sequence=sequence, text=PAYLOAD)


def acknowledged(path):
    return [(note.worker, note.sequence) for note in connect(path).select()]


def test_peewee(peer):
    does = "rollback journal, synchronous=FULL, one INSERT in autocommit, sqlite3's busy timeout of 5 s"
    peer(Store("peewee", "Model.create", does, write, connect, acknowledged, prepare=prepare))

"""Django's ORM: one row per write; in autocommit, and after a read in the same atomic block."""

from functools import partial

import django
from django.db import models, transaction
from measuring import PAYLOAD, Store

IMMEDIATE = {
    "transaction_mode": "IMMEDIATE",
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
}


class Notes:
    def __init__(self, path, options):
        # here, because each stands for the process's own
        from django.conf import settings
        from django.db import connection

        database = {"ENGINE": "django.db.backends.sqlite3", "NAME": path, "OPTIONS": options}
        settings.configure(DATABASES={"default": database})
        django.setup()

        class Note(models.Model):
            worker = models.IntegerField()
            sequence = models.IntegerField()
            text = models.TextField()

            class Meta:
                app_label = "notes"

        self.notes, self.atomic, self.connection = Note.objects, transaction.atomic, connection
        self.model = Note

    def close(self):
        self.connection.close()


def prepare(path, options):
    notes = Notes(path, options)
    with notes.connection.schema_editor() as editor:
        editor.create_model(notes.model)
    notes.close()


def create(store, worker, sequence):
    store.notes.create(worker=worker, sequence=sequence, text=PAYLOAD)


def read_and_create(store, worker, sequence):
    with store.atomic():
        store.notes.filter(worker=worker, sequence=sequence).exists()
        store.notes.create(worker=worker, sequence=sequence, text=PAYLOAD)


def acknowledged(path, options):
    notes = Notes(path, options)
    rows = list(notes.notes.values_list("worker", "sequence"))
    notes.close()
    return rows


def given(name, does, write, options):
    """The store with `options` of the database."""
    return Store(
        "Django",
        name,
        does,
        write,
        partial(Notes, options=options),
        partial(acknowledged, options=options),
        prepare=partial(prepare, options=options),
    )


def test_django(peer):
    default = "rollback journal, synchronous=FULL, sqlite3's busy timeout of 5 s"
    peer(
        given("create()", f"{default}, one INSERT in autocommit", create, {}),
        given("atomic(), read, create()", f"{default}, BEGIN (deferred)", read_and_create, {}),
        given(
            "atomic(), read, create(), IMMEDIATE and WAL",
            "WAL, synchronous=NORMAL, sqlite3's busy timeout of 5 s, BEGIN IMMEDIATE",
            read_and_create,
            IMMEDIATE,
        ),
    )

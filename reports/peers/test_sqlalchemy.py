"""SQLAlchemy's ORM: a Session, one object, a commit per write."""

from measuring import PAYLOAD, Store
from sqlalchemy import create_engine, orm


class Notes:
    def __init__(self, path):
        class Base(orm.DeclarativeBase):
            pass

        class Note(Base):
            __tablename__ = "notes"
            id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
            worker: orm.Mapped[int]
            sequence: orm.Mapped[int]
            text: orm.Mapped[str]

        self.engine, self.metadata, self.note = create_engine(f"sqlite:///{path}"), Base.metadata, Note

    def close(self):
        self.engine.dispose()


def prepare(path):
    notes = Notes(path)
    notes.metadata.create_all(notes.engine)
    notes.close()


def write(store, worker, sequence):
    with orm.Session(store.engine) as session:
        session.add(store.note(worker=worker, sequence=sequence, text=PAYLOAD))
        session.commit()


def acknowledged(path):
    notes = Notes(path)
    with orm.Session(notes.engine) as session:
        return [(note.worker, note.sequence) for note in session.query(notes.note)]


def test_sqlalchemy(peer):
    does = "rollback journal, synchronous=FULL, one INSERT in a transaction, sqlite3's busy timeout of 5 s"
    peer(Store("SQLAlchemy", "Session.commit", does, write, Notes, acknowledged, prepare=prepare))

"""diskcache's Cache: one entry per write."""

from diskcache import Cache
from measuring import PAYLOAD, Store


def write(store, worker, sequence):
    store[worker, sequence] = PAYLOAD


def acknowledged(path):
    with Cache(path) as cache:
        return list(cache)


def test_diskcache(peer):
    does = "WAL, synchronous=NORMAL, BEGIN IMMEDIATE, SQLite's busy timeout of 60 s and then again without end"
    peer(Store("diskcache", "Cache", does, write, Cache, acknowledged))

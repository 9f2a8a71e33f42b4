"""Admission: how a writer gets SQLite's write lock, one policy per module."""

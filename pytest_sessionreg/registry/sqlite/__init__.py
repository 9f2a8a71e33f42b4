"""The registry on one SQLite file: its connection, its write-ahead log, and how writers are admitted."""

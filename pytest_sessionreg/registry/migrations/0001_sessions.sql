-- One row per session: a process that works in a directory and says now and then that it is alive.
-- Instants are UTC ISO-8601 text of fixed width, so that text order is time order.
CREATE TABLE sessions (
    session_id TEXT NOT NULL PRIMARY KEY,
    pid INTEGER,
    cwd TEXT,
    label TEXT,
    status TEXT NOT NULL CHECK (status IN ('active', 'finished')),
    started_at TEXT NOT NULL,
    last_heartbeat_at TEXT NOT NULL,
    ended_at TEXT,
    metadata TEXT NOT NULL
) WITHOUT ROWID;

CREATE INDEX sessions_by_status ON sessions (status, started_at);

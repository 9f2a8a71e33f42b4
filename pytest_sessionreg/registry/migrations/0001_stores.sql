-- Instants are UTC ISO-8601 text of fixed width, so that text order is time order.
-- Every table that can hold more than one workspace's rows has workspace_id first in its key and in its indexes.

CREATE TABLE sessions (
    workspace_id TEXT NOT NULL,
    session_id TEXT NOT NULL,
    pid INTEGER,
    ppid INTEGER,
    process_started_at TEXT,
    pid_namespace TEXT,
    cwd TEXT,
    repo_path TEXT,
    repo_hash TEXT,
    worktree TEXT,
    branch TEXT,
    parent_id TEXT,
    label TEXT,
    notify INTEGER NOT NULL DEFAULT 0,
    transport_kind TEXT NOT NULL DEFAULT 'unknown',
    transport_details TEXT NOT NULL DEFAULT '{}',
    status TEXT NOT NULL CHECK (status IN ('active', 'finished', 'crashed')),
    started_at TEXT NOT NULL,
    last_heartbeat_at TEXT NOT NULL,
    ended_at TEXT,
    expires_at TEXT,
    metadata TEXT NOT NULL DEFAULT '{}',
    PRIMARY KEY (workspace_id, session_id)
) WITHOUT ROWID;

CREATE INDEX sessions_by_start ON sessions (workspace_id, started_at);
CREATE INDEX sessions_by_status ON sessions (workspace_id, status, started_at);
CREATE INDEX sessions_by_repo ON sessions (workspace_id, repo_path, started_at);
CREATE INDEX sessions_by_branch ON sessions (workspace_id, branch, started_at);
CREATE INDEX sessions_by_ppid ON sessions (workspace_id, ppid, started_at);
CREATE INDEX sessions_to_notify ON sessions (workspace_id, started_at) WHERE notify = 1;
CREATE INDEX sessions_by_expiry ON sessions (workspace_id, expires_at) WHERE expires_at IS NOT NULL;

-- One counter for all locks of the file, so that a fencing number never repeats although freed locks leave no row.
CREATE TABLE fences (only INTEGER PRIMARY KEY CHECK (only = 1), last INTEGER NOT NULL);
INSERT INTO fences (only, last) VALUES (1, 0);

CREATE TABLE locks (
    workspace_id TEXT NOT NULL,
    name TEXT NOT NULL,
    session_id TEXT NOT NULL,
    fence INTEGER NOT NULL,
    acquired_at TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    PRIMARY KEY (workspace_id, name),
    FOREIGN KEY (workspace_id, session_id) REFERENCES sessions (workspace_id, session_id) ON DELETE CASCADE
) WITHOUT ROWID;

CREATE INDEX locks_by_session ON locks (workspace_id, session_id);
CREATE INDEX locks_by_expiry ON locks (workspace_id, expires_at);

CREATE TABLE overrides (
    workspace_id TEXT NOT NULL,
    session_id TEXT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    PRIMARY KEY (workspace_id, session_id, key),
    FOREIGN KEY (workspace_id, session_id) REFERENCES sessions (workspace_id, session_id) ON DELETE CASCADE
) WITHOUT ROWID;

CREATE TABLE worktrees (
    workspace_id TEXT NOT NULL,
    child_id TEXT NOT NULL,
    parent_id TEXT NOT NULL,
    purpose TEXT,
    linked_at TEXT NOT NULL,
    result_status TEXT,
    result_payload TEXT,
    finished_at TEXT,
    PRIMARY KEY (workspace_id, child_id),
    FOREIGN KEY (workspace_id, child_id) REFERENCES sessions (workspace_id, session_id) ON DELETE CASCADE,
    FOREIGN KEY (workspace_id, parent_id) REFERENCES sessions (workspace_id, session_id) ON DELETE CASCADE
) WITHOUT ROWID;

CREATE INDEX worktrees_by_parent ON worktrees (workspace_id, parent_id, linked_at);

CREATE TABLE skill_suggestions (
    id INTEGER PRIMARY KEY,
    workspace_id TEXT NOT NULL,
    session_id TEXT NOT NULL,
    skill TEXT NOT NULL,
    suggested_at TEXT NOT NULL,
    FOREIGN KEY (workspace_id, session_id) REFERENCES sessions (workspace_id, session_id) ON DELETE CASCADE
);

CREATE INDEX skill_suggestions_by_session ON skill_suggestions (workspace_id, session_id, skill, suggested_at);
CREATE INDEX skill_suggestions_by_time ON skill_suggestions (workspace_id, suggested_at, session_id, skill);

CREATE TABLE skill_invocations (
    id INTEGER PRIMARY KEY,
    workspace_id TEXT NOT NULL,
    session_id TEXT NOT NULL,
    skill TEXT NOT NULL,
    invoked_at TEXT NOT NULL,
    FOREIGN KEY (workspace_id, session_id) REFERENCES sessions (workspace_id, session_id) ON DELETE CASCADE
);

CREATE INDEX skill_invocations_by_session ON skill_invocations (workspace_id, session_id, skill, invoked_at);

CREATE TABLE outputs (
    output_id INTEGER PRIMARY KEY AUTOINCREMENT,
    workspace_id TEXT NOT NULL,
    session_id TEXT NOT NULL,
    content TEXT NOT NULL,
    created_at TEXT NOT NULL,
    FOREIGN KEY (workspace_id, session_id) REFERENCES sessions (workspace_id, session_id) ON DELETE CASCADE
);

CREATE INDEX outputs_by_session ON outputs (workspace_id, session_id, output_id);
CREATE INDEX outputs_by_time ON outputs (workspace_id, session_id, created_at, output_id);

CREATE TABLE agents (
    workspace_id TEXT NOT NULL,
    name TEXT NOT NULL,
    agent_id TEXT NOT NULL,
    capability TEXT NOT NULL,
    worktree TEXT NOT NULL,
    branch TEXT NOT NULL,
    task_id TEXT NOT NULL,
    terminal TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('booting', 'working', 'completed', 'stalled', 'zombie')),
    pid INTEGER,
    parent TEXT,
    depth INTEGER NOT NULL,
    run_id TEXT,
    started_at TEXT NOT NULL,
    last_activity_at TEXT NOT NULL,
    escalation_level INTEGER NOT NULL,
    stalled_since TEXT,
    PRIMARY KEY (workspace_id, name)
) WITHOUT ROWID;

CREATE INDEX agents_by_start ON agents (workspace_id, started_at);
CREATE INDEX agents_by_state ON agents (workspace_id, state, started_at);
CREATE INDEX agents_by_run ON agents (workspace_id, run_id, started_at) WHERE run_id IS NOT NULL;

CREATE TABLE runs (
    workspace_id TEXT NOT NULL,
    run_id TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('active', 'completed')),
    description TEXT,
    agent_count INTEGER NOT NULL,
    started_at TEXT NOT NULL,
    completed_at TEXT,
    PRIMARY KEY (workspace_id, run_id)
) WITHOUT ROWID;

CREATE INDEX runs_by_start ON runs (workspace_id, started_at, run_id);
CREATE INDEX runs_by_status ON runs (workspace_id, status, started_at, run_id);

-- Only the SHA-256 of a token is stored: who reads the file cannot use it.
CREATE TABLE tokens (
    workspace_id TEXT NOT NULL,
    token_hash TEXT NOT NULL,
    session_id TEXT NOT NULL,
    chat_id TEXT NOT NULL,
    created_at TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    PRIMARY KEY (workspace_id, token_hash),
    FOREIGN KEY (workspace_id, session_id) REFERENCES sessions (workspace_id, session_id) ON DELETE CASCADE
) WITHOUT ROWID;

CREATE INDEX tokens_by_session ON tokens (workspace_id, session_id);
CREATE INDEX tokens_by_expiry ON tokens (workspace_id, expires_at);

CREATE TABLE inbox (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    workspace_id TEXT NOT NULL,
    command_id TEXT NOT NULL,
    payload TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('waiting', 'taken', 'done')),
    put_at TEXT NOT NULL,
    taken_at TEXT,
    taker TEXT,
    done_at TEXT,
    UNIQUE (workspace_id, command_id)
);

CREATE INDEX inbox_by_status ON inbox (workspace_id, status, position);
CREATE INDEX inbox_by_end ON inbox (workspace_id, done_at) WHERE done_at IS NOT NULL;

CREATE TABLE audit_events (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    workspace_id TEXT NOT NULL,
    event_id TEXT NOT NULL,
    source TEXT NOT NULL,
    schema_version INTEGER NOT NULL,
    event_type TEXT NOT NULL,
    at TEXT NOT NULL,
    run_id TEXT NOT NULL,
    agent_identity TEXT NOT NULL,
    parent_event_id TEXT,
    workspace_path TEXT,
    payload TEXT NOT NULL,
    UNIQUE (workspace_id, event_id)
);

CREATE INDEX audit_events_by_time ON audit_events (workspace_id, at);
CREATE INDEX audit_events_by_run ON audit_events (workspace_id, run_id, at);
CREATE INDEX audit_events_by_type ON audit_events (workspace_id, event_type, at);
CREATE INDEX audit_events_by_source ON audit_events (workspace_id, source, at);

CREATE TABLE job_runs (
    workspace_id TEXT NOT NULL,
    run_id TEXT NOT NULL,
    job_id TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    state TEXT NOT NULL,
    scheduled_at TEXT NOT NULL,
    started_at TEXT,
    finished_at TEXT,
    duration_ms INTEGER,
    created_at TEXT NOT NULL,
    pid INTEGER,
    process_started_at TEXT,
    input TEXT,
    retry_of TEXT,
    knowledge_metrics TEXT,
    resolved_crew TEXT,
    planner_model TEXT,
    implementer_model TEXT,
    reviewer_model TEXT,
    pipeline_state TEXT,
    PRIMARY KEY (workspace_id, run_id)
) WITHOUT ROWID;

CREATE INDEX job_runs_by_job ON job_runs (workspace_id, job_id, scheduled_at DESC, run_id DESC);
CREATE INDEX job_runs_by_state ON job_runs (workspace_id, state, scheduled_at DESC, run_id DESC);

CREATE TABLE job_steps (
    workspace_id TEXT NOT NULL,
    run_id TEXT NOT NULL,
    step INTEGER NOT NULL,
    target_type TEXT NOT NULL,
    target_id TEXT NOT NULL,
    state TEXT NOT NULL,
    started_at TEXT,
    finished_at TEXT,
    duration_ms INTEGER,
    exit_code INTEGER,
    error_code TEXT,
    error_message TEXT,
    agent_response TEXT,
    PRIMARY KEY (workspace_id, run_id, step),
    FOREIGN KEY (workspace_id, run_id) REFERENCES job_runs (workspace_id, run_id) ON DELETE CASCADE
) WITHOUT ROWID;

CREATE TABLE learning (
    workspace_id TEXT NOT NULL,
    session_id TEXT NOT NULL,
    state TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    PRIMARY KEY (workspace_id, session_id)
) WITHOUT ROWID;

CREATE INDEX learning_by_time ON learning (workspace_id, updated_at);

CREATE TABLE meta (
    key TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL,
    updated_at TEXT NOT NULL
) WITHOUT ROWID;

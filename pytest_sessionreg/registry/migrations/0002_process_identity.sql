-- What tells a session's process from every other one, whatever becomes of the wall clock: "<boot id>/<pid>/<ticks>",
-- the ticks counted from boot to its start. It names the pid, so that a program that knows only the other columns and
-- changes `pid` does not leave another process's behind. NULL where it is not known, as in all rows older than this
-- column: those are judged by `process_started_at`.
ALTER TABLE sessions ADD COLUMN process_identity TEXT;

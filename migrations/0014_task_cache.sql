-- Outputs of tasks kept for later tasks (cacheConfig of a task). Only tasks that ask for it touch the table.
CREATE TABLE task_cache (
    key bytea PRIMARY KEY CHECK (octet_length(key) = 32),
    name text NOT NULL,
    run_id uuid NOT NULL,
    task_no integer NOT NULL,
    expires_at timestamptz NOT NULL,
    body text NOT NULL
);
COMMENT ON TABLE task_cache IS 'Outputs that tasks with a cacheConfig left for later ones. A row may be deleted at any time: the next task does the work again.';
COMMENT ON COLUMN task_cache.key IS 'SHA-256 of the type and name of the task and of what its key expression came to.';
COMMENT ON COLUMN task_cache.name IS 'The name of the task''s definition.';
COMMENT ON COLUMN task_cache.run_id IS 'Whose output it is: the run, which may be gone, and with task_no the task.';
CREATE INDEX task_cache_expiry ON task_cache (expires_at);
COMMENT ON INDEX task_cache_expiry IS 'task_cache.prune: what nobody reads any more.';

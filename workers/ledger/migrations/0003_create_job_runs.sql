-- Runs of our own job runner, which speaks like Airflow: what was asked for and what became of it.
CREATE TABLE ledger.job_runs (
    dag_id text NOT NULL,
    run_id text NOT NULL,
    -- what the run was given, as JSON text
    conf text NOT NULL,
    state text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'running', 'success', 'failed')),
    -- why it failed
    note text,
    created_at timestamptz NOT NULL DEFAULT now(),
    started_at timestamptz,
    ended_at timestamptz,
    PRIMARY KEY (dag_id, run_id)
);
-- For claims: what is open, in the order in which it came.
CREATE INDEX job_runs_open ON ledger.job_runs (created_at) WHERE state IN ('queued', 'running');

-- DAGs whose runs wait; one that is not here is not paused.
CREATE TABLE ledger.job_dags_paused (dag_id text PRIMARY KEY);

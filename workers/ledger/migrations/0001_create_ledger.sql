-- What the services around the engine must not forget. The schema `ledger` is made before the first migration, because
-- the table of migrations lies in it as well; dag_monitor_requests stands in `public`, where other monitors look for it.

-- The documented table. It may be there already, made and filled by another monitor.
CREATE TABLE IF NOT EXISTS public.dag_monitor_requests (
    id serial PRIMARY KEY,
    workflow_id varchar(255) NOT NULL,
    task_id varchar(255) NOT NULL,
    dag_id varchar(255) NOT NULL,
    dag_run_id varchar(255) NOT NULL,
    jobid varchar(255) NOT NULL,
    execution_id varchar(255),
    metadata_key text,
    minio_output_bucket varchar(255),
    minio_output_key text,
    event_type varchar(255),
    stats_url text,
    status varchar(50) NOT NULL DEFAULT 'pending',
    error_message text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    started_monitoring_at timestamptz,
    completed_at timestamptz
);
CREATE INDEX IF NOT EXISTS dag_monitor_requests_status ON public.dag_monitor_requests (status);
CREATE INDEX IF NOT EXISTS dag_monitor_requests_dag_run_id ON public.dag_monitor_requests (dag_run_id);

-- Ours: when to look next, who looks now, and since when it has been refused.
ALTER TABLE public.dag_monitor_requests
    -- the message that asked for it; empty in rows of others
    ADD COLUMN IF NOT EXISTS event_id text,
    ADD COLUMN IF NOT EXISTS watched_since timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN IF NOT EXISTS next_look_at timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN IF NOT EXISTS looks integer NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS refused_since timestamptz,
    ADD COLUMN IF NOT EXISTS leased_until timestamptz,
    ADD COLUMN IF NOT EXISTS lease_no bigint NOT NULL DEFAULT 0;

-- A request that is read twice makes one row. Rows of others may repeat themselves and stay out of it.
CREATE UNIQUE INDEX dag_monitor_requests_once
    ON public.dag_monitor_requests (workflow_id, task_id, dag_run_id) WHERE event_id IS NOT NULL;
-- For claims: what is open, by when to look at it.
CREATE INDEX dag_monitor_requests_open
    ON public.dag_monitor_requests (next_look_at) WHERE status IN ('pending', 'running');

-- Requests for two DAG runs, one after the other.
CREATE TABLE ledger.reverse_email_requests (
    id bigserial PRIMARY KEY,
    event_id text NOT NULL UNIQUE,
    workflow_id text NOT NULL,
    task_id text,
    -- what to run, as JSON text
    plan text NOT NULL,
    -- which of the two runs it is at, and whether that run was triggered
    step smallint NOT NULL DEFAULT 0,
    triggered boolean NOT NULL DEFAULT false,
    status text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'running', 'completed', 'failed')),
    error_message text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    completed_at timestamptz,
    watched_since timestamptz NOT NULL DEFAULT now(),
    next_look_at timestamptz NOT NULL DEFAULT now(),
    looks integer NOT NULL DEFAULT 0,
    refused_since timestamptz,
    leased_until timestamptz,
    lease_no bigint NOT NULL DEFAULT 0
);
CREATE INDEX reverse_email_requests_open
    ON ledger.reverse_email_requests (next_look_at) WHERE status IN ('pending', 'running');

-- Messages whose effect happened, by who handled them, until nobody sends them again.
CREATE TABLE ledger.handled_events (
    consumer text NOT NULL,
    event_id text NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (consumer, event_id)
);
-- For forgetting.
CREATE INDEX handled_events_expires_at ON ledger.handled_events (expires_at);

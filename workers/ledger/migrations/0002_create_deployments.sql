-- Deployments of workflows by the ingestion service: what was begun can be finished or removed.
CREATE TABLE ledger.deployments (
    id text PRIMARY KEY,
    -- by which a repeated request finds it: the sender's key, or the hash of what was asked
    key text NOT NULL,
    -- false: a later request of the same key is a deployment of its own
    is_current boolean NOT NULL DEFAULT true,
    request_hash text NOT NULL,
    name text NOT NULL,
    version bigint NOT NULL,
    -- the id that its workflow shall have, then the one that it has; names the folder of its files
    workflow_id text NOT NULL,
    instance_id text,
    -- 0 accepted, 1 filed, 2 registering, 3 starting, 4 done
    step smallint NOT NULL DEFAULT 0 CHECK (step BETWEEN 0 AND 4),
    -- JSON texts
    files text,
    answer text,
    error text,
    -- who works on it now
    holder text,
    leased_until timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
-- A request that is sent twice makes one row.
CREATE UNIQUE INDEX deployments_key ON ledger.deployments (key) WHERE is_current;
-- A version of a workflow belongs to one deployment.
CREATE UNIQUE INDEX deployments_name_version ON ledger.deployments (name, version);
-- For the list, newest first.
CREATE INDEX deployments_created_at ON ledger.deployments (created_at DESC);

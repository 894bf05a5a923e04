-- Operations on all runs that a search found. The list is made with the operation, so that it is the same however often a
-- node dies on the way; each run remembers what it was asked under (run.extra, tickets), so that it is acted on once.

CREATE TABLE bulk_operation (
    id text PRIMARY KEY,
    request text NOT NULL,
    matched bigint NOT NULL,
    actor text,
    origin text,
    reason text,
    created_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz,
    stopped boolean NOT NULL DEFAULT false,
    until timestamptz NOT NULL
) WITH (fillfactor = 50);
COMMENT ON TABLE bulk_operation IS 'What is done to many runs; forgotten a month after its end.';
COMMENT ON COLUMN bulk_operation.matched IS 'Runs that the search found; no more than its cap are in the list.';
COMMENT ON COLUMN bulk_operation.until IS 'A node works on it until then. Saves work only.';
CREATE INDEX bulk_operation_open ON bulk_operation (until) WHERE ended_at IS NULL;
COMMENT ON INDEX bulk_operation_open IS 'pulse, bulk.take: operations that nobody works on.';
CREATE INDEX bulk_operation_by_time ON bulk_operation (created_at);
COMMENT ON INDEX bulk_operation_by_time IS 'bulk.list: the latest.';
CREATE INDEX bulk_operation_ended ON bulk_operation (ended_at) WHERE ended_at IS NOT NULL;
COMMENT ON INDEX bulk_operation_ended IS 'bulk.prune: the oldest.';

CREATE TABLE bulk_run (
    bulk text NOT NULL REFERENCES bulk_operation (id) ON DELETE CASCADE,
    place integer NOT NULL,
    run_id uuid NOT NULL,
    state smallint NOT NULL CHECK (state BETWEEN 0 AND 3),
    at timestamptz,
    why text,
    PRIMARY KEY (bulk, place)
) WITH (fillfactor = 70);
COMMENT ON TABLE bulk_run IS 'The runs of a bulk operation, and what became of each.';
COMMENT ON COLUMN bulk_run.state IS '0 PENDING, 1 DONE, 2 REFUSED, 3 STOPPED (before its turn)';
CREATE INDEX bulk_run_open ON bulk_run (bulk, place) WHERE state = 0;
COMMENT ON INDEX bulk_run_open IS 'bulk.open: what is left to be done, in order. A state changes once.';

-- The state of the engine. Rules for this folder: README.md.
--
-- Everything that belongs to a run has its id and its shard in its key; the shard, a part of the id, stands last, so
-- that no plan ever looks up by the shard alone. Ids are UUIDv7, so keys rise with time and monthly partitions by id
-- are partitions by age. A task's public id is its run's id with the task's number in the low 20 bits.
--
-- JSON that users own is text: it keeps member order, numbers of any length and \u0000, and nothing parses it here.

-- ── Definitions ──────────────────────────────────────────────────────────────────────────────────────────────────

CREATE TABLE metadata_version (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    version bigint NOT NULL
);
COMMENT ON TABLE metadata_version IS 'One row: rises with every change of a definition. A start is only stored while the version that it was resolved with is current.';
INSERT INTO metadata_version VALUES (true, 1);

CREATE TABLE workflow_def (
    name text NOT NULL,
    version integer NOT NULL,
    body text NOT NULL,
    PRIMARY KEY (name, version)
);
COMMENT ON COLUMN workflow_def.body IS 'The definition as JSON, as it was registered.';

CREATE TABLE task_def (
    name text PRIMARY KEY,
    body text NOT NULL
);

CREATE TABLE event_handler (
    name text PRIMARY KEY,
    event text NOT NULL,
    active boolean NOT NULL,
    body text NOT NULL
);

CREATE TABLE snapshot (
    hash bytea PRIMARY KEY CHECK (length(hash) = 32),
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    body text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE snapshot IS 'Immutable: a workflow definition with its task definitions as a run started with them, by SHA-256 of its text.';
CREATE UNIQUE INDEX snapshot_of_run ON snapshot (id);
COMMENT ON INDEX snapshot_of_run IS 'Rows of runs keep the small id; loading a run turns it back into the hash.';

-- ── Runs and tasks ───────────────────────────────────────────────────────────────────────────────────────────────
-- What never changes stands first: the log record of a row's new version leaves out what is the same at its beginning.
-- fillfactor, by the replay of one-task workflows: 40/40 = 1.39 KB of log each, all task updates HOT; 45/45 = 1.43 KB
-- and 92 %; 70/60 = 1.65 KB and 60 %; 100/40 = 1.59 KB (a new version in another page is logged whole). Updates of a
-- run that ends are never HOT, because wake_at is taken away: without index run_due 1.23 KB.
-- Only status has a CHECK: PostgreSQL parses and compiles the checks of a table anew for every statement that writes it.
-- toast_tuple_target: payloads that are small enough for the row are neither compressed nor moved out of it.

CREATE TABLE run (
    id uuid NOT NULL,
    snapshot_id bigint NOT NULL,
    created_at timestamptz NOT NULL,
    def_version integer NOT NULL,
    shard smallint NOT NULL,
    bucket smallint NOT NULL,
    priority smallint NOT NULL,
    name text NOT NULL,
    correlation_id text,
    input text,
    input_slot bigint,
    version bigint NOT NULL,
    write_id bigint NOT NULL,
    next_no integer NOT NULL,
    status smallint NOT NULL CHECK (status BETWEEN 0 AND 5),
    updated_at timestamptz,
    wake_at timestamptz,
    ended_at timestamptz,
    retried_at timestamptz,
    removed_in bigint,
    reason text,
    output text,
    output_slot bigint,
    variables text,
    variables_slot bigint,
    extra text,
    PRIMARY KEY (id, shard)
) PARTITION BY RANGE (id);
COMMENT ON TABLE run IS 'One workflow execution. Every change raises version by one and is guarded by it.';
COMMENT ON COLUMN run.status IS '0 RUNNING, 1 PAUSED, 2 COMPLETED, 3 FAILED, 4 TIMED_OUT, 5 TERMINATED';
COMMENT ON COLUMN run.input IS 'JSON object; null means {} unless input_slot names a row of payload (the same for output and variables).';
COMMENT ON COLUMN run.write_id IS 'The batch that wrote this version: settles a commit whose answer was lost.';
COMMENT ON COLUMN run.wake_at IS 'The run may change by itself from then on; may be too early, never too late.';
COMMENT ON COLUMN run.removed_in IS 'The last version that removed task rows.';
COMMENT ON COLUMN run.extra IS 'What few runs have, as one JSON object.';

-- wake_at leads: the pulse reads one short range of each partition whatever the number of buckets a node holds
CREATE INDEX run_due ON run (wake_at, bucket) WHERE wake_at IS NOT NULL;
COMMENT ON INDEX run_due IS 'pulse: runs whose wake_at has come. Also counts open runs with timers.';

CREATE TABLE task (
    run_id uuid NOT NULL,
    scheduled_at timestamptz NOT NULL,
    first_scheduled_at timestamptz,
    no integer NOT NULL,
    seq integer NOT NULL,
    shard smallint NOT NULL,
    priority smallint NOT NULL,
    attempt integer NOT NULL,
    iteration integer NOT NULL,
    retry_of integer,
    task_type text NOT NULL,
    ref_name text NOT NULL,
    def_name text,
    domain text NOT NULL,
    input text,
    input_slot bigint,
    changed_in bigint NOT NULL,
    available_at timestamptz NOT NULL,
    updated_at timestamptz,
    started_at timestamptz,
    ended_at timestamptz,
    response_timeout_s bigint NOT NULL,
    callback_after_s bigint,
    start_delay_s integer,
    poll_count integer NOT NULL,
    status smallint NOT NULL CHECK (status BETWEEN 0 AND 8),
    ready boolean NOT NULL,
    retried boolean NOT NULL,
    executed boolean NOT NULL,
    worker text,
    reason text,
    output text,
    output_slot bigint,
    wait_until timestamptz,
    child uuid,
    extra text,
    PRIMARY KEY (run_id, no, shard)
) PARTITION BY RANGE (run_id);
COMMENT ON TABLE task IS 'One attempt of one task of a run. Written only together with its run.';
COMMENT ON COLUMN task.status IS '0 SCHEDULED, 1 IN_PROGRESS, 2 COMPLETED, 3 COMPLETED_WITH_ERRORS, 4 FAILED, 5 TIMED_OUT, 6 FAILED_WITH_TERMINAL_ERROR, 7 CANCELED, 8 SKIPPED';
COMMENT ON COLUMN task.changed_in IS 'The version of the run that last wrote this row: a node with an older copy reads only newer rows.';
COMMENT ON COLUMN task.first_scheduled_at IS 'Null if it is scheduled_at.';
COMMENT ON COLUMN task.def_name IS 'Null if it is task_type.';
COMMENT ON COLUMN task.domain IS 'Empty = no domain.';

-- never names status: IN_PROGRESS to COMPLETED must not touch an index
CREATE INDEX task_ready ON task (task_type, domain, available_at, priority DESC, run_id, no) WHERE ready;
COMMENT ON INDEX task_ready IS 'ready.candidates: what a poll may claim, in the order in which it is given out.';

CREATE TABLE payload (
    run_id uuid NOT NULL,
    slot bigint NOT NULL,
    shard smallint NOT NULL,
    body text NOT NULL,
    PRIMARY KEY (run_id, slot, shard)
) PARTITION BY RANGE (run_id);
COMMENT ON TABLE payload IS 'Payloads too large for a row. Inserted once, never changed, never shared between runs.';

-- no identity column: a partition that is written directly does not inherit it
CREATE SEQUENCE task_log_id;
CREATE TABLE task_log (
    run_id uuid NOT NULL,
    id bigint NOT NULL DEFAULT nextval('task_log_id'),
    no integer NOT NULL,
    shard smallint NOT NULL,
    at timestamptz NOT NULL,
    body text NOT NULL,
    PRIMARY KEY (run_id, no, id, shard)
) PARTITION BY RANGE (run_id);
COMMENT ON TABLE task_log IS 'Lines that workers logged.';

-- ── What goes in and out ─────────────────────────────────────────────────────────────────────────────────────────

CREATE TABLE inbox (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    run_id uuid NOT NULL,
    shard smallint NOT NULL,
    bucket smallint NOT NULL CHECK (bucket BETWEEN 0 AND 63),
    source text NOT NULL,
    body text NOT NULL,
    arrived_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (id, shard)
);
COMMENT ON TABLE inbox IS 'What happened elsewhere for a run, until a turn of that run takes it.';
CREATE UNIQUE INDEX inbox_once ON inbox (run_id, source, shard);
COMMENT ON INDEX inbox_once IS 'ingest: a message delivered twice is one row; also finds the rows of a run.';

CREATE TABLE parked_event (
    run_id uuid NOT NULL,
    inbox bigint NOT NULL,
    shard smallint NOT NULL,
    body text NOT NULL,
    parked_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (run_id, inbox, shard)
);
COMMENT ON TABLE parked_event IS 'Events that came before the task that waits for them: part of the run''s state.';

CREATE TABLE outbox (
    run_id uuid NOT NULL,
    seq bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    max_block_ms bigint,
    task_no integer NOT NULL,
    shard smallint NOT NULL,
    lane smallint NOT NULL CHECK (lane BETWEEN 0 AND 63),
    cluster text,
    topic text NOT NULL,
    key bytea,
    value bytea NOT NULL,
    headers text,
    pending boolean NOT NULL DEFAULT true,
    PRIMARY KEY (run_id, task_no, shard)
) WITH (fillfactor = 70);
COMMENT ON TABLE outbox IS 'Messages to publish. pending = nobody has acknowledged or refused it yet.';
CREATE INDEX outbox_pending ON outbox (lane, seq) WHERE pending;
COMMENT ON INDEX outbox_pending IS 'pulse, outbox.pending: what a lane still has to send, in its order.';

CREATE TABLE kafka_position (
    cluster text NOT NULL,
    grp text NOT NULL,
    topic text NOT NULL,
    partition integer NOT NULL,
    epoch bigint NOT NULL,
    next_offset bigint,
    moved_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (cluster, grp, topic, partition)
) WITH (fillfactor = 40);
COMMENT ON TABLE kafka_position IS 'Where each consumer stands; moves in the transaction that stores what it read.';
COMMENT ON COLUMN kafka_position.epoch IS 'Rises with every take-over; an older holder can no longer write.';

-- ── Nodes ────────────────────────────────────────────────────────────────────────────────────────────────────────

CREATE TABLE node (
    epoch bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    name text NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now(),
    until timestamptz NOT NULL
) WITH (fillfactor = 40);
CREATE INDEX node_live ON node (until);
COMMENT ON INDEX node_live IS 'pulse: how many nodes share the work.';

CREATE TABLE node_lease (
    kind smallint NOT NULL CHECK (kind IN (0, 1)),
    no smallint NOT NULL CHECK (no BETWEEN 0 AND 63),
    node bigint,
    until timestamptz NOT NULL,
    PRIMARY KEY (kind, no)
) WITH (fillfactor = 20);
COMMENT ON TABLE node_lease IS 'Which node watches which bucket (kind 0) and publishes which lane (kind 1). Saves work only: the version guard decides.';
INSERT INTO node_lease (kind, no, node, until)
SELECT k, n, NULL, '-infinity' FROM generate_series(0, 1) AS k, generate_series(0, 63) AS n;

CREATE SEQUENCE writer_epoch;
COMMENT ON SEQUENCE writer_epoch IS 'Each writer connection draws one: the high bits of its write ids and payload slots.';

CREATE TABLE poll_data (
    task_type text NOT NULL,
    domain text NOT NULL,
    worker text NOT NULL,
    last_poll_at timestamptz NOT NULL,
    PRIMARY KEY (task_type, domain, worker)
) WITH (fillfactor = 40);

-- ── Partitions ───────────────────────────────────────────────────────────────────────────────────────────────────

CREATE TABLE run_rest PARTITION OF run DEFAULT WITH (fillfactor = 40, toast_tuple_target = 8160);
CREATE TABLE task_rest PARTITION OF task DEFAULT WITH (fillfactor = 40, toast_tuple_target = 8160);
CREATE TABLE payload_rest PARTITION OF payload DEFAULT;
CREATE TABLE task_log_rest PARTITION OF task_log DEFAULT;
COMMENT ON TABLE run_rest IS 'Safety net: holds runs of months without a partition of their own.';

CREATE FUNCTION uuid_floor(at timestamptz) RETURNS uuid
LANGUAGE sql IMMUTABLE
RETURN (rpad(lpad(to_hex(floor(extract(epoch FROM at) * 1000)::bigint), 12, '0'), 32, '0'))::uuid;
COMMENT ON FUNCTION uuid_floor IS 'The smallest UUIDv7 of an instant.';

-- Names carry the month. A month whose rows are in the default partition already is left there.
CREATE FUNCTION make_partitions(first_month timestamptz, months integer) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    base text;
    month timestamp;
    name text;
    options text;
    made integer := 0;
BEGIN
    FOR i IN 0 .. months - 1 LOOP
        month := date_trunc('month', first_month AT TIME ZONE 'UTC') + make_interval(months => i);
        FOREACH base IN ARRAY ARRAY['run', 'task', 'payload', 'task_log'] LOOP
            name := base || '_' || to_char(month, 'YYYYMM');
            CONTINUE WHEN to_regclass(name) IS NOT NULL;
            options := CASE WHEN base IN ('run', 'task') THEN 'WITH (fillfactor = 40, toast_tuple_target = 8160)' ELSE '' END;
            BEGIN
                EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L) %s', name, base,
                    uuid_floor(month AT TIME ZONE 'UTC'),
                    uuid_floor((month + interval '1 month') AT TIME ZONE 'UTC'), options);
                made := made + 1;
            EXCEPTION WHEN check_violation OR duplicate_table THEN
                NULL;
            END;
        END LOOP;
    END LOOP;
    RETURN made;
END;
$$;
COMMENT ON FUNCTION make_partitions IS 'Makes the monthly partitions that are missing; returns how many it made. Safe to call at any time.';
SELECT make_partitions(now() - interval '1 month', 14);

-- ── Row images of the hot statement ──────────────────────────────────────────────────────────────────────────────
-- One array of composites is unnested five times faster than one array for each column (25 columns, 100 rows: 19 µs
-- against 92 µs). Columns that are never null stand first: a column is found without walking over the ones before
-- it. A new column needs a new type beside the old one, for the binaries that still send the old one.

CREATE TYPE run_image AS (
    id uuid, shard smallint, bucket smallint, version bigint, snapshot_id bigint, created_at timestamptz,
    def_version integer, priority smallint, next_no integer, status smallint, whole boolean, removes boolean,
    metadata_version bigint, updated_at timestamptz, wake_at timestamptz, ended_at timestamptz,
    retried_at timestamptz, input_slot bigint, output_slot bigint, variables_slot bigint, name text,
    correlation_id text, reason text, input text, output text, variables text, extra text
);
COMMENT ON TYPE run_image IS 'version: the new one. whole: false = only version and write id change. metadata_version: see table metadata_version.';

CREATE TYPE task_image AS (
    run_id uuid, shard smallint, no integer, changed_in bigint, seq integer, priority smallint, attempt integer,
    iteration integer, scheduled_at timestamptz, available_at timestamptz, response_timeout_s bigint,
    poll_count integer, status smallint, ready boolean, retried boolean, executed boolean, retry_of integer,
    first_scheduled_at timestamptz, updated_at timestamptz, started_at timestamptz, ended_at timestamptz,
    wait_until timestamptz, callback_after_s bigint, start_delay_s integer, input_slot bigint, output_slot bigint,
    child uuid, task_type text, ref_name text, def_name text, domain text, worker text, reason text, input text,
    output text, extra text
);

CREATE TYPE run_key AS (id uuid, shard smallint, version bigint);
CREATE TYPE payload_image AS (run_id uuid, shard smallint, slot bigint, body text);
CREATE TYPE task_key AS (run_id uuid, shard smallint, no integer);
CREATE TYPE inbox_key AS (run_id uuid, shard smallint, id bigint);
CREATE TYPE parked_image AS (run_id uuid, shard smallint, inbox bigint, body text, parked_at timestamptz, expires_at timestamptz);
CREATE TYPE outbox_image AS (
    run_id uuid, shard smallint, task_no integer, lane smallint, cluster text, topic text, key bytea, value bytea,
    headers text, max_block_ms bigint
);
CREATE TYPE log_image AS (run_id uuid, shard smallint, no integer, at timestamptz, body text);

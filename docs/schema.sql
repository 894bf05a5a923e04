
CREATE SCHEMA podium;

COMMENT ON SCHEMA podium IS 'Views for people: names, status words, instants and JSON. The tables behind them may change, these do not.';

CREATE TYPE public.claim_key AS (
	run_id uuid,
	shard smallint,
	no integer,
	poll_count integer,
	name text
);

CREATE TYPE public.history_image AS (
	run_id uuid,
	shard smallint,
	slot integer,
	seq integer,
	at timestamp with time zone,
	status_before smallint,
	status_after smallint,
	task_no integer,
	act text,
	ref_name text,
	actor text,
	origin text,
	reason text,
	detail text
);

CREATE TYPE public.inbox_key AS (
	run_id uuid,
	shard smallint,
	id bigint
);

CREATE TYPE public.log_image AS (
	run_id uuid,
	shard smallint,
	no integer,
	at timestamp with time zone,
	body text
);

CREATE TYPE public.outbox_image AS (
	run_id uuid,
	shard smallint,
	task_no integer,
	lane smallint,
	cluster text,
	topic text,
	key bytea,
	value bytea,
	headers text,
	max_block_ms bigint
);

CREATE TYPE public.parked_image AS (
	run_id uuid,
	shard smallint,
	inbox bigint,
	body text,
	parked_at timestamp with time zone,
	expires_at timestamp with time zone
);

CREATE TYPE public.payload_image AS (
	run_id uuid,
	shard smallint,
	slot bigint,
	body text
);

CREATE TYPE public.run_image AS (
	id uuid,
	shard smallint,
	bucket smallint,
	version bigint,
	snapshot_id bigint,
	created_at timestamp with time zone,
	def_version integer,
	priority smallint,
	next_no integer,
	status smallint,
	whole boolean,
	removes boolean,
	metadata_version bigint,
	updated_at timestamp with time zone,
	wake_at timestamp with time zone,
	ended_at timestamp with time zone,
	retried_at timestamp with time zone,
	input_slot bigint,
	output_slot bigint,
	variables_slot bigint,
	name text,
	correlation_id text,
	reason text,
	input text,
	output text,
	variables text,
	extra text
);

COMMENT ON TYPE public.run_image IS 'version: the new one. whole: false = only version and write id change. metadata_version: see table metadata_version.';

CREATE TYPE public.run_key AS (
	id uuid,
	shard smallint,
	version bigint
);

CREATE TYPE public.task_image AS (
	run_id uuid,
	shard smallint,
	no integer,
	changed_in bigint,
	seq integer,
	priority smallint,
	attempt integer,
	iteration integer,
	scheduled_at timestamp with time zone,
	available_at timestamp with time zone,
	response_timeout_s bigint,
	poll_count integer,
	status smallint,
	ready boolean,
	retried boolean,
	executed boolean,
	retry_of integer,
	first_scheduled_at timestamp with time zone,
	updated_at timestamp with time zone,
	started_at timestamp with time zone,
	ended_at timestamp with time zone,
	wait_until timestamp with time zone,
	callback_after_s bigint,
	start_delay_s integer,
	input_slot bigint,
	output_slot bigint,
	child uuid,
	task_type text,
	ref_name text,
	def_name text,
	domain text,
	worker text,
	reason text,
	input text,
	output text,
	extra text
);

CREATE TYPE public.task_key AS (
	run_id uuid,
	shard smallint,
	no integer
);

CREATE FUNCTION podium.message_body(value bytea) RETURNS json
    LANGUAGE plpgsql IMMUTABLE
    AS $$
BEGIN
    RETURN convert_from(value, 'UTF8')::json;
EXCEPTION WHEN others THEN
    RETURN to_json(encode(value, 'base64'));
END;
$$;

COMMENT ON FUNCTION podium.message_body(value bytea) IS 'A message as JSON; one that is none as a base64 string.';

CREATE FUNCTION podium.task_id(run_id uuid, no integer) RETURNS uuid
    LANGUAGE sql IMMUTABLE
    RETURN (("left"((run_id)::text, 31) || lpad(to_hex(no), 5, '0'::text)))::uuid;

COMMENT ON FUNCTION podium.task_id(run_id uuid, no integer) IS 'The public id of a task: its run''s id with its number in the low 20 bits.';

CREATE FUNCTION public.describe_snapshot() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    body json := NEW.body::json;
    metadata json := body -> 'metadata';
BEGIN
    NEW.name := body ->> 'name';
    NEW.classifier := CASE
        WHEN json_typeof(metadata -> 'classifier') = 'string' AND btrim(metadata ->> 'classifier') <> '' THEN metadata ->> 'classifier'
        WHEN metadata -> 'agent_sdk' IS NOT NULL OR metadata -> 'agentDef' IS NOT NULL THEN 'agent'
        ELSE 'workflow'
    END;
    RETURN NEW;
END;
$$;

CREATE FUNCTION public.forget_words() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    DELETE FROM run_search WHERE run_id = OLD.id;
    DELETE FROM task_search WHERE run_id = OLD.id;
    RETURN NULL;
END;
$$;

CREATE FUNCTION public.json_contains(body text, wanted text) RETURNS boolean
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
    AS $$
BEGIN
    RETURN body::jsonb @> wanted::jsonb;
EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
    RETURN false;
END;
$$;

COMMENT ON FUNCTION public.json_contains(body text, wanted text) IS 'Whether one JSON text contains another; not if PostgreSQL cannot take one of them as jsonb.';

CREATE FUNCTION public.make_partitions(first_month timestamp with time zone, months integer) RETURNS integer
    LANGUAGE plpgsql
    AS $$
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

COMMENT ON FUNCTION public.make_partitions(first_month timestamp with time zone, months integer) IS 'Makes the monthly partitions that are missing; returns how many it made. Safe to call at any time.';

CREATE FUNCTION public.move_run_slots(runs uuid[], shards smallint[], buckets smallint[], keys text[], wishes smallint[], limits integer[], stints integer[]) RETURNS SETOF uuid
    LANGUAGE plpgsql
    AS $$
DECLARE
    wanted text;
    held integer;
    slot run_slot;
    refused uuid[] := ARRAY(SELECT w.run_id FROM unnest(runs, wishes) AS w(run_id, wish) WHERE w.wish = 2);
BEGIN
    FOR wanted IN SELECT DISTINCT k.key FROM unnest(keys) AS k(key) ORDER BY k.key LOOP
        INSERT INTO run_limit AS l (key) VALUES (wanted) ON CONFLICT (key) DO UPDATE SET key = EXCLUDED.key;
    END LOOP;
    DELETE FROM run_slot AS s
    USING unnest(runs, keys, wishes) AS w(run_id, key, wish)
    WHERE s.run_id = w.run_id AND s.key = w.key AND w.wish = 0;
    INSERT INTO run_slot (run_id, shard, bucket, key, waits, at_once, stint)
    SELECT w.run_id, w.shard, w.bucket, w.key, w.wish <> 3, w.at_once, w.stint
    FROM unnest(runs, shards, buckets, keys, wishes, limits, stints)
        WITH ORDINALITY AS w(run_id, shard, bucket, key, wish, at_once, stint, place)
    WHERE w.wish > 0
    ORDER BY w.place
    ON CONFLICT (run_id, shard) DO UPDATE SET
        seq = DEFAULT, asked_at = DEFAULT, key = EXCLUDED.key, waits = EXCLUDED.waits, at_once = EXCLUDED.at_once,
        stint = EXCLUDED.stint;
    FOR wanted IN SELECT DISTINCT k.key FROM unnest(keys) AS k(key) ORDER BY k.key LOOP
        SELECT count(*) INTO held FROM run_slot AS s WHERE s.key = wanted AND NOT s.waits;
        FOR slot IN SELECT s.* FROM run_slot AS s WHERE s.key = wanted AND s.waits ORDER BY s.seq LOOP
            EXIT WHEN held >= slot.at_once;
            held := held + 1;
            UPDATE run_slot AS s SET waits = false WHERE s.run_id = slot.run_id AND s.shard = slot.shard;
            INSERT INTO inbox (run_id, shard, bucket, source, body)
            VALUES (slot.run_id, slot.shard, slot.bucket, 'slot/' || slot.stint,
                json_build_object('kind', 'slot_granted', 'stint', slot.stint)::text)
            ON CONFLICT DO NOTHING;
            RETURN NEXT slot.run_id;
        END LOOP;
        FOR slot IN
            DELETE FROM run_slot AS s
            WHERE s.run_id = ANY (refused) AND s.key = wanted AND s.waits
            RETURNING s.*
        LOOP
            INSERT INTO inbox (run_id, shard, bucket, source, body)
            VALUES (slot.run_id, slot.shard, slot.bucket, 'slot/' || slot.stint,
                json_build_object('kind', 'slot_refused', 'stint', slot.stint)::text)
            ON CONFLICT DO NOTHING;
            RETURN NEXT slot.run_id;
        END LOOP;
        DELETE FROM run_limit AS l
        WHERE l.key = wanted AND NOT EXISTS (SELECT FROM run_slot AS s WHERE s.key = wanted);
    END LOOP;
END;
$$;

COMMENT ON FUNCTION public.move_run_slots(runs uuid[], shards smallint[], buckets smallint[], keys text[], wishes smallint[], limits integer[], stints integer[]) IS 'Takes and leaves slots of runs; returns the runs that have a message about it in their inbox.';

CREATE FUNCTION public.refused_by_limits(claims public.claim_key[]) RETURNS SETOF uuid
    LANGUAGE plpgsql
    AS $$
DECLARE
    limited task_limit;
    claim claim_key;
    held integer;
    begun integer;
    known boolean;
BEGIN
    -- in the order of the names, so that two batches never wait for each other
    FOR limited IN
        SELECT l.* FROM task_limit AS l
        WHERE l.name = ANY (ARRAY(SELECT c.name FROM unnest(claims) AS c))
        ORDER BY l.name
        FOR UPDATE
    LOOP
        held := 0;
        begun := 0;
        IF limited.at_once IS NOT NULL THEN
            DELETE FROM task_slot AS s
            WHERE s.name = limited.name AND NOT EXISTS (
                SELECT FROM task AS t WHERE t.run_id = s.run_id AND t.no = s.no AND t.status = 1
            );
            SELECT count(*) INTO held FROM task_slot AS s WHERE s.name = limited.name;
        END IF;
        IF limited.per_window IS NOT NULL THEN
            DELETE FROM task_begin AS b
            WHERE b.name = limited.name AND b.at <= clock_timestamp() - limited.window_s * interval '1 second';
            SELECT count(*) INTO begun FROM task_begin AS b WHERE b.name = limited.name;
        END IF;
        FOR claim IN SELECT c.* FROM unnest(claims) AS c WHERE c.name = limited.name LOOP
            -- a claim that was noted and then lost its race is the same claim when it comes again
            known := limited.per_window IS NOT NULL AND EXISTS (
                SELECT FROM task_begin AS b
                WHERE b.name = claim.name AND b.run_id = claim.run_id AND b.no = claim.no
                    AND b.poll_count = claim.poll_count
            );
            IF held >= limited.at_once OR (begun >= limited.per_window AND NOT known) THEN
                RETURN NEXT claim.run_id;
                CONTINUE;
            END IF;
            held := held + 1;
            INSERT INTO task_slot (name, run_id, no, shard) VALUES (claim.name, claim.run_id, claim.no, claim.shard)
            ON CONFLICT DO NOTHING;
            IF limited.per_window IS NOT NULL THEN
                begun := begun + CASE WHEN known THEN 0 ELSE 1 END;
                INSERT INTO task_begin (name, run_id, no, poll_count, shard, at)
                VALUES (claim.name, claim.run_id, claim.no, claim.poll_count, claim.shard, clock_timestamp())
                ON CONFLICT (name, run_id, no, poll_count, shard) DO UPDATE SET at = EXCLUDED.at;
            END IF;
        END LOOP;
    END LOOP;
END;
$$;

COMMENT ON FUNCTION public.refused_by_limits(claims public.claim_key[]) IS 'Takes a slot for each claim that its definition''s limits allow; returns the runs of the others.';

CREATE FUNCTION public.uuid_floor(at timestamp with time zone) RETURNS uuid
    LANGUAGE sql IMMUTABLE
    RETURN (rpad(lpad(to_hex((floor((EXTRACT(epoch FROM at) * (1000)::numeric)))::bigint), 12, '0'::text), 32, '0'::text))::uuid;

COMMENT ON FUNCTION public.uuid_floor(at timestamp with time zone) IS 'The smallest UUIDv7 of an instant.';

CREATE FUNCTION public.words_of(plain text, one text, two text) RETURNS tsvector
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
    AS $$
DECLARE
    most CONSTANT integer := 100000;
    words tsvector := to_tsvector('pg_catalog.english', left(plain, most));
BEGIN
    IF length(one) <= most AND length(two) <= most THEN
        BEGIN
            IF one <> '{}' THEN
                words := words || jsonb_to_tsvector('pg_catalog.english', one::jsonb, '"all"');
            END IF;
            IF two <> '{}' THEN
                words := words || jsonb_to_tsvector('pg_catalog.english', two::jsonb, '"all"');
            END IF;
            RETURN words;
        EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
            NULL;
        END;
    END IF;
    RETURN to_tsvector('pg_catalog.english', concat_ws(' ', left(plain, most), left(one, most), left(two, most)));
END;
$$;

COMMENT ON FUNCTION public.words_of(plain text, one text, two text) IS 'The searchable words of a text and of two JSON texts: at least of the first 100,000 characters of each.';

CREATE TABLE public.inbox (
    id bigint NOT NULL,
    run_id uuid NOT NULL,
    shard smallint NOT NULL,
    bucket smallint NOT NULL,
    source text NOT NULL,
    body text NOT NULL,
    arrived_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT inbox_bucket_check CHECK (((bucket >= 0) AND (bucket <= 63)))
);

COMMENT ON TABLE public.inbox IS 'What happened elsewhere for a run, until a turn of that run takes it.';

CREATE TABLE public.outbox (
    run_id uuid NOT NULL,
    seq bigint NOT NULL,
    max_block_ms bigint,
    task_no integer NOT NULL,
    shard smallint NOT NULL,
    lane smallint NOT NULL,
    cluster text,
    topic text NOT NULL,
    key bytea,
    value bytea NOT NULL,
    headers text,
    pending boolean DEFAULT true NOT NULL,
    CONSTRAINT outbox_lane_check CHECK (((lane >= '-1'::integer) AND (lane <= 63)))
)
WITH (fillfactor='70');

COMMENT ON TABLE public.outbox IS 'Messages to publish. pending = nobody has acknowledged or refused it yet.';

COMMENT ON COLUMN public.outbox.task_no IS 'The task whose message it is; above 1048575: a notice of the run.';

COMMENT ON COLUMN public.outbox.lane IS '-1 = an event of an own queue, named by topic, for event handlers.';

CREATE TABLE public.parked_event (
    run_id uuid NOT NULL,
    inbox bigint NOT NULL,
    shard smallint NOT NULL,
    body text NOT NULL,
    parked_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL
);

COMMENT ON TABLE public.parked_event IS 'Events that came before the task that waits for them: part of the run''s state.';

CREATE TABLE public.task (
    run_id uuid NOT NULL,
    scheduled_at timestamp with time zone NOT NULL,
    first_scheduled_at timestamp with time zone,
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
    available_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone,
    started_at timestamp with time zone,
    ended_at timestamp with time zone,
    response_timeout_s bigint NOT NULL,
    callback_after_s bigint,
    start_delay_s integer,
    poll_count integer NOT NULL,
    status smallint NOT NULL,
    ready boolean NOT NULL,
    retried boolean NOT NULL,
    executed boolean NOT NULL,
    worker text,
    reason text,
    output text,
    output_slot bigint,
    wait_until timestamp with time zone,
    child uuid,
    extra text,
    CONSTRAINT task_status_check CHECK (((status >= 0) AND (status <= 8)))
)
PARTITION BY RANGE (run_id);

COMMENT ON TABLE public.task IS 'One attempt of one task of a run. Written only together with its run.';

COMMENT ON COLUMN public.task.first_scheduled_at IS 'Null if it is scheduled_at.';

COMMENT ON COLUMN public.task.def_name IS 'Null if it is task_type.';

COMMENT ON COLUMN public.task.domain IS 'Empty = no domain.';

COMMENT ON COLUMN public.task.changed_in IS 'The version of the run that last wrote this row: a node with an older copy reads only newer rows.';

COMMENT ON COLUMN public.task.status IS '0 SCHEDULED, 1 IN_PROGRESS, 2 COMPLETED, 3 COMPLETED_WITH_ERRORS, 4 FAILED, 5 TIMED_OUT, 6 FAILED_WITH_TERMINAL_ERROR, 7 CANCELED, 8 SKIPPED';

CREATE VIEW podium.events AS
 SELECT 'IN'::text AS direction,
    'ARRIVED'::text AS state,
    i.run_id,
    NULL::uuid AS task_id,
    i.source,
    NULL::text AS topic,
    (i.body)::json AS body,
    i.arrived_at AS at,
    NULL::timestamp with time zone AS expires_at
   FROM public.inbox i
UNION ALL
 SELECT 'IN'::text AS direction,
    'PARKED'::text AS state,
    e.run_id,
    NULL::uuid AS task_id,
    ((e.body)::json ->> 'source'::text) AS source,
    NULL::text AS topic,
    (e.body)::json AS body,
    e.parked_at AS at,
    e.expires_at
   FROM public.parked_event e
UNION ALL
 SELECT 'OUT'::text AS direction,
        CASE
            WHEN o.pending THEN 'PENDING'::text
            ELSE 'SETTLED'::text
        END AS state,
    o.run_id,
        CASE
            WHEN (o.task_no <= 1048575) THEN podium.task_id(o.run_id, o.task_no)
            ELSE NULL::uuid
        END AS task_id,
    NULL::text AS source,
    o.topic,
    podium.message_body(o.value) AS body,
    ( SELECT t.scheduled_at
           FROM public.task t
          WHERE ((t.run_id = o.run_id) AND (t.no = o.task_no))) AS at,
    NULL::timestamp with time zone AS expires_at
   FROM public.outbox o;

COMMENT ON VIEW podium.events IS 'Messages on their way in (arrived, parked) and out (pending, settled).';

CREATE TABLE public.history (
    run_id uuid NOT NULL,
    slot integer NOT NULL,
    seq integer NOT NULL,
    shard smallint NOT NULL,
    at timestamp with time zone NOT NULL,
    status_before smallint NOT NULL,
    status_after smallint NOT NULL,
    task_no integer,
    act text NOT NULL,
    ref_name text,
    actor text,
    origin text,
    reason text,
    detail text,
    CONSTRAINT history_slot_check CHECK (((slot >= 0) AND (slot <= 999)))
);

COMMENT ON TABLE public.history IS 'What was done to a run besides its usual way. The first 500 lines of a run are kept, and the latest 500 of the others.';

COMMENT ON COLUMN public.history.slot IS 'Where the line is kept: its number for the first 500, then round and round.';

COMMENT ON COLUMN public.history.seq IS 'Counts the lines of the run from 1.';

CREATE VIEW podium.history AS
 SELECT h.run_id,
    h.seq,
    h.at,
    h.act AS operation,
    (ARRAY['RUNNING'::text, 'PAUSED'::text, 'COMPLETED'::text, 'FAILED'::text, 'TIMED_OUT'::text, 'TERMINATED'::text])[(h.status_before + 1)] AS status_before,
    (ARRAY['RUNNING'::text, 'PAUSED'::text, 'COMPLETED'::text, 'FAILED'::text, 'TIMED_OUT'::text, 'TERMINATED'::text])[(h.status_after + 1)] AS status_after,
        CASE
            WHEN (h.task_no IS NOT NULL) THEN podium.task_id(h.run_id, h.task_no)
            ELSE NULL::uuid
        END AS task_id,
    NULLIF(h.ref_name, ''::text) AS reference_name,
    h.actor,
    h.origin,
    h.reason,
    (h.detail)::json AS detail
   FROM public.history h;

COMMENT ON VIEW podium.history IS 'What was done to each run, and who asked: one row for each operation, late answer, time-out and fault.';

CREATE VIEW podium.queue_depth AS
 SELECT t.task_type,
    NULLIF(t.domain, ''::text) AS domain,
    count(*) FILTER (WHERE (t.available_at <= now())) AS ready,
    count(*) FILTER (WHERE (t.available_at > now())) AS delayed,
    min(t.available_at) AS oldest
   FROM public.task t
  WHERE t.ready
  GROUP BY t.task_type, t.domain;

COMMENT ON VIEW podium.queue_depth IS 'Tasks that workers may poll, by queue.';

CREATE TABLE public.run (
    id uuid NOT NULL,
    snapshot_id bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
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
    status smallint NOT NULL,
    updated_at timestamp with time zone,
    wake_at timestamp with time zone,
    ended_at timestamp with time zone,
    retried_at timestamp with time zone,
    removed_in bigint,
    reason text,
    output text,
    output_slot bigint,
    variables text,
    variables_slot bigint,
    extra text,
    CONSTRAINT run_status_check CHECK (((status >= 0) AND (status <= 5)))
)
PARTITION BY RANGE (id);

COMMENT ON TABLE public.run IS 'One workflow execution. Every change raises version by one and is guarded by it.';

COMMENT ON COLUMN public.run.input IS 'JSON object; null means {} unless input_slot names a row of payload (the same for output and variables).';

COMMENT ON COLUMN public.run.write_id IS 'The batch that wrote this version: settles a commit whose answer was lost.';

COMMENT ON COLUMN public.run.status IS '0 RUNNING, 1 PAUSED, 2 COMPLETED, 3 FAILED, 4 TIMED_OUT, 5 TERMINATED';

COMMENT ON COLUMN public.run.wake_at IS 'The run may change by itself from then on; may be too early, never too late.';

COMMENT ON COLUMN public.run.removed_in IS 'The last version that removed task rows.';

COMMENT ON COLUMN public.run.extra IS 'What few runs have, as one JSON object.';

CREATE TABLE public.run_slot (
    run_id uuid NOT NULL,
    seq bigint NOT NULL,
    asked_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    at_once integer NOT NULL,
    stint integer NOT NULL,
    shard smallint NOT NULL,
    bucket smallint NOT NULL,
    waits boolean NOT NULL,
    key text NOT NULL,
    CONSTRAINT run_slot_at_once_check CHECK ((at_once > 0))
);

COMMENT ON TABLE public.run_slot IS 'Open runs under a rate limit: those that hold a slot and those that wait for one.';

COMMENT ON COLUMN public.run_slot.at_once IS 'concurrentExecLimit of the run''s definition: it begins when fewer runs hold a slot.';

COMMENT ON COLUMN public.run_slot.stint IS 'Which question of the run this row answers: a restarted run asks again.';

CREATE VIEW podium.rate_limits AS
 SELECT s.key,
    s.run_id,
    r.name AS workflow_name,
        CASE
            WHEN s.waits THEN 'WAITS'::text
            ELSE 'HOLDS'::text
        END AS state,
        CASE
            WHEN s.waits THEN row_number() OVER (PARTITION BY s.key, s.waits ORDER BY s.seq)
            ELSE NULL::bigint
        END AS place,
    s.at_once AS concurrent_exec_limit,
    s.asked_at AS since
   FROM (public.run_slot s
     JOIN public.run r ON ((r.id = s.run_id)));

COMMENT ON VIEW podium.rate_limits IS 'Open runs under a rate limit of their workflow: who holds a slot, who waits and at which place.';

CREATE TABLE public.payload (
    run_id uuid NOT NULL,
    slot bigint NOT NULL,
    shard smallint NOT NULL,
    body text NOT NULL
)
PARTITION BY RANGE (run_id);

COMMENT ON TABLE public.payload IS 'Payloads too large for a row. Inserted once, never changed, never shared between runs.';

CREATE VIEW podium.runs AS
 SELECT r.id AS run_id,
    r.name AS workflow_name,
    r.def_version AS workflow_version,
    (ARRAY['RUNNING'::text, 'PAUSED'::text, 'COMPLETED'::text, 'FAILED'::text, 'TIMED_OUT'::text, 'TERMINATED'::text])[(r.status + 1)] AS status,
    r.correlation_id,
    (r.priority)::integer AS priority,
    r.reason,
    r.created_at,
    r.updated_at,
    r.ended_at,
    r.retried_at,
    r.wake_at,
    (COALESCE(r.input, ( SELECT p.body
           FROM public.payload p
          WHERE ((p.run_id = r.id) AND (p.slot = r.input_slot))), '{}'::text))::json AS input,
    (COALESCE(r.output, ( SELECT p.body
           FROM public.payload p
          WHERE ((p.run_id = r.id) AND (p.slot = r.output_slot))), '{}'::text))::json AS output,
    (COALESCE(r.variables, ( SELECT p.body
           FROM public.payload p
          WHERE ((p.run_id = r.id) AND (p.slot = r.variables_slot))), '{}'::text))::json AS variables,
    ((((r.extra)::json -> 'parent'::text) ->> 'run'::text))::uuid AS parent_run_id,
    ((((r.extra)::json -> 'parent'::text) ->> 'task'::text))::uuid AS parent_task_id,
    r.version,
        CASE
            WHEN starts_with(r.extra, '{"fault":'::text) THEN ((r.extra)::json ->> 'fault'::text)
            ELSE NULL::text
        END AS fault
   FROM public.run r;

COMMENT ON VIEW podium.runs IS 'Workflow executions.';

CREATE TABLE public.node (
    epoch bigint NOT NULL,
    name text NOT NULL,
    started_at timestamp with time zone DEFAULT now() NOT NULL,
    until timestamp with time zone NOT NULL
)
WITH (fillfactor='40');

CREATE TABLE public.search_feed (
    node bigint NOT NULL,
    pending bigint DEFAULT 0 NOT NULL,
    behind_since timestamp with time zone,
    swept_at timestamp with time zone
)
WITH (fillfactor='40');

COMMENT ON TABLE public.search_feed IS 'One row for each node that changes runs, from its start to its orderly end. The row of a node that died says that all runs must be looked through.';

COMMENT ON COLUMN public.search_feed.behind_since IS 'The oldest change of this node whose words are not there yet; null = none.';

COMMENT ON COLUMN public.search_feed.swept_at IS 'All runs were looked through, from then on, after this node died.';

CREATE TABLE public.search_sweep (
    one boolean DEFAULT true NOT NULL,
    started_at timestamp with time zone NOT NULL,
    below uuid NOT NULL,
    looked_at bigint DEFAULT 0 NOT NULL,
    CONSTRAINT search_sweep_one_check CHECK (one)
)
WITH (fillfactor='40');

COMMENT ON TABLE public.search_sweep IS 'The look through all runs that is under way, newest first; no row = none.';

COMMENT ON COLUMN public.search_sweep.below IS 'It goes on below this run.';

CREATE VIEW podium.search_lag AS
 SELECT f.node,
    COALESCE((n.until > now()), false) AS alive,
    f.pending,
    f.behind_since,
    (COALESCE(EXTRACT(epoch FROM (now() - f.behind_since)), (0)::numeric))::double precision AS lag_seconds,
    ((COALESCE(n.until, '-infinity'::timestamp with time zone) <= now()) AND ((f.swept_at IS NULL) OR (f.swept_at < COALESCE(n.until, '-infinity'::timestamp with time zone)))) AS sweep_needed,
    s.started_at AS sweep_started_at,
    s.looked_at AS sweep_looked_at
   FROM ((public.search_feed f
     LEFT JOIN public.node n ON ((n.epoch = f.node)))
     LEFT JOIN public.search_sweep s ON (true));

COMMENT ON VIEW podium.search_lag IS 'How far the words of runs are behind the runs, by node.';

CREATE VIEW podium.tasks AS
 SELECT podium.task_id(t.run_id, t.no) AS task_id,
    t.run_id,
    t.ref_name AS reference_name,
    t.task_type,
    COALESCE(t.def_name, t.task_type) AS task_name,
    (ARRAY['SCHEDULED'::text, 'IN_PROGRESS'::text, 'COMPLETED'::text, 'COMPLETED_WITH_ERRORS'::text, 'FAILED'::text, 'TIMED_OUT'::text, 'FAILED_WITH_TERMINAL_ERROR'::text, 'CANCELED'::text, 'SKIPPED'::text])[(t.status + 1)] AS status,
    t.seq,
    t.attempt,
    t.iteration,
    t.poll_count,
    NULLIF(t.domain, ''::text) AS domain,
    t.worker,
    t.reason,
    t.scheduled_at,
    t.available_at,
    t.started_at,
    t.ended_at,
    t.updated_at,
    t.wait_until,
    t.child AS child_run_id,
        CASE
            WHEN (t.retry_of IS NOT NULL) THEN podium.task_id(t.run_id, t.retry_of)
            ELSE NULL::uuid
        END AS retry_of_task_id,
    t.retried,
    (COALESCE(t.input, ( SELECT p.body
           FROM public.payload p
          WHERE ((p.run_id = t.run_id) AND (p.slot = t.input_slot))), '{}'::text))::json AS input,
    (COALESCE(t.output, ( SELECT p.body
           FROM public.payload p
          WHERE ((p.run_id = t.run_id) AND (p.slot = t.output_slot))), '{}'::text))::json AS output
   FROM public.task t;

COMMENT ON VIEW podium.tasks IS 'Tasks: one row for each attempt of each task of a run.';

CREATE VIEW podium.waits AS
 SELECT t.run_id,
    podium.task_id(t.run_id, t.no) AS task_id,
    r.name AS workflow_name,
    t.ref_name AS reference_name,
    t.task_type,
        CASE
            WHEN (t.ready AND (t.available_at > now())) THEN 'RETRY_DELAY'::text
            WHEN t.ready THEN 'POLL'::text
            WHEN (t.wait_until IS NOT NULL) THEN 'TIME'::text
            WHEN (t.child IS NOT NULL) THEN 'CHILD'::text
            WHEN (t.worker IS NOT NULL) THEN 'WORKER'::text
            WHEN o.pending THEN 'PUBLISH'::text
            WHEN (t.task_type = 'EVENT'::text) THEN 'EVENT'::text
            ELSE t.task_type
        END AS waits_for,
    t.worker,
    t.child AS child_run_id,
    GREATEST(t.scheduled_at, t.started_at) AS since,
        CASE
            WHEN (t.ready AND (t.available_at > now())) THEN t.available_at
            ELSE t.wait_until
        END AS until
   FROM ((public.task t
     JOIN public.run r ON ((r.id = t.run_id)))
     LEFT JOIN public.outbox o ON (((o.run_id = t.run_id) AND (o.task_no = t.no))))
  WHERE ((t.status = ANY (ARRAY[0, 1])) AND (r.status = ANY (ARRAY[0, 1])))
UNION ALL
 SELECT s.run_id,
    NULL::uuid AS task_id,
    r.name AS workflow_name,
    NULL::text AS reference_name,
    NULL::text AS task_type,
    'RATE_LIMIT'::text AS waits_for,
    NULL::text AS worker,
    NULL::uuid AS child_run_id,
    s.asked_at AS since,
    NULL::timestamp with time zone AS until
   FROM (public.run_slot s
     JOIN public.run r ON ((r.id = s.run_id)))
  WHERE s.waits;

COMMENT ON VIEW podium.waits IS 'What each open run waits for: one row for each of its open tasks, and one if it waits for its rate limit.';

CREATE TABLE public.bulk_operation (
    id text NOT NULL,
    request text NOT NULL,
    matched bigint NOT NULL,
    actor text,
    origin text,
    reason text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    ended_at timestamp with time zone,
    stopped boolean DEFAULT false NOT NULL,
    until timestamp with time zone NOT NULL
)
WITH (fillfactor='50');

COMMENT ON TABLE public.bulk_operation IS 'What is done to many runs; forgotten a month after its end.';

COMMENT ON COLUMN public.bulk_operation.matched IS 'Runs that the search found; no more than its cap are in the list.';

COMMENT ON COLUMN public.bulk_operation.until IS 'A node works on it until then. Saves work only.';

CREATE TABLE public.bulk_run (
    bulk text NOT NULL,
    place integer NOT NULL,
    run_id uuid NOT NULL,
    state smallint NOT NULL,
    at timestamp with time zone,
    why text,
    CONSTRAINT bulk_run_state_check CHECK (((state >= 0) AND (state <= 3)))
)
WITH (fillfactor='70');

COMMENT ON TABLE public.bulk_run IS 'The runs of a bulk operation, and what became of each.';

COMMENT ON COLUMN public.bulk_run.state IS '0 PENDING, 1 DONE, 2 REFUSED, 3 STOPPED (before its turn)';

CREATE TABLE public.event_execution (
    id bigint NOT NULL,
    handler text NOT NULL,
    origin text NOT NULL,
    event text NOT NULL,
    message_id text NOT NULL,
    at timestamp with time zone NOT NULL,
    outcome smallint NOT NULL,
    condition text,
    why text,
    actions text NOT NULL,
    payload text NOT NULL,
    payload_size bigint NOT NULL,
    CONSTRAINT event_execution_outcome_check CHECK (((outcome >= 0) AND (outcome <= 3)))
);

COMMENT ON TABLE public.event_execution IS 'What event handlers did with messages; the latest 30,000 of at most a month, 10,000 of them without effect.';

COMMENT ON COLUMN public.event_execution.origin IS 'The message, over all queues and for ever: handled again, it is the same row.';

COMMENT ON COLUMN public.event_execution.outcome IS '0 COMPLETED, 1 FAILED (some action), 2 SKIPPED (the condition does not hold), 3 UNDECIDED (it has no value)';

COMMENT ON COLUMN public.event_execution.actions IS 'JSON: what each action did.';

COMMENT ON COLUMN public.event_execution.payload IS 'The beginning of the message as JSON; payload_size is the whole, in bytes.';

ALTER TABLE public.event_execution ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.event_execution_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.event_handler (
    name text NOT NULL,
    event text NOT NULL,
    active boolean NOT NULL,
    body text NOT NULL
);

CREATE TABLE public.external_payload (
    key text NOT NULL,
    body bytea NOT NULL,
    stored_at timestamp with time zone DEFAULT now() NOT NULL
);

COMMENT ON TABLE public.external_payload IS 'Inputs and outputs too large for a run''s own rows, by the path under which they are known; as they came.';

ALTER TABLE public.inbox ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.inbox_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.kafka_position (
    cluster text NOT NULL,
    grp text NOT NULL,
    topic text NOT NULL,
    partition integer NOT NULL,
    epoch bigint NOT NULL,
    next_offset bigint,
    moved_at timestamp with time zone DEFAULT now() NOT NULL
)
WITH (fillfactor='40');

COMMENT ON TABLE public.kafka_position IS 'Where each consumer stands; moves in the transaction that stores what it read.';

COMMENT ON COLUMN public.kafka_position.epoch IS 'Rises with every take-over; an older holder can no longer write.';

CREATE TABLE public.loose_log (
    id bigint NOT NULL,
    task text NOT NULL,
    at timestamp with time zone NOT NULL,
    body text NOT NULL
);

COMMENT ON TABLE public.loose_log IS 'Log lines of task ids that this engine never gave out; forgotten after a month.';

ALTER TABLE public.loose_log ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.loose_log_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.metadata_version (
    one boolean DEFAULT true NOT NULL,
    version bigint NOT NULL,
    CONSTRAINT metadata_version_one_check CHECK (one)
);

COMMENT ON TABLE public.metadata_version IS 'One row: rises with every change of a definition. A start is only stored while the version that it was resolved with is current.';

ALTER TABLE public.node ALTER COLUMN epoch ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.node_epoch_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.node_lease (
    kind smallint NOT NULL,
    no smallint NOT NULL,
    node bigint,
    until timestamp with time zone NOT NULL,
    CONSTRAINT node_lease_kind_check CHECK ((kind = ANY (ARRAY[0, 1]))),
    CONSTRAINT node_lease_no_check CHECK (((no >= 0) AND (no <= 63)))
)
WITH (fillfactor='20');

COMMENT ON TABLE public.node_lease IS 'Which node watches which bucket (kind 0) and publishes which lane (kind 1). Saves work only: the version guard decides.';

ALTER TABLE public.outbox ALTER COLUMN seq ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.outbox_seq_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.payload_rest (
    run_id uuid NOT NULL,
    slot bigint NOT NULL,
    shard smallint NOT NULL,
    body text NOT NULL
);

CREATE TABLE public.poll_data (
    task_type text NOT NULL,
    domain text NOT NULL,
    worker text NOT NULL,
    last_poll_at timestamp with time zone NOT NULL
)
WITH (fillfactor='40');

CREATE TABLE public.run_limit (
    key text NOT NULL
);

COMMENT ON TABLE public.run_limit IS 'Keys of rate limits in use. Statements that take or leave slots under a key take turns by locking its row until they commit.';

CREATE TABLE public.run_rest (
    id uuid NOT NULL,
    snapshot_id bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
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
    status smallint NOT NULL,
    updated_at timestamp with time zone,
    wake_at timestamp with time zone,
    ended_at timestamp with time zone,
    retried_at timestamp with time zone,
    removed_in bigint,
    reason text,
    output text,
    output_slot bigint,
    variables text,
    variables_slot bigint,
    extra text,
    CONSTRAINT run_status_check CHECK (((status >= 0) AND (status <= 5)))
)
WITH (fillfactor='40', toast_tuple_target='8160');

COMMENT ON TABLE public.run_rest IS 'Safety net: holds runs of months without a partition of their own.';

CREATE TABLE public.run_search (
    run_id uuid NOT NULL,
    version bigint NOT NULL,
    words tsvector NOT NULL
);

COMMENT ON TABLE public.run_search IS 'The words of each run, made by a loop from its row. May be thrown away at any time: it is made again.';

COMMENT ON COLUMN public.run_search.version IS 'The version of the run that the words are of.';

ALTER TABLE public.run_slot ALTER COLUMN seq ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.run_slot_seq_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.schedule (
    name text NOT NULL,
    workflow text NOT NULL,
    paused boolean NOT NULL,
    next_at timestamp with time zone,
    body text NOT NULL
)
WITH (fillfactor='40');

COMMENT ON TABLE public.schedule IS 'What starts by the clock: the schedule as JSON, and when it fires next.';

COMMENT ON COLUMN public.schedule.next_at IS 'Null: never (paused, its time is over, or the expression names no instant).';

CREATE TABLE public.schedule_execution (
    id uuid NOT NULL,
    schedule text NOT NULL,
    scheduled_at timestamp with time zone NOT NULL,
    executed_at timestamp with time zone NOT NULL,
    workflow text NOT NULL,
    state smallint NOT NULL,
    run_id uuid NOT NULL,
    reason text,
    cron text NOT NULL,
    zone text NOT NULL,
    request text NOT NULL,
    CONSTRAINT schedule_execution_state_check CHECK (((state >= 0) AND (state <= 2)))
)
WITH (fillfactor='70');

COMMENT ON TABLE public.schedule_execution IS 'Each firing of a schedule: made in the statement that moves the schedule on, so there is one for each instant.';

COMMENT ON COLUMN public.schedule_execution.state IS '0 POLLED (its run is being started), 1 EXECUTED, 2 FAILED';

COMMENT ON COLUMN public.schedule_execution.run_id IS 'Chosen before the start, so that a start that is repeated is the same run.';

CREATE TABLE public.scheduler (
    one boolean DEFAULT true NOT NULL,
    paused boolean NOT NULL,
    CONSTRAINT scheduler_one_check CHECK (one)
);

COMMENT ON TABLE public.scheduler IS 'One row: whether an operator stopped all schedules.';

CREATE TABLE public.snapshot (
    hash bytea NOT NULL,
    id bigint NOT NULL,
    body text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    name text,
    classifier text,
    CONSTRAINT snapshot_hash_check CHECK ((length(hash) = 32))
);

COMMENT ON TABLE public.snapshot IS 'Immutable: a workflow definition with its task definitions as a run started with them, by SHA-256 of its text.';

COMMENT ON COLUMN public.snapshot.classifier IS 'The kind of the definition: its own word, else agent or workflow.';

ALTER TABLE public.snapshot ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.snapshot_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.task_begin (
    name text NOT NULL,
    run_id uuid NOT NULL,
    no integer NOT NULL,
    poll_count integer NOT NULL,
    shard smallint NOT NULL,
    at timestamp with time zone NOT NULL
);

COMMENT ON TABLE public.task_begin IS 'When tasks of a definition with a rate limit were handed out, while it matters.';

CREATE TABLE public.task_cache (
    key bytea NOT NULL,
    name text NOT NULL,
    run_id uuid NOT NULL,
    task_no integer NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    body text NOT NULL,
    CONSTRAINT task_cache_key_check CHECK ((octet_length(key) = 32))
);

COMMENT ON TABLE public.task_cache IS 'Outputs that tasks with a cacheConfig left for later ones. A row may be deleted at any time: the next task does the work again.';

COMMENT ON COLUMN public.task_cache.key IS 'SHA-256 of the type and name of the task and of what its key expression came to.';

COMMENT ON COLUMN public.task_cache.name IS 'The name of the task''s definition.';

COMMENT ON COLUMN public.task_cache.run_id IS 'Whose output it is: the run, which may be gone, and with task_no the task.';

CREATE TABLE public.task_def (
    name text NOT NULL,
    body text NOT NULL
);

CREATE TABLE public.task_limit (
    name text NOT NULL,
    at_once integer,
    per_window integer,
    window_s integer DEFAULT 1 NOT NULL,
    CONSTRAINT task_limit_at_once_check CHECK ((at_once > 0)),
    CONSTRAINT task_limit_check CHECK (((at_once IS NOT NULL) OR (per_window IS NOT NULL))),
    CONSTRAINT task_limit_per_window_check CHECK ((per_window > 0)),
    CONSTRAINT task_limit_window_s_check CHECK ((window_s > 0))
);

COMMENT ON TABLE public.task_limit IS 'The limits of task definitions that have some. Claims of one name take turns by locking its row until they commit.';

COMMENT ON COLUMN public.task_limit.at_once IS 'concurrentExecLimit: tasks IN_PROGRESS at most; null = no limit.';

COMMENT ON COLUMN public.task_limit.per_window IS 'rateLimitPerFrequency: tasks that begin within any window_s seconds at most; null = no limit.';

CREATE SEQUENCE public.task_log_id
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

CREATE TABLE public.task_log (
    run_id uuid NOT NULL,
    id bigint DEFAULT nextval('public.task_log_id'::regclass) NOT NULL,
    no integer NOT NULL,
    shard smallint NOT NULL,
    at timestamp with time zone NOT NULL,
    body text NOT NULL
)
PARTITION BY RANGE (run_id);

COMMENT ON TABLE public.task_log IS 'Lines that workers logged.';

CREATE TABLE public.task_log_rest (
    run_id uuid NOT NULL,
    id bigint DEFAULT nextval('public.task_log_id'::regclass) NOT NULL,
    no integer NOT NULL,
    shard smallint NOT NULL,
    at timestamp with time zone NOT NULL,
    body text NOT NULL
);

CREATE TABLE public.task_rest (
    run_id uuid NOT NULL,
    scheduled_at timestamp with time zone NOT NULL,
    first_scheduled_at timestamp with time zone,
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
    available_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone,
    started_at timestamp with time zone,
    ended_at timestamp with time zone,
    response_timeout_s bigint NOT NULL,
    callback_after_s bigint,
    start_delay_s integer,
    poll_count integer NOT NULL,
    status smallint NOT NULL,
    ready boolean NOT NULL,
    retried boolean NOT NULL,
    executed boolean NOT NULL,
    worker text,
    reason text,
    output text,
    output_slot bigint,
    wait_until timestamp with time zone,
    child uuid,
    extra text,
    CONSTRAINT task_status_check CHECK (((status >= 0) AND (status <= 8)))
)
WITH (fillfactor='40', toast_tuple_target='8160');

CREATE TABLE public.task_search (
    run_id uuid NOT NULL,
    no integer NOT NULL,
    changed_in bigint NOT NULL,
    words tsvector NOT NULL
);

COMMENT ON TABLE public.task_search IS 'The words of each task that has been given out or done, made by a loop.';

CREATE TABLE public.task_slot (
    name text NOT NULL,
    run_id uuid NOT NULL,
    no integer NOT NULL,
    shard smallint NOT NULL
);

COMMENT ON TABLE public.task_slot IS 'Tasks that took a slot of their definition''s limit. Holds one only while the task is IN_PROGRESS.';

CREATE TABLE public.workflow_def (
    name text NOT NULL,
    version integer NOT NULL,
    body text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);

COMMENT ON COLUMN public.workflow_def.body IS 'The definition as JSON, as it was registered.';

COMMENT ON COLUMN public.workflow_def.created_at IS 'When this version was first registered; the body has its own createTime, which a client may set.';

CREATE SEQUENCE public.writer_epoch
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

COMMENT ON SEQUENCE public.writer_epoch IS 'Each writer connection draws one: the high bits of its write ids and payload slots.';

ALTER TABLE ONLY public.payload ATTACH PARTITION public.payload_rest DEFAULT;

ALTER TABLE ONLY public.run ATTACH PARTITION public.run_rest DEFAULT;

ALTER TABLE ONLY public.task_log ATTACH PARTITION public.task_log_rest DEFAULT;

ALTER TABLE ONLY public.task ATTACH PARTITION public.task_rest DEFAULT;

ALTER TABLE ONLY public.bulk_operation
    ADD CONSTRAINT bulk_operation_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.bulk_run
    ADD CONSTRAINT bulk_run_pkey PRIMARY KEY (bulk, place);

ALTER TABLE ONLY public.event_execution
    ADD CONSTRAINT event_execution_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.event_handler
    ADD CONSTRAINT event_handler_pkey PRIMARY KEY (name);

ALTER TABLE ONLY public.external_payload
    ADD CONSTRAINT external_payload_pkey PRIMARY KEY (key);

ALTER TABLE ONLY public.history
    ADD CONSTRAINT history_pkey PRIMARY KEY (run_id, slot, shard);

ALTER TABLE ONLY public.inbox
    ADD CONSTRAINT inbox_pkey PRIMARY KEY (id, shard);

ALTER TABLE ONLY public.kafka_position
    ADD CONSTRAINT kafka_position_pkey PRIMARY KEY (cluster, grp, topic, partition);

ALTER TABLE ONLY public.loose_log
    ADD CONSTRAINT loose_log_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.metadata_version
    ADD CONSTRAINT metadata_version_pkey PRIMARY KEY (one);

ALTER TABLE ONLY public.node_lease
    ADD CONSTRAINT node_lease_pkey PRIMARY KEY (kind, no);

ALTER TABLE ONLY public.node
    ADD CONSTRAINT node_pkey PRIMARY KEY (epoch);

ALTER TABLE ONLY public.outbox
    ADD CONSTRAINT outbox_pkey PRIMARY KEY (run_id, task_no, shard);

ALTER TABLE ONLY public.parked_event
    ADD CONSTRAINT parked_event_pkey PRIMARY KEY (run_id, inbox, shard);

ALTER TABLE ONLY public.payload
    ADD CONSTRAINT payload_pkey PRIMARY KEY (run_id, slot, shard);

ALTER TABLE ONLY public.payload_rest
    ADD CONSTRAINT payload_rest_pkey PRIMARY KEY (run_id, slot, shard);

ALTER TABLE ONLY public.poll_data
    ADD CONSTRAINT poll_data_pkey PRIMARY KEY (task_type, domain, worker);

ALTER TABLE ONLY public.run_limit
    ADD CONSTRAINT run_limit_pkey PRIMARY KEY (key);

ALTER TABLE ONLY public.run
    ADD CONSTRAINT run_pkey PRIMARY KEY (id, shard);

ALTER TABLE ONLY public.run_rest
    ADD CONSTRAINT run_rest_pkey PRIMARY KEY (id, shard);

ALTER TABLE ONLY public.run_search
    ADD CONSTRAINT run_search_pkey PRIMARY KEY (run_id);

ALTER TABLE ONLY public.run_slot
    ADD CONSTRAINT run_slot_pkey PRIMARY KEY (run_id, shard);

ALTER TABLE ONLY public.schedule_execution
    ADD CONSTRAINT schedule_execution_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.schedule
    ADD CONSTRAINT schedule_pkey PRIMARY KEY (name);

ALTER TABLE ONLY public.scheduler
    ADD CONSTRAINT scheduler_pkey PRIMARY KEY (one);

ALTER TABLE ONLY public.search_feed
    ADD CONSTRAINT search_feed_pkey PRIMARY KEY (node);

ALTER TABLE ONLY public.search_sweep
    ADD CONSTRAINT search_sweep_pkey PRIMARY KEY (one);

ALTER TABLE ONLY public.snapshot
    ADD CONSTRAINT snapshot_pkey PRIMARY KEY (hash);

ALTER TABLE ONLY public.task_begin
    ADD CONSTRAINT task_begin_pkey PRIMARY KEY (name, run_id, no, poll_count, shard);

ALTER TABLE ONLY public.task_cache
    ADD CONSTRAINT task_cache_pkey PRIMARY KEY (key);

ALTER TABLE ONLY public.task_def
    ADD CONSTRAINT task_def_pkey PRIMARY KEY (name);

ALTER TABLE ONLY public.task_limit
    ADD CONSTRAINT task_limit_pkey PRIMARY KEY (name);

ALTER TABLE ONLY public.task_log
    ADD CONSTRAINT task_log_pkey PRIMARY KEY (run_id, no, id, shard);

ALTER TABLE ONLY public.task_log_rest
    ADD CONSTRAINT task_log_rest_pkey PRIMARY KEY (run_id, no, id, shard);

ALTER TABLE ONLY public.task
    ADD CONSTRAINT task_pkey PRIMARY KEY (run_id, no, shard);

ALTER TABLE ONLY public.task_rest
    ADD CONSTRAINT task_rest_pkey PRIMARY KEY (run_id, no, shard);

ALTER TABLE ONLY public.task_search
    ADD CONSTRAINT task_search_pkey PRIMARY KEY (run_id, no);

ALTER TABLE ONLY public.task_slot
    ADD CONSTRAINT task_slot_pkey PRIMARY KEY (name, run_id, no, shard);

ALTER TABLE ONLY public.workflow_def
    ADD CONSTRAINT workflow_def_pkey PRIMARY KEY (name, version);

CREATE INDEX bulk_operation_by_time ON public.bulk_operation USING btree (created_at);

COMMENT ON INDEX public.bulk_operation_by_time IS 'bulk.list: the latest.';

CREATE INDEX bulk_operation_ended ON public.bulk_operation USING btree (ended_at) WHERE (ended_at IS NOT NULL);

COMMENT ON INDEX public.bulk_operation_ended IS 'bulk.prune: the oldest.';

CREATE INDEX bulk_operation_open ON public.bulk_operation USING btree (until) WHERE (ended_at IS NULL);

COMMENT ON INDEX public.bulk_operation_open IS 'pulse, bulk.take: operations that nobody works on.';

CREATE INDEX bulk_run_open ON public.bulk_run USING btree (bulk, place) WHERE (state = 0);

COMMENT ON INDEX public.bulk_run_open IS 'bulk.open: what is left to be done, in order. A state changes once.';

CREATE INDEX event_execution_of_event ON public.event_execution USING btree (event, id);

COMMENT ON INDEX public.event_execution_of_event IS 'event_log.list, event_log.count: those of one event, the latest first.';

CREATE INDEX event_execution_of_handler ON public.event_execution USING btree (handler, id);

COMMENT ON INDEX public.event_execution_of_handler IS 'event_log.list, event_log.count: those of one handler, the latest first.';

CREATE UNIQUE INDEX event_execution_once ON public.event_execution USING btree (origin, handler);

COMMENT ON INDEX public.event_execution_once IS 'event_log.note: a message that is handled again.';

CREATE INDEX event_execution_without ON public.event_execution USING btree (id) WHERE (outcome >= 2);

COMMENT ON INDEX public.event_execution_without IS 'event_log.prune: the oldest of those without effect.';

CREATE INDEX event_handler_of ON public.event_handler USING btree (event);

COMMENT ON INDEX public.event_handler_of IS 'event_handler.list: the handlers of one event.';

CREATE INDEX external_payload_age ON public.external_payload USING btree (stored_at);

COMMENT ON INDEX public.external_payload_age IS 'external_payload.prune: the oldest ones.';

CREATE UNIQUE INDEX inbox_once ON public.inbox USING btree (run_id, source, shard);

COMMENT ON INDEX public.inbox_once IS 'ingest: a message delivered twice is one row; also finds the rows of a run.';

CREATE INDEX loose_log_of_task ON public.loose_log USING btree (task, id);

COMMENT ON INDEX public.loose_log_of_task IS 'task_log.loose: the lines of one text.';

CREATE INDEX node_live ON public.node USING btree (until);

COMMENT ON INDEX public.node_live IS 'pulse: how many nodes share the work.';

CREATE INDEX outbox_events ON public.outbox USING btree (topic, seq) WHERE (pending AND (lane < 0));

COMMENT ON INDEX public.outbox_events IS 'pulse, event.pending: what event handlers have still to see.';

CREATE INDEX outbox_pending ON public.outbox USING btree (lane, seq) WHERE pending;

COMMENT ON INDEX public.outbox_pending IS 'pulse, outbox.pending: what a lane still has to send, in its order.';

CREATE INDEX run_by_correlation ON ONLY public.run USING btree ("left"(correlation_id, 200), id) WHERE (correlation_id IS NOT NULL);

COMMENT ON INDEX public.run_by_correlation IS 'search: the runs of a correlation id. Of longer ids only the beginning: an index entry has a limit.';

CREATE INDEX run_by_name ON ONLY public.run USING btree (name, status, id);

COMMENT ON INDEX public.run_by_name IS 'search: the runs of a name in each status, newest first. Also finds rare states without a name, name by name.';

CREATE INDEX run_by_parent ON ONLY public.run USING btree ("substring"(extra, '"parent":\{"run":"([0-9a-f-]{36})"'::text), id) WHERE (extra ~~ '%"parent":{"run":%'::text);

COMMENT ON INDEX public.run_by_parent IS 'search: the children of a run. Runs without a parent cost nothing.';

CREATE INDEX run_due ON ONLY public.run USING btree (wake_at, bucket) WHERE (wake_at IS NOT NULL);

COMMENT ON INDEX public.run_due IS 'pulse: runs whose wake_at has come. Also counts open runs with timers.';

CREATE INDEX run_rest_left_id_idx ON public.run_rest USING btree ("left"(correlation_id, 200), id) WHERE (correlation_id IS NOT NULL);

CREATE INDEX run_rest_name_status_id_idx ON public.run_rest USING btree (name, status, id);

CREATE INDEX run_rest_substring_id_idx ON public.run_rest USING btree ("substring"(extra, '"parent":\{"run":"([0-9a-f-]{36})"'::text), id) WHERE (extra ~~ '%"parent":{"run":%'::text);

CREATE INDEX run_rest_wake_at_bucket_idx ON public.run_rest USING btree (wake_at, bucket) WHERE (wake_at IS NOT NULL);

CREATE INDEX run_search_words ON public.run_search USING gin (words) WITH (gin_pending_list_limit='512');

COMMENT ON INDEX public.run_search_words IS 'search: runs with these words.';

CREATE INDEX run_slot_held ON public.run_slot USING btree (key) WHERE (NOT waits);

COMMENT ON INDEX public.run_slot_held IS 'move_run_slots: how many hold a slot.';

CREATE INDEX run_slot_queue ON public.run_slot USING btree (key, seq) WHERE waits;

COMMENT ON INDEX public.run_slot_queue IS 'move_run_slots: who comes next; first come, first served.';

CREATE INDEX schedule_execution_by_time ON public.schedule_execution USING btree (scheduled_at);

COMMENT ON INDEX public.schedule_execution_by_time IS 'schedule.executions: the latest of all; schedule.prune: the oldest.';

CREATE INDEX schedule_execution_of ON public.schedule_execution USING btree (schedule, scheduled_at);

COMMENT ON INDEX public.schedule_execution_of IS 'schedule.executions: those of one schedule.';

CREATE INDEX schedule_execution_open ON public.schedule_execution USING btree (executed_at) WHERE (state = 0);

COMMENT ON INDEX public.schedule_execution_open IS 'schedule.open: firings whose run was not started yet. A state changes once.';

CREATE INDEX schedule_next ON public.schedule USING btree (next_at) WHERE (next_at IS NOT NULL);

COMMENT ON INDEX public.schedule_next IS 'pulse, schedule.due: the next one to fire.';

CREATE INDEX snapshot_by_name ON public.snapshot USING btree (name);

COMMENT ON INDEX public.snapshot_by_name IS 'search: the names that runs may have.';

CREATE UNIQUE INDEX snapshot_of_run ON public.snapshot USING btree (id);

COMMENT ON INDEX public.snapshot_of_run IS 'Rows of runs keep the small id; loading a run turns it back into the hash.';

CREATE INDEX task_begin_age ON public.task_begin USING btree (name, at);

COMMENT ON INDEX public.task_begin_age IS 'limit.refused, limit.room: what has left the window, and when the next one leaves it.';

CREATE INDEX task_cache_expiry ON public.task_cache USING btree (expires_at);

COMMENT ON INDEX public.task_cache_expiry IS 'task_cache.prune: what nobody reads any more.';

CREATE INDEX task_ready ON ONLY public.task USING btree (task_type, domain, available_at, priority DESC, run_id, no) WHERE ready;

COMMENT ON INDEX public.task_ready IS 'ready.candidates: what a poll may claim, in the order in which it is given out.';

CREATE INDEX task_rest_task_type_domain_available_at_priority_run_id_no_idx ON public.task_rest USING btree (task_type, domain, available_at, priority DESC, run_id, no) WHERE ready;

CREATE INDEX task_search_words ON public.task_search USING gin (words) WITH (gin_pending_list_limit='512');

COMMENT ON INDEX public.task_search_words IS 'search: tasks with these words.';

ALTER INDEX public.payload_pkey ATTACH PARTITION public.payload_rest_pkey;

ALTER INDEX public.run_by_correlation ATTACH PARTITION public.run_rest_left_id_idx;

ALTER INDEX public.run_by_name ATTACH PARTITION public.run_rest_name_status_id_idx;

ALTER INDEX public.run_pkey ATTACH PARTITION public.run_rest_pkey;

ALTER INDEX public.run_by_parent ATTACH PARTITION public.run_rest_substring_id_idx;

ALTER INDEX public.run_due ATTACH PARTITION public.run_rest_wake_at_bucket_idx;

ALTER INDEX public.task_log_pkey ATTACH PARTITION public.task_log_rest_pkey;

ALTER INDEX public.task_pkey ATTACH PARTITION public.task_rest_pkey;

ALTER INDEX public.task_ready ATTACH PARTITION public.task_rest_task_type_domain_available_at_priority_run_id_no_idx;

CREATE TRIGGER describe_snapshot BEFORE INSERT OR UPDATE OF body ON public.snapshot FOR EACH ROW EXECUTE FUNCTION public.describe_snapshot();

CREATE TRIGGER forget_words AFTER DELETE ON public.run FOR EACH ROW EXECUTE FUNCTION public.forget_words();

ALTER TABLE ONLY public.bulk_run
    ADD CONSTRAINT bulk_run_bulk_fkey FOREIGN KEY (bulk) REFERENCES public.bulk_operation(id) ON DELETE CASCADE;

GRANT USAGE ON SCHEMA podium TO podium_reader;

GRANT SELECT ON TABLE podium.events TO podium_reader;

GRANT SELECT ON TABLE podium.history TO podium_reader;

GRANT SELECT ON TABLE podium.queue_depth TO podium_reader;

GRANT SELECT ON TABLE podium.rate_limits TO podium_reader;

GRANT SELECT ON TABLE podium.runs TO podium_reader;

GRANT SELECT ON TABLE podium.search_lag TO podium_reader;

GRANT SELECT ON TABLE podium.tasks TO podium_reader;

GRANT SELECT ON TABLE podium.waits TO podium_reader;


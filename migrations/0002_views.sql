-- What people may rely on when they look at runs with SQL: schema podium, read by role podium_reader.
-- Every column is documented in docs/sql-views.md; columns are only ever added.

CREATE SCHEMA podium;
COMMENT ON SCHEMA podium IS 'Views for people: names, status words, instants and JSON. The tables behind them may change, these do not.';

CREATE FUNCTION podium.task_id(run_id uuid, no integer) RETURNS uuid
LANGUAGE sql IMMUTABLE
RETURN (left(run_id::text, 31) || lpad(to_hex(no), 5, '0'))::uuid;
COMMENT ON FUNCTION podium.task_id IS 'The public id of a task: its run''s id with its number in the low 20 bits.';

CREATE FUNCTION podium.message_body(value bytea) RETURNS json
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN convert_from(value, 'UTF8')::json;
EXCEPTION WHEN others THEN
    RETURN to_json(encode(value, 'base64'));
END;
$$;
COMMENT ON FUNCTION podium.message_body IS 'A message as JSON; one that is none as a base64 string.';

CREATE VIEW podium.runs AS
SELECT
    r.id AS run_id,
    r.name AS workflow_name,
    r.def_version AS workflow_version,
    (ARRAY['RUNNING', 'PAUSED', 'COMPLETED', 'FAILED', 'TIMED_OUT', 'TERMINATED'])[r.status + 1] AS status,
    r.correlation_id,
    r.priority::integer AS priority,
    r.reason,
    r.created_at,
    r.updated_at,
    r.ended_at,
    r.retried_at,
    r.wake_at,
    COALESCE(r.input, (SELECT p.body FROM payload AS p
        WHERE p.run_id = r.id AND p.slot = r.input_slot), '{}')::json AS input,
    COALESCE(r.output, (SELECT p.body FROM payload AS p
        WHERE p.run_id = r.id AND p.slot = r.output_slot), '{}')::json AS output,
    COALESCE(r.variables, (SELECT p.body FROM payload AS p
        WHERE p.run_id = r.id AND p.slot = r.variables_slot), '{}')::json AS variables,
    (r.extra::json -> 'parent' ->> 'run')::uuid AS parent_run_id,
    (r.extra::json -> 'parent' ->> 'task')::uuid AS parent_task_id,
    r.version
FROM run AS r;
COMMENT ON VIEW podium.runs IS 'Workflow executions.';

CREATE VIEW podium.tasks AS
SELECT
    podium.task_id(t.run_id, t.no) AS task_id,
    t.run_id,
    t.ref_name AS reference_name,
    t.task_type,
    COALESCE(t.def_name, t.task_type) AS task_name,
    (ARRAY['SCHEDULED', 'IN_PROGRESS', 'COMPLETED', 'COMPLETED_WITH_ERRORS', 'FAILED', 'TIMED_OUT',
        'FAILED_WITH_TERMINAL_ERROR', 'CANCELED', 'SKIPPED'])[t.status + 1] AS status,
    t.seq,
    t.attempt,
    t.iteration,
    t.poll_count,
    NULLIF(t.domain, '') AS domain,
    t.worker,
    t.reason,
    t.scheduled_at,
    t.available_at,
    t.started_at,
    t.ended_at,
    t.updated_at,
    t.wait_until,
    t.child AS child_run_id,
    CASE WHEN t.retry_of IS NOT NULL THEN podium.task_id(t.run_id, t.retry_of) END AS retry_of_task_id,
    t.retried,
    COALESCE(t.input, (SELECT p.body FROM payload AS p
        WHERE p.run_id = t.run_id AND p.slot = t.input_slot), '{}')::json AS input,
    COALESCE(t.output, (SELECT p.body FROM payload AS p
        WHERE p.run_id = t.run_id AND p.slot = t.output_slot), '{}')::json AS output
FROM task AS t;
COMMENT ON VIEW podium.tasks IS 'Tasks: one row for each attempt of each task of a run.';

CREATE VIEW podium.waits AS
SELECT
    t.run_id,
    podium.task_id(t.run_id, t.no) AS task_id,
    r.name AS workflow_name,
    t.ref_name AS reference_name,
    t.task_type,
    CASE
        WHEN t.ready AND t.available_at > now() THEN 'RETRY_DELAY'
        WHEN t.ready THEN 'POLL'
        WHEN t.wait_until IS NOT NULL THEN 'TIME'
        WHEN t.child IS NOT NULL THEN 'CHILD'
        WHEN t.worker IS NOT NULL THEN 'WORKER'
        WHEN o.pending THEN 'PUBLISH'
        WHEN t.task_type = 'EVENT' THEN 'EVENT'
        ELSE t.task_type
    END AS waits_for,
    t.worker,
    t.child AS child_run_id,
    GREATEST(t.scheduled_at, t.started_at) AS since,
    CASE WHEN t.ready AND t.available_at > now() THEN t.available_at ELSE t.wait_until END AS until
FROM task AS t
JOIN run AS r ON r.id = t.run_id
LEFT JOIN outbox AS o ON o.run_id = t.run_id AND o.task_no = t.no
WHERE t.status IN (0, 1) AND r.status IN (0, 1);
COMMENT ON VIEW podium.waits IS 'What each open run waits for: one row for each of its open tasks.';

CREATE VIEW podium.queue_depth AS
SELECT
    t.task_type,
    NULLIF(t.domain, '') AS domain,
    count(*) FILTER (WHERE t.available_at <= now()) AS ready,
    count(*) FILTER (WHERE t.available_at > now()) AS delayed,
    min(t.available_at) AS oldest
FROM task AS t
WHERE t.ready
GROUP BY t.task_type, t.domain;
COMMENT ON VIEW podium.queue_depth IS 'Tasks that workers may poll, by queue.';

CREATE VIEW podium.events AS
SELECT
    'IN' AS direction,
    'ARRIVED' AS state,
    i.run_id,
    NULL::uuid AS task_id,
    i.source,
    NULL::text AS topic,
    i.body::json AS body,
    i.arrived_at AS at,
    NULL::timestamptz AS expires_at
FROM inbox AS i
UNION ALL
SELECT 'IN', 'PARKED', e.run_id, NULL, e.body::json ->> 'source', NULL, e.body::json, e.parked_at, e.expires_at
FROM parked_event AS e
UNION ALL
SELECT
    'OUT',
    CASE WHEN o.pending THEN 'PENDING' ELSE 'SETTLED' END,
    o.run_id,
    podium.task_id(o.run_id, o.task_no),
    NULL,
    o.topic,
    podium.message_body(o.value),
    (SELECT t.scheduled_at FROM task AS t WHERE t.run_id = o.run_id AND t.no = o.task_no),
    NULL
FROM outbox AS o;
COMMENT ON VIEW podium.events IS 'Messages on their way in (arrived, parked) and out (pending, settled).';

-- The role is the server's, not the database's: it may exist from another database, and we may lack the right to make it.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'podium_reader') THEN
        CREATE ROLE podium_reader NOLOGIN;
    END IF;
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN NULL;
    WHEN insufficient_privilege THEN
        RAISE NOTICE 'role podium_reader could not be made; make it and grant it SELECT on the views of schema podium';
END;
$$;
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'podium_reader') THEN
        GRANT USAGE ON SCHEMA podium TO podium_reader;
        GRANT SELECT ON podium.runs, podium.tasks, podium.waits, podium.queue_depth, podium.events TO podium_reader;
    END IF;
END;
$$;

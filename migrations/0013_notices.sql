-- Notices (what runs tell others of changes of status) lie in the outbox under numbers that no task can have: above
-- 1,048,575, counted from there in each run. The view shows them without a task.
COMMENT ON COLUMN outbox.task_no IS 'The task whose message it is; above 1048575: a notice of the run.';

CREATE OR REPLACE VIEW podium.events AS
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
    CASE WHEN o.task_no <= 1048575 THEN podium.task_id(o.run_id, o.task_no) END,
    NULL,
    o.topic,
    podium.message_body(o.value),
    (SELECT t.scheduled_at FROM task AS t WHERE t.run_id = o.run_id AND t.no = o.task_no),
    NULL
FROM outbox AS o;

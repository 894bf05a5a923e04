-- Runs that the engine has stopped trying to decide say why. The fault is the first member of run.extra, so that rows
-- that have one are found by the beginning of the text.

CREATE OR REPLACE VIEW podium.runs AS
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
    r.version,
    CASE WHEN starts_with(r.extra, '{"fault":') THEN r.extra::json ->> 'fault' END AS fault
FROM run AS r;

-- Workflows that start by the clock.

CREATE TABLE schedule (
    name text PRIMARY KEY,
    workflow text NOT NULL,
    paused boolean NOT NULL,
    next_at timestamptz,
    body text NOT NULL
) WITH (fillfactor = 40);
COMMENT ON TABLE schedule IS 'What starts by the clock: the schedule as JSON, and when it fires next.';
COMMENT ON COLUMN schedule.next_at IS 'Null: never (paused, its time is over, or the expression names no instant).';
CREATE INDEX schedule_next ON schedule (next_at) WHERE next_at IS NOT NULL;
COMMENT ON INDEX schedule_next IS 'pulse, schedule.due: the next one to fire.';

CREATE TABLE schedule_execution (
    id uuid PRIMARY KEY,
    schedule text NOT NULL,
    scheduled_at timestamptz NOT NULL,
    executed_at timestamptz NOT NULL,
    workflow text NOT NULL,
    state smallint NOT NULL CHECK (state BETWEEN 0 AND 2),
    run_id uuid NOT NULL,
    reason text,
    cron text NOT NULL,
    zone text NOT NULL,
    request text NOT NULL
) WITH (fillfactor = 70);
COMMENT ON TABLE schedule_execution IS 'Each firing of a schedule: made in the statement that moves the schedule on, so there is one for each instant.';
COMMENT ON COLUMN schedule_execution.state IS '0 POLLED (its run is being started), 1 EXECUTED, 2 FAILED';
COMMENT ON COLUMN schedule_execution.run_id IS 'Chosen before the start, so that a start that is repeated is the same run.';
CREATE INDEX schedule_execution_of ON schedule_execution (schedule, scheduled_at);
COMMENT ON INDEX schedule_execution_of IS 'schedule.executions: those of one schedule.';
CREATE INDEX schedule_execution_by_time ON schedule_execution (scheduled_at);
COMMENT ON INDEX schedule_execution_by_time IS 'schedule.executions: the latest of all; schedule.prune: the oldest.';
CREATE INDEX schedule_execution_open ON schedule_execution (executed_at) WHERE state = 0;
COMMENT ON INDEX schedule_execution_open IS 'schedule.open: firings whose run was not started yet. A state changes once.';

CREATE TABLE scheduler (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    paused boolean NOT NULL
);
COMMENT ON TABLE scheduler IS 'One row: whether an operator stopped all schedules.';
INSERT INTO scheduler VALUES (true, false);

-- Events of the engine's own queues (EVENT tasks with a sink "conductor:…") lie in the outbox, in a lane that no relay
-- sends: -1. Their value is empty, because it follows from the row of their task.

ALTER TABLE outbox DROP CONSTRAINT outbox_lane_check;
ALTER TABLE outbox ADD CONSTRAINT outbox_lane_check CHECK (lane BETWEEN -1 AND 63);
COMMENT ON COLUMN outbox.lane IS '-1 = an event of an own queue, named by topic, for event handlers.';
CREATE INDEX outbox_events ON outbox (topic, seq) WHERE pending AND lane < 0;
COMMENT ON INDEX outbox_events IS 'pulse, event.pending: what event handlers have still to see.';
CREATE INDEX event_handler_of ON event_handler (event);
COMMENT ON INDEX event_handler_of IS 'event_handler.list: the handlers of one event.';

-- An event in an own queue is nothing that a task waits for.
CREATE OR REPLACE VIEW podium.waits AS
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
LEFT JOIN outbox AS o ON o.run_id = t.run_id AND o.task_no = t.no AND o.lane >= 0
WHERE t.status IN (0, 1) AND r.status IN (0, 1);

-- Lines that were logged for texts that name no task (contract §8.6: the task need not exist).

CREATE TABLE loose_log (
    id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    task text NOT NULL,
    at timestamptz NOT NULL,
    body text NOT NULL
);
COMMENT ON TABLE loose_log IS 'Log lines of task ids that this engine never gave out; forgotten after a month.';
CREATE INDEX loose_log_of_task ON loose_log (task, id);
COMMENT ON INDEX loose_log_of_task IS 'task_log.loose: the lines of one text.';

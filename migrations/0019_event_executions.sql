-- What event handlers did with the messages that they looked at, so that people can see it: also that a condition did not
-- hold. Written a moment after the effects, in batches; nothing depends on it.

CREATE TABLE event_execution (
    id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    handler text NOT NULL,
    origin text NOT NULL,
    event text NOT NULL,
    message_id text NOT NULL,
    at timestamptz NOT NULL,
    outcome smallint NOT NULL CHECK (outcome BETWEEN 0 AND 3),
    condition text,
    why text,
    actions text NOT NULL,
    payload text NOT NULL,
    payload_size bigint NOT NULL
);
COMMENT ON TABLE event_execution IS 'What event handlers did with messages; the latest 30,000 of at most a month, 10,000 of them without effect.';
COMMENT ON COLUMN event_execution.origin IS 'The message, over all queues and for ever: handled again, it is the same row.';
COMMENT ON COLUMN event_execution.outcome IS '0 COMPLETED, 1 FAILED (some action), 2 SKIPPED (the condition does not hold), 3 UNDECIDED (it has no value)';
COMMENT ON COLUMN event_execution.actions IS 'JSON: what each action did.';
COMMENT ON COLUMN event_execution.payload IS 'The beginning of the message as JSON; payload_size is the whole, in bytes.';
CREATE UNIQUE INDEX event_execution_once ON event_execution (origin, handler);
COMMENT ON INDEX event_execution_once IS 'event_log.note: a message that is handled again.';
CREATE INDEX event_execution_of_handler ON event_execution (handler, id);
COMMENT ON INDEX event_execution_of_handler IS 'event_log.list, event_log.count: those of one handler, the latest first.';
CREATE INDEX event_execution_of_event ON event_execution (event, id);
COMMENT ON INDEX event_execution_of_event IS 'event_log.list, event_log.count: those of one event, the latest first.';
CREATE INDEX event_execution_without ON event_execution (id) WHERE outcome >= 2;
COMMENT ON INDEX event_execution_without IS 'event_log.prune: the oldest of those without effect.';

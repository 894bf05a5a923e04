-- The account of each run: operations and who asked for them, answers that came too late, time-outs, faults. A usual
-- start, claim and report writes nothing here. A line lands in the commit of what it tells of.

CREATE TABLE history (
    run_id uuid NOT NULL,
    slot integer NOT NULL CHECK (slot BETWEEN 0 AND 999),
    seq integer NOT NULL,
    shard smallint NOT NULL,
    at timestamptz NOT NULL,
    status_before smallint NOT NULL,
    status_after smallint NOT NULL,
    task_no integer,
    act text NOT NULL,
    ref_name text,
    actor text,
    origin text,
    reason text,
    detail text,
    PRIMARY KEY (run_id, slot, shard)
);
COMMENT ON TABLE history IS 'What was done to a run besides its usual way. The first 500 lines of a run are kept, and the latest 500 of the others.';
COMMENT ON COLUMN history.slot IS 'Where the line is kept: its number for the first 500, then round and round.';
COMMENT ON COLUMN history.seq IS 'Counts the lines of the run from 1.';

CREATE TYPE history_image AS (
    run_id uuid, shard smallint, slot integer, seq integer, at timestamptz, status_before smallint,
    status_after smallint, task_no integer, act text, ref_name text, actor text, origin text, reason text, detail text
);

CREATE VIEW podium.history AS
SELECT
    h.run_id,
    h.seq,
    h.at,
    h.act AS operation,
    (ARRAY['RUNNING', 'PAUSED', 'COMPLETED', 'FAILED', 'TIMED_OUT', 'TERMINATED'])[h.status_before + 1] AS status_before,
    (ARRAY['RUNNING', 'PAUSED', 'COMPLETED', 'FAILED', 'TIMED_OUT', 'TERMINATED'])[h.status_after + 1] AS status_after,
    CASE WHEN h.task_no IS NOT NULL THEN podium.task_id(h.run_id, h.task_no) END AS task_id,
    NULLIF(h.ref_name, '') AS reference_name,
    h.actor,
    h.origin,
    h.reason,
    h.detail::json AS detail
FROM history AS h;
COMMENT ON VIEW podium.history IS 'What was done to each run, and who asked: one row for each operation, late answer, time-out and fault.';

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'podium_reader') THEN
        GRANT SELECT ON podium.history TO podium_reader;
    END IF;
END;
$$;

-- The rate limit of workflows: how many runs with one key go on at a time, and who waits for a slot in which order. Only
-- runs whose definition has a `rateLimitConfig` touch these tables; all others know nothing of them.
--
-- A row is there from the commit in which its run asked to the commit in which its run ended or was removed, so that no
-- crash keeps a slot or loses one. Who comes next is found in the commit that makes room.

CREATE TABLE run_limit (
    key text PRIMARY KEY
);
COMMENT ON TABLE run_limit IS 'Keys of rate limits in use. Statements that take or leave slots under a key take turns by locking its row until they commit.';

CREATE TABLE run_slot (
    run_id uuid NOT NULL,
    seq bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    asked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    at_once integer NOT NULL CHECK (at_once > 0),
    stint integer NOT NULL,
    shard smallint NOT NULL,
    bucket smallint NOT NULL,
    waits boolean NOT NULL,
    key text NOT NULL,
    PRIMARY KEY (run_id, shard)
);
COMMENT ON TABLE run_slot IS 'Open runs under a rate limit: those that hold a slot and those that wait for one.';
COMMENT ON COLUMN run_slot.at_once IS 'concurrentExecLimit of the run''s definition: it begins when fewer runs hold a slot.';
COMMENT ON COLUMN run_slot.stint IS 'Which question of the run this row answers: a restarted run asks again.';
CREATE INDEX run_slot_queue ON run_slot (key, seq) WHERE waits;
COMMENT ON INDEX run_slot_queue IS 'move_run_slots: who comes next; first come, first served.';
CREATE INDEX run_slot_held ON run_slot (key) WHERE NOT waits;
COMMENT ON INDEX run_slot_held IS 'move_run_slots: how many hold a slot.';

-- Part of the hot statement where it holds runs that take or leave slots, evaluated after all runs of it were changed: so
-- locks are taken in one order by every statement, limits of tasks before runs before keys, and keys by their names. What
-- it reads after it has got a key is what the others committed.
--
-- `wishes`: 0 = leaves, 1 = waits in turn, 2 = now or never, 3 = at once whatever the limit says.
CREATE FUNCTION move_run_slots(
    runs uuid[], shards smallint[], buckets smallint[], keys text[], wishes smallint[], limits integer[], stints integer[]
) RETURNS SETOF uuid
LANGUAGE plpgsql VOLATILE AS $$
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
COMMENT ON FUNCTION move_run_slots IS 'Takes and leaves slots of runs; returns the runs that have a message about it in their inbox.';

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
LEFT JOIN outbox AS o ON o.run_id = t.run_id AND o.task_no = t.no
WHERE t.status IN (0, 1) AND r.status IN (0, 1)
UNION ALL
SELECT s.run_id, NULL, r.name, NULL, NULL, 'RATE_LIMIT', NULL, NULL, s.asked_at, NULL
FROM run_slot AS s
JOIN run AS r ON r.id = s.run_id
WHERE s.waits;
COMMENT ON VIEW podium.waits IS 'What each open run waits for: one row for each of its open tasks, and one if it waits for its rate limit.';

CREATE VIEW podium.rate_limits AS
SELECT
    s.key,
    s.run_id,
    r.name AS workflow_name,
    CASE WHEN s.waits THEN 'WAITS' ELSE 'HOLDS' END AS state,
    CASE WHEN s.waits THEN row_number() OVER (PARTITION BY s.key, s.waits ORDER BY s.seq) END AS place,
    s.at_once AS concurrent_exec_limit,
    s.asked_at AS since
FROM run_slot AS s
JOIN run AS r ON r.id = s.run_id;
COMMENT ON VIEW podium.rate_limits IS 'Open runs under a rate limit of their workflow: who holds a slot, who waits and at which place.';
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'podium_reader') THEN
        GRANT SELECT ON podium.rate_limits TO podium_reader;
    END IF;
END;
$$;

-- Limits of task definitions: how many tasks are in progress at once, how many begin in a stretch of time. Only claims of
-- tasks whose definition has a limit touch these tables; all others know nothing of them.
--
-- There is no counter that could drift. A slot is a row that counts only while its task is IN_PROGRESS: what ends a lease,
-- a crash included, frees the slot with it, and the next claim sweeps the row away.

CREATE TABLE task_limit (
    name text PRIMARY KEY,
    at_once integer CHECK (at_once > 0),
    per_window integer CHECK (per_window > 0),
    window_s integer NOT NULL DEFAULT 1 CHECK (window_s > 0),
    CHECK (at_once IS NOT NULL OR per_window IS NOT NULL)
);
COMMENT ON TABLE task_limit IS 'The limits of task definitions that have some. Claims of one name take turns by locking its row until they commit.';
COMMENT ON COLUMN task_limit.at_once IS 'concurrentExecLimit: tasks IN_PROGRESS at most; null = no limit.';
COMMENT ON COLUMN task_limit.per_window IS 'rateLimitPerFrequency: tasks that begin within any window_s seconds at most; null = no limit.';

CREATE TABLE task_slot (
    name text NOT NULL,
    run_id uuid NOT NULL,
    no integer NOT NULL,
    shard smallint NOT NULL,
    PRIMARY KEY (name, run_id, no, shard)
);
COMMENT ON TABLE task_slot IS 'Tasks that took a slot of their definition''s limit. Holds one only while the task is IN_PROGRESS.';

CREATE TABLE task_begin (
    name text NOT NULL,
    run_id uuid NOT NULL,
    no integer NOT NULL,
    poll_count integer NOT NULL,
    shard smallint NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (name, run_id, no, poll_count, shard)
);
COMMENT ON TABLE task_begin IS 'When tasks of a definition with a rate limit were handed out, while it matters.';
CREATE INDEX task_begin_age ON task_begin (name, at);
COMMENT ON INDEX task_begin_age IS 'limit.refused, limit.room: what has left the window, and when the next one leaves it.';

CREATE TYPE claim_key AS (run_id uuid, shard smallint, no integer, poll_count integer, name text);

-- Part of the hot statement where it holds claims of limited tasks, evaluated before the first row of it is changed: its
-- locks last until the commit, and what it reads after it has got them is what the others committed.
CREATE FUNCTION refused_by_limits(claims claim_key[]) RETURNS SETOF uuid
LANGUAGE plpgsql VOLATILE AS $$
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
COMMENT ON FUNCTION refused_by_limits IS 'Takes a slot for each claim that its definition''s limits allow; returns the runs of the others.';

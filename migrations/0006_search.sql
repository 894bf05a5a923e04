-- Searching runs and tasks.
--
-- Columns are searched in `run` and `task` themselves, so a search sees a change as soon as it is acknowledged. Words
-- are searched in `run_search` and `task_search`, which a loop of each node fills a moment later.
--
-- The indexes on `run` are few: each costs a workflow two entries, one with its start and one with its end, which is
-- never a HOT update anyway (wake_at). run.status changes only at the end of a run, at a pause and at an operator's
-- verb, so naming it here costs no HOT update that there would be without. The same in `task` would cost one for each
-- task: never do that.

CREATE INDEX run_by_name ON run (name, status, id);
COMMENT ON INDEX run_by_name IS 'search: the runs of a name in each status, newest first. Also finds rare states without a name, name by name.';
CREATE INDEX run_by_correlation ON run (left(correlation_id, 200), id) WHERE correlation_id IS NOT NULL;
COMMENT ON INDEX run_by_correlation IS 'search: the runs of a correlation id. Of longer ids only the beginning: an index entry has a limit.';
CREATE INDEX run_by_parent ON run (substring(extra FROM '"parent":\{"run":"([0-9a-f-]{36})"'), id)
    WHERE extra LIKE '%"parent":{"run":%';
COMMENT ON INDEX run_by_parent IS 'search: the children of a run. Runs without a parent cost nothing.';

-- A trigger, not the statement that inserts: nodes of the release before this one insert snapshots too.
ALTER TABLE snapshot ADD COLUMN name text, ADD COLUMN classifier text;
COMMENT ON COLUMN snapshot.classifier IS 'The kind of the definition: its own word, else agent or workflow.';
CREATE FUNCTION describe_snapshot() RETURNS trigger
LANGUAGE plpgsql AS $$
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
CREATE TRIGGER describe_snapshot BEFORE INSERT OR UPDATE OF body ON snapshot
    FOR EACH ROW EXECUTE FUNCTION describe_snapshot();
UPDATE snapshot SET body = body;
CREATE INDEX snapshot_by_name ON snapshot (name);
COMMENT ON INDEX snapshot_by_name IS 'search: the names that runs may have.';

-- ── Words ────────────────────────────────────────────────────────────────────────────────────────────────────────

CREATE TABLE run_search (
    run_id uuid PRIMARY KEY,
    version bigint NOT NULL,
    words tsvector NOT NULL
);
COMMENT ON TABLE run_search IS 'The words of each run, made by a loop from its row. May be thrown away at any time: it is made again.';
COMMENT ON COLUMN run_search.version IS 'The version of the run that the words are of.';
CREATE INDEX run_search_words ON run_search USING gin (words) WITH (gin_pending_list_limit = 512);
COMMENT ON INDEX run_search_words IS 'search: runs with these words.';

CREATE TABLE task_search (
    run_id uuid NOT NULL,
    no integer NOT NULL,
    changed_in bigint NOT NULL,
    words tsvector NOT NULL,
    PRIMARY KEY (run_id, no)
);
COMMENT ON TABLE task_search IS 'The words of each task that has been given out or done, made by a loop.';
CREATE INDEX task_search_words ON task_search USING gin (words) WITH (gin_pending_list_limit = 512);
COMMENT ON INDEX task_search_words IS 'search: tasks with these words.';

-- What PostgreSQL cannot take as jsonb (a number beyond its range) or as one tsvector is read as plain text.
CREATE FUNCTION words_of(plain text, one text, two text) RETURNS tsvector
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
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
COMMENT ON FUNCTION words_of IS 'The searchable words of a text and of two JSON texts: at least of the first 100,000 characters of each.';

CREATE FUNCTION json_contains(body text, wanted text) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    RETURN body::jsonb @> wanted::jsonb;
EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
    RETURN false;
END;
$$;
COMMENT ON FUNCTION json_contains IS 'Whether one JSON text contains another; not if PostgreSQL cannot take one of them as jsonb.';

CREATE FUNCTION forget_words() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM run_search WHERE run_id = OLD.id;
    DELETE FROM task_search WHERE run_id = OLD.id;
    RETURN NULL;
END;
$$;
CREATE TRIGGER forget_words AFTER DELETE ON run FOR EACH ROW EXECUTE FUNCTION forget_words();

-- ── How far the words are ────────────────────────────────────────────────────────────────────────────────────────

CREATE TABLE search_feed (
    node bigint PRIMARY KEY,
    pending bigint NOT NULL DEFAULT 0,
    behind_since timestamptz,
    swept_at timestamptz
) WITH (fillfactor = 40);
COMMENT ON TABLE search_feed IS 'One row for each node that changes runs, from its start to its orderly end. The row of a node that died says that all runs must be looked through.';
COMMENT ON COLUMN search_feed.behind_since IS 'The oldest change of this node whose words are not there yet; null = none.';
COMMENT ON COLUMN search_feed.swept_at IS 'All runs were looked through, from then on, after this node died.';
-- a node that never lived: the runs that are here already get their words
INSERT INTO search_feed (node) VALUES (0);

CREATE TABLE search_sweep (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    started_at timestamptz NOT NULL,
    below uuid NOT NULL,
    looked_at bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 40);
COMMENT ON TABLE search_sweep IS 'The look through all runs that is under way, newest first; no row = none.';
COMMENT ON COLUMN search_sweep.below IS 'It goes on below this run.';

CREATE VIEW podium.search_lag AS
SELECT
    f.node,
    coalesce(n.until > now(), false) AS alive,
    f.pending,
    f.behind_since,
    coalesce(extract(epoch FROM now() - f.behind_since), 0)::double precision AS lag_seconds,
    coalesce(n.until, '-infinity') <= now() AND (f.swept_at IS NULL OR f.swept_at < coalesce(n.until, '-infinity')) AS sweep_needed,
    s.started_at AS sweep_started_at,
    s.looked_at AS sweep_looked_at
FROM search_feed AS f
LEFT JOIN node AS n ON n.epoch = f.node
LEFT JOIN search_sweep AS s ON true;
COMMENT ON VIEW podium.search_lag IS 'How far the words of runs are behind the runs, by node.';
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'podium_reader') THEN
        GRANT SELECT ON podium.search_lag TO podium_reader;
    END IF;
END;
$$;

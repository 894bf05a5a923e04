//! The text of the hot statement.
//!
//! One statement stores a whole batch. Its parts hang on `stored`, the ids of the runs whose guard held.
//! Which parts it has is a bit mask, so that parts with nothing to do cost nothing; each form is prepared
//! once for each connection.
//!
//! Rules that keep it fast on empty and on large tables alike (`tests/plans.rs` holds the plans):
//! - rows are looked up by the array's keys, so the join must be a nested loop with the array outside and an
//!   index scan inside. A scan of all rows for each element may look as cheap while a table is empty, and a
//!   cached plan stays (measured: 1,770 µs instead of 37 µs a workflow). Switching sequential scans off is not
//!   enough: for `r.id = i.id` the planner also considers reading the whole index, because its order might
//!   help a merge join. `r.id >= i.id AND r.id <= i.id` finds the same row, and no order helps it; for keys of two
//!   columns the same with rows. Then the only other way is the sequential scan, which is off;
//! - if all runs of a batch are of one month, as they nearly always are, the text names that month's partitions.
//!   Over the partitioned tables the executor sets a scan up for each of 15 partitions and routes each row (replay,
//!   batches of 100, same busy machine: 85 µs a workflow; with the month named 45 µs). Bounds of the batch's ids
//!   as arguments leave the others out before it starts, but then a plan made on empty tables reads the whole
//!   range between the bounds and looks into the array for each row;
//! - an UPDATE keeps a whole-row copy of what it joins with, in case a row must be checked again after a
//!   concurrent change. Over 27 or 36 columns that copy was a quarter of all CPU; so the image stays one composite
//!   value, beside the few columns of the join (replay, batches of 100, same busy machine: 127 µs a workflow with
//!   columns, 94 µs with one value);
//! - scans, hash and merge joins are switched off on the writer's connection;
//! - "is its run stored?" is `(id IN (SELECT …)) IS TRUE`: the planner cannot pull that up into a join, so it
//!   hashes the ids once. It makes room in that table for as many as it expects, at each execution: `changed` it
//!   takes for half a percent of all runs for each element, so `stored` is an array in between, which counts as ten
//!   (1M analysed runs, batches of 45: 11.1 ms a batch, most of it clearing memory; through the array 2.5 ms).

/// Parts of the statement, in the order of its arguments.
pub(crate) mod part {
    /// Changed runs.
    pub(crate) const UPDATE: u16 = 1;
    /// New runs (and children).
    pub(crate) const INSERT: u16 = 2;
    /// Runs that only have to be at a version.
    pub(crate) const CONFIRM: u16 = 4;
    /// New task rows.
    pub(crate) const ADD: u16 = 8;
    /// Changed task rows.
    pub(crate) const CHANGE: u16 = 16;
    /// Payloads too large for a row.
    pub(crate) const PAYLOAD: u16 = 32;
    /// Inbox, parked events, outbox.
    pub(crate) const EVENTS: u16 = 64;
    /// Children, removed tasks, log lines, messages of tasks that may have had one before.
    pub(crate) const RARE: u16 = 128;
    /// Messages of these runs for other runs.
    pub(crate) const TOLD: u16 = 256;
    /// Claims that limits count.
    pub(crate) const LIMITED: u16 = 512;
    /// Runs that take or leave slots under their rate limit.
    pub(crate) const SLOTS: u16 = 1024;
    /// Outputs to keep for later tasks.
    pub(crate) const KEPT: u16 = 2048;
    /// Lines of the accounts of runs.
    pub(crate) const NOTED: u16 = 4096;
}

const UPDATE: &str = "changed AS (
    UPDATE run%month% AS r SET
        version = i.version, write_id = $1,
        status = CASE WHEN i.whole THEN (i.image).status ELSE r.status END,
        wake_at = CASE WHEN i.whole THEN (i.image).wake_at ELSE r.wake_at END,
        updated_at = CASE WHEN i.whole THEN (i.image).updated_at ELSE r.updated_at END,
        ended_at = CASE WHEN i.whole THEN (i.image).ended_at ELSE r.ended_at END,
        retried_at = CASE WHEN i.whole THEN (i.image).retried_at ELSE r.retried_at END,
        next_no = CASE WHEN i.whole THEN (i.image).next_no ELSE r.next_no END,
        snapshot_id = CASE WHEN i.whole THEN (i.image).snapshot_id ELSE r.snapshot_id END,
        def_version = CASE WHEN i.whole THEN (i.image).def_version ELSE r.def_version END,
        priority = CASE WHEN i.whole THEN (i.image).priority ELSE r.priority END,
        name = CASE WHEN i.whole THEN (i.image).name ELSE r.name END,
        correlation_id = CASE WHEN i.whole THEN (i.image).correlation_id ELSE r.correlation_id END,
        created_at = CASE WHEN i.whole THEN (i.image).created_at ELSE r.created_at END,
        reason = CASE WHEN i.whole THEN (i.image).reason ELSE r.reason END,
        input = CASE WHEN i.whole THEN (i.image).input ELSE r.input END,
        input_slot = CASE WHEN i.whole THEN (i.image).input_slot ELSE r.input_slot END,
        output = CASE WHEN i.whole THEN (i.image).output ELSE r.output END,
        output_slot = CASE WHEN i.whole THEN (i.image).output_slot ELSE r.output_slot END,
        variables = CASE WHEN i.whole THEN (i.image).variables ELSE r.variables END,
        variables_slot = CASE WHEN i.whole THEN (i.image).variables_slot ELSE r.variables_slot END,
        extra = CASE WHEN i.whole THEN (i.image).extra ELSE r.extra END,
        removed_in = CASE WHEN (i.image).removes THEN i.version ELSE r.removed_in END
    FROM (
        SELECT (x.image).id AS id, (x.image).version AS version, (x.image).whole AS whole, x.image
        FROM (SELECT unnest($@::run_image[]) AS image OFFSET 0) AS x
        OFFSET 0
    ) AS i
    WHERE r.id >= i.id AND r.id <= i.id AND r.version = i.version - 1 %missing%
    RETURNING r.id
)";

const RUN_COLUMNS: &str = "id, shard, bucket, snapshot_id, created_at, def_version, priority, name, correlation_id,
        input, input_slot, version, write_id, next_no, status, updated_at, wake_at, ended_at, retried_at, reason,
        output, output_slot, variables, variables_slot, extra";

const RUN_VALUES: &str =
    "i.id, i.shard, i.bucket, i.snapshot_id, i.created_at, i.def_version, i.priority, i.name,
        i.correlation_id, i.input, i.input_slot, i.version, $1, i.next_no, i.status, i.updated_at, i.wake_at,
        i.ended_at, i.retried_at, i.reason, i.output, i.output_slot, i.variables, i.variables_slot, i.extra";

const INSERT: &str = "created AS (
    INSERT INTO run%month% (%run_columns%)
    SELECT %run_values%
    FROM unnest($@::run_image[]) AS i
    WHERE (i.metadata_version IS NULL OR i.metadata_version = (SELECT m.version FROM metadata_version AS m)) %missing%
    ON CONFLICT DO NOTHING
    RETURNING id
)";

const CONFIRM: &str = "confirmed AS (
    SELECT r.id
    FROM (
        SELECT (x.key).id AS id, (x.key).version AS version
        FROM (SELECT unnest($@::run_key[]) AS key OFFSET 0) AS x
        OFFSET 0
    ) AS i
    JOIN run%month% AS r ON r.id >= i.id AND r.id <= i.id AND r.version = i.version
)";

const ADD: &str = "added AS (
    INSERT INTO task%month% (run_id, shard, no, seq, priority, attempt, iteration, retry_of, task_type, ref_name, def_name,
        domain, input, input_slot, changed_in, scheduled_at, first_scheduled_at, available_at, updated_at, started_at,
        ended_at, response_timeout_s, callback_after_s, start_delay_s, poll_count, status, ready, retried, executed,
        worker, reason, output, output_slot, wait_until, child, extra)
    SELECT i.run_id, i.shard, i.no, i.seq, i.priority, i.attempt, i.iteration, i.retry_of, i.task_type, i.ref_name, i.def_name,
        i.domain, i.input, i.input_slot, i.changed_in, i.scheduled_at, i.first_scheduled_at, i.available_at,
        i.updated_at, i.started_at, i.ended_at, i.response_timeout_s, i.callback_after_s, i.start_delay_s,
        i.poll_count, i.status, i.ready, i.retried, i.executed,
        i.worker, i.reason, i.output, i.output_slot, i.wait_until, i.child, i.extra
    FROM unnest($@::task_image[]) AS i
    WHERE (i.run_id IN (SELECT s.id FROM stored AS s)) IS TRUE
)";

const CHANGE: &str = "tasks_changed AS (
    UPDATE task%month% AS t SET
        seq = (i.image).seq, iteration = (i.image).iteration, attempt = (i.image).attempt, retry_of = (i.image).retry_of, domain = (i.image).domain,
        task_type = (i.image).task_type, ref_name = (i.image).ref_name, def_name = (i.image).def_name,
        scheduled_at = (i.image).scheduled_at, first_scheduled_at = (i.image).first_scheduled_at,
        input = (i.image).input, input_slot = (i.image).input_slot,
        changed_in = (i.image).changed_in, available_at = (i.image).available_at, updated_at = (i.image).updated_at,
        started_at = (i.image).started_at, ended_at = (i.image).ended_at, response_timeout_s = (i.image).response_timeout_s,
        callback_after_s = (i.image).callback_after_s, start_delay_s = (i.image).start_delay_s, poll_count = (i.image).poll_count,
        status = (i.image).status, ready = (i.image).ready, retried = (i.image).retried, executed = (i.image).executed,
        worker = (i.image).worker, reason = (i.image).reason, output = (i.image).output, output_slot = (i.image).output_slot,
        wait_until = (i.image).wait_until, child = (i.image).child, extra = (i.image).extra
    FROM (
        SELECT (x.image).run_id AS run_id, (x.image).no AS no, x.image
        FROM (SELECT unnest($@::task_image[]) AS image OFFSET 0) AS x
        WHERE ((x.image).run_id IN (SELECT s.id FROM stored AS s)) IS TRUE
        OFFSET 0
    ) AS i
    WHERE (t.run_id, t.no) >= (i.run_id, i.no) AND (t.run_id, t.no) <= (i.run_id, i.no) %prune%
)";

const PAYLOAD: &str = "payloads AS (
    INSERT INTO payload%month% (run_id, shard, slot, body)
    SELECT i.run_id, i.shard, i.slot, i.body
    FROM unnest($@::payload_image[]) AS i
    WHERE (i.run_id IN (SELECT s.id FROM stored AS s)) IS TRUE
    ON CONFLICT DO NOTHING
)";

/// Before the guards: the changes that were to take an inbox row which is gone.
const MISSING: &str = "missing AS MATERIALIZED (
    SELECT i.run_id
    FROM (
        SELECT (x.key).run_id AS run_id, (x.key).id AS id
        FROM (SELECT unnest($@::inbox_key[]) AS key OFFSET 0) AS x
        OFFSET 0
    ) AS i
    WHERE NOT EXISTS (
        SELECT FROM inbox AS b WHERE b.id >= i.id AND b.id <= i.id
    )
)";

/// Before the guards: the changes whose claims a limit does not allow. The function locks the limits before the first
/// run is changed, and so in every batch.
const LIMITED: &str = "limited AS MATERIALIZED (
    SELECT l.run_id FROM refused_by_limits($@::claim_key[]) AS l(run_id)
)";

const MISSING_GUARD: &str = "AND (i.id IN (SELECT m.run_id FROM missing AS m)) IS NOT TRUE";
const LIMITED_GUARD: &str = "AND (i.id IN (SELECT l.run_id FROM limited AS l)) IS NOT TRUE";
const BOTH_GUARDS: &str = "AND (i.id IN (SELECT m.run_id FROM missing AS m)) IS NOT TRUE
        AND (i.id IN (SELECT l.run_id FROM limited AS l)) IS NOT TRUE";

const TAKEN: &str = "taken AS (
    DELETE FROM inbox AS b
    USING (
        SELECT (x.key).run_id AS run_id, (x.key).id AS id
        FROM (SELECT unnest($#::inbox_key[]) AS key OFFSET 0) AS x
        WHERE ((x.key).run_id IN (SELECT s.id FROM stored AS s)) IS TRUE
        OFFSET 0
    ) AS i
    WHERE b.id >= i.id AND b.id <= i.id
)";

const EVENTS: &str = "parked AS (
    INSERT INTO parked_event (run_id, shard, inbox, body, parked_at, expires_at)
    SELECT i.run_id, i.shard, i.inbox, i.body, i.parked_at, i.expires_at
    FROM unnest($@::parked_image[]) AS i
    WHERE (i.run_id IN (SELECT s.id FROM stored AS s)) IS TRUE
),
unparked AS (
    DELETE FROM parked_event AS p
    USING (
        SELECT (x.key).run_id AS run_id, (x.key).id AS id
        FROM (SELECT unnest($@::inbox_key[]) AS key OFFSET 0) AS x
        WHERE ((x.key).run_id IN (SELECT s.id FROM stored AS s)) IS TRUE
        OFFSET 0
    ) AS i
    WHERE (p.run_id, p.inbox) >= (i.run_id, i.id) AND (p.run_id, p.inbox) <= (i.run_id, i.id)
),
emitted AS (
    INSERT INTO outbox (run_id, shard, task_no, lane, cluster, topic, key, value, headers, max_block_ms)
    SELECT i.run_id, i.shard, i.task_no, i.lane, i.cluster, i.topic, i.key, i.value, i.headers, i.max_block_ms
    FROM unnest($@::outbox_image[]) AS i
    WHERE (i.run_id IN (SELECT s.id FROM stored AS s)) IS TRUE
),
settled AS (
    UPDATE outbox AS o SET pending = false
    FROM (
        SELECT (x.key).run_id AS run_id, (x.key).no AS no
        FROM (SELECT unnest($@::task_key[]) AS key OFFSET 0) AS x
        WHERE ((x.key).run_id IN (SELECT s.id FROM stored AS s)) IS TRUE
        OFFSET 0
    ) AS i
    WHERE (o.run_id, o.task_no) >= (i.run_id, i.no) AND (o.run_id, o.task_no) <= (i.run_id, i.no)
)";

/// `snapshot_id` of a child is its own; the run that it hangs on stands in the array beside it.
const RARE: &str = "children AS (
    INSERT INTO run (%run_columns%)
    SELECT %run_values%
    FROM unnest($@::run_image[], $@::uuid[]) AS i(id, shard, bucket, version, snapshot_id,
        created_at, def_version, priority, next_no, status, whole, removes, metadata_version, updated_at, wake_at,
        ended_at, retried_at, input_slot, output_slot, variables_slot, name, correlation_id, reason, input, output,
        variables, extra, parent)
    WHERE (i.parent IN (SELECT s.id FROM stored AS s)) IS TRUE
    ON CONFLICT DO NOTHING
    RETURNING id
),
removed AS (
    DELETE FROM task%month% AS t
    USING (
        SELECT (x.key).run_id AS run_id, (x.key).no AS no
        FROM (SELECT unnest($@::task_key[]) AS key OFFSET 0) AS x
        WHERE ((x.key).run_id IN (SELECT s.id FROM stored AS s)) IS TRUE
        OFFSET 0
    ) AS i
    WHERE (t.run_id, t.no) >= (i.run_id, i.no) AND (t.run_id, t.no) <= (i.run_id, i.no) %prune%
    RETURNING t.run_id, t.no
),
removed_messages AS (
    DELETE FROM outbox AS o
    USING (SELECT r.run_id, r.no FROM removed AS r OFFSET 0) AS i
    WHERE (o.run_id, o.task_no) >= (i.run_id, i.no) AND (o.run_id, o.task_no) <= (i.run_id, i.no)
),
logged AS (
    INSERT INTO task_log%month% (run_id, shard, no, at, body)
    SELECT i.run_id, i.shard, i.no, i.at, i.body
    FROM unnest($@::log_image[]) AS i
    WHERE (i.run_id IN (SELECT s.id FROM stored AS s)) IS TRUE
),
emitted_again AS (
    INSERT INTO outbox (run_id, shard, task_no, lane, cluster, topic, key, value, headers, max_block_ms)
    SELECT i.run_id, i.shard, i.task_no, i.lane, i.cluster, i.topic, i.key, i.value, i.headers, i.max_block_ms
    FROM unnest($@::outbox_image[]) AS i
    WHERE (i.run_id IN (SELECT s.id FROM stored AS s)) IS TRUE
    ON CONFLICT (run_id, task_no, shard) DO UPDATE SET
        seq = DEFAULT, lane = EXCLUDED.lane, cluster = EXCLUDED.cluster, topic = EXCLUDED.topic, key = EXCLUDED.key,
        value = EXCLUDED.value, headers = EXCLUDED.headers, max_block_ms = EXCLUDED.max_block_ms, pending = true
)";

/// What runs tell other runs. A run that was removed is told nothing; one that this statement creates is not in its
/// snapshot yet. A row's source is the sender's version, so it is there once however often the statement is sent.
const TOLD: &str = "told AS (
    INSERT INTO inbox (run_id, shard, bucket, source, body)
    SELECT i.run_id, i.shard, i.bucket, i.source, i.body
    FROM unnest($@::uuid[], $@::uuid[], $@::smallint[], $@::smallint[], $@::text[], $@::text[])
        AS i(sender, run_id, shard, bucket, source, body)
    WHERE (i.sender IN (SELECT s.id FROM stored AS s)) IS TRUE
        AND (%created%EXISTS (SELECT FROM run AS r WHERE r.id >= i.run_id AND r.id <= i.run_id))
    ON CONFLICT DO NOTHING
)";

/// After all runs are changed: `stored` is read to its end before the function locks the first key.
const SLOTS: &str = "slots AS MATERIALIZED (
    SELECT m.run_id
    FROM (
        SELECT array_agg(i.run_id) AS runs, array_agg(i.shard) AS shards, array_agg(i.bucket) AS buckets,
            array_agg(i.key) AS keys, array_agg(i.wish) AS wishes, array_agg(i.at_once) AS limits,
            array_agg(i.stint) AS stints
        FROM unnest($@::uuid[], $@::smallint[], $@::smallint[], $@::text[], $@::smallint[], $@::integer[], $@::integer[])
            AS i(run_id, shard, bucket, key, wish, at_once, stint)
        WHERE (i.run_id IN (SELECT s.id FROM stored AS s)) IS TRUE
    ) AS w
    CROSS JOIN LATERAL move_run_slots(w.runs, w.shards, w.buckets, w.keys, w.wishes, w.limits, w.stints) AS m(run_id)
    WHERE w.runs IS NOT NULL
)";

/// Of two tasks that did the same work at the same time, the output of the later commit stays.
const KEPT: &str = "kept AS (
    INSERT INTO task_cache (key, name, run_id, task_no, expires_at, body)
    SELECT i.key, i.name, i.run_id, i.task_no, i.expires_at, i.body
    FROM unnest($@::bytea[], $@::text[], $@::uuid[], $@::integer[], $@::timestamptz[], $@::text[])
        AS i(key, name, run_id, task_no, expires_at, body)
    WHERE (i.run_id IN (SELECT s.id FROM stored AS s)) IS TRUE
    ON CONFLICT (key) DO UPDATE SET
        name = EXCLUDED.name, run_id = EXCLUDED.run_id, task_no = EXCLUDED.task_no, expires_at = EXCLUDED.expires_at,
        body = EXCLUDED.body
)";

/// Lines of accounts. A place that is full is taken by the newer line.
const NOTED: &str = "noted AS (
    INSERT INTO history (run_id, shard, slot, seq, at, status_before, status_after, task_no, act, ref_name, actor,
        origin, reason, detail)
    SELECT i.run_id, i.shard, i.slot, i.seq, i.at, i.status_before, i.status_after, i.task_no, i.act, i.ref_name, i.actor,
        i.origin, i.reason, i.detail
    FROM unnest($@::history_image[]) AS i
    WHERE (i.run_id IN (SELECT s.id FROM stored AS s)) IS TRUE
    ON CONFLICT (run_id, slot, shard) DO UPDATE SET
        seq = EXCLUDED.seq, at = EXCLUDED.at, status_before = EXCLUDED.status_before,
        status_after = EXCLUDED.status_after, task_no = EXCLUDED.task_no, act = EXCLUDED.act,
        ref_name = EXCLUDED.ref_name, actor = EXCLUDED.actor, origin = EXCLUDED.origin, reason = EXCLUDED.reason,
        detail = EXCLUDED.detail
)";

/// The statement for the given parts, on the partitions of a month (`Some("202611")`) or on the whole tables.
pub(crate) fn text(parts: u16, month: Option<&str>) -> String {
    let suffix = month.map(|m| format!("_{m}")).unwrap_or_default();
    // the parent's scan needs a bound on its partition key; beside it the index would be entered at the run's first task
    let prune = if month.is_some() { "" } else { "AND t.run_id >= i.run_id AND t.run_id <= i.run_id" };
    build(parts).replace("%month%", &suffix).replace("%prune%", prune)
}

fn build(parts: u16) -> String {
    let has = |p: u16| parts & p != 0;
    let mut out = Vec::new();
    let mut argument = 1;
    let mut inbox_argument = 0;
    let mut add = |fragment: &str| {
        let mut text = String::new();
        for (i, piece) in fragment.split("$@").enumerate() {
            if i > 0 {
                argument += 1;
                text.push_str(&format!("${argument}"));
            }
            text.push_str(piece);
        }
        if fragment == MISSING {
            inbox_argument = argument;
        }
        let missing = match (has(part::EVENTS), has(part::LIMITED)) {
            (false, false) => "",
            (true, false) => MISSING_GUARD,
            (false, true) => LIMITED_GUARD,
            (true, true) => BOTH_GUARDS,
        };
        let created =
            if has(part::RARE) { "(i.run_id IN (SELECT c.id FROM children AS c)) IS TRUE OR " } else { "" };
        out.push(
            text.replace("$#", &format!("${inbox_argument}"))
                .replace("%created%", created)
                .replace("%missing%", missing)
                .replace("%run_columns%", RUN_COLUMNS)
                .replace("%run_values%", RUN_VALUES),
        );
    };
    // the arguments' order is the order of `Families::arguments` in batch.rs
    if has(part::EVENTS) {
        add(MISSING);
    }
    if has(part::LIMITED) {
        add(LIMITED);
    }
    if has(part::UPDATE) {
        add(UPDATE);
    }
    if has(part::INSERT) {
        add(INSERT);
    }
    // updates before inserts, in every form: two batches meet their common rows in one order
    add(match (has(part::UPDATE), has(part::INSERT)) {
        (true, true) => {
            "stored AS MATERIALIZED (
    SELECT unnest(ARRAY(SELECT c.id FROM changed AS c UNION ALL SELECT c.id FROM created AS c)) AS id
)"
        }
        (true, false) => "stored AS MATERIALIZED (SELECT unnest(ARRAY(SELECT c.id FROM changed AS c)) AS id)",
        (false, true) => "stored AS MATERIALIZED (SELECT unnest(ARRAY(SELECT c.id FROM created AS c)) AS id)",
        (false, false) => "stored AS MATERIALIZED (SELECT NULL::uuid AS id WHERE $1 IS NULL)",
    });
    if has(part::CONFIRM) {
        add(CONFIRM);
    }
    if has(part::ADD) {
        add(ADD);
    }
    if has(part::CHANGE) {
        add(CHANGE);
    }
    if has(part::PAYLOAD) {
        add(PAYLOAD);
    }
    if has(part::EVENTS) {
        add(TAKEN);
        add(EVENTS);
    }
    if has(part::RARE) {
        add(RARE);
    }
    if has(part::TOLD) {
        add(TOLD);
    }
    if has(part::SLOTS) {
        add(SLOTS);
    }
    if has(part::KEPT) {
        add(KEPT);
    }
    if has(part::NOTED) {
        add(NOTED);
    }
    let confirmed = if has(part::CONFIRM) { " UNION ALL SELECT c.id FROM confirmed AS c" } else { "" };
    let refused =
        if has(part::LIMITED) { ", ARRAY(SELECT l.run_id FROM limited AS l) AS refused" } else { "" };
    let answered = if has(part::SLOTS) { ", ARRAY(SELECT a.run_id FROM slots AS a) AS answered" } else { "" };
    format!(
        "WITH {}
SELECT ARRAY(SELECT s.id FROM stored AS s{confirmed}) AS ids, clock_timestamp() AS db_now,
    (SELECT m.version FROM metadata_version AS m) AS metadata_version{refused}{answered}",
        out.join(",\n")
    )
}

/// Payloads that go ahead of their batch.
pub(crate) const PAYLOADS_AHEAD: &str = "INSERT INTO payload (run_id, shard, slot, body)
    SELECT i.run_id, i.shard, i.slot, i.body
    FROM unnest($1::payload_image[]) AS i
    ON CONFLICT DO NOTHING";

/// Any form that a writer may send, for tests that look at its plan.
#[doc(hidden)]
pub fn hot_statement(parts: u16, month: Option<&str>) -> String {
    text(parts, month)
}

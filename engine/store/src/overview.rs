//! A run with its tasks, but without what users own: for looking at runs of thousands of tasks. One statement and so one
//! snapshot. Payloads stay where they are; PostgreSQL knows their length without reading them.

use podium_core::{RunHead, RunId, TaskState};
use sqlx::Row;
use sqlx::postgres::PgRow;

use crate::Store;
use crate::error::StoreError;
use crate::run::{column, corrupt, head, task};
use crate::wire::{Malformed, Record};

/// Columns behind the head.
const INPUT_BYTES: usize = 23;
const OUTPUT_BYTES: usize = 24;
const TASK_COUNT: usize = 25;
const TASKS: usize = 26;

/// `$1` a run, `$2` the version after which its tasks count, unless tasks were removed since. In place of payloads stand
/// nulls, so that rows are read like those of a whole run; only SWITCH and DECISION, whose few bytes say which case was
/// taken, keep their output.
const OVERVIEW: &str = "
SELECT r.id, r.version, s.hash, r.name, r.def_version, r.status, r.correlation_id, r.priority, r.reason,
    r.created_at, r.updated_at, r.ended_at, r.retried_at, r.next_no, r.wake_at, r.extra, r.removed_in,
    NULL::bigint, NULL::text, NULL::bigint, NULL::text, NULL::bigint, NULL::text,
    COALESCE(octet_length(r.input), (SELECT octet_length(p.body) FROM payload AS p
        WHERE p.run_id = $1 AND p.slot = r.input_slot), 2),
    COALESCE(octet_length(r.output), (SELECT octet_length(p.body) FROM payload AS p
        WHERE p.run_id = $1 AND p.slot = r.output_slot), 2),
    (SELECT count(*) FROM task AS c WHERE c.run_id = $1),
    ARRAY(
        SELECT record_send(ROW(t.no, t.seq, t.attempt, t.iteration, t.retry_of, t.task_type, t.ref_name, t.def_name, t.domain,
            t.changed_in, t.scheduled_at, t.first_scheduled_at, t.available_at, t.updated_at, t.started_at, t.ended_at,
            t.response_timeout_s, t.callback_after_s, t.start_delay_s, t.poll_count, t.status, t.ready, t.retried,
            t.executed, t.worker, t.reason, t.wait_until, t.child, t.extra,
            NULL::bigint, NULL::text,
            NULL::bigint, CASE WHEN t.task_type IN ('SWITCH', 'DECISION') THEN
                COALESCE(t.output, (SELECT p.body FROM payload AS p
                    WHERE p.run_id = $1 AND p.slot = t.output_slot)) END,
            COALESCE(octet_length(t.input), (SELECT octet_length(p.body) FROM payload AS p
                WHERE p.run_id = $1 AND p.slot = t.input_slot), 2),
            COALESCE(octet_length(t.output), (SELECT octet_length(p.body) FROM payload AS p
                WHERE p.run_id = $1 AND p.slot = t.output_slot), 2)))
        FROM task AS t
        WHERE t.run_id = $1
            AND t.changed_in > CASE WHEN r.removed_in > $2 OR r.version < $2 THEN -1 ELSE $2 END
        ORDER BY t.seq, t.no
    )
FROM run AS r
JOIN snapshot AS s ON s.id >= r.snapshot_id AND s.id <= r.snapshot_id
WHERE r.id >= $1 AND r.id <= $1";

/// A run without its payloads.
#[derive(Clone, Debug)]
pub struct RunOverview {
    /// Its payloads are empty here.
    pub head: RunHead,
    /// Bytes of the stored text; `{}` counts two.
    pub input_bytes: i32,
    pub output_bytes: i32,
    /// How many tasks it has, whether they are here or not.
    pub task_count: i64,
    /// In the order that clients see.
    pub tasks: Vec<TaskOverview>,
}

/// A task without its payloads.
#[derive(Clone, Debug)]
pub struct TaskOverview {
    /// Its payloads are empty here, but for the output of a SWITCH or DECISION.
    pub row: TaskState,
    /// Bytes of the stored text; `{}` counts two.
    pub input_bytes: i32,
    pub output_bytes: i32,
}

impl Store {
    /// Reads a run without its payloads; `None` if there is no such run. Tasks that no version after `since` has changed
    /// are left out, unless tasks were removed after it or the run never had that version.
    pub async fn overview(&self, run: RunId, since: i64) -> Result<Option<RunOverview>, StoreError> {
        let row = sqlx::query(OVERVIEW)
            .bind(run.uuid())
            .bind(since)
            .fetch_optional(&self.inner.pool)
            .await
            .map_err(StoreError::at("run.overview"))?;
        row.map(|row| overview(&row, run)).transpose()
    }
}

fn overview(row: &PgRow, run: RunId) -> Result<RunOverview, StoreError> {
    let read = |e: sqlx::Error| StoreError::Refused { statement: "run.overview", source: e };
    let (head, _) = head(row)?;
    let of_task = |mut record: Record<'_>| {
        task_overview(&mut record, run)
            .map_err(|_| corrupt("task", "row", run))?
            .ok_or_else(|| corrupt("task", "status", run))
    };
    Ok(RunOverview {
        head,
        input_bytes: row.try_get(INPUT_BYTES).map_err(read)?,
        output_bytes: row.try_get(OUTPUT_BYTES).map_err(read)?,
        task_count: row.try_get(TASK_COUNT).map_err(read)?,
        tasks: column(row, TASKS)?.into_iter().map(of_task).collect::<Result<_, _>>()?,
    })
}

fn task_overview(record: &mut Record<'_>, run: RunId) -> Result<Option<TaskOverview>, Malformed> {
    let Some(row) = task(record, run)? else { return Ok(None) };
    Ok(Some(TaskOverview { row, input_bytes: record.int4()?, output_bytes: record.int4()? }))
}

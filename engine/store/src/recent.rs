//! The last runs of a definition with their tasks folded, for a grid of tasks by runs.

use podium_core::{RunId, RunStatus, SnapshotHash, TaskStatus, Timestamp};
use uuid::Uuid;

use crate::Store;
use crate::error::StoreError;
use crate::run::{corrupt, run_id};
use crate::search::failed;
use crate::wire::At;

/// `$1` ids. Nothing of the payloads. Without an order: where sorting is the last resort, one would walk all runs in it.
const RUNS: &str = "
SELECT r.id, s.hash, r.def_version, r.status, r.next_no, r.created_at, r.ended_at
FROM (SELECT unnest($1::uuid[]) AS id OFFSET 0) AS i
JOIN run AS r ON r.id >= i.id AND r.id <= i.id
JOIN snapshot AS s ON s.id >= r.snapshot_id AND s.id <= r.snapshot_id";

/// `$1` runs, `$2` half of the rows that are looked at in each of them: the first ones and the last ones. `$3` references
/// of the definition that only look like a pass through a loop.
///
/// A row of a loop ends in its passes (`t__2`, in a loop in a loop `t__2_1`). Of all passes and attempts of a reference
/// the status that matters most is taken, by the ranks in [`BY_RANK`]; attempts that were made again do not count for it.
const CELLS: &str = "
SELECT i.id, x.ref_name, min(x.no), min(x.task_type),
    coalesce(max(x.rank) FILTER (WHERE NOT x.retried), max(x.rank)),
    sum((extract(epoch FROM x.ended_at - x.begun_at) * 1000)::bigint)::bigint, count(*)
FROM (SELECT unnest($1::uuid[]) AS id OFFSET 0) AS i
CROSS JOIN LATERAL (
    SELECT t.no, t.task_type, t.retried, t.ended_at, coalesce(t.started_at, t.scheduled_at) AS begun_at,
        (ARRAY[4, 5, 1, 2, 7, 6, 8, 3, 0])[t.status + 1] AS rank,
        CASE
            WHEN t.iteration > 0 AND NOT t.ref_name = ANY ($3) THEN regexp_replace(t.ref_name, '__[0-9]+(_[0-9]+)*$', '')
            ELSE t.ref_name
        END AS ref_name
    FROM (
        (
            SELECT a.no, a.task_type, a.retried, a.ended_at, a.started_at, a.scheduled_at, a.status, a.iteration, a.ref_name
            FROM task AS a
            WHERE a.run_id >= i.id AND a.run_id <= i.id AND a.no <= $2
        )
        UNION ALL
        (
            SELECT b.no, b.task_type, b.retried, b.ended_at, b.started_at, b.scheduled_at, b.status, b.iteration, b.ref_name
            FROM task AS b
            WHERE b.run_id >= i.id AND b.run_id <= i.id AND b.no > $2
            ORDER BY b.run_id DESC, b.no DESC
            LIMIT $2
        )
    ) AS t
) AS x
GROUP BY i.id, x.ref_name";

/// The status of each rank: what failed before what goes on, before what ended well.
const BY_RANK: [TaskStatus; 9] = [
    TaskStatus::Skipped,
    TaskStatus::Completed,
    TaskStatus::CompletedWithErrors,
    TaskStatus::Canceled,
    TaskStatus::Scheduled,
    TaskStatus::InProgress,
    TaskStatus::TimedOut,
    TaskStatus::Failed,
    TaskStatus::FailedWithTerminalError,
];

/// A run without payloads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BriefRun {
    pub id: RunId,
    pub snapshot: SnapshotHash,
    pub def_version: i32,
    pub status: RunStatus,
    pub created_at: Timestamp,
    pub ended_at: Option<Timestamp>,
    /// Numbers of tasks that were given out.
    pub tasks: u32,
}

/// All attempts and passes of one reference in one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoldedTask {
    pub run: RunId,
    /// Without the passes of loops.
    pub ref_name: String,
    /// Of the first row.
    pub no: u32,
    pub task_type: String,
    pub status: TaskStatus,
    /// What its ended attempts took together; `None` = none has ended.
    pub took_ms: Option<i64>,
    pub attempts: i64,
}

impl Store {
    /// Reads runs without payloads and tasks, newest first; those that do not exist are left out.
    pub async fn brief_runs(&self, runs: &[RunId]) -> Result<Vec<BriefRun>, StoreError> {
        type Row = (Uuid, Vec<u8>, i32, i16, i32, At, Option<At>);
        let ids: Vec<Uuid> = runs.iter().map(|r| r.uuid()).collect();
        let rows: Vec<Row> = sqlx::query_as(RUNS)
            .bind(ids)
            .fetch_all(&self.inner.searches.pool)
            .await
            .map_err(failed("recent.runs"))?;
        let mut runs = rows
            .into_iter()
            .map(|(id, hash, def_version, status, next_no, created_at, ended_at)| {
                let hash = hash.try_into().map_err(|_| corrupt("snapshot", "hash", id))?;
                Ok(BriefRun {
                    id: run_id("run", id)?,
                    snapshot: SnapshotHash(hash),
                    def_version,
                    status: RunStatus::from_code(status).ok_or_else(|| corrupt("run", "status", id))?,
                    created_at: created_at.0,
                    ended_at: ended_at.map(|at| at.0),
                    tasks: u32::try_from(next_no - 1).unwrap_or_default(),
                })
            })
            .collect::<Result<Vec<BriefRun>, StoreError>>()?;
        runs.sort_unstable_by_key(|run| std::cmp::Reverse(run.id));
        Ok(runs)
    }

    /// The tasks of runs, folded by reference, in any order. Of a run with more than `rows` tasks the first and the last
    /// ones are looked at. `exact`: references that end like passes of a loop and are none.
    pub async fn folded_tasks(
        &self,
        runs: &[RunId],
        rows: i32,
        exact: &[String],
    ) -> Result<Vec<FoldedTask>, StoreError> {
        type Row = (Uuid, String, i32, String, i32, Option<i64>, i64);
        let ids: Vec<Uuid> = runs.iter().map(|r| r.uuid()).collect();
        let rows: Vec<Row> = sqlx::query_as(CELLS)
            .bind(ids)
            .bind(rows / 2)
            .bind(exact)
            .fetch_all(&self.inner.searches.pool)
            .await
            .map_err(failed("recent.tasks"))?;
        rows.into_iter()
            .map(|(run, ref_name, no, task_type, rank, took_ms, attempts)| {
                let status = usize::try_from(rank).ok().and_then(|rank| BY_RANK.get(rank));
                Ok(FoldedTask {
                    run: run_id("task", run)?,
                    ref_name,
                    no: no as u32,
                    task_type,
                    status: *status.ok_or_else(|| corrupt("task", "status", run))?,
                    took_ms,
                    attempts,
                })
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_in_the_statement_are_those_of_the_list() {
        let ranks =
            CELLS.split_once("(ARRAY[").and_then(|(_, rest)| rest.split_once(']')).expect("the ranks").0;
        for (code, rank) in ranks.split(", ").enumerate() {
            let rank: usize = rank.parse().expect("a number");
            assert_eq!(usize::try_from(BY_RANK[rank].code()).expect("small"), code);
        }
    }
}

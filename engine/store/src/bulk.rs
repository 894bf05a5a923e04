//! Operations on many runs: the list, and what became of each.

use podium_core::{Asker, RunId, Span, Timestamp};
use sqlx::Row;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use crate::Store;
use crate::error::StoreError;
use crate::run::run_id;
use crate::wire::At;

/// An operation on many runs, as it stands.
#[derive(Clone, Debug)]
pub struct StoredBulk {
    pub id: String,
    /// What is to be done, in the form of whoever stored it.
    pub request: String,
    /// Runs that were found when it was made.
    pub matched: i64,
    pub by: Asker,
    pub created_at: Timestamp,
    pub ended_at: Option<Timestamp>,
    /// Ended before all had their turn.
    pub stopped: bool,
    /// Runs in its list by what became of them.
    pub counts: BulkCounts,
}

/// How many runs of an operation stand where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BulkCounts {
    pub pending: i64,
    pub done: i64,
    pub refused: i64,
    pub stopped: i64,
}

/// What became of one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BulkState {
    Pending,
    Done,
    Refused,
    /// The operation was stopped before its turn.
    Stopped,
}

impl BulkState {
    pub const ALL: [BulkState; 4] =
        [BulkState::Pending, BulkState::Done, BulkState::Refused, BulkState::Stopped];

    const fn code(self) -> i16 {
        self as i16
    }
}

/// A run of an operation.
#[derive(Clone, Debug)]
pub struct BulkRun {
    pub place: i32,
    pub run: RunId,
    pub state: BulkState,
    pub at: Option<Timestamp>,
    /// Why it was refused.
    pub why: Option<String>,
}

const COLUMNS: &str =
    "b.id, b.request, b.matched, b.actor, b.origin, b.reason, b.created_at, b.ended_at, b.stopped,
    c.pending, c.done, c.refused, c.stopped AS left_out";
const COUNTS: &str = "CROSS JOIN LATERAL (
        SELECT count(*) FILTER (WHERE r.state = 0) AS pending, count(*) FILTER (WHERE r.state = 1) AS done,
            count(*) FILTER (WHERE r.state = 2) AS refused, count(*) FILTER (WHERE r.state = 3) AS stopped
        FROM bulk_run AS r
        WHERE r.bulk = b.id
    ) AS c";

/// Place, run, state, when, why.
type RunRow = (i32, Uuid, i16, Option<At>, Option<String>);

impl Store {
    /// Makes an operation with its list, in one commit; false (and nothing is made) if there is one under this id.
    pub async fn make_bulk(
        &self,
        id: &str,
        request: &str,
        matched: i64,
        by: &Asker,
        runs: &[RunId],
    ) -> Result<bool, StoreError> {
        let runs: Vec<Uuid> = runs.iter().map(|run| run.uuid()).collect();
        let made: i64 = sqlx::query_scalar(
            "WITH made AS (
                INSERT INTO bulk_operation (id, request, matched, actor, origin, reason, until, ended_at)
                VALUES ($1, $2, $3, $4, $5, $6, '-infinity', CASE WHEN cardinality($7::uuid[]) = 0 THEN now() END)
                ON CONFLICT (id) DO NOTHING
                RETURNING id
            ),
            list AS (
                INSERT INTO bulk_run (bulk, place, run_id, state)
                SELECT m.id, x.place - 1, x.run, 0
                FROM made AS m
                CROSS JOIN unnest($7::uuid[]) WITH ORDINALITY AS x(run, place)
            )
            SELECT count(*) FROM made",
        )
        .bind(id)
        .bind(request)
        .bind(matched)
        .bind(by.actor.as_deref())
        .bind(by.origin.as_deref())
        .bind(by.reason.as_deref())
        .bind(runs)
        .fetch_one(&self.inner.pool)
        .await
        .map_err(StoreError::at("bulk.make"))?;
        Ok(made > 0)
    }

    /// An operation as it stands now.
    pub async fn bulk(&self, id: &str) -> Result<Option<StoredBulk>, StoreError> {
        let text = format!("SELECT {COLUMNS} FROM bulk_operation AS b {COUNTS} WHERE b.id = $1");
        let row = sqlx::query(sqlx::AssertSqlSafe(text)).bind(id).fetch_optional(&self.inner.pool).await;
        row.map_err(StoreError::at("bulk.get"))?.as_ref().map(stored).transpose()
    }

    /// Operations, newest first.
    pub async fn bulks(&self, start: i64, size: i64) -> Result<Vec<StoredBulk>, StoreError> {
        let text = format!(
            "SELECT {COLUMNS}
            FROM (
                SELECT * FROM bulk_operation AS o ORDER BY o.created_at DESC OFFSET $1 LIMIT $2
            ) AS b {COUNTS}
            ORDER BY b.created_at DESC"
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(text))
            .bind(start)
            .bind(size)
            .fetch_all(&self.inner.pool)
            .await
            .map_err(StoreError::at("bulk.list"))?;
        rows.iter().map(stored).collect()
    }

    /// Takes an operation that nobody works on, for so long; `None` if there is none.
    pub async fn take_bulk(&self, lease: Span) -> Result<Option<StoredBulk>, StoreError> {
        let id: Option<String> = sqlx::query_scalar(
            "UPDATE bulk_operation AS b SET until = now() + $1 * interval '1 microsecond'
            WHERE b.id = (
                SELECT x.id FROM bulk_operation AS x
                WHERE x.ended_at IS NULL AND x.until < now()
                ORDER BY x.until
                LIMIT 1
                FOR UPDATE SKIP LOCKED
            )
            RETURNING b.id",
        )
        .bind(lease.as_micros() as f64)
        .fetch_optional(&self.inner.pool)
        .await
        .map_err(StoreError::at("bulk.take"))?;
        match id {
            Some(id) => self.bulk(&id).await,
            None => Ok(None),
        }
    }

    /// What is left to be done of an operation, in order.
    pub async fn open_bulk_runs(&self, id: &str, limit: i64) -> Result<Vec<(i32, RunId)>, StoreError> {
        let rows: Vec<(i32, Uuid)> = sqlx::query_as(
            "SELECT r.place, r.run_id FROM bulk_run AS r WHERE r.bulk = $1 AND r.state = 0 ORDER BY r.place LIMIT $2",
        )
        .bind(id)
        .bind(limit)
        .fetch_all(&self.inner.pool)
        .await
        .map_err(StoreError::at("bulk.open"))?;
        rows.into_iter().map(|(place, run)| Ok((place, run_id("bulk_run", run)?))).collect()
    }

    /// Notes what became of runs (`None`: done, else why it was refused), keeps the operation for so long, and ends it if
    /// nothing is left.
    pub async fn settle_bulk_runs(
        &self,
        id: &str,
        settled: &[(i32, Option<String>)],
        lease: Span,
    ) -> Result<(), StoreError> {
        let state = |why: &Option<String>| match why {
            None => BulkState::Done.code(),
            Some(_) => BulkState::Refused.code(),
        };
        let mut tx = self.inner.pool.begin().await.map_err(StoreError::at("bulk.settle"))?;
        sqlx::query(
            "UPDATE bulk_run AS r SET state = i.state, why = i.why, at = clock_timestamp()
            FROM unnest($2::integer[], $3::smallint[], $4::text[]) AS i(place, state, why)
            WHERE r.bulk = $1 AND r.place = i.place AND r.state IN (0, 3)",
        )
        .bind(id)
        .bind(settled.iter().map(|(place, _)| *place).collect::<Vec<_>>())
        .bind(settled.iter().map(|(_, why)| state(why)).collect::<Vec<_>>())
        .bind(settled.iter().map(|(_, why)| why.clone()).collect::<Vec<_>>())
        .execute(&mut *tx)
        .await
        .map_err(StoreError::at("bulk.settle"))?;
        sqlx::query(
            "UPDATE bulk_operation AS b SET until = now() + $2 * interval '1 microsecond',
                ended_at = CASE
                    WHEN NOT EXISTS (SELECT FROM bulk_run AS r WHERE r.bulk = $1 AND r.state = 0) THEN clock_timestamp()
                END
            WHERE b.id = $1 AND b.ended_at IS NULL",
        )
        .bind(id)
        .bind(lease.as_micros() as f64)
        .execute(&mut *tx)
        .await
        .map_err(StoreError::at("bulk.settle"))?;
        tx.commit().await.map_err(StoreError::at("bulk.settle"))
    }

    /// Ends an operation: runs that had no turn get none. What is under way is done. False if there is no such operation.
    pub async fn stop_bulk(&self, id: &str) -> Result<bool, StoreError> {
        let known: bool = sqlx::query_scalar(
            "WITH stopped AS (
                UPDATE bulk_operation AS b SET stopped = true, ended_at = now()
                WHERE b.id = $1 AND b.ended_at IS NULL
                RETURNING b.id
            ),
            left_out AS (
                UPDATE bulk_run AS r SET state = 3
                WHERE r.bulk = $1 AND r.state = 0 AND EXISTS (SELECT FROM stopped)
            )
            SELECT EXISTS (SELECT FROM bulk_operation AS b WHERE b.id = $1)",
        )
        .bind(id)
        .fetch_one(&self.inner.pool)
        .await
        .map_err(StoreError::at("bulk.stop"))?;
        Ok(known)
    }

    /// The runs of an operation in its order, those in one state or all.
    pub async fn bulk_runs(
        &self,
        id: &str,
        state: Option<BulkState>,
        start: i64,
        size: i64,
    ) -> Result<Vec<BulkRun>, StoreError> {
        let rows: Vec<RunRow> = sqlx::query_as(
            "SELECT r.place, r.run_id, r.state, r.at, r.why
            FROM bulk_run AS r
            WHERE r.bulk = $1 AND ($2 IS NULL OR r.state = $2)
            ORDER BY r.place
            OFFSET $3 LIMIT $4",
        )
        .bind(id)
        .bind(state.map(BulkState::code))
        .bind(start)
        .bind(size)
        .fetch_all(&self.inner.pool)
        .await
        .map_err(StoreError::at("bulk.runs"))?;
        rows.into_iter()
            .map(|(place, run, code, at, why)| {
                let state =
                    BulkState::ALL.into_iter().find(|state| state.code() == code).ok_or_else(|| {
                        StoreError::Corrupt {
                            table: "bulk_run",
                            column: "state",
                            row: format!("{id}/{place}"),
                        }
                    })?;
                Ok(BulkRun { place, run: run_id("bulk_run", run)?, state, at: at.map(|at| at.0), why })
            })
            .collect()
    }

    /// Deletes up to `limit` operations that ended longer ago than `age`; returns how many.
    pub async fn prune_bulk(&self, age: Span, limit: i64) -> Result<u64, StoreError> {
        let done = sqlx::query(
            "DELETE FROM bulk_operation AS b
            WHERE b.id IN (
                SELECT x.id FROM bulk_operation AS x
                WHERE x.ended_at < now() - $1 * interval '1 microsecond'
                ORDER BY x.ended_at
                LIMIT $2
            )",
        )
        .bind(age.as_micros() as f64)
        .bind(limit)
        .execute(&self.inner.pool)
        .await
        .map_err(StoreError::at("bulk.prune"))?;
        Ok(done.rows_affected())
    }
}

fn stored(row: &PgRow) -> Result<StoredBulk, StoreError> {
    read(row).map_err(|source| StoreError::Refused { statement: "bulk.get", source })
}

fn read(row: &PgRow) -> Result<StoredBulk, sqlx::Error> {
    let text = |name: &str| Ok::<_, sqlx::Error>(row.try_get::<Option<String>, _>(name)?.map(Into::into));
    Ok(StoredBulk {
        id: row.try_get("id")?,
        request: row.try_get("request")?,
        matched: row.try_get("matched")?,
        by: Asker { actor: text("actor")?, origin: text("origin")?, reason: text("reason")?, ticket: None },
        created_at: row.try_get::<At, _>("created_at")?.0,
        ended_at: row.try_get::<Option<At>, _>("ended_at")?.map(|at| at.0),
        stopped: row.try_get("stopped")?,
        counts: BulkCounts {
            pending: row.try_get("pending")?,
            done: row.try_get("done")?,
            refused: row.try_get("refused")?,
            stopped: row.try_get("left_out")?,
        },
    })
}

//! Schedules and their firings.
//!
//! A firing is a row that is made in the statement that moves its schedule on, guarded by the instant that it fires
//! for: of two nodes one makes it. Its run is started after that, under the id that the row names; a row that is still
//! POLLED after a crash is started again under the same id, which is the same run.

use podium_core::{RunId, Span, Timestamp};
use sqlx::Row;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use crate::Store;
use crate::error::StoreError;
use crate::run::run_id;
use crate::wire::At;

/// A stored schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSchedule {
    pub name: String,
    /// The workflow that it starts.
    pub workflow: String,
    pub paused: bool,
    /// When it fires next; `None` = never.
    pub next_at: Option<Timestamp>,
    /// The schedule's wire JSON.
    pub text: String,
}

/// What became of a firing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FiringState {
    /// Its run is being started.
    Polled,
    Executed,
    Failed,
}

impl FiringState {
    fn number(self) -> i16 {
        match self {
            FiringState::Polled => 0,
            FiringState::Executed => 1,
            FiringState::Failed => 2,
        }
    }

    fn of(number: i16) -> Self {
        match number {
            0 => FiringState::Polled,
            1 => FiringState::Executed,
            // the CHECK of the column knows no other
            _ => FiringState::Failed,
        }
    }
}

/// One firing of a schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FiringRow {
    pub id: Uuid,
    pub schedule: String,
    pub scheduled_at: Timestamp,
    pub executed_at: Timestamp,
    pub workflow: String,
    pub state: FiringState,
    /// The run that it starts or started; of a failed one it never came to be.
    pub run: RunId,
    pub reason: Option<String>,
    /// The expression and its zone, as the run is told.
    pub cron: String,
    /// The zone of the schedule.
    pub zone: String,
    /// The start request as JSON.
    pub request: String,
}

/// Which firings, and how many of them.
#[derive(Clone, Debug, Default)]
pub struct FiringQuery {
    /// Empty = of all schedules.
    pub schedules: Vec<String>,
    /// Empty = in any state.
    pub states: Vec<FiringState>,
    pub workflow: Option<String>,
    pub id: Option<Uuid>,
    pub after: Option<Timestamp>,
    pub before: Option<Timestamp>,
    /// Part of the name of the schedule or the workflow.
    pub text: Option<String>,
    pub oldest_first: bool,
    pub offset: i64,
    pub limit: i64,
}

/// Which schedules, and how many of them.
#[derive(Clone, Debug, Default)]
pub struct ScheduleQuery {
    pub workflow: Option<String>,
    pub name: Option<String>,
    pub paused: Option<bool>,
    /// Part of the name of the schedule or the workflow.
    pub text: Option<String>,
    pub descending: bool,
    pub offset: i64,
    pub limit: i64,
}

const FIRING: &str =
    "id, schedule, scheduled_at, executed_at, workflow, state, run_id, reason, cron, zone, request";

impl Store {
    /// Stores a schedule in the place of any other of that name.
    pub async fn put_schedule(&self, schedule: &StoredSchedule) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO schedule (name, workflow, paused, next_at, body) VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (name) DO UPDATE SET workflow = EXCLUDED.workflow, paused = EXCLUDED.paused,
                next_at = EXCLUDED.next_at, body = EXCLUDED.body",
        )
        .bind(&schedule.name)
        .bind(&schedule.workflow)
        .bind(schedule.paused)
        .bind(schedule.next_at.map(At))
        .bind(&schedule.text)
        .execute(&self.inner.pool)
        .await
        .map_err(StoreError::at("schedule.put"))?;
        Ok(())
    }

    /// Puts `new` in the place of `old`; false if the schedule is not `old` any more.
    pub async fn replace_schedule(
        &self,
        old: &StoredSchedule,
        new: &StoredSchedule,
    ) -> Result<bool, StoreError> {
        let done = sqlx::query(
            "UPDATE schedule SET workflow = $3, paused = $4, next_at = $5, body = $6 WHERE name = $1 AND body = $2",
        )
        .bind(&old.name)
        .bind(&old.text)
        .bind(&new.workflow)
        .bind(new.paused)
        .bind(new.next_at.map(At))
        .bind(&new.text)
        .execute(&self.inner.pool)
        .await
        .map_err(StoreError::at("schedule.replace"))?;
        Ok(done.rows_affected() > 0)
    }

    /// Reads a schedule.
    pub async fn get_schedule(&self, name: &str) -> Result<Option<StoredSchedule>, StoreError> {
        let row = sqlx::query("SELECT name, workflow, paused, next_at, body FROM schedule WHERE name = $1")
            .bind(name)
            .fetch_optional(&self.inner.pool)
            .await
            .map_err(StoreError::at("schedule.get"))?;
        row.as_ref().map(read_schedule).transpose()
    }

    /// Reads schedules by name; also says how many there are in all.
    pub async fn find_schedules(
        &self,
        query: &ScheduleQuery,
    ) -> Result<(i64, Vec<StoredSchedule>), StoreError> {
        let rows = sqlx::query(
            "WITH found AS MATERIALIZED (
                SELECT name, workflow, paused, next_at, body
                FROM schedule
                WHERE ($1::text IS NULL OR workflow = $1) AND ($2::text IS NULL OR name = $2)
                    AND ($3::boolean IS NULL OR paused = $3)
                    AND ($4::text IS NULL OR strpos(lower(name), lower($4)) > 0 OR strpos(lower(workflow), lower($4)) > 0)
            )
            SELECT f.*, (SELECT count(*) FROM found) AS total
            FROM found AS f
            ORDER BY CASE WHEN NOT $5 THEN f.name END, CASE WHEN $5 THEN f.name END DESC
            OFFSET $6 LIMIT $7",
        )
        .bind(&query.workflow)
        .bind(&query.name)
        .bind(query.paused)
        .bind(&query.text)
        .bind(query.descending)
        .bind(query.offset)
        .bind(query.limit)
        .fetch_all(&self.inner.pool)
        .await
        .map_err(StoreError::at("schedule.find"))?;
        let total = match rows.first() {
            Some(row) => row.try_get("total").map_err(StoreError::at("schedule.find"))?,
            // behind the last page nobody counts
            None => 0,
        };
        Ok((total, rows.iter().map(read_schedule).collect::<Result<_, _>>()?))
    }

    /// Removes a schedule; false if there was none. Its firings stay.
    pub async fn delete_schedule(&self, name: &str) -> Result<bool, StoreError> {
        let done = sqlx::query("DELETE FROM schedule WHERE name = $1")
            .bind(name)
            .execute(&self.inner.pool)
            .await
            .map_err(StoreError::at("schedule.delete"))?;
        Ok(done.rows_affected() > 0)
    }

    /// Stops all schedules, or lets them go on.
    pub async fn pause_scheduler(&self, paused: bool) -> Result<(), StoreError> {
        sqlx::query("UPDATE scheduler SET paused = $1")
            .bind(paused)
            .execute(&self.inner.pool)
            .await
            .map_err(StoreError::at("scheduler.pause"))?;
        Ok(())
    }

    /// Schedules whose time has come, the longest overdue first; none while all are stopped.
    pub async fn due_schedules(&self, limit: i64) -> Result<Vec<StoredSchedule>, StoreError> {
        let rows = sqlx::query(
            "SELECT name, workflow, paused, next_at, body
            FROM schedule
            WHERE next_at <= clock_timestamp() AND NOT (SELECT s.paused FROM scheduler AS s)
            ORDER BY next_at
            LIMIT $1",
        )
        .bind(limit)
        .fetch_all(&self.inner.pool)
        .await
        .map_err(StoreError::at("schedule.due"))?;
        rows.iter().map(read_schedule).collect()
    }

    /// Makes a firing and moves its schedule on to `next_at`; false (and nothing written) if the schedule does not fire
    /// at that instant any more.
    pub async fn fire_schedule(
        &self,
        schedule: &StoredSchedule,
        firing: &FiringRow,
        next_at: Option<Timestamp>,
    ) -> Result<bool, StoreError> {
        sqlx::query_scalar(
            "WITH moved AS (
                UPDATE schedule SET next_at = $4 WHERE name = $1 AND body = $2 AND next_at = $3 RETURNING name
            ),
            fired AS (
                INSERT INTO schedule_execution (id, schedule, scheduled_at, executed_at, workflow, state, run_id, cron,
                    zone, request)
                SELECT $5, m.name, $6, $7, $8, 0, $9, $10, $11, $12 FROM moved AS m
            )
            SELECT EXISTS (SELECT FROM moved)",
        )
        .bind(&schedule.name)
        .bind(&schedule.text)
        .bind(schedule.next_at.map(At))
        .bind(next_at.map(At))
        .bind(firing.id)
        .bind(At(firing.scheduled_at))
        .bind(At(firing.executed_at))
        .bind(&firing.workflow)
        .bind(firing.run.uuid())
        .bind(&firing.cron)
        .bind(&firing.zone)
        .bind(&firing.request)
        .fetch_one(&self.inner.pool)
        .await
        .map_err(StoreError::at("schedule.fire"))
    }

    /// Notes what became of a firing. What was noted first stays.
    pub async fn settle_firing(
        &self,
        id: Uuid,
        state: FiringState,
        reason: Option<&str>,
    ) -> Result<(), StoreError> {
        sqlx::query("UPDATE schedule_execution SET state = $2, reason = $3 WHERE id = $1 AND state = 0")
            .bind(id)
            .bind(state.number())
            .bind(reason)
            .execute(&self.inner.pool)
            .await
            .map_err(StoreError::at("schedule.settle"))?;
        Ok(())
    }

    /// Firings whose run was not started for `age`: of a node that died, or that could not reach the database.
    pub async fn open_firings(&self, age: Span, limit: i64) -> Result<Vec<FiringRow>, StoreError> {
        let text = format!(
            "SELECT {FIRING}
            FROM schedule_execution
            WHERE state = 0 AND executed_at < now() - $1 * interval '1 microsecond'
            ORDER BY executed_at
            LIMIT $2"
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(text))
            .bind(age.as_micros() as f64)
            .bind(limit)
            .fetch_all(&self.inner.pool)
            .await
            .map_err(StoreError::at("schedule.open"))?;
        rows.iter().map(read_firing).collect()
    }

    /// Reads firings, the latest first unless asked for the other order; also says how many there are in all.
    pub async fn find_firings(&self, query: &FiringQuery) -> Result<(i64, Vec<FiringRow>), StoreError> {
        let filter = "($1::text[] = '{}' OR schedule = ANY ($1)) AND ($2::smallint[] = '{}' OR state = ANY ($2))
            AND ($3::text IS NULL OR workflow = $3) AND ($4::uuid IS NULL OR id = $4)
            AND ($5::timestamptz IS NULL OR scheduled_at > $5) AND ($6::timestamptz IS NULL OR scheduled_at < $6)
            AND ($7::text IS NULL OR strpos(lower(schedule), lower($7)) > 0 OR strpos(lower(workflow), lower($7)) > 0)";
        let order = if query.oldest_first { "scheduled_at, id" } else { "scheduled_at DESC, id DESC" };
        let text = format!(
            "SELECT {FIRING}, (SELECT count(*) FROM schedule_execution WHERE {filter}) AS total
            FROM schedule_execution
            WHERE {filter}
            ORDER BY {order}
            OFFSET $8 LIMIT $9"
        );
        let states: Vec<i16> = query.states.iter().map(|state| state.number()).collect();
        let rows = sqlx::query(sqlx::AssertSqlSafe(text))
            .bind(&query.schedules)
            .bind(&states)
            .bind(&query.workflow)
            .bind(query.id)
            .bind(query.after.map(At))
            .bind(query.before.map(At))
            .bind(&query.text)
            .bind(query.offset)
            .bind(query.limit)
            .fetch_all(&self.inner.pool)
            .await
            .map_err(StoreError::at("schedule.executions"))?;
        let total = match rows.first() {
            Some(row) => row.try_get("total").map_err(StoreError::at("schedule.executions"))?,
            None => 0,
        };
        Ok((total, rows.iter().map(read_firing).collect::<Result<_, _>>()?))
    }

    /// Deletes up to `limit` firings older than `age`; returns how many.
    pub async fn prune_firings(&self, age: Span, limit: i64) -> Result<u64, StoreError> {
        let done = sqlx::query(
            "DELETE FROM schedule_execution AS e
            USING (
                SELECT x.id FROM schedule_execution AS x
                WHERE x.scheduled_at < now() - $1 * interval '1 microsecond' AND x.state <> 0
                ORDER BY x.scheduled_at
                LIMIT $2
            ) AS old
            WHERE e.id = old.id",
        )
        .bind(age.as_micros() as f64)
        .bind(limit)
        .execute(&self.inner.pool)
        .await
        .map_err(StoreError::at("schedule.prune"))?;
        Ok(done.rows_affected())
    }
}

fn read_schedule(row: &PgRow) -> Result<StoredSchedule, StoreError> {
    let at = |e| StoreError::Refused { statement: "schedule.get", source: e };
    let next_at: Option<At> = row.try_get(3).map_err(at)?;
    Ok(StoredSchedule {
        name: row.try_get(0).map_err(at)?,
        workflow: row.try_get(1).map_err(at)?,
        paused: row.try_get(2).map_err(at)?,
        next_at: next_at.map(|next| next.0),
        text: row.try_get(4).map_err(at)?,
    })
}

fn read_firing(row: &PgRow) -> Result<FiringRow, StoreError> {
    let at = |e| StoreError::Refused { statement: "schedule.executions", source: e };
    Ok(FiringRow {
        id: row.try_get(0).map_err(at)?,
        schedule: row.try_get(1).map_err(at)?,
        scheduled_at: row.try_get::<At, _>(2).map_err(at)?.0,
        executed_at: row.try_get::<At, _>(3).map_err(at)?.0,
        workflow: row.try_get(4).map_err(at)?,
        state: FiringState::of(row.try_get(5).map_err(at)?),
        run: run_id("schedule_execution", row.try_get(6).map_err(at)?)?,
        reason: row.try_get(7).map_err(at)?,
        cron: row.try_get(8).map_err(at)?,
        zone: row.try_get(9).map_err(at)?,
        request: row.try_get(10).map_err(at)?,
    })
}

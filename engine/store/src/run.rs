//! Reading runs back: whole, several, or only what is newer than a cached copy. Each is one statement and
//! so one snapshot.

use std::sync::Arc;

use podium_core::{
    CompletionEvent, ParkedEvent, Payload, RunExtra, RunHead, RunId, RunState, RunStatus, SnapshotHash,
    TaskState, TaskStatus, TaskTable, Timestamp,
};
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, Row};
use uuid::Uuid;

use crate::Store;
use crate::error::StoreError;
use crate::month::{in_month, is_gone};
use crate::records::{InboundRow, Newer};
use crate::row_images::TaskExtra;
use crate::wire::{At, Malformed, Record, records};

/// Inbox rows of one run that are read, and so decided, together.
pub const INBOX_ROWS: usize = 500;

/// The columns of a run's head, which [`head`] reads by their numbers.
macro_rules! head_columns {
    () => {
        "r.id, r.version, s.hash, r.name, r.def_version, r.status, r.correlation_id, r.priority, r.reason,
    r.created_at, r.updated_at, r.ended_at, r.retried_at, r.next_no, r.wake_at, r.extra, r.removed_in,
    r.input_slot, COALESCE(r.input, (SELECT p.body FROM payload AS p
        WHERE p.run_id = r.id AND p.slot = r.input_slot)) AS input,
    r.output_slot, COALESCE(r.output, (SELECT p.body FROM payload AS p
        WHERE p.run_id = r.id AND p.slot = r.output_slot)) AS output,
    r.variables_slot, COALESCE(r.variables, (SELECT p.body FROM payload AS p
        WHERE p.run_id = r.id AND p.slot = r.variables_slot)) AS variables"
    };
}
pub(crate) use head_columns;

/// A task's row, which [`tasks`] reads. `record_send` makes its binary form row by row: an array of rows is sent with a
/// buffer of a kilobyte for each column of each row, and all are kept until its end (10,000 tasks: 180 MB and 65 ms more).
macro_rules! task_row {
    () => {
        "record_send(ROW(t.no, t.seq, t.attempt, t.iteration, t.retry_of, t.task_type, t.ref_name, t.def_name, t.domain,
            t.changed_in, t.scheduled_at, t.first_scheduled_at, t.available_at, t.updated_at, t.started_at, t.ended_at,
            t.response_timeout_s, t.callback_after_s, t.start_delay_s, t.poll_count, t.status, t.ready, t.retried,
            t.executed, t.worker, t.reason, t.wait_until, t.child, t.extra,
            t.input_slot, COALESCE(t.input, (SELECT p.body FROM payload AS p
                WHERE p.run_id = t.run_id AND p.slot = t.input_slot)),
            t.output_slot, COALESCE(t.output, (SELECT p.body FROM payload AS p
                WHERE p.run_id = t.run_id AND p.slot = t.output_slot))))"
    };
}
pub(crate) use task_row;

/// `$1` ids, `$2` versions after which task rows count. Joins by bounds: see `statement.rs`.
pub(crate) const LOAD: &str = concat!(
    "
SELECT ",
    head_columns!(),
    ",
    ARRAY(
        SELECT ",
    task_row!(),
    "
        FROM task AS t
        WHERE t.run_id = i.id AND t.changed_in > i.after
        ORDER BY t.no
    ) AS tasks,
    ARRAY(
        SELECT ROW(e.inbox, e.body, e.parked_at, e.expires_at)
        FROM parked_event AS e
        WHERE e.run_id = i.id
        ORDER BY e.inbox
    ) AS parked
FROM (
    SELECT unnest($1::uuid[]) AS id, unnest($2::bigint[]) AS after
    OFFSET 0
) AS i
JOIN run AS r ON r.id >= i.id AND r.id <= i.id
JOIN snapshot AS s ON s.id >= r.snapshot_id AND s.id <= r.snapshot_id"
);

/// The statement that loads runs, for tests that look at its plan.
#[doc(hidden)]
pub fn load_statement(month: Option<&str>) -> String {
    month.map_or_else(|| LOAD.to_owned(), |month| in_month(LOAD, month))
}

impl Store {
    /// Whether there is a run of that id.
    pub async fn has_run(&self, run: RunId) -> Result<bool, StoreError> {
        sqlx::query_scalar("SELECT EXISTS (SELECT FROM run AS r WHERE r.id >= $1 AND r.id <= $1)")
            .bind(run.uuid())
            .fetch_one(&self.inner.pool)
            .await
            .map_err(StoreError::at("run.has"))
    }

    /// Has one of these runs not taken yet what this run told it?
    pub async fn has_untaken(&self, sender: RunId, told: &[RunId]) -> Result<bool, StoreError> {
        let told: Vec<uuid::Uuid> = told.iter().map(|run| run.uuid()).collect();
        sqlx::query_scalar(
            "SELECT EXISTS (SELECT FROM inbox AS i WHERE i.run_id = ANY ($1) AND starts_with(i.source, $2))",
        )
        .bind(told)
        .bind(format!("run/{sender}/"))
        .fetch_one(&self.inner.pool)
        .await
        .map_err(StoreError::at("inbox.untaken"))
    }

    /// Reads a run with its tasks and parked events; `None` if there is no such run.
    pub async fn load(&self, run: RunId) -> Result<Option<RunState>, StoreError> {
        Ok(self.load_many(&[run]).await?.pop())
    }

    /// Reads several runs; those that do not exist are left out.
    pub async fn load_many(&self, runs: &[RunId]) -> Result<Vec<RunState>, StoreError> {
        let rows = self.rows_after(runs, -1).await?;
        rows.iter()
            .map(|row| {
                let (head, _) = head(row)?;
                let tasks = TaskTable::from_rows(tasks(row, TASKS, head.id)?);
                Ok(RunState { parked: parked(row, head.id)?, head, tasks })
            })
            .collect()
    }

    /// Reads what has changed in a run since the version of a cached copy.
    pub async fn newer(&self, run: RunId, version: i64) -> Result<Newer, StoreError> {
        let rows = self.rows_after(&[run], version).await?;
        let Some(row) = rows.first() else { return Ok(Newer::Gone) };
        let (head, removed_in) = head(row)?;
        if removed_in > version {
            return Ok(Newer::Reload);
        }
        let (tasks, parked) = (tasks(row, TASKS, run)?, parked(row, run)?);
        Ok(Newer::Rows { head: Box::new(head), tasks, parked })
    }

    /// The versions that runs have now; those that do not exist are left out.
    pub async fn versions(&self, runs: &[RunId]) -> Result<Vec<(RunId, i64)>, StoreError> {
        let ids: Vec<Uuid> = runs.iter().map(|r| r.uuid()).collect();
        let rows = sqlx::query_as::<_, (Uuid, i64)>(
            "SELECT r.id, r.version
            FROM unnest($1::uuid[]) AS i(id)
            JOIN run AS r ON r.id >= i.id AND r.id <= i.id",
        )
        .bind(ids)
        .fetch_all(&self.inner.pool)
        .await
        .map_err(StoreError::at("run.versions"))?;
        rows.into_iter().map(|(id, version)| Ok((run_id("run", id)?, version))).collect()
    }

    /// The version and the status that a run has now, and whether it was put away; `None` if there is no such run.
    pub async fn standing(&self, run: RunId) -> Result<Option<(i64, RunStatus, bool)>, StoreError> {
        let row = sqlx::query_as::<_, (i64, i16, Option<String>)>(
            "SELECT r.version, r.status, r.extra FROM run AS r WHERE r.id >= $1 AND r.id <= $1",
        )
        .bind(run.uuid())
        .fetch_optional(&self.inner.pool)
        .await
        .map_err(StoreError::at("run.standing"))?;
        let Some((version, status, extra)) = row else { return Ok(None) };
        let status = RunStatus::from_code(status).ok_or_else(|| corrupt("run", "status", run))?;
        let extra: Option<RunExtra> = match extra {
            Some(text) => Some(serde_json::from_str(&text).map_err(|_| corrupt("run", "extra", run))?),
            None => None,
        };
        Ok(Some((version, status, extra.is_some_and(|extra| extra.archived))))
    }

    async fn rows_after(&self, runs: &[RunId], version: i64) -> Result<Vec<PgRow>, StoreError> {
        let ids: Vec<Uuid> = runs.iter().map(|r| r.uuid()).collect();
        let bounds = ids.iter().min().copied().zip(ids.iter().max().copied());
        let form =
            self.inner.loads.form(&self.inner.pool, bounds).await.map_err(StoreError::at("run.months"))?;
        let (of_month, text) = (form.is_some(), form.unwrap_or_else(|| LOAD.into()));
        let versions = vec![version; runs.len()];
        let read = |text: Arc<str>| {
            sqlx::query(AssertSqlSafe(text)).bind(&ids).bind(&versions).fetch_all(&self.inner.pool)
        };
        let rows = match read(text).await {
            Err(error) if of_month && is_gone(&error) => {
                self.inner.loads.forget();
                read(LOAD.into()).await
            }
            read => read,
        };
        rows.map_err(StoreError::at("run.load"))
    }

    /// Reads the first [`INBOX_ROWS`] inbox rows of a run, oldest first.
    pub async fn load_inbox(&self, run: RunId) -> Result<Vec<InboundRow>, StoreError> {
        let rows = sqlx::query_as::<_, (i64, String)>(
            "SELECT i.id, i.body
            FROM (SELECT b.id, b.body FROM inbox AS b WHERE b.run_id = $1 OFFSET 0) AS i
            ORDER BY i.id
            LIMIT $2",
        )
        .bind(run.uuid())
        .bind(INBOX_ROWS as i64)
        .fetch_all(&self.inner.pool)
        .await
        .map_err(StoreError::at("inbox.load"))?;
        rows.into_iter().map(|(id, body)| inbound(id, run, &body)).collect()
    }
}

/// Turns an inbox row into its message.
pub(crate) fn inbound(id: i64, run: RunId, body: &str) -> Result<InboundRow, StoreError> {
    let message = serde_json::from_str(body).map_err(|_| corrupt("inbox", "body", id))?;
    Ok(InboundRow { id, run, message })
}

pub(crate) fn corrupt(table: &'static str, column: &'static str, row: impl ToString) -> StoreError {
    StoreError::Corrupt { table, column, row: row.to_string() }
}

/// A run's id from a column; anything else than such an id is corrupt.
pub(crate) fn run_id(table: &'static str, uuid: Uuid) -> Result<RunId, StoreError> {
    RunId::from_uuid(uuid).ok_or_else(|| corrupt(table, "run_id", uuid))
}

fn payload(run: RunId, text: Option<&str>, slot: Option<i64>) -> Payload {
    let Some(text) = text else { return Payload::empty() };
    let payload = Payload::from_object_text(text);
    if let Some(slot) = slot {
        payload.keep(run, slot);
    }
    payload
}

/// Columns of [`LOAD`] behind the head.
const TASKS: usize = 23;

/// Columns are read by number: the order of [`head_columns`].
pub(crate) fn head(row: &PgRow) -> Result<(RunHead, i64), StoreError> {
    let read = |e: sqlx::Error| StoreError::Refused { statement: "run.load", source: e };
    let id = run_id("run", row.try_get(0).map_err(read)?)?;
    let hash: &[u8] = row.try_get(2).map_err(read)?;
    let status: i16 = row.try_get(5).map_err(read)?;
    let at = |i: usize| row.try_get::<Option<At>, _>(i).map(|a| a.map(|a| a.0)).map_err(read);
    let text = |i: usize| row.try_get::<Option<&str>, _>(i).map_err(read);
    let held = |slot: usize, text: usize| -> Result<Payload, StoreError> {
        let slot = row.try_get::<Option<i64>, _>(slot).map_err(read)?;
        let text = row.try_get::<Option<&str>, _>(text).map_err(read)?;
        if slot.is_some() && text.is_none() {
            return Err(corrupt("payload", "slot", format!("{id} {slot:?}")));
        }
        Ok(payload(id, text, slot))
    };
    let extra = match text(15)? {
        Some(extra) => serde_json::from_str(extra).map_err(|_| corrupt("run", "extra", id))?,
        None => RunExtra::default(),
    };
    let head = RunHead {
        id,
        version: row.try_get(1).map_err(read)?,
        snapshot: SnapshotHash(hash.try_into().map_err(|_| corrupt("snapshot", "hash", id))?),
        name: row.try_get::<&str, _>(3).map_err(read)?.into(),
        def_version: row.try_get(4).map_err(read)?,
        status: RunStatus::from_code(status).ok_or_else(|| corrupt("run", "status", id))?,
        correlation_id: text(6)?.map(Into::into),
        priority: row.try_get(7).map_err(read)?,
        input: held(17, 18)?,
        output: held(19, 20)?,
        variables: held(21, 22)?,
        reason: text(8)?.map(Into::into),
        created_at: at(9)?.unwrap_or_default(),
        updated_at: at(10)?.unwrap_or_default(),
        ended_at: at(11)?,
        retried_at: at(12)?,
        next_no: row.try_get::<i32, _>(13).map_err(read)? as u32,
        wake_at: at(14)?,
        extra: Arc::new(extra),
    };
    Ok((head, row.try_get::<Option<i64>, _>(16).map_err(read)?.unwrap_or(-1)))
}

pub(crate) fn column<'r>(row: &'r PgRow, i: usize) -> Result<Vec<Record<'r>>, StoreError> {
    let read = |e: sqlx::Error| StoreError::Refused { statement: "run.load", source: e };
    let bytes = row.try_get_raw(i).map_err(read)?;
    let bytes = bytes.as_bytes().map_err(|e| read(sqlx::Error::Decode(e)))?;
    records(bytes).map_err(|e| read(sqlx::Error::Decode(Box::new(e))))
}

/// Tasks from an array of [`task_row`] in column `i`.
pub(crate) fn tasks(row: &PgRow, i: usize, run: RunId) -> Result<Vec<TaskState>, StoreError> {
    column(row, i)?
        .into_iter()
        .map(|mut r| {
            task(&mut r, run)
                .map_err(|_| corrupt("task", "row", run))?
                .ok_or_else(|| corrupt("task", "status", run))
        })
        .collect()
}

/// A row of [`task_row`]; `None` if its status is none.
pub(crate) fn task(r: &mut Record<'_>, run: RunId) -> Result<Option<TaskState>, Malformed> {
    let no = r.int4()? as u32;
    let (seq, attempt, iteration) = (r.int4()?, r.int4()?, r.int4()?);
    let retry_of = r.int4_or_null()?.map(|no| no as u32);
    let task_type: Arc<str> = r.text()?.into();
    let ref_name = r.text()?.into();
    let def_name = r.text_or_null()?.map_or_else(|| task_type.clone(), Into::into);
    let domain = Some(r.text()?).filter(|d| !d.is_empty()).map(Into::into);
    let changed_in = r.int8()?;
    let scheduled_at = r.at()?;
    let first_scheduled_at = r.at_or_null()?.unwrap_or(scheduled_at);
    let available_at = r.at()?;
    let updated_at = r.at_or_null()?.unwrap_or(Timestamp::default());
    let (started_at, ended_at) = (r.at_or_null()?, r.at_or_null()?);
    let response_timeout_s = r.int8()?;
    let callback_after_s = r.int8_or_null()?.unwrap_or(0);
    let start_delay_s = r.int4_or_null()?.unwrap_or(0);
    let poll_count = r.int4()?;
    let Some(status) = TaskStatus::from_code(r.int2()?) else { return Ok(None) };
    let (ready, retried, executed) = (r.bool()?, r.bool()?, r.bool()?);
    let worker = r.text_or_null()?.map(Into::into);
    let reason = r.text_or_null()?.map(Into::into);
    let wait_until = r.at_or_null()?;
    let child = r.uuid_or_null()?.and_then(RunId::from_uuid);
    let extra: TaskExtra<'_> = match r.text_or_null()? {
        Some(text) => serde_json::from_str(text).map_err(|_| Malformed("extra is no JSON object"))?,
        None => TaskExtra::default(),
    };
    let input_slot = r.int8_or_null()?;
    let input = payload(run, r.text_or_null()?, input_slot);
    let output_slot = r.int8_or_null()?;
    let output = payload(run, r.text_or_null()?, output_slot);
    Ok(Some(TaskState {
        no,
        seq,
        ref_name,
        task_type,
        def_name,
        status,
        ready,
        available_at,
        attempt,
        iteration,
        poll_count,
        domain,
        worker,
        scheduled_at,
        first_scheduled_at,
        started_at,
        ended_at,
        updated_at,
        start_delay_s,
        callback_after_s,
        response_timeout_s,
        reason,
        input,
        output,
        retry_of,
        retried,
        executed,
        wait_until,
        child,
        sub_workflow_id: extra.sub_workflow_id.map(Into::into),
        changed_in,
    }))
}

fn parked(row: &PgRow, run: RunId) -> Result<Vec<ParkedEvent>, StoreError> {
    column(row, 24)?
        .into_iter()
        .map(|mut r| {
            let (inbox, body, parked_at, expires_at) =
                parked_row(&mut r).map_err(|_| corrupt("parked_event", "row", run))?;
            let event: CompletionEvent =
                serde_json::from_str(body).map_err(|_| corrupt("parked_event", "body", inbox))?;
            Ok(ParkedEvent { inbox, event, parked_at, expires_at })
        })
        .collect()
}

fn parked_row<'a>(r: &mut Record<'a>) -> Result<(i64, &'a str, Timestamp, Timestamp), Malformed> {
    Ok((r.int8()?, r.text()?, r.at()?, r.at()?))
}

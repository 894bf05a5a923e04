//! The accounts of runs. Lines are written by the hot statement, in the commit of what they tell of.

use std::sync::Arc;

use podium_core::{Act, Asker, HistoryLine, RunId, RunStatus};

use crate::Store;
use crate::error::StoreError;
use crate::wire::{At, Rows};

type Row = (
    i32,
    At,
    i16,
    i16,
    Option<i32>,
    String,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
);

impl Store {
    /// Lines of a run's account, oldest first, from the `start`-th that is kept on; and how many are kept.
    pub async fn history(
        &self,
        run: RunId,
        start: i64,
        size: i64,
    ) -> Result<(Vec<HistoryLine>, i64), StoreError> {
        let pool = &self.inner.pool;
        let kept = sqlx::query_scalar("SELECT count(*) FROM history AS h WHERE h.run_id = $1")
            .bind(run.uuid())
            .fetch_one(pool)
            .await
            .map_err(StoreError::at("history.count"))?;
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT h.seq, h.at, h.status_before, h.status_after, h.task_no, h.act, h.ref_name, h.actor, h.origin,
                h.reason, h.detail
            FROM history AS h
            WHERE h.run_id = $1
            ORDER BY h.seq
            OFFSET $2 LIMIT $3",
        )
        .bind(run.uuid())
        .bind(start)
        .bind(size)
        .fetch_all(pool)
        .await
        .map_err(StoreError::at("history.list"))?;
        let lines = rows.into_iter().map(|row| line(run, row)).collect::<Result<_, _>>()?;
        Ok((lines, kept))
    }
}

fn line(run: RunId, row: Row) -> Result<HistoryLine, StoreError> {
    let (seq, at, before, after, task_no, act, ref_name, actor, origin, reason, detail) = row;
    let corrupt = |column| StoreError::Corrupt { table: "history", column, row: format!("{run}/{seq}") };
    let number = |no: i32, column| u32::try_from(no).map_err(|_| corrupt(column));
    let status = |code, column| RunStatus::from_code(code).ok_or_else(|| corrupt(column));
    let text = |text: Option<String>| text.map(Arc::<str>::from);
    let name = text(ref_name).unwrap_or_else(|| "".into());
    Ok(HistoryLine {
        seq: number(seq, "seq")?,
        at: at.0,
        act: Act::ALL.into_iter().find(|known| known.as_str() == act).ok_or_else(|| corrupt("act"))?,
        task: task_no.map(|no| number(no, "task_no")).transpose()?.map(|no| (no, name)),
        before: status(before, "status_before")?,
        after: status(after, "status_after")?,
        by: Asker { actor: text(actor), origin: text(origin), reason: text(reason), ticket: None },
        detail,
    })
}

pub(crate) fn line_image(rows: &mut Rows, run: RunId, line: &HistoryLine) {
    let row = rows.begin().run(run).int2(run.shard()).int4(line.slot() as i32).int4(line.seq as i32);
    row.at(line.at).int2(line.before.code()).int2(line.after.code());
    row.int4_or_null(line.task.as_ref().map(|(no, _)| *no as i32)).text(line.act.as_str());
    row.text_or_null(line.task.as_ref().map(|(_, name)| &**name));
    row.text_or_null(line.by.actor.as_deref()).text_or_null(line.by.origin.as_deref());
    row.text_or_null(line.by.reason.as_deref()).text_or_null(line.detail.as_deref()).end();
}

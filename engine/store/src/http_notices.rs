//! Notices for HTTP endpoints: rows of the outbox in the lane of events, whose queue is the address.

use podium_core::id::{MAX_TASK_NO, is_notice};
use podium_core::{RunId, TaskNo};
use sqlx::Row;
use sqlx::postgres::PgRow;

use crate::Store;
use crate::error::StoreError;
use crate::event::EventKey;
use crate::outbox::{EVENT_LANE, headers_from_text};
use crate::run::{corrupt, run_id};

const PENDING: &str = "http_notice.pending";

/// What an endpoint is to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpNotice {
    pub run: RunId,
    pub number: TaskNo,
    pub url: String,
    pub body: Vec<u8>,
    pub headers: Vec<(String, Vec<u8>)>,
}

impl HttpNotice {
    pub fn key(&self) -> EventKey {
        (self.run, self.number)
    }

    /// Its id, stable over redelivery: the run's with the number of the notice.
    pub fn id(&self) -> String {
        let number = if is_notice(self.number) { self.number - MAX_TASK_NO } else { self.number };
        format!("{}/{number}", self.run)
    }
}

impl Store {
    /// The oldest notices of each endpoint that nobody has settled: at most `each` of one and `limit` in all, without the
    /// endpoints and the runs that rest.
    pub async fn pending_http_notices(
        &self,
        resting: &[String],
        resting_runs: &[RunId],
        each: i64,
        limit: i64,
    ) -> Result<Vec<HttpNotice>, StoreError> {
        let rows = sqlx::query(
            "WITH RECURSIVE place(url) AS (
                (
                    SELECT o.topic FROM outbox AS o
                    WHERE o.pending AND o.lane < 0 AND o.topic >= 'http' AND o.topic < 'httq'
                    ORDER BY o.topic
                    LIMIT 1
                )
                UNION ALL
                SELECT (
                    SELECT o.topic FROM outbox AS o
                    WHERE o.pending AND o.lane < 0 AND o.topic > p.url AND o.topic < 'httq'
                    ORDER BY o.topic
                    LIMIT 1
                )
                FROM place AS p
                WHERE p.url IS NOT NULL
            )
            SELECT n.run_id, n.task_no, n.topic, n.value, n.headers
            FROM place AS p
            CROSS JOIN LATERAL (
                SELECT o.run_id, o.task_no, o.topic, o.value, o.headers
                FROM outbox AS o
                WHERE o.pending AND o.lane < 0 AND o.topic = p.url AND o.run_id <> ALL ($2::uuid[])
                ORDER BY o.seq
                LIMIT $3
            ) AS n
            WHERE p.url <> ALL ($1::text[])
            LIMIT $4",
        )
        .bind(resting)
        .bind(resting_runs.iter().map(|run| run.uuid()).collect::<Vec<_>>())
        .bind(each)
        .bind(limit)
        .fetch_all(&self.inner.pool)
        .await
        .map_err(StoreError::at(PENDING))?;
        rows.iter().map(read).collect()
    }

    /// Endpoints have these notices, or will never have them. After a crash before it they are delivered once more.
    pub async fn settle_http_notices(&self, notices: &[EventKey]) -> Result<u64, StoreError> {
        let done = sqlx::query(
            "UPDATE outbox AS o SET pending = false
            FROM (
                SELECT unnest($1::uuid[]) AS run_id, unnest($2::integer[]) AS task_no OFFSET 0
            ) AS n
            WHERE o.run_id = n.run_id AND o.task_no = n.task_no AND o.pending AND o.lane = $3",
        )
        .bind(notices.iter().map(|(run, _)| run.uuid()).collect::<Vec<_>>())
        .bind(notices.iter().map(|(_, no)| *no as i32).collect::<Vec<_>>())
        .bind(EVENT_LANE)
        .execute(&self.inner.pool)
        .await
        .map_err(StoreError::at("http_notice.settle"))?;
        Ok(done.rows_affected())
    }
}

fn read(row: &PgRow) -> Result<HttpNotice, StoreError> {
    let refused = |e| StoreError::Refused { statement: PENDING, source: e };
    let run = run_id("outbox", row.try_get("run_id").map_err(refused)?)?;
    let headers = row.try_get::<Option<&str>, _>("headers").map_err(refused)?;
    Ok(HttpNotice {
        run,
        number: row.try_get::<i32, _>("task_no").map_err(refused)? as u32,
        url: row.try_get("topic").map_err(refused)?,
        body: row.try_get("value").map_err(refused)?,
        headers: headers_from_text(headers).map_err(|_| corrupt("outbox", "headers", run))?,
    })
}

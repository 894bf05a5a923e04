//! Runs over time: how many were started in each stretch, what became of them, and how long they took.

use podium_core::{Span, Timestamp};
use sqlx::AssertSqlSafe;

use crate::Store;
use crate::error::StoreError;
use crate::search::{failed, ids_between};
use crate::wire::At;

/// `$1` from, `$2` to, `$3` width of a bucket in microseconds, `$4` runs at most, `$5` and `$6` ids, `$7` name. `/*runs*/` is one
/// of the two ways to the newest runs.
const PLOT: &str = "
SELECT floor(extract(epoch FROM r.created_at - $1) * 1000000 / $3)::bigint,
    count(*), count(*) FILTER (WHERE r.status < 2), count(*) FILTER (WHERE r.status = 2),
    count(*) FILTER (WHERE r.status = 3), count(*) FILTER (WHERE r.status = 4), count(*) FILTER (WHERE r.status = 5),
    percentile_disc(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY r.took_ms) FILTER (WHERE r.took_ms IS NOT NULL)
FROM (
    SELECT x.status, x.created_at, (extract(epoch FROM x.ended_at - x.created_at) * 1000)::bigint AS took_ms
    FROM (/*runs*/) AS x
) AS r
GROUP BY 1
ORDER BY 1";

/// All runs: their ids are in the order of their starts.
const OF_ALL: &str = "
SELECT n.status, n.created_at, n.ended_at
FROM run AS n
WHERE n.id >= $5 AND n.id <= $6 AND n.created_at >= $1 AND n.created_at < $2 AND $7::text IS NULL
ORDER BY n.id DESC
LIMIT $4";

/// The runs of a name, status by status as the index has them.
const OF_NAME: &str = "
SELECT l.*
FROM (SELECT unnest(ARRAY[0, 1, 2, 3, 4, 5]::smallint[]) AS status OFFSET 0) AS s
CROSS JOIN LATERAL (
    SELECT n.status, n.created_at, n.ended_at, n.id
    FROM run AS n
    WHERE n.name = ANY (ARRAY[$7::text]) AND n.status = s.status AND n.id >= $5 AND n.id <= $6
        AND n.created_at >= $1 AND n.created_at < $2
    ORDER BY n.name DESC, n.status DESC, n.id DESC
    LIMIT $4
) AS l
ORDER BY l.id DESC
LIMIT $4";

/// A stretch of time with the runs that were started in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlotBucket {
    /// Counts from 0.
    pub place: i64,
    pub started: i64,
    /// Also paused ones.
    pub running: i64,
    pub completed: i64,
    pub failed: i64,
    pub timed_out: i64,
    pub terminated: i64,
    /// Percentiles of the durations of those that ended: 50, 95 and 99, in milliseconds.
    pub took_ms: Option<[i64; 3]>,
}

/// What is plotted.
#[derive(Clone, Debug)]
pub struct PlotRequest<'a> {
    pub from: Timestamp,
    /// This instant is not part of it.
    pub to: Timestamp,
    pub step: Span,
    /// Only runs of this name.
    pub name: Option<&'a str>,
    /// The newest runs that are looked at.
    pub runs: i64,
}

impl Store {
    /// Counts the runs that were started in a stretch of time, bucket by bucket; empty buckets are left out. If as many
    /// runs are counted as may be looked at, there may be older ones. `TooSlow` after five seconds.
    pub async fn plot_runs(&self, request: &PlotRequest<'_>) -> Result<Vec<PlotBucket>, StoreError> {
        type Row = (i64, i64, i64, i64, i64, i64, i64, Option<Vec<i64>>);
        let text = PLOT.replace("/*runs*/", if request.name.is_some() { OF_NAME } else { OF_ALL });
        let (low, high) = ids_between(request.from.as_millis(), request.to.as_millis());
        let rows: Vec<Row> = sqlx::query_as(AssertSqlSafe(text))
            .bind(At(request.from))
            .bind(At(request.to))
            .bind(request.step.as_micros())
            .bind(request.runs)
            .bind(low)
            .bind(high)
            .bind(request.name)
            .fetch_all(&self.inner.searches.pool)
            .await
            .map_err(failed("plot.runs"))?;
        let bucket =
            |(place, started, running, completed, failed, timed_out, terminated, took): Row| PlotBucket {
                place,
                started,
                running,
                completed,
                failed,
                timed_out,
                terminated,
                took_ms: took.and_then(|list| list.try_into().ok()),
            };
        Ok(rows.into_iter().map(bucket).collect())
    }
}

//! The limit: the same durable rows as W1's, written by bare batched SQL on one connection.
//!
//! Two statements for each 100 workflows: the run and its task, leased already; then the guarded change of
//! both to COMPLETED. No HTTP, no JSON, no decisions: what PostgreSQL itself allows on this machine.

use std::time::{Duration, Instant};

use sqlx::{Connection as _, PgConnection};
use uuid::Uuid;

use crate::load::hundred_bytes;

const BATCH: u128 = 100;

const START: &str = "
WITH started AS (
    INSERT INTO run (id, snapshot_id, created_at, def_version, shard, bucket, priority, name, input, version,
        write_id, next_no, status, updated_at)
    SELECT i.id, 1, now(), 1, 0, 0, 0, 'limit', $2, 1, 1, 2, 0, now()
    FROM unnest($1::uuid[]) AS i(id)
    RETURNING id
)
INSERT INTO task (run_id, scheduled_at, no, seq, shard, priority, attempt, iteration, task_type, ref_name, domain,
    input, changed_in, available_at, updated_at, started_at, response_timeout_s, poll_count, status, ready, retried,
    executed, worker)
SELECT id, now(), 1, 1, 0, 0, 0, 0, 'limit', 't1', '', $2, 1, now(), now(), now(), 3600, 1, 1, false, false, false,
    'bench'
FROM started";

/// Every key column comes from the array's side, so that the plan is an index scan for each row.
const COMPLETE: &str = "
WITH ended AS (
    UPDATE run AS r SET version = 2, write_id = 2, status = 2, updated_at = now(), ended_at = now(), output = $2
    FROM (SELECT id, 0::smallint AS shard, 1::bigint AS version FROM unnest($1::uuid[]) AS t(id) OFFSET 0) AS i
    WHERE r.shard = i.shard AND r.id = i.id AND r.version = i.version
    RETURNING r.id, r.shard
)
UPDATE task AS t SET changed_in = 2, status = 2, updated_at = now(), ended_at = now(), executed = true, output = $2
FROM (SELECT id, shard, 1 AS no FROM ended OFFSET 0) AS i
WHERE t.shard = i.shard AND t.run_id = i.id AND t.no = i.no";

/// Workflows per second that bare SQL writes on this database.
pub(crate) async fn workflows_per_second(url: &str, time: Duration) -> anyhow::Result<f64> {
    let mut connection = PgConnection::connect(url).await?;
    for scan in ["seqscan", "bitmapscan", "hashjoin", "mergejoin", "material"] {
        let off = format!("SET enable_{scan} = off");
        sqlx::query(sqlx::AssertSqlSafe(off)).execute(&mut connection).await?;
    }
    let payload = hundred_bytes();
    let mut measured = None;
    let begun = Instant::now();
    let warm_up = time / 4;
    let mut batches = 0_u32;
    loop {
        if measured.is_none() && begun.elapsed() > warm_up {
            measured = Some(Instant::now());
            batches = 0;
        }
        if let Some(since) = measured
            && since.elapsed() > time
        {
            connection.close().await?;
            return Ok(f64::from(batches) * BATCH as f64 / time.as_secs_f64());
        }
        let ids = fresh_ids();
        let started = sqlx::query(START).bind(&ids).bind(&payload).execute(&mut connection).await?;
        let ended = sqlx::query(COMPLETE).bind(&ids).bind(&payload).execute(&mut connection).await?;
        anyhow::ensure!(
            started.rows_affected() == BATCH as u64 && ended.rows_affected() == BATCH as u64,
            "the replay wrote {} and changed {} of {BATCH}",
            started.rows_affected(),
            ended.rows_affected()
        );
        batches += 1;
    }
}

fn fresh_ids() -> Vec<Uuid> {
    // As the engine makes them: time-ordered, the low 20 bits zero.
    (0..BATCH).map(|_| Uuid::from_u128(Uuid::now_v7().as_u128() & !0xf_ffff)).collect()
}

/// Measures single durable commits of one small row.
pub(crate) struct Committer(PgConnection);

impl Committer {
    pub(crate) async fn open(url: &str) -> anyhow::Result<Committer> {
        let mut connection = PgConnection::connect(url).await?;
        sqlx::query("CREATE TABLE IF NOT EXISTS bench_commit (id bigserial PRIMARY KEY, body text)")
            .execute(&mut connection)
            .await?;
        Ok(Committer(connection))
    }

    /// Duration of one commit in ms.
    pub(crate) async fn commit_ms(&mut self) -> anyhow::Result<f64> {
        let payload = hundred_bytes();
        let begun = Instant::now();
        sqlx::query("INSERT INTO bench_commit (body) VALUES ($1)")
            .bind(&payload)
            .execute(&mut self.0)
            .await?;
        Ok(begun.elapsed().as_secs_f64() * 1e3)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use podium_tests::support::postgres::{Cluster, Durability};
    use podium_tests::support::repository;
    use sqlx::{Connection as _, PgConnection};

    /// The replay must write the rows of the schema as it is, or it is no limit of anything.
    #[tokio::test]
    async fn the_replay_writes_whole_workflows() {
        let cluster = Cluster::start(Durability::Fast, &[]).expect("a cluster");
        let url = cluster.database("limit").expect("a database");
        let mut connection = PgConnection::connect(&url).await.expect("a connection");
        let mut files: Vec<_> = std::fs::read_dir(repository().join("migrations"))
            .expect("the migrations")
            .filter_map(|e| e.ok().map(|e| e.path()))
            .filter(|p| p.extension().is_some_and(|e| e == "sql"))
            .collect();
        files.sort();
        // as the binary does: a role called podium would otherwise find the schema of the views first
        sqlx::raw_sql("SET search_path = public").execute(&mut connection).await.expect("a setting");
        for file in files {
            let text = std::fs::read_to_string(file).expect("a migration");
            sqlx::raw_sql(sqlx::AssertSqlSafe(text)).execute(&mut connection).await.expect("it applies");
        }
        let rate = super::workflows_per_second(&url, Duration::from_millis(400)).await.expect("a rate");
        assert!(rate > 0.0);
        let whole =
            "SELECT count(*) = count(*) FILTER (WHERE r.status = 2 AND t.status = 2 AND t.output = r.output)
                     FROM run r JOIN task t ON t.run_id = r.id";
        let whole: bool = sqlx::query_scalar(whole).fetch_one(&mut connection).await.expect("a row");
        assert!(whole);
    }
}

//! SQL over the engine's tables, and the invariants that must hold whatever happened.

use std::sync::LazyLock;

use sqlx::postgres::{PgPool, PgPoolOptions, PgRow};
use sqlx::{AssertSqlSafe, Row};
use tokio::runtime::Runtime;

/// The pools live here, and for as long as the process, so that blocking calls work from any thread, also
/// from one that runs a tokio runtime of its own.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("sql")
        .enable_all()
        .build()
        .expect("a runtime can be built")
});

fn wait<T: Send + 'static>(
    work: impl Future<Output = Result<T, sqlx::Error>> + Send + 'static,
) -> anyhow::Result<T> {
    let (sender, answer) = std::sync::mpsc::channel();
    RUNTIME.spawn(async move { drop(sender.send(work.await)) });
    Ok(answer.recv()??)
}

/// A blocking connection pool to one database.
pub struct Sql {
    pool: PgPool,
}

impl Sql {
    pub fn connect(url: &str) -> anyhow::Result<Sql> {
        let url = url.to_owned();
        let pool = wait(async move { PgPoolOptions::new().max_connections(4).connect(&url).await })?;
        Ok(Sql { pool })
    }

    /// Runs a statement for its effect.
    pub fn execute(&self, statement: &str) -> anyhow::Result<u64> {
        let (pool, statement) = (self.pool.clone(), statement.to_owned());
        let done = wait(async move { sqlx::query(AssertSqlSafe(statement)).execute(&pool).await })?;
        Ok(done.rows_affected())
    }

    /// All rows of a query.
    pub fn rows(&self, query: &str) -> anyhow::Result<Vec<PgRow>> {
        let (pool, query) = (self.pool.clone(), query.to_owned());
        wait(async move { sqlx::query(AssertSqlSafe(query)).fetch_all(&pool).await })
    }

    /// The first column of all rows as text; the query must cast it.
    pub fn texts(&self, query: &str) -> anyhow::Result<Vec<String>> {
        self.rows(query)?
            .iter()
            .map(|row| Ok(row.try_get::<Option<String>, _>(0)?.unwrap_or_default()))
            .collect()
    }

    /// The one number (bigint) a query gives.
    pub fn number(&self, query: &str) -> anyhow::Result<i64> {
        let rows = self.rows(query)?;
        let row = rows.first().ok_or_else(|| anyhow::anyhow!("no row from {query}"))?;
        Ok(row.try_get(0)?)
    }
}

impl Drop for Sql {
    fn drop(&mut self) {
        // Idle connections would keep a database from being a template.
        let pool = self.pool.clone();
        drop(wait(async move {
            pool.close().await;
            Ok(())
        }));
    }
}

/// (invariant, what it says, query that gives the offenders as text). They hold at every moment at which no
/// batch is half written, that is: always. Numbers as in the documents' list of invariants.
const INVARIANTS: [(&str, &str, &str); 11] = [
    (
        "I3",
        "one row for each attempt of a reference in an iteration",
        "SELECT format('%s %s iteration %s attempt %s', run_id, ref_name, iteration, attempt)
         FROM task GROUP BY run_id, ref_name, iteration, attempt HAVING count(*) > 1",
    ),
    (
        "I4",
        "an ended run has no open task, nothing to poll and no wake-up",
        "SELECT r.id::text FROM run r WHERE r.status >= 2 AND (r.wake_at IS NOT NULL OR EXISTS (
            SELECT FROM task t WHERE t.shard = r.shard AND t.run_id = r.id AND (t.status < 2 OR t.ready)))",
    ),
    (
        "I4",
        "only a SCHEDULED task can be polled",
        "SELECT format('%s %s', run_id, ref_name) FROM task WHERE ready AND status <> 0",
    ),
    (
        "I5",
        "a running run has a cause of progress: a task that somebody else must end, a wake-up or a message",
        "SELECT r.id::text FROM run r WHERE r.status = 0 AND r.wake_at IS NULL
         AND NOT EXISTS (SELECT FROM task t WHERE t.shard = r.shard AND t.run_id = r.id AND t.status < 2
             AND t.task_type NOT IN ('JOIN', 'EXCLUSIVE_JOIN', 'FORK', 'FORK_JOIN', 'SWITCH', 'DO_WHILE'))
         AND NOT EXISTS (SELECT FROM inbox i WHERE i.shard = r.shard AND i.run_id = r.id)",
    ),
    (
        "I6",
        "a worker's task that is COMPLETED was given to a worker",
        "SELECT format('%s %s', t.run_id, t.ref_name) FROM task t
         WHERE t.status = 2 AND t.def_name IS NOT NULL AND t.task_type = 'SIMPLE' AND t.poll_count = 0",
    ),
    (
        "I10",
        "a KAFKA_PUBLISH that is COMPLETED has been acknowledged",
        "SELECT format('%s %s', t.run_id, t.ref_name) FROM task t
         JOIN outbox o ON o.shard = t.shard AND o.run_id = t.run_id AND o.task_no = t.no
         WHERE t.status = 2 AND t.task_type = 'KAFKA_PUBLISH' AND o.pending",
    ),
    (
        "I10",
        "a message hangs on a task that exists",
        "SELECT format('%s %s', o.run_id, o.task_no) FROM outbox o WHERE NOT EXISTS (
            SELECT FROM task t WHERE t.shard = o.shard AND t.run_id = o.run_id AND t.no = o.task_no)",
    ),
    (
        "I11",
        "no consumer stands before the beginning",
        "SELECT format('%s %s %s', grp, topic, partition) FROM kafka_position WHERE next_offset < 0",
    ),
    (
        "I15",
        "a child exists",
        "SELECT format('%s %s', t.run_id, t.child) FROM task t
         WHERE t.child IS NOT NULL AND NOT EXISTS (SELECT FROM run r WHERE r.shard = t.shard AND r.id = t.child)",
    ),
    (
        "I16",
        "scheduled, started, ended: in this order",
        "SELECT format('%s %s', run_id, ref_name) FROM task
         WHERE status >= 2 AND (ended_at < started_at OR ended_at < scheduled_at)
         -- a row that is opened again in place shows when it first began, as recorded
         OR started_at < scheduled_at AND NOT EXISTS (SELECT FROM podium.history h WHERE h.run_id = task.run_id
             AND h.operation IN ('RERUN', 'REOPENED_BY_CHILD'))",
    ),
    (
        "I17",
        "every run has one of the six states, and an end exactly if it ended",
        "SELECT id::text FROM run WHERE status NOT BETWEEN 0 AND 5 OR (status >= 2 AND ended_at IS NULL)
         -- one that is open again shows when it ended first, as recorded
         OR (status < 2 AND ended_at IS NOT NULL AND NOT EXISTS (SELECT FROM podium.history h WHERE h.run_id = run.id
             AND h.operation IN ('RETRY', 'RERUN', 'RETRIED_BY_PARENT', 'REOPENED_BY_CHILD')))",
    ),
];

impl Sql {
    /// Everything that breaks an invariant, one line each (at most five offenders of a kind are named).
    pub fn faults(&self) -> anyhow::Result<Vec<String>> {
        let mut faults = Vec::new();
        for (number, says, query) in INVARIANTS {
            let offenders = self.texts(&format!("SELECT x FROM ({query}) AS q(x) LIMIT 5"))?;
            if !offenders.is_empty() {
                faults.push(format!("{number} broken ({says}): {}", offenders.join("; ")));
            }
        }
        Ok(faults)
    }

    /// I1: the acknowledged starts that no row keeps.
    pub fn missing_runs(&self, acknowledged: &[String]) -> anyhow::Result<Vec<String>> {
        if acknowledged.is_empty() {
            return Ok(Vec::new());
        }
        let list: Vec<String> = acknowledged.iter().map(|id| format!("('{id}'::uuid)")).collect();
        self.texts(&format!(
            "SELECT a.id::text FROM (VALUES {}) AS a(id) WHERE NOT EXISTS (SELECT FROM run r WHERE r.id = a.id)",
            list.join(",")
        ))
    }

    /// Fails with all broken invariants.
    pub fn assert_sound(&self) -> anyhow::Result<()> {
        let faults = self.faults()?;
        anyhow::ensure!(faults.is_empty(), "{}", faults.join("\n"));
        Ok(())
    }
}

//! SQL over the engine's tables, and the invariants that must hold whatever happened.

use sqlx::postgres::{PgPool, PgPoolOptions, PgRow};
use sqlx::{AssertSqlSafe, Row};
use tokio::runtime::Runtime;

/// A blocking connection pool to one database.
pub struct Sql {
    runtime: Runtime,
    pool: PgPool,
}

impl Sql {
    pub fn connect(url: &str) -> anyhow::Result<Sql> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let pool = runtime.block_on(PgPoolOptions::new().max_connections(4).connect(url))?;
        Ok(Sql { runtime, pool })
    }

    /// Runs a statement for its effect.
    pub fn execute(&self, statement: &str) -> anyhow::Result<u64> {
        let done = self.runtime.block_on(sqlx::query(AssertSqlSafe(statement)).execute(&self.pool))?;
        Ok(done.rows_affected())
    }

    /// All rows of a query.
    pub fn rows(&self, query: &str) -> anyhow::Result<Vec<PgRow>> {
        Ok(self.runtime.block_on(sqlx::query(AssertSqlSafe(query)).fetch_all(&self.pool))?)
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
        Ok(self.runtime.block_on(sqlx::query(AssertSqlSafe(query)).fetch_one(&self.pool))?.try_get(0)?)
    }
}

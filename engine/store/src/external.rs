//! Payloads that callers stored under a path, to name it in a start or a report.

use podium_core::Span;

use crate::Store;
use crate::error::StoreError;

impl Store {
    /// Keeps a payload under its path, in place of an older one.
    pub async fn put_external(&self, key: &str, body: &[u8]) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO external_payload (key, body) VALUES ($1, $2)
            ON CONFLICT (key) DO UPDATE SET body = EXCLUDED.body, stored_at = now()",
        )
        .bind(key)
        .bind(body)
        .execute(&self.inner.pool)
        .await
        .map_err(StoreError::at("external_payload.put"))?;
        Ok(())
    }

    /// Reads a payload by its path.
    pub async fn get_external(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        sqlx::query_scalar("SELECT body FROM external_payload WHERE key = $1")
            .bind(key)
            .fetch_optional(&self.inner.pool)
            .await
            .map_err(StoreError::at("external_payload.get"))
    }

    /// Deletes up to `limit` payloads that were stored longer ago than `age`; returns how many.
    pub async fn prune_external(&self, age: Span, limit: i64) -> Result<u64, StoreError> {
        let done = sqlx::query(
            "DELETE FROM external_payload AS e
            USING (
                SELECT o.key
                FROM external_payload AS o
                WHERE o.stored_at < now() - $1 * interval '1 microsecond'
                ORDER BY o.stored_at
                LIMIT $2
            ) AS old
            WHERE e.key = old.key",
        )
        .bind(age.as_micros() as f64)
        .bind(limit)
        .execute(&self.inner.pool)
        .await
        .map_err(StoreError::at("external_payload.prune"))?;
        Ok(done.rows_affected())
    }
}

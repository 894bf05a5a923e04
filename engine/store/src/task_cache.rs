//! Outputs of tasks kept for later tasks. The hot statement writes them, with the completion that they come from.

use podium_core::Payload;
use podium_core::cache::CacheKey;
use sqlx::Row;

use crate::Store;
use crate::error::StoreError;

impl Store {
    /// The outputs that are kept under these keys now; a key without one is not among them.
    pub async fn cached_outputs(&self, keys: &[CacheKey]) -> Result<Vec<(CacheKey, Payload)>, StoreError> {
        let wanted: Vec<&[u8]> = keys.iter().map(|key| &key.0[..]).collect();
        let rows = sqlx::query(
            "SELECT c.key, c.body
            FROM unnest($1::bytea[]) AS w(key)
            JOIN task_cache AS c ON c.key = w.key
            WHERE c.expires_at > clock_timestamp()",
        )
        .bind(wanted)
        .fetch_all(&self.inner.pool)
        .await
        .map_err(StoreError::at("task_cache.get"))?;
        let found = |row: &sqlx::postgres::PgRow| {
            let read = |source| StoreError::Refused { statement: "task_cache.get", source };
            let key: Vec<u8> = row.try_get(0).map_err(read)?;
            let body: String = row.try_get(1).map_err(read)?;
            let key =
                key.try_into().map_err(|_| read(sqlx::Error::Protocol("a key has 32 bytes".to_owned())))?;
            Ok((CacheKey(key), Payload::from_object_text(body)))
        };
        rows.iter().map(found).collect()
    }

    /// Deletes up to `limit` outputs whose time is over; returns how many.
    pub async fn prune_task_cache(&self, limit: i64) -> Result<u64, StoreError> {
        let done = sqlx::query(
            "DELETE FROM task_cache AS c
            USING (
                SELECT o.key
                FROM task_cache AS o
                WHERE o.expires_at <= clock_timestamp()
                ORDER BY o.expires_at
                LIMIT $1
            ) AS old
            WHERE c.key = old.key AND c.expires_at <= clock_timestamp()",
        )
        .bind(limit)
        .execute(&self.inner.pool)
        .await
        .map_err(StoreError::at("task_cache.prune"))?;
        Ok(done.rows_affected())
    }
}

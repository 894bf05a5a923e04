//! Snapshots: the immutable definitions that runs started with.

use std::collections::HashMap;

use podium_core::SnapshotHash;

use crate::error::StoreError;
use crate::{Inner, Store};

/// Snapshot ids that this process has seen. Snapshots are never changed or deleted while a run refers to
/// them, so an entry stays true; there is one for each definition in use.
#[derive(Debug, Default)]
pub(crate) struct SnapshotIds(HashMap<SnapshotHash, i64>);

impl SnapshotIds {
    pub(crate) fn id(&self, hash: &SnapshotHash) -> Option<i64> {
        self.0.get(hash).copied()
    }
}

impl Store {
    /// Stores a snapshot under its hash; one that exists already stays as it is. Must come before the first run that uses it.
    pub async fn put_snapshot(&self, hash: SnapshotHash, text: &str) -> Result<(), StoreError> {
        if self.inner.snapshots.read().id(&hash).is_some() {
            return Ok(());
        }
        sqlx::query!(
            "INSERT INTO snapshot (hash, body) VALUES ($1, $2) ON CONFLICT DO NOTHING",
            &hash.0[..],
            text
        )
        .execute(&self.inner.pool)
        .await
        .map_err(StoreError::at("snapshot.put"))?;
        self.inner.learn(&[hash]).await
    }

    /// Reads the text of a snapshot.
    pub async fn get_snapshot(&self, hash: SnapshotHash) -> Result<Option<String>, StoreError> {
        let row = sqlx::query!("SELECT id, body FROM snapshot WHERE hash = $1", &hash.0[..])
            .fetch_optional(&self.inner.pool)
            .await
            .map_err(StoreError::at("snapshot.get"))?;
        Ok(row.map(|row| {
            self.inner.snapshots.write().0.insert(hash, row.id);
            row.body
        }))
    }
}

impl Inner {
    /// Reads the ids of snapshots into memory; those that are not stored stay out.
    pub(crate) async fn learn(&self, hashes: &[SnapshotHash]) -> Result<(), StoreError> {
        let wanted: Vec<Vec<u8>> = hashes.iter().map(|h| h.0.to_vec()).collect();
        let rows = sqlx::query!("SELECT hash, id FROM snapshot WHERE hash = ANY($1)", &wanted[..])
            .fetch_all(&self.pool)
            .await
            .map_err(StoreError::at("snapshot.ids"))?;
        let mut known = self.snapshots.write();
        for row in rows {
            if let Ok(hash) = row.hash.try_into() {
                known.0.insert(SnapshotHash(hash), row.id);
            }
        }
        Ok(())
    }
}

//! Events that were kept for tasks which do not wait yet, of all runs. Runs read theirs with themselves.

use podium_core::{ParkedEvent, RunId};
use uuid::Uuid;

use crate::Store;
use crate::error::StoreError;
use crate::run::{corrupt, run_id};
use crate::search::failed;
use crate::wire::At;

impl Store {
    /// Kept events, those of the newest runs first.
    pub async fn kept_events(&self, start: i64, size: i64) -> Result<Vec<(RunId, ParkedEvent)>, StoreError> {
        let rows: Vec<(i64, Uuid, String, At, At)> = sqlx::query_as(
            "SELECT e.inbox, e.run_id, e.body, e.parked_at, e.expires_at
            FROM parked_event AS e
            ORDER BY e.run_id DESC, e.inbox DESC
            OFFSET $1 LIMIT $2",
        )
        .bind(start)
        .bind(size)
        .fetch_all(&self.inner.searches.pool)
        .await
        .map_err(failed("parked.list"))?;
        rows.into_iter()
            .map(|(inbox, run, body, parked_at, expires_at)| {
                let event =
                    serde_json::from_str(&body).map_err(|_| corrupt("parked_event", "body", inbox))?;
                let kept = ParkedEvent { inbox, event, parked_at: parked_at.0, expires_at: expires_at.0 };
                Ok((run_id("parked_event", run)?, kept))
            })
            .collect()
    }
}

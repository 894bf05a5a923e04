//! Registered event handlers. Every change raises the metadata version, by which nodes learn of it.

use sqlx::Row;
use sqlx::postgres::PgRow;

use crate::Store;
use crate::error::StoreError;

/// A registered event handler: its wire JSON, and what it is found by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEventHandler {
    pub name: String,
    pub event: String,
    pub active: bool,
    pub text: String,
}

/// Raises the metadata version if the part before it named `done` gave rows; says whether it did.
const MOVED: &str = "moved AS (
    UPDATE metadata_version SET version = version + 1 WHERE EXISTS (SELECT FROM done)
)
SELECT EXISTS (SELECT FROM done)";

impl Store {
    /// Registers an event handler; false (and nothing written) if there is one of that name.
    pub async fn create_event_handler(&self, handler: &StoredEventHandler) -> Result<bool, StoreError> {
        self.write_event_handler(
            "event_handler.create",
            "INSERT INTO event_handler (name, event, active, body) VALUES ($1, $2, $3, $4)
            ON CONFLICT (name) DO NOTHING
            RETURNING name",
            handler,
        )
        .await
    }

    /// Replaces an event handler; false if there is none of that name.
    pub async fn update_event_handler(&self, handler: &StoredEventHandler) -> Result<bool, StoreError> {
        self.write_event_handler(
            "event_handler.update",
            "UPDATE event_handler SET event = $2, active = $3, body = $4 WHERE name = $1 RETURNING name",
            handler,
        )
        .await
    }

    /// Removes an event handler; false if there was none.
    pub async fn delete_event_handler(&self, name: &str) -> Result<bool, StoreError> {
        let text =
            format!("WITH done AS (DELETE FROM event_handler WHERE name = $1 RETURNING name), {MOVED}");
        sqlx::query_scalar(sqlx::AssertSqlSafe(text))
            .bind(name)
            .fetch_one(&self.inner.pool)
            .await
            .map_err(StoreError::at("event_handler.delete"))
    }

    /// The handlers of one event (`None`: of all), by name.
    pub async fn list_event_handlers(
        &self,
        event: Option<&str>,
        active_only: bool,
    ) -> Result<Vec<StoredEventHandler>, StoreError> {
        let rows = sqlx::query(
            "SELECT name, event, active, body
            FROM event_handler
            WHERE ($1::text IS NULL OR event = $1) AND (active OR NOT $2)
            ORDER BY name",
        )
        .bind(event)
        .bind(active_only)
        .fetch_all(&self.inner.pool)
        .await
        .map_err(StoreError::at("event_handler.list"))?;
        rows.iter().map(read).collect()
    }

    async fn write_event_handler(
        &self,
        statement: &'static str,
        text: &str,
        handler: &StoredEventHandler,
    ) -> Result<bool, StoreError> {
        sqlx::query_scalar(sqlx::AssertSqlSafe(format!("WITH done AS ({text}), {MOVED}")))
            .bind(&handler.name)
            .bind(&handler.event)
            .bind(handler.active)
            .bind(&handler.text)
            .fetch_one(&self.inner.pool)
            .await
            .map_err(StoreError::at(statement))
    }
}

fn read(row: &PgRow) -> Result<StoredEventHandler, StoreError> {
    let at = |e| StoreError::Refused { statement: "event_handler.list", source: e };
    Ok(StoredEventHandler {
        name: row.try_get(0).map_err(at)?,
        event: row.try_get(1).map_err(at)?,
        active: row.try_get(2).map_err(at)?,
        text: row.try_get(3).map_err(at)?,
    })
}

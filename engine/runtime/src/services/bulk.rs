//! One verb on all runs that a search found.
//!
//! The call only makes the list, in one commit; `loops/bulk` works through it, on whichever node takes it, and goes on
//! where a node died.

use podium_core::Asker;
use podium_store::{BulkRun, BulkState, StoredBulk};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::engine::Engine;
use crate::errors::storage;
use crate::messages::EngineError;
use crate::services::search::{SearchQuery, found_ids};

/// Characters of the id that a caller gives an operation.
const ID_AT_MOST: usize = 100;
/// Runs of one operation.
const RUNS_AT_MOST: i64 = 100_000;

/// What is done to each run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BulkVerb {
    Pause,
    Resume,
    Retry,
    Restart { latest: bool },
    Terminate { reason: Option<String> },
    Remove { archive: bool },
    TerminateRemove { reason: Option<String>, archive: bool },
}

/// What was asked for, as it is shown again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BulkRequest {
    pub verb: BulkVerb,
    /// In the language of searches.
    pub query: String,
    pub free_text: String,
    pub sort: String,
    /// Runs that are taken at most, in the order of the search.
    pub cap: i64,
}

/// An operation on many runs, as it stands.
#[derive(Clone, Debug)]
pub struct Bulk {
    pub request: BulkRequest,
    pub stored: StoredBulk,
}

impl Engine {
    /// Begins an operation: when it answers, the list of its runs is durable, and a node works through it. The same `id`
    /// with the same request is the same operation, however often it is asked for; with another one it is a `Conflict`.
    /// `Invalid` if the cap or the id does not fit, or the search takes too long.
    pub async fn begin_bulk(
        &self,
        id: Option<String>,
        request: BulkRequest,
        query: SearchQuery,
    ) -> Result<Bulk, EngineError> {
        check(id.as_deref(), &request)?;
        let shared = self.shared();
        shared.refuse_when_stopping()?;
        if let Some(id) = &id
            && let Some(known) = shared.store.bulk(id).await.map_err(storage)?
        {
            return same(known, &request);
        }
        let id = id.unwrap_or_else(|| Uuid::now_v7().to_string());
        let query = SearchQuery { start: 0, size: request.cap, count: true, ..query };
        let (runs, matched) = found_ids(shared, &query).await?;
        let text = serde_json::to_string(&request).expect("a struct of texts and numbers has a JSON text");
        let by = self.asker();
        shared.store.make_bulk(&id, &text, matched, &by, &runs).await.map_err(storage)?;
        shared.bulk.notify_one();
        let stored = shared.store.bulk(&id).await.map_err(storage)?.ok_or_else(|| unknown(&id))?;
        same(stored, &request)
    }

    /// How an operation stands. `NotFound` a month after its end.
    pub async fn bulk(&self, id: &str) -> Result<Bulk, EngineError> {
        read(self.shared().store.bulk(id).await.map_err(storage)?.ok_or_else(|| unknown(id))?)
    }

    /// Operations, newest first.
    pub async fn bulks(&self, start: i64, size: i64) -> Result<Vec<Bulk>, EngineError> {
        self.shared().store.bulks(start, size).await.map_err(storage)?.into_iter().map(read).collect()
    }

    /// The runs of an operation, with what became of each.
    pub async fn bulk_runs(
        &self,
        id: &str,
        state: Option<BulkState>,
        start: i64,
        size: i64,
    ) -> Result<Vec<BulkRun>, EngineError> {
        self.shared().store.bulk_runs(id, state, start, size).await.map_err(storage)
    }

    /// Ends an operation; what is under way is done, the rest is left as it is.
    pub async fn stop_bulk(&self, id: &str) -> Result<(), EngineError> {
        let known = self.shared().store.stop_bulk(id).await.map_err(storage)?;
        if known { Ok(()) } else { Err(unknown(id)) }
    }
}

fn check(id: Option<&str>, request: &BulkRequest) -> Result<(), EngineError> {
    if let Some(id) = id {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
        if id.is_empty() || id.len() > ID_AT_MOST || !id.chars().all(plain) {
            return Err(EngineError::Invalid(format!(
                "operationId has 1 to {ID_AT_MOST} letters, digits and characters of \"-_.:\""
            )));
        }
    }
    if !(1..=RUNS_AT_MOST).contains(&request.cap) {
        return Err(EngineError::Invalid(format!("cap is {}, it must be 1 to {RUNS_AT_MOST}", request.cap)));
    }
    if request.query.trim().is_empty() && matches!(request.free_text.trim(), "" | "*") {
        return Err(EngineError::Invalid(
            "query and freeText say nothing: that is every workflow".to_owned(),
        ));
    }
    Ok(())
}

fn same(stored: StoredBulk, request: &BulkRequest) -> Result<Bulk, EngineError> {
    let bulk = read(stored)?;
    if bulk.request == *request {
        return Ok(bulk);
    }
    let id = &bulk.stored.id;
    Err(EngineError::Conflict(format!("operation {id} is another one: {:?}", bulk.request.verb)))
}

pub(crate) fn read(stored: StoredBulk) -> Result<Bulk, EngineError> {
    let request = serde_json::from_str(&stored.request).map_err(|error| {
        EngineError::Internal(format!("the request of operation {} cannot be read: {error}", stored.id))
    })?;
    Ok(Bulk { request, stored })
}

fn unknown(id: &str) -> EngineError {
    EngineError::NotFound(format!("No such bulk operation found by id: {id}"))
}

/// Who asks a run for something as part of an operation. Each step has a ticket of its own.
pub(crate) fn asker(bulk: &StoredBulk, step: &str) -> Asker {
    Asker { ticket: Some(format!("bulk/{}{step}", bulk.id).into()), ..bulk.by.clone() }
}

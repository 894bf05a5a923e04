//! A run to be looked at: all of its tasks, none of their inputs and outputs. Always from rows, like every read.

use std::sync::Arc;

use podium_core::{Plan, RunId};
use podium_store::RunOverview;

use crate::engine::Engine;
use crate::errors::storage;
use crate::messages::EngineError;

/// A run without its payloads, with what is needed to show it.
#[derive(Clone, Debug)]
pub struct Overview {
    pub run: RunOverview,
    pub plan: Arc<Plan>,
}

impl Engine {
    /// Reads a run without its payloads; `None` if there is no such run. With `since` only the tasks that changed after
    /// that version, or all of them if that cannot be told.
    pub async fn overview(&self, id: RunId, since: Option<i64>) -> Result<Option<Overview>, EngineError> {
        let shared = self.shared();
        let found = shared.store.overview(id, since.unwrap_or(-1)).await.map_err(storage)?;
        // an archived run is there for searches only
        let Some(run) = found.filter(|run| !run.head.extra.archived) else { return Ok(None) };
        let plan = shared.plans.load(&shared.store, run.head.snapshot).await?;
        Ok(Some(Overview { run, plan }))
    }
}

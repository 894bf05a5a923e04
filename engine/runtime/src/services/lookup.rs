//! Finds runs by what they are called.

use podium_core::{RunId, Timestamp};

use crate::engine::Engine;
use crate::errors::storage;
use crate::messages::{EngineError, RunView};

/// A version of a definition in a stretch of time.
#[derive(Clone, Copy, Debug)]
pub struct CreatedIn {
    pub version: i32,
    pub from: Timestamp,
    pub to: Timestamp,
}

/// Runs read at once: bounds the memory of one answer's making.
const AT_ONCE: usize = 200;

impl Engine {
    /// The ids of the open runs of a name; with `created_in` those of that version created then, whatever became of
    /// them. Oldest first.
    pub async fn runs_of(
        &self,
        name: &str,
        created_in: Option<CreatedIn>,
    ) -> Result<Vec<RunId>, EngineError> {
        let store = &self.shared().store;
        match created_in {
            None => store.open_runs_of(name).await,
            Some(stretch) => store.runs_created(name, stretch.version, stretch.from, stretch.to).await,
        }
        .map_err(storage)
    }

    /// The runs of a name that have one of these correlation ids: RUNNING ones, with `ended_too` all. Oldest first.
    pub async fn correlated(
        &self,
        name: &str,
        correlation_ids: &[String],
        ended_too: bool,
    ) -> Result<Vec<RunView>, EngineError> {
        let shared = self.shared();
        let ids = shared.store.correlated_runs(name, correlation_ids, ended_too).await.map_err(storage)?;
        let mut views = Vec::with_capacity(ids.len());
        for some in ids.chunks(AT_ONCE) {
            for run in shared.store.load_many(some).await.map_err(storage)? {
                let plan = shared.plans.load(&shared.store, run.head.snapshot).await?;
                views.push(RunView { run, plan });
            }
        }
        views.sort_by_key(|view| view.run.head.id);
        Ok(views)
    }
}

//! The account of a run. Reads only, always from rows.

use podium_core::{HistoryLine, RunId};

use crate::engine::Engine;
use crate::errors::storage;
use crate::messages::EngineError;
use crate::settle::no_run;

/// A part of a run's account.
#[derive(Clone, Debug)]
pub struct History {
    /// Oldest first.
    pub lines: Vec<HistoryLine>,
    /// How many lines are kept.
    pub kept: i64,
}

impl Engine {
    /// What was done to a run besides its usual way, and who asked: `size` lines from the `start`-th on. An archived run
    /// has its account still. `NotFound` if there is no such run.
    pub async fn history(&self, id: RunId, start: i64, size: i64) -> Result<History, EngineError> {
        let store = &self.shared().store;
        let (lines, kept) = store.history(id, start, size).await.map_err(storage)?;
        if kept == 0 && !store.has_run(id).await.map_err(storage)? {
            return Err(no_run(id));
        }
        Ok(History { lines, kept })
    }
}

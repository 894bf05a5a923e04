//! Which task definitions have limits, as far as this node knows.
//!
//! Tasks of these are never handed to a poll in the commit that makes them ready, and a claim of one holds only if the
//! commit says that the limits allow it. All others pay one look at an atomic.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use parking_lot::RwLock;
use podium_core::tasks::HTTP;
use podium_store::{Store, TaskLimit};
use tokio::sync::Notify;

use crate::errors::storage;
use crate::messages::EngineError;

type ByName = HashMap<String, TaskLimit>;

pub(crate) struct Limits {
    /// Whether there are any at all.
    any: AtomicBool,
    by_name: RwLock<Arc<ByName>>,
    /// The metadata version that they were read at, or later; -1 = they are to be read.
    read_at: AtomicI64,
    /// Definitions have changed: they are to be read again.
    pub(crate) wake: Notify,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            any: AtomicBool::new(false),
            by_name: RwLock::default(),
            read_at: AtomicI64::new(-1),
            wake: Notify::new(),
        }
    }
}

impl Limits {
    /// Are there any? Asked first where tasks without limits pass by.
    pub(crate) fn any(&self) -> bool {
        self.any.load(Ordering::Relaxed)
    }

    /// Has the task definition under this name limits?
    pub(crate) fn covers(&self, name: &str) -> bool {
        self.any() && self.by_name.read().contains_key(name)
    }

    /// Are all tasks in the queues of this type under the limits of one definition? Calls share a queue whatever their
    /// definitions.
    pub(crate) fn gates(&self, task_type: &str) -> bool {
        self.covers(task_type) && task_type != HTTP
    }

    /// Definitions are at this version now.
    pub(crate) fn news(&self, metadata_version: i64) {
        if self.read_at.load(Ordering::Relaxed) < metadata_version {
            self.wake.notify_one();
        }
    }

    /// Reads the limits unless they are known as of this metadata version. Returns the names whose limits differ from
    /// what was known.
    pub(crate) async fn refresh(
        &self,
        store: &Store,
        metadata_version: i64,
    ) -> Result<Vec<String>, EngineError> {
        if self.read_at.load(Ordering::Relaxed) >= metadata_version {
            return Ok(Vec::new());
        }
        let found: ByName = store.task_limits().await.map_err(storage)?.into_iter().collect();
        let mut known = self.by_name.write();
        // another read may have begun later and ended sooner
        if self.read_at.fetch_max(metadata_version, Ordering::Relaxed) >= metadata_version {
            return Ok(Vec::new());
        }
        let differs = |name: &&String| known.get(*name) != found.get(*name);
        let mut changed: Vec<String> = known.keys().chain(found.keys()).filter(differs).cloned().collect();
        changed.sort_unstable();
        changed.dedup();
        self.any.store(!found.is_empty(), Ordering::Relaxed);
        *known = Arc::new(found);
        Ok(changed)
    }
}

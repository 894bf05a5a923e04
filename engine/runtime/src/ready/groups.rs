//! Queues of calls that task definitions keep apart: which of them this node has heard of.
//!
//! Whoever makes a call ready here says so; what was made ready elsewhere, or before this node began, is found by looking
//! at the rows now and then. A group that is heard of twice costs nothing.

use std::collections::BTreeSet;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

#[derive(Default)]
pub(crate) struct Groups {
    known: Mutex<BTreeSet<Arc<str>>>,
    pub(crate) news: Notify,
}

impl Groups {
    /// There are calls of this group.
    pub(crate) fn heard_of(&self, name: &str) {
        let mut known = self.known.lock();
        if !known.contains(name) {
            known.insert(name.into());
            self.news.notify_one();
        }
    }

    pub(crate) fn all(&self) -> Vec<Arc<str>> {
        self.known.lock().iter().cloned().collect()
    }

    /// Nobody has called for it in a while.
    pub(crate) fn forget(&self, name: &str) {
        self.known.lock().remove(name);
    }
}

//! Notices for HTTP endpoints, for the executor that delivers them.

use podium_core::RunId;
use podium_store::{EventKey, HttpNotice};

use crate::engine::Engine;
use crate::errors::storage;
use crate::messages::EngineError;

/// What became of a try to deliver a notice, for the counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoticeCount {
    Delivered,
    /// It is tried again.
    Failed,
    /// The endpoint, or a rule of this server, will never take it.
    Dropped,
}

/// Which notices are left alone for now.
#[derive(Clone, Debug, Default)]
pub struct Resting {
    pub urls: Vec<String>,
    pub runs: Vec<RunId>,
}

impl Engine {
    /// Waits until there may be notices to deliver: a commit of this node wrote some, or a pulse saw some.
    pub async fn http_notices_wanted(&self) {
        self.shared().http_notices.notified().await;
    }

    /// Notices that this node is to deliver now, the oldest of each endpoint: at most `each` of one and `limit` in all. One
    /// node of several does it; two that both believe to be that one tell an endpoint twice, with the same ids.
    pub async fn http_notices(
        &self,
        resting: &Resting,
        each: usize,
        limit: usize,
    ) -> Result<Vec<HttpNotice>, EngineError> {
        let shared = self.shared();
        if !shared.holds_first_lane() || shared.mailboxes.stopping() {
            return Ok(Vec::new());
        }
        let read = shared.store.pending_http_notices(&resting.urls, &resting.runs, each as i64, limit as i64);
        read.await.map_err(storage)
    }

    /// These are delivered, or are given up. After a crash before it they are delivered once more.
    pub async fn http_notices_over(&self, notices: &[EventKey]) -> Result<(), EngineError> {
        let shared = self.shared();
        shared.store.settle_http_notices(notices).await.map_err(storage)?;
        shared.wrote();
        Ok(())
    }

    /// Counts what became of a try.
    pub fn count_http_notice(&self, count: NoticeCount) {
        let stats = &self.shared().stats;
        match count {
            NoticeCount::Delivered => stats.http_notices_delivered.one(),
            NoticeCount::Failed => stats.http_notices_failed.one(),
            NoticeCount::Dropped => stats.http_notices_dropped.one(),
        }
    }
}

//! Waits until a run stands still (contract §2.1 execute, §8.5).

use std::time::Instant;

use podium_core::{TaskState, TaskStatus};

use crate::engine::Engine;
use crate::messages::{EngineError, WaitRequest, Waited};
use crate::services::tree::{self, Looked};
use crate::shared::Shared;
use crate::watch::Watch;

impl Engine {
    /// Waits until the run has ended or is blocked: by a WAIT without an end, or by the end of one of the named
    /// tasks, in the run itself or in what it has started. At the time-out, and when the node stops, the answer says
    /// so and shows the run as it is.
    ///
    /// Dropping the call ends the wait; nothing of it lasts. Errors: `NotFound` if there is no such run (any more),
    /// `Unavailable` if too many calls wait on this node.
    pub async fn wait(&self, request: WaitRequest) -> Result<Waited, EngineError> {
        wait(self.shared(), &request).await
    }
}

/// A place among the waiting calls.
pub(crate) fn watch(shared: &Shared) -> Result<Watch, EngineError> {
    shared.watches.open().ok_or_else(|| {
        shared.stats.refused_overload.one();
        EngineError::Unavailable("too many calls wait for workflows on this node".to_owned())
    })
}

async fn wait(shared: &Shared, request: &WaitRequest) -> Result<Waited, EngineError> {
    let deadline = Instant::now() + request.timeout;
    let mut watch = watch(shared)?;
    loop {
        let looked = tree::look(shared, request.run, Some(&mut watch), |row| blocks(row, request)).await?;
        let Looked { target, found } = looked;
        let over = target.run.head.status.is_terminal() || found.is_some();
        let late = Instant::now() >= deadline || shared.mailboxes.stopping();
        if over || late {
            // as recorded: a call without time to wait has timed out even if there was nothing to wait for
            let timed_out = !over || request.timeout.is_zero();
            return Ok(Waited { target, blocked: found, timed_out });
        }
        // either way the run is looked at once more
        drop(tokio::time::timeout_at(deadline.into(), watch.changed()).await);
    }
}

fn blocks(row: &TaskState, request: &WaitRequest) -> bool {
    let waits = &*row.task_type == "WAIT" && row.status == TaskStatus::InProgress && row.wait_until.is_none();
    waits || (row.status.is_terminal() && request.until.iter().any(|name| **name == *row.ref_name))
}

//! Operations on many runs, as the wire says them.

use podium_core::Timestamp;
use podium_runtime::{Bulk, BulkRun, BulkState, BulkVerb};

use crate::dto::{BulkOperation, BulkOperationResult};

pub(crate) fn bulk(bulk: &Bulk) -> BulkOperation {
    let (request, stored) = (&bulk.request, &bulk.stored);
    let (counts, by) = (stored.counts, &stored.by);
    let text = |text: &Option<std::sync::Arc<str>>| text.as_deref().map(str::to_owned);
    BulkOperation {
        operation_id: stored.id.clone(),
        operation: match &request.verb {
            BulkVerb::Pause => "pause",
            BulkVerb::Resume => "resume",
            BulkVerb::Retry => "retry",
            BulkVerb::Restart { .. } => "restart",
            BulkVerb::Terminate { .. } => "terminate",
            BulkVerb::Remove { .. } => "remove",
            BulkVerb::TerminateRemove { .. } => "terminate-remove",
        },
        status: match (stored.ended_at, stored.stopped) {
            (None, _) => "RUNNING",
            (Some(_), false) => "COMPLETED",
            (Some(_), true) => "STOPPED",
        },
        query: request.query.clone(),
        free_text: request.free_text.clone(),
        sort: request.sort.clone(),
        cap: request.cap,
        matched: stored.matched,
        total: counts.pending + counts.done + counts.refused + counts.stopped,
        pending: counts.pending,
        succeeded: counts.done,
        failed: counts.refused,
        stopped: counts.stopped,
        created_at: stored.created_at.as_millis(),
        ended_at: stored.ended_at.map(Timestamp::as_millis),
        actor: text(&by.actor),
        from: text(&by.origin),
        reason: text(&by.reason),
    }
}

pub(crate) fn bulk_result(run: BulkRun) -> BulkOperationResult {
    BulkOperationResult {
        workflow_id: run.run.to_string(),
        status: bulk_state(run.state),
        reason: run.why,
        at: run.at.map(Timestamp::as_millis),
    }
}

/// What became of a run, as the wire says it.
pub(crate) fn bulk_state(state: BulkState) -> &'static str {
    match state {
        BulkState::Pending => "PENDING",
        BulkState::Done => "SUCCEEDED",
        BulkState::Refused => "FAILED",
        BulkState::Stopped => "STOPPED",
    }
}

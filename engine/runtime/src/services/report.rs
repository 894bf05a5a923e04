//! Takes reports on tasks.

use podium_core::{Event, Payload, TaskReport, TaskStatus};
use tokio::sync::oneshot;

use crate::errors::storage;
use crate::mailbox::{Reply, Work, stopped};
use crate::messages::{EngineError, ReportRequest, Reported};
use crate::services::external::given_or_stored;
use crate::settle::{no_run, no_task};
use crate::shared::Shared;

/// Answers once the report and all that follows from it (the next tasks, a retry, the end of the run) is durable.
pub(crate) async fn report(shared: &Shared, request: ReportRequest) -> Result<Reported, EngineError> {
    let ReportRequest { run, task, .. } = request;
    if task.run() != run {
        let known = shared.store.load(run).await.map_err(storage)?.is_some();
        return Err(if known { no_task(task) } else { no_run(run) });
    }
    let stored = given_or_stored(shared, &request.output, request.external_output.as_deref()).await;
    // as with an output that is sent whole, the task fails, so that its worker need not come back with the same
    let (output, unfit) = match stored {
        Ok(output) => (output, None),
        Err(error @ (EngineError::TooLarge(_) | EngineError::Invalid(_))) => {
            (Payload::empty(), Some(error.to_string()))
        }
        Err(error) => return Err(error),
    };
    let report = TaskReport {
        task: task.no(),
        status: if unfit.is_some() { TaskStatus::FailedWithTerminalError } else { request.status },
        output,
        merge_output: request.merge_output,
        reason: unfit.or(request.reason),
        worker: request.worker.map(Into::into),
        callback_after_s: request.callback_after_s,
        extend_lease: request.extend_lease,
        external_output: request.external_output,
        sub_workflow_id: request.sub_workflow_id.map(Into::into),
        logs: request.logs,
    };
    let (tx, answer) = oneshot::channel();
    shared.mailboxes.send(run, Work::Event(Event::Reported(report)), Reply::Report(tx)).inspect_err(
        |_| {
            shared.stats.refused_overload.one();
        },
    )?;
    answer.await.map_err(|_| stopped())?
}

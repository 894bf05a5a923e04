//! Signals: an answer for whichever WAIT a run stands at (contract §8.5).

use podium_core::{Payload, RunId, TaskStatus};

use crate::engine::Engine;
use crate::messages::{EngineError, ReportRequest, Reported};
use crate::services::{report, tree};
use crate::shared::Shared;

/// Others may end the WAIT that was found before the signal gets there; then the next one is looked for.
const TRIES: usize = 20;

impl Engine {
    /// Reports on the first open WAIT of the run or, if it has none, of what it has started; false if nothing waits.
    /// The output is merged over the task's. When it answers, what follows from it is durable.
    ///
    /// Errors: `NotFound` if there is no such run.
    pub async fn signal(&self, run: RunId, status: TaskStatus, output: Payload) -> Result<bool, EngineError> {
        signal(self.shared(), run, status, output).await
    }
}

async fn signal(
    shared: &Shared,
    target: RunId,
    status: TaskStatus,
    output: Payload,
) -> Result<bool, EngineError> {
    for _ in 0..TRIES {
        let waits = |row: &podium_core::TaskState| &*row.task_type == "WAIT" && !row.status.is_terminal();
        let Some(found) = tree::look(shared, target, None, waits).await?.found else { return Ok(false) };
        let run = found.run.run.head.id;
        let request = ReportRequest {
            run,
            task: run.task(found.task.no),
            status,
            output: output.clone(),
            merge_output: true,
            reason: None,
            worker: found.task.worker.as_deref().map(str::to_owned),
            callback_after_s: 0,
            extend_lease: false,
            external_output: None,
            sub_workflow_id: None,
            logs: Vec::new(),
        };
        match report::report(shared, request).await {
            Ok(Reported::Applied(_)) => return Ok(true),
            Ok(Reported::Ignored(_)) | Err(EngineError::NotFound(_)) => {}
            Err(other) => return Err(other),
        }
    }
    Err(EngineError::Unavailable(format!(
        "others answer every WAIT of the workflow {target} before this signal does"
    )))
}

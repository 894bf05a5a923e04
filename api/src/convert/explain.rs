//! Says what a run waits for.

use podium_core::RunHead;
use podium_core::explain::Wait;
use podium_runtime::Explained;

use super::task::shown_domain;
use crate::dto::{QueueLastPoll, WorkflowExplanation, WorkflowWait};

pub(crate) fn explanation(explained: Explained) -> WorkflowExplanation {
    let head = &explained.run.run.head;
    WorkflowExplanation {
        workflow_id: head.id.to_string(),
        status: head.status.as_str(),
        version: head.version,
        summary: explained.explanation.summary,
        open_tasks: explained.explanation.open_tasks,
        waits: explained.explanation.waits.into_iter().map(|wait| shown(head, wait)).collect(),
    }
}

fn shown(head: &RunHead, wait: Wait) -> WorkflowWait {
    let task = wait.task.as_deref();
    let last_poll =
        wait.last_poll.map(|poll| QueueLastPoll { at: poll.at.as_millis(), worker_id: poll.worker });
    WorkflowWait {
        task_id: task.map(|row| head.id.task(row.no).to_string()),
        reference_task_name: task.map(|row| row.ref_name.to_string()),
        task_type: task.map(|row| row.task_type.to_string()),
        kind: wait.kind.as_str(),
        since: wait.since.as_millis(),
        until: wait.until.map(|at| at.as_millis()),
        domain: task.and_then(shown_domain).map(str::to_owned),
        worker: wait.worker.as_deref().map(str::to_owned),
        text: wait.text,
        wakes: wait.wakes,
        last_poll,
        child_workflow_id: wait.child.map(|child| child.to_string()),
        docs: wait.docs,
    }
}

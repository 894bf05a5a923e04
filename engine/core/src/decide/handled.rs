//! An event handler ends a task (spec: semantics §6.3).

use super::{Refusal, Turn};
use crate::event::{HandlerAction, NamedTask, TaskReport};
use crate::id::TaskNo;
use crate::payload::Payload;
use crate::task::TaskStatus;

impl Turn<'_> {
    /// Like a report of a worker, but what cannot be done any more is left undone: nobody waits for an answer.
    pub(super) fn handled(&mut self, action: &HandlerAction) -> Result<(), Refusal> {
        let Some(task) = self.meant(&action.task) else { return Ok(()) };
        let report = TaskReport {
            task,
            status: if action.succeeded { TaskStatus::Completed } else { TaskStatus::Failed },
            output: Payload::from_object_text(action.output.as_str()),
            merge_output: false,
            reason: action.reason.clone(),
            worker: None,
            callback_after_s: 0,
            extend_lease: false,
            external_output: None,
            sub_workflow_id: None,
            logs: Vec::new(),
        };
        match self.reported(&report) {
            Err(Refusal::UnknownTask | Refusal::TaskEnded | Refusal::RunEnded) => Ok(()),
            answer => answer,
        }
    }

    /// Of several rows with the reference the last iteration counts, and of its attempts the first (scenario s193b): after
    /// a retry only the id names the task that is open.
    fn meant(&self, task: &NamedTask) -> Option<TaskNo> {
        match task {
            NamedTask::No(no) => Some(*no),
            NamedTask::Reference(name) => {
                let named = |row: &&std::sync::Arc<crate::task::TaskState>| {
                    &*row.ref_name == name.as_str() || row.base_ref() == name
                };
                let rows = self.run.tasks.iter().filter(named);
                rows.min_by_key(|row| (-row.iteration, row.seq, row.no)).map(|row| row.no)
            }
        }
    }
}

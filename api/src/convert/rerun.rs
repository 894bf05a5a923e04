//! What a rerun asks for.

use podium_core::{Payload, Rerun, RerunFrom, RunId, TaskId};
use serde_json::{Map, Value};

use crate::dto::RerunWorkflowRequest;

/// A request for this run. A blank id or reference is as good as none.
pub(crate) fn rerun(run: RunId, request: RerunWorkflowRequest) -> Rerun {
    let payload = |given: Option<Map<String, Value>>| given.map(Payload::from_map);
    let given = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
    let id = given(request.re_run_from_task_id);
    let first = given(request.re_run_from_task_ref_name);
    let from = match id {
        Some(id) => match id.parse::<TaskId>() {
            Ok(task) if task.run() == run => RerunFrom::Task(task.no()),
            Ok(_) | Err(_) => RerunFrom::Unknown(id),
        },
        None if first.is_some() || !request.reset_tasks.is_empty() => {
            RerunFrom::References { first, others: request.reset_tasks }
        }
        None => RerunFrom::Start,
    };
    Rerun {
        from,
        task_input: payload(request.task_input),
        input: payload(request.workflow_input),
        correlation_id: request.correlation_id,
        asked_above: false,
    }
}

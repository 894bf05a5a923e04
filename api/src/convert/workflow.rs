//! Writes runs as the wire shows them (contract §5.6, §5.14, §5.21).

use podium_core::{RunHead, RunSlot, SlotState, view};
use podium_runtime::{RunBrief, RunView};

use super::external;
use super::mask::shown_run;
use super::task::{Rows, shown_status, size_hint, write_task};
use crate::error::ApiError;
use crate::json::write::{Object, write_int, write_list};

/// Bytes of a workflow besides its definition, payloads and tasks.
const FIXED_BYTES: usize = 1_000;

/// What every task of the run shows of it.
pub(crate) fn brief(head: &RunHead) -> RunBrief {
    RunBrief {
        id: head.id,
        name: head.name.clone(),
        correlation_id: head.correlation_id.clone(),
        priority: head.priority,
    }
}

/// A run as a `Workflow` body; without its tasks the list is there, but empty.
pub(crate) fn workflow_json(shown: &RunView, with_tasks: bool) -> Vec<u8> {
    let shown = &*shown_run(shown);
    let head = &shown.run.head;
    let rows = if with_tasks { view::present(&shown.plan, &shown.run) } else { Rows::new() };
    let tasks: usize = rows.iter().map(|row| size_hint(row, &shown.plan)).sum();
    let payloads = head.input.size_bytes() + head.output.size_bytes() + head.variables.size_bytes();
    let mut out = Vec::with_capacity(FIXED_BYTES + shown.plan.def_text().len() + payloads + tasks);

    let mut json = Object::begin(&mut out, "ownerApp", "");
    json.instant("createTime", Some(head.created_at));
    json.instant("updateTime", Some(head.updated_at));
    json.text("status", head.status.as_str());
    json.instant("endTime", head.ended_at);
    json.id("workflowId", head.id.uuid());
    if let Some(parent) = head.extra.parent {
        json.id("parentWorkflowId", parent.run.uuid());
        json.id("parentWorkflowTaskId", parent.task.uuid());
    }
    let brief = brief(head);
    json.list("tasks", &rows, |out, row| {
        write_task(out, &brief, row, &shown.plan, shown.run.branch_of(&shown.plan, row).as_deref())
    });
    let (input, output) = (external::input(head), external::output(head));
    json.raw("input", input.payload.text());
    json.raw("output", output.payload.text());
    json.text_if("correlationId", head.correlation_id.as_deref());
    json.text_if("reRunFromWorkflowId", head.extra.rerun_of.as_deref());
    // an open run that the engine cannot decide says why it does not go on
    let reason = head.extra.fault.as_deref().or(head.reason.as_deref());
    json.text_if("reasonForIncompletion", reason);
    json.text_if("event", head.extra.event.as_deref());
    let domains = serde_json::to_string(&head.extra.task_to_domain).expect("texts always have a JSON text");
    json.raw("taskToDomain", &domains);
    json.texts("failedReferenceTaskNames", &head.extra.failed_refs);
    json.texts("failedTaskNames", &head.extra.failed_names);
    json.raw("workflowDefinition", shown.plan.def_text());
    json.text_if("externalInputPayloadStoragePath", input.path.as_deref());
    json.text_if("externalOutputPayloadStoragePath", output.path.as_deref());
    json.int("priority", head.priority.into());
    json.raw("variables", head.variables.text());
    json.instant("lastRetriedTime", head.retried_at);
    // one that has ended shows none, as in Conductor
    let slot = head.extra.slot.as_deref().filter(|slot| slot.state != SlotState::Left);
    json.verbatim(r#","history":[]"#);
    json.text_if("rateLimitKey", slot.map(|slot| slot.key.as_str()));
    json.bool("rateLimited", slot.is_some_and(RunSlot::holds_back));
    json.instant("startTime", Some(head.created_at));
    json.text("workflowName", &head.name);
    json.int("workflowVersion", head.def_version.into());
    json.end();
    out
}

/// A run as a `WorkflowStatus` body.
pub(crate) fn workflow_status_json(shown: &RunView, with_output: bool, with_variables: bool) -> Vec<u8> {
    let shown = &*shown_run(shown);
    let head = &shown.run.head;
    let mut out = Vec::with_capacity(256);
    let mut json = Object::begin(&mut out, "workflowId", &head.id.to_string());
    json.text_if("correlationId", head.correlation_id.as_deref().filter(|id| !id.is_empty()));
    if with_output {
        json.raw("output", head.output.text());
    }
    if with_variables {
        json.raw("variables", head.variables.text());
    }
    json.text("status", head.status.as_str());
    json.end();
    out
}

/// Which tasks of a run are asked for.
#[derive(Debug)]
pub(crate) struct TaskPage {
    pub(crate) start: i32,
    pub(crate) count: i32,
    /// Status words in any case; empty = all.
    pub(crate) statuses: Vec<String>,
}

/// A page of a run's tasks as a `SearchResult` body; `totalHits` counts what the filter let through.
pub(crate) fn tasks_page_json(shown: &RunView, page: &TaskPage) -> Result<Vec<u8>, ApiError> {
    let shown = &*shown_run(shown);
    let start = usize::try_from(page.start)
        .map_err(|_| ApiError::bad_request(format!("start is {}, it must not be negative", page.start)))?;
    let count = usize::try_from(page.count)
        .map_err(|_| ApiError::bad_request(format!("fromIndex({start}) > toIndex({})", page.count)))?;
    let wanted =
        |word: &str| page.statuses.is_empty() || page.statuses.iter().any(|s| s.eq_ignore_ascii_case(word));
    let mut rows = view::present(&shown.plan, &shown.run);
    rows.retain(|row| wanted(shown_status(row).as_str()));
    let total = rows.len();
    let rows: Rows = rows.into_iter().skip(start).take(count).collect();

    let brief = brief(&shown.run.head);
    let mut out = Vec::with_capacity(64 + rows.iter().map(|row| size_hint(row, &shown.plan)).sum::<usize>());
    out.extend_from_slice(b"{\"totalHits\":");
    write_int(&mut out, i64::try_from(total).unwrap_or(i64::MAX));
    out.extend_from_slice(b",\"results\":");
    write_list(&mut out, &rows, |out, row| {
        write_task(out, &brief, row, &shown.plan, shown.run.branch_of(&shown.plan, row).as_deref())
    });
    out.push(b'}');
    Ok(out)
}

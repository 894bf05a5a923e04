//! Writes the overview of a run: its tasks as rows of columns, so that ten thousand of them are a few megabytes and are
//! written in milliseconds.

use podium_core::{TaskState, Timestamp, view};
use podium_runtime::{Overview, TaskOverview};
use serde_json::Value;
use uuid::Uuid;

use super::task::{shortened, shown_status};
use crate::json::write::{Object, write_int, write_list, write_text};

/// What a row has, in this order.
const COLUMNS: [&str; 22] = [
    "taskId",
    "referenceTaskName",
    "taskType",
    "taskDefName",
    "status",
    "attempt",
    "iteration",
    "seq",
    "scheduledTime",
    "startTime",
    "endTime",
    "updateTime",
    "workerId",
    "reasonForIncompletion",
    "subWorkflowId",
    "retriedTaskId",
    "retried",
    "pollCount",
    "callbackAfterSeconds",
    "inputSize",
    "outputSize",
    "caseOutput",
];

/// Bytes of a usual row; a little generous, so that a buffer is made once.
const ROW_BYTES: usize = 330;
const FIXED_BYTES: usize = 1_500;

/// A run as a `WorkflowOverview` body. `since`: the version after which tasks were asked for.
pub(crate) fn overview_json(shown: &Overview, since: Option<i64>) -> Vec<u8> {
    let (run, plan) = (&shown.run, &shown.plan);
    let partial = usize::try_from(run.task_count).is_ok_and(|count| run.tasks.len() < count);
    let definition = if partial { 0 } else { plan.def_text().len() };
    let mut out = Vec::with_capacity(FIXED_BYTES + definition + ROW_BYTES * run.tasks.len());
    out.extend_from_slice(b"{\"workflow\":");
    write_workflow(&mut out, shown);
    if !partial {
        out.extend_from_slice(b",\"definition\":");
        out.extend_from_slice(plan.def_text().as_bytes());
    }
    out.extend_from_slice(b",\"tasks\":{\"columns\":");
    write_list(&mut out, &COLUMNS, |out, name| write_text(out, name));
    out.extend_from_slice(b",\"rows\":");
    write_list(&mut out, &run.tasks, |out, task| write_row(out, shown, task));
    out.push(b'}');
    if let Some(since) = since.filter(|_| partial) {
        out.extend_from_slice(b",\"since\":");
        write_int(&mut out, since);
    }
    out.push(b'}');
    out
}

fn write_workflow(out: &mut Vec<u8>, shown: &Overview) {
    let (run, head) = (&shown.run, &shown.run.head);
    let mut json = Object::begin(out, "workflowId", &head.id.to_string());
    json.text("workflowName", &head.name);
    json.int("workflowVersion", head.def_version.into());
    json.text("status", head.status.as_str());
    json.int("version", head.version);
    json.instant("startTime", Some(head.created_at));
    for (member, at) in [("updateTime", come(head.updated_at)), ("endTime", head.ended_at)] {
        if at.is_some() {
            json.instant(member, at);
        }
    }
    // an open run that the engine cannot decide says why it does not go on
    json.text_if("reasonForIncompletion", head.extra.fault.as_deref().or(head.reason.as_deref()));
    json.text_if("correlationId", head.correlation_id.as_deref());
    if let Some(parent) = head.extra.parent {
        json.id("parentWorkflowId", parent.run.uuid());
        json.id("parentWorkflowTaskId", parent.task.uuid());
    }
    json.int("priority", head.priority.into());
    json.int("inputSize", run.input_bytes.into());
    json.int("outputSize", run.output_bytes.into());
    json.texts("failedReferenceTaskNames", &head.extra.failed_refs);
    json.int("taskCount", run.task_count);
    json.end();
}

/// One row; the order is that of [`COLUMNS`].
fn write_row(out: &mut Vec<u8>, shown: &Overview, task: &TaskOverview) {
    let (id, row) = (shown.run.head.id, &task.row);
    let mut cells = Cells { out, first: true };
    cells.id(Some(id.task(row.no).uuid()));
    cells.text(Some(&row.ref_name));
    cells.text(Some(&row.task_type));
    cells.text(Some(if row.def_name.is_empty() { &row.task_type } else { &row.def_name }));
    cells.text(Some(shown_status(row).as_str()));
    cells.int(row.attempt.into());
    cells.int(row.iteration.into());
    cells.int(row.seq.into());
    cells.instant(Some(row.scheduled_at));
    cells.instant(row.started_at);
    cells.instant(row.ended_at);
    cells.instant(come(row.updated_at));
    cells.text(row.worker.as_deref());
    cells.text(row.reason.as_deref().map(shortened));
    match row.child {
        Some(child) => cells.id(Some(child.uuid())),
        None => cells.text(row.sub_workflow_id.as_deref()),
    }
    cells.id(row.retry_of.map(|no| id.task(no).uuid()));
    cells.verbatim(if row.retried { "true" } else { "false" });
    cells.int(row.poll_count.into());
    cells.int(row.callback_after_s);
    cells.int(task.input_bytes.into());
    cells.int(task.output_bytes.into());
    cells.text(case_taken(shown, row).as_deref());
    cells.out.push(b']');
}

/// An instant that is zero has not come.
fn come(at: Timestamp) -> Option<Timestamp> {
    Some(at).filter(|at| *at > Timestamp::default())
}

/// Which case a SWITCH or a DECISION took, as people may see it.
fn case_taken(shown: &Overview, row: &TaskState) -> Option<String> {
    let member = match &*row.task_type {
        "SWITCH" => "evaluationResult",
        "DECISION" => "caseOutput",
        _ => return None,
    };
    let masked = view::masked_task(&shown.plan, row);
    let output = masked.as_ref().map_or(&row.output, |masked| &masked.output);
    match output.get(member)? {
        Value::Array(cases) => cases.first()?.as_str().map(str::to_owned),
        Value::String(hidden) => Some(hidden.clone()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    }
}

/// The values of one row.
struct Cells<'a> {
    out: &'a mut Vec<u8>,
    first: bool,
}

impl Cells<'_> {
    fn next(&mut self) {
        self.out.push(if self.first { b'[' } else { b',' });
        self.first = false;
    }

    fn verbatim(&mut self, json: &str) {
        self.next();
        self.out.extend_from_slice(json.as_bytes());
    }

    fn text(&mut self, value: Option<&str>) {
        match value {
            Some(value) => {
                self.next();
                write_text(self.out, value);
            }
            None => self.verbatim("null"),
        }
    }

    fn int(&mut self, value: i64) {
        self.next();
        write_int(self.out, value);
    }

    fn instant(&mut self, at: Option<Timestamp>) {
        match at {
            Some(at) => self.int(at.as_millis()),
            None => self.verbatim("null"),
        }
    }

    fn id(&mut self, id: Option<Uuid>) {
        let Some(id) = id else { return self.verbatim("null") };
        self.next();
        self.out.push(b'"');
        let mut buffer = [0_u8; uuid::fmt::Hyphenated::LENGTH];
        self.out.extend_from_slice(id.hyphenated().encode_lower(&mut buffer).as_bytes());
        self.out.push(b'"');
    }
}

//! Writes a task as the wire shows it (contract §5.7). Every route uses this one writer.
//!
//! The text is put together by hand, because a poll answers thousands of tasks a second: what comes from
//! the definition was serialised once when the plan was made, payloads are copied as they are.

use std::sync::Arc;

use podium_core::def::TaskConfig;
use podium_core::http::group_of;
use podium_core::plan::Node;
use podium_core::{Payload, Plan, TaskState, TaskStatus, Timestamp};
use podium_runtime::{RunBrief, TaskView};

use super::external;
use crate::json::write::{Object, write_list};

/// Characters of a reason that a task shows (contract §5.7).
const REASON_CHARS: usize = 500;

/// Bytes of a task besides its definition and payloads; a little generous, so that a buffer is made once.
const FIXED_BYTES: usize = 1_400;

/// Members that are the same for every task.
const CONSTANT_MEMBERS: &str = concat!(
    r#","callbackFromWorker":true,"subworkflowChanged":false,"firstStartTime":0"#,
    r#","executionMetadata":{"additionalContext":{},"empty":true,"additionalContextMap":{}}"#
);

/// System tasks, which never carry the rate limit of their definition.
const WITHOUT_RATE_LIMIT: [&str; 18] = [
    "DECISION",
    "SWITCH",
    "FORK",
    "FORK_JOIN",
    "FORK_JOIN_DYNAMIC",
    "JOIN",
    "EXCLUSIVE_JOIN",
    "EVENT",
    "WAIT",
    "HUMAN",
    "INLINE",
    "LAMBDA",
    "JSON_JQ_TRANSFORM",
    "NOOP",
    "SET_VARIABLE",
    "START_WORKFLOW",
    "SUB_WORKFLOW",
    "TERMINATE",
];

/// One task as a whole body.
pub(crate) fn task_json(view: &TaskView) -> Vec<u8> {
    let mut out = Vec::with_capacity(size_hint(&view.task, &view.plan));
    write_task(&mut out, &view.run, &view.task, &view.plan, view.branch.as_deref());
    out
}

/// A list of tasks as a whole body.
pub(crate) fn tasks_json(views: &[TaskView]) -> Vec<u8> {
    let size: usize = views.iter().map(|view| size_hint(&view.task, &view.plan)).sum();
    let mut out = Vec::with_capacity(size + 2);
    write_list(&mut out, views, |out, view| {
        write_task(out, &view.run, &view.task, &view.plan, view.branch.as_deref());
    });
    out
}

/// About how many bytes the task needs.
pub(super) fn size_hint(task: &TaskState, plan: &Plan) -> usize {
    let base = task.base_ref();
    let config = plan.config_text(base).map_or(0, str::len);
    let def = plan.task_def_text(base).map_or(0, str::len);
    FIXED_BYTES + config + def + task.input.size_bytes() + task.output.size_bytes()
}

/// The status as clients know it: a call that is being made is SCHEDULED (scenario s170b waits for what comes after).
pub(super) fn shown_status(task: &TaskState) -> TaskStatus {
    if task.is_being_called() { TaskStatus::Scheduled } else { task.status }
}

/// Appends the task's JSON. `branch`: what it is if the definition does not have it.
pub(crate) fn write_task(
    out: &mut Vec<u8>,
    run: &RunBrief,
    task: &TaskState,
    plan: &Plan,
    branch: Option<&Node>,
) {
    let (input, output) = (external::task_input(run.id, task), external::task_output(run.id, task));
    let mut json = Object::begin(out, "taskType", &task.task_type);
    json.text("status", shown_status(task).as_str());
    json.raw("inputData", input.payload.text());
    json.text("referenceTaskName", &task.ref_name);
    json.int("retryCount", task.attempt.into());
    json.int("seq", task.seq.into());
    json.text_if("correlationId", run.correlation_id.as_deref());
    json.int("pollCount", task.poll_count.into());
    json.text("taskDefName", if task.def_name.is_empty() { &task.task_type } else { &task.def_name });
    json.instant("scheduledTime", Some(task.scheduled_at));
    json.instant("startTime", task.started_at);
    json.instant("endTime", task.ended_at);
    json.instant("updateTime", Some(task.updated_at));
    json.int("startDelayInSeconds", task.start_delay_s.into());
    if let Some(no) = task.retry_of {
        json.id("retriedTaskId", run.id.task(no).uuid());
    }
    json.bool("retried", task.retried);
    json.bool("executed", task.executed);
    json.verbatim(CONSTANT_MEMBERS);
    json.int("responseTimeoutSeconds", task.response_timeout_s);
    json.id("workflowInstanceId", run.id.uuid());
    // rows made by skipping a task never belonged to a schedule, and Conductor shows them without these
    if task.status != TaskStatus::Skipped {
        json.text("workflowType", &run.name);
    }
    json.id("taskId", run.id.task(task.no).uuid());
    json.text_if("reasonForIncompletion", task.reason.as_deref().map(shortened));
    json.int("callbackAfterSeconds", task.callback_after_s);
    json.text_if("workerId", task.worker.as_deref());
    json.raw("outputData", output.payload.text());
    json.text_if("externalInputPayloadStoragePath", input.path.as_deref());
    json.text_if("externalOutputPayloadStoragePath", output.path.as_deref());
    write_definition(&mut json, task, plan, branch);
    json.text_if("domain", shown_domain(task));
    json.int("workflowPriority", priority(run, task, plan));
    write_isolation(&mut json, task, plan, branch);
    json.int("iteration", task.iteration.into());
    write_child(&mut json, task);
    json.int("queueWaitTime", queue_wait_ms(task));
    json.bool("loopOverTask", task.iteration > 0);
    if &*task.task_type == "EVENT" {
        // the documented external event router reads it here
        json.text_if("sink", task.input.get("sink").and_then(|sink| sink.as_str()));
    }
    json.end();
}

/// The domain of a task; what stands there for the group of a call is none.
pub(crate) fn shown_domain(task: &TaskState) -> Option<&str> {
    let domain = task.domain.as_deref();
    domain.filter(|_| group_of(&task.task_type, domain).is_none())
}

/// The name space and the group of a call, as its definition has them.
fn write_isolation(json: &mut Object<'_>, task: &TaskState, plan: &Plan, branch: Option<&Node>) {
    if !["HTTP", "KAFKA_PUBLISH"].contains(&&*task.task_type) {
        return;
    }
    let node = plan.node_of(task.base_ref()).or_else(|| plan.node_of(&task.ref_name)).or(branch);
    if let Some(def) = node.and_then(|node| node.config.task_definition.as_ref()) {
        json.text_if("executionNameSpace", def.execution_name_space.as_deref());
        json.text_if("isolationGroupId", def.isolation_group_id.as_deref());
    }
}

/// The priority of the run; a sub-workflow's task shows the number that its definition gives.
fn priority(run: &RunBrief, task: &TaskState, plan: &Plan) -> i64 {
    let own = || plan.config(task.base_ref())?.sub_workflow_param.as_ref()?.priority.as_ref()?.as_i64();
    let own = if &*task.task_type == "SUB_WORKFLOW" { own() } else { None };
    own.unwrap_or(run.priority.into())
}

/// What comes from the definition: `workflowTask`, `taskDefinition` and the rate limit.
fn write_definition(json: &mut Object<'_>, task: &TaskState, plan: &Plan, branch: Option<&Node>) {
    let node = plan.node_of(task.base_ref()).or_else(|| plan.node_of(&task.ref_name)).or(branch);
    match node {
        Some(node) => json.raw("workflowTask", node.config_text()),
        None => json.raw("workflowTask", &config_of_dynamic(task)),
    }
    let def = node.and_then(Node::task_def_text).filter(|_| task.status != TaskStatus::Skipped);
    json.raw("taskDefinition", def.unwrap_or("null"));
    let (mut limit, mut seconds) = (0, 0);
    if task.status != TaskStatus::Skipped && !WITHOUT_RATE_LIMIT.contains(&&*task.task_type) {
        let def = node.and_then(|node| node.config.task_definition.as_ref());
        (limit, seconds) = match def {
            // the definition there is that of another name
            _ if node.is_some_and(|node| node.config.kind() == "DYNAMIC") => (0, 0),
            Some(def) => (def.rate_limit_per_frequency, def.rate_limit_frequency_in_seconds),
            // a branch of a dynamic fork: a worker's has Conductor's default, a call nothing
            None => (0, i32::from(!["HTTP", "KAFKA_PUBLISH"].contains(&&*task.task_type))),
        };
    }
    json.int("rateLimitPerFrequency", limit.into());
    json.int("rateLimitFrequencyInSeconds", seconds.into());
}

/// A task of which nothing else is known here still shows what it is.
fn config_of_dynamic(task: &TaskState) -> String {
    let config = TaskConfig {
        name: Some(task.def_name.to_string()),
        ref_name: Some(task.base_ref().to_owned()),
        kind: Some(if task.task_type == task.def_name {
            "SIMPLE".to_owned()
        } else {
            task.task_type.to_string()
        }),
        ..TaskConfig::default()
    };
    serde_json::to_string(&config).expect("a definition always has a JSON text")
}

/// `subWorkflowId`: the child, else what the output or the input says (contract §5.7).
fn write_child(json: &mut Object<'_>, task: &TaskState) {
    if let Some(child) = task.child {
        json.id("subWorkflowId", child.uuid());
        return;
    }
    if let Some(id) = &task.sub_workflow_id {
        json.text("subWorkflowId", id);
        return;
    }
    let said = |payload: &Payload| -> Option<String> {
        // a look at the text first: most payloads never mention it and need not be parsed
        if !payload.text().contains("\"subWorkflowId\"") {
            return None;
        }
        payload.get("subWorkflowId").and_then(|id| id.as_str()).map(str::to_owned)
    };
    json.text_if("subWorkflowId", said(&task.output).or_else(|| said(&task.input)).as_deref());
}

/// How long the task waited for a worker; for a callback, by how much it is overdue.
fn queue_wait_ms(task: &TaskState) -> i64 {
    let Some(started_at) = task.started_at else { return 0 };
    if task.callback_after_s > 0 && task.updated_at > Timestamp::default() {
        let due_ms = task.updated_at.as_millis() + task.callback_after_s * 1_000;
        return (super::Clock.now().as_millis() - due_ms).max(0);
    }
    started_at.as_millis() - task.scheduled_at.as_millis()
}

/// At most the first 500 characters.
pub(super) fn shortened(reason: &str) -> &str {
    if reason.len() <= REASON_CHARS {
        return reason;
    }
    reason.char_indices().nth(REASON_CHARS).map_or(reason, |(end, _)| &reason[..end])
}

/// Rows of a run in the order that clients see.
pub(super) type Rows = Vec<Arc<TaskState>>;

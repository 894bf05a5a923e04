//! The failure workflow: another run that the end of this one starts (spec: semantics §5.5), and what it is told (spec:
//! contract §5.19).

use serde_json::{Map, Value, json};

use super::Turn;
use crate::effect::{WantedDefinition, WantedRun};
use crate::expr::java;
use crate::payload::Payload;
use crate::plan::Plan;
use crate::run::{RunExtra, RunState};
use crate::task::TaskState;
use crate::tasks::lease_of;
use crate::time::Timestamp;

const LINK: &str = "conductor.failure_workflow";

impl Turn<'_> {
    /// Starts the failure workflow of a run that has just ended unsuccessfully. One that cannot be started leaves a text in
    /// the output.
    pub(super) fn start_failure_workflow(&mut self) {
        let Some(name) = self.failure_workflow_name() else { return };
        let version = self.plan.def().failure_workflow_version;
        let wanted = WantedRun {
            id: self.new_run_id(0),
            definition: WantedDefinition::Registered { name: name.clone(), version },
            input: Payload::from_map(self.failure_input()),
            correlation_id: self.run.head.correlation_id.clone(),
            priority: 0,
            extra: RunExtra {
                task_to_domain: self.run.head.extra.task_to_domain.clone(),
                rehearsed: self.run.head.extra.rehearsed,
                ..RunExtra::default()
            },
        };
        let link = match self.want_run(wanted) {
            None => return,
            Some(Ok(id)) => id.to_string(),
            Some(Err(reason)) => format!("Error workflow {name} failed to start.  reason: {reason}"),
        };
        let mut output = self.run.head.output.map().clone();
        output.insert(LINK.to_owned(), Value::String(link));
        self.head().output = Payload::from_map(output);
    }

    /// A value that starts with `$` names a member of the run's input: its third part.
    fn failure_workflow_name(&self) -> Option<String> {
        let name = self.plan.def().failure_workflow.as_deref().filter(|name| !name.trim().is_empty())?;
        if !name.starts_with('$') {
            return Some(name.to_owned());
        }
        let key = name.split('.').nth(2)?;
        match self.run.head.input.get(key)? {
            Value::Null => None,
            value => Some(java::to_text(value)).filter(|name| !name.trim().is_empty()),
        }
    }

    fn failure_input(&self) -> Map<String, Value> {
        let head = &self.run.head;
        let mut input = head.input.map().clone();
        let mut set = |name: &str, value: Value| input.insert(name.to_owned(), value);
        set("workflowId", json!(head.id.to_string()));
        set("reason", json!(head.reason.as_deref()));
        set("failureStatus", json!(head.status.as_str()));
        if let Some(task) = head.extra.failed_task {
            set("failureTaskId", json!(task.to_string()));
        }
        set("failedWorkflow", workflow_model(self.plan, self.run, true));
        input
    }
}

/// The whole run in the member names of Conductor's internal model.
pub(crate) fn workflow_model(plan: &Plan, run: &RunState, with_tasks: bool) -> Value {
    let head = &run.head;
    let rows = if with_tasks { run.tasks.in_order() } else { Vec::new() };
    let tasks: Vec<Value> = rows.into_iter().map(|t| task_model(plan, run, t)).collect();
    let mut model = Map::new();
    let mut set = |name: &str, value: Value| model.insert(name.to_owned(), value);
    set("ownerApp", json!(""));
    set("createTime", json!(head.created_at.as_millis()));
    set("updatedTime", json!(head.updated_at.as_millis()));
    set("status", json!(head.status.as_str()));
    set("endTime", json!(head.ended_at.map_or(0, Timestamp::as_millis)));
    set("workflowId", json!(head.id.to_string()));
    set("tasks", Value::Array(tasks));
    set("input", Value::Object(head.input.map().clone()));
    set("output", Value::Object(head.output.map().clone()));
    set("taskToDomain", json!(head.extra.task_to_domain));
    set("workflowDefinition", json!(plan.def()));
    set("priority", json!(head.priority));
    set("variables", Value::Object(head.variables.map().clone()));
    if head.status.is_terminal() {
        set("previousStatus", json!("RUNNING"));
    }
    set("lastRetriedTime", json!(head.retried_at.map_or(0, Timestamp::as_millis)));
    set("workflowName", json!(head.name));
    set("workflowVersion", json!(head.def_version));
    let parent = head.extra.parent;
    let optional = [
        ("parentWorkflowId", parent.map(|p| p.run.to_string())),
        ("parentWorkflowTaskId", parent.map(|p| p.task.to_string())),
        ("correlationId", head.correlation_id.as_deref().map(str::to_owned)),
        ("reRunFromWorkflowId", head.extra.rerun_of.clone()),
        ("reasonForIncompletion", head.reason.as_deref().map(str::to_owned)),
        ("event", head.extra.event.clone()),
        ("externalInputPayloadStoragePath", head.extra.external_input.clone()),
        ("externalOutputPayloadStoragePath", head.extra.external_output.clone()),
        ("failedTaskId", head.extra.failed_task.map(|t| t.to_string())),
    ];
    for (name, value) in optional {
        if let Some(value) = value {
            set(name, Value::String(value));
        }
    }
    for (name, list) in
        [("failedReferenceTaskNames", &head.extra.failed_refs), ("failedTaskNames", &head.extra.failed_names)]
    {
        if !list.is_empty() {
            set(name, json!(list));
        }
    }
    Value::Object(model)
}

fn task_model(plan: &Plan, run: &RunState, row: &TaskState) -> Value {
    let head = &run.head;
    let node = run.node_of(plan, row);
    let config = node.as_ref().map(|n| &n.config);
    let at = |t: Option<Timestamp>| json!(t.map_or(0, Timestamp::as_millis));
    let mut model = Map::new();
    let mut set = |name: &str, value: Value| model.insert(name.to_owned(), value);
    set("taskType", json!(row.task_type));
    set("status", json!(row.status.as_str()));
    set("inputData", Value::Object(row.input.map().clone()));
    set("referenceTaskName", json!(row.ref_name));
    set("retryCount", json!(row.attempt));
    set("seq", json!(row.seq));
    set("pollCount", json!(row.poll_count));
    set("taskDefName", json!(row.def_name));
    set("scheduledTime", json!(row.scheduled_at.as_millis()));
    set("startTime", at(row.started_at));
    set("endTime", at(row.ended_at));
    set("updateTime", json!(row.updated_at.as_millis()));
    set("startDelayInSeconds", json!(row.start_delay_s));
    set("retried", json!(row.retried));
    set("executed", json!(row.executed));
    set("callbackFromWorker", json!(true));
    set("responseTimeoutSeconds", json!(row.response_timeout_s));
    set("workflowInstanceId", json!(head.id.to_string()));
    set("workflowType", json!(head.name));
    set("taskId", json!(run.task_id(row.no).to_string()));
    set("callbackAfterSeconds", json!(row.callback_after_s));
    set("callbackAfterMs", json!(0));
    set("firstScheduledTime", json!(row.first_scheduled_at.as_millis()));
    set("waitTimeout", at(row.wait_until.filter(|_| lease_of(&row.task_type).is_none())));
    set("outputData", Value::Object(row.output.map().clone()));
    let limits = config.and_then(|c| c.task_definition.as_ref());
    // as recorded: limits are copied to the rows of workers' tasks only
    let limited = limits.filter(|_| config.is_some_and(|c| c.kind() == "SIMPLE"));
    set("rateLimitPerFrequency", json!(limited.map_or(0, |d| d.rate_limit_per_frequency)));
    set("rateLimitFrequencyInSeconds", json!(limited.map_or(0, |d| d.rate_limit_frequency_in_seconds)));
    set("onStateChange", json!(config.map(|c| &c.on_state_change).unwrap_or(&Map::new())));
    set("workflowPriority", json!(head.priority));
    set("iteration", json!(row.iteration));
    set("loopOverTask", json!(row.iteration > 0));
    set("subworkflowChanged", json!(false));
    set("taskDefinition", json!(limits));
    set("queueWaitTime", json!(row.started_at.map_or(0, |s| (s - row.scheduled_at).as_millis())));
    for flag in ["idempotent", "cachedOutput", "nonWorkflowEventTask", "idempotentExecution"] {
        set(flag, json!(false));
    }
    set("asyncComplete", json!(config.and_then(|c| c.async_complete).unwrap_or(false)));
    set("notifications", json!({}));
    if let Some(config) = config {
        set("workflowTask", json!(config));
    }
    let optional = [
        ("retriedTaskId", row.retry_of.map(|no| run.task_id(no).to_string())),
        ("correlationId", head.correlation_id.as_deref().map(str::to_owned)),
        ("reasonForIncompletion", row.reason.as_deref().map(str::to_owned)),
        ("workerId", row.worker.as_deref().map(str::to_owned)),
        ("domain", row.domain.as_deref().map(str::to_owned)),
        (
            "subWorkflowId",
            row.child.map(|c| c.to_string()).or_else(|| row.sub_workflow_id.as_deref().map(str::to_owned)),
        ),
    ];
    for (name, value) in optional {
        if let Some(value) = value {
            set(name, Value::String(value));
        }
    }
    Value::Object(model)
}

//! Notices: what others are told of changes of status, in the same commit as the change (spec: semantics §6.6).
//!
//! | who tells | asked for by | of what | where |
//! |---|---|---|---|
//! | a run | `workflowStatusListenerEnabled` | STARTED, PAUSED, RESUMED, RETRIED, RESTARTED, RERAN, COMPLETED, TERMINATED (every other end), FINALIZED (no task is open any more) | `workflowStatusListenerSink`, else the setting |
//! | a task | the setting, unless `taskStatusListenerEnabled` is false | SCHEDULED, IN_PROGRESS (at each claim) and its end | the setting |
//! | a task | `onStateChange` | `onScheduled`, `onStart`, `onSuccess`, `onFailed`, `onCancelled` | the `type` of each entry |
//!
//! Sinks are those of EVENT tasks, and the addresses of HTTP endpoints. What a listener is told is `{workflowName, eventType, payload}`, the payload a summary
//! as searches show it; what `onStateChange` tells is the payload of its entry, resolved. Entries whose type is no sink say
//! nothing. Of what happens to a row within one decision the steps that it passed are told, each once.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::Turn;
use crate::effect::{EVENT_ID, Effect, Outgoing, Raised};
use crate::event::{Event, InboxMessage};
use crate::expr::java;
use crate::id::{MAX_TASK_NO, TaskNo};
use crate::mask::masked;
use crate::operation::{Operation, RerunFrom};
use crate::payload::Payload;
use crate::run::{RunHead, RunStatus};
use crate::task::{TaskState, TaskStatus};
use crate::tasks::{Sink, is_address, json_text};
use crate::time::Timestamp;

/// What a status is called as a change of state.
fn change_of(status: TaskStatus) -> Option<&'static str> {
    match status {
        TaskStatus::Scheduled => Some("onScheduled"),
        TaskStatus::InProgress => Some("onStart"),
        TaskStatus::Completed => Some("onSuccess"),
        // a failure that the flow does without
        TaskStatus::CompletedWithErrors
        | TaskStatus::Failed
        | TaskStatus::FailedWithTerminalError
        | TaskStatus::TimedOut => Some("onFailed"),
        TaskStatus::Canceled => Some("onCancelled"),
        TaskStatus::Skipped => None,
    }
}

/// What a listener hears of a status.
fn told_as(status: TaskStatus) -> Option<TaskStatus> {
    match status {
        TaskStatus::CompletedWithErrors => Some(TaskStatus::Failed),
        TaskStatus::Skipped => None,
        other => Some(other),
    }
}

/// The steps of a row from a status, `None` where it was not there, to what it is now.
fn steps(was: Option<TaskStatus>, row: &TaskState) -> impl Iterator<Item = TaskStatus> {
    let now = row.status;
    let anew = was.is_none_or(|was| was.is_terminal() && !now.is_terminal());
    let begun = match was {
        Some(TaskStatus::InProgress) => false,
        Some(was) if was.is_terminal() && now.is_terminal() => false,
        _ => now == TaskStatus::InProgress || (now.is_terminal() && row.started_at.is_some()),
    };
    let over = now.is_terminal() && was.is_none_or(|was| !was.is_terminal());
    let scheduled = (anew && now != TaskStatus::Skipped).then_some(TaskStatus::Scheduled);
    [scheduled, begun.then_some(TaskStatus::InProgress), over.then_some(now)].into_iter().flatten()
}

impl Turn<'_> {
    /// Tells whom the definition and the settings name of what this turn has done to a run that was in this status.
    pub(super) fn give_notice(&mut self, event: &Event, before: RunStatus) {
        let (run, tasks) = (self.run_sink(), self.cx.settings.task_status_sink.as_deref());
        let changes = self.plan.has_state_changes() || self.run.tasks.branches.state_changes;
        if (run.is_none() && tasks.is_none() && !changes) || self.is_void() {
            return;
        }
        let begun = run.as_ref().and_then(|_| self.beginning(event, before));
        if let (Some(sink), Some(begun)) = (&run, begun) {
            let head = opened(&self.run.head, begun);
            self.tell_of_run(sink, &head, begun);
        }
        if changes || tasks.is_some() {
            for (no, was) in self.touched_rows() {
                self.tell_of_task(no, was, tasks);
            }
        }
        let status = self.run.head.status;
        if let Some(sink) = run
            && status.is_terminal()
            && (status != before || begun.is_some())
        {
            let end = if status == RunStatus::Completed { "COMPLETED" } else { "TERMINATED" };
            let head = self.run.head.clone();
            for event in [end, "FINALIZED"] {
                self.tell_of_run(&sink, &head, event);
            }
        }
    }

    fn run_sink(&self) -> Option<String> {
        let def = self.plan.def();
        if !def.workflow_status_listener_enabled {
            return None;
        }
        let own = def.workflow_status_listener_sink.as_ref().filter(|sink| !sink.trim().is_empty());
        own.or(self.cx.settings.workflow_status_sink.as_ref()).cloned()
    }

    /// The event by which the run was opened or halted, if it was.
    fn beginning(&self, event: &Event, before: RunStatus) -> Option<&'static str> {
        let now = self.run.head.status;
        match event {
            Event::Started => (self.has_changed_head() && !before.is_terminal()).then_some("STARTED"),
            Event::Operate(Operation::Pause) => (before != now).then_some("PAUSED"),
            Event::Operate(Operation::Resume) => Some("RESUMED"),
            Event::Operate(Operation::Restart(_)) => self.reopened.then_some("RESTARTED"),
            Event::Operate(Operation::Rerun(rerun)) if rerun.from == RerunFrom::Start => {
                self.reopened.then_some("RERAN")
            }
            Event::Operate(Operation::Retry { .. } | Operation::Rerun(_))
            | Event::Arrived {
                message: InboxMessage::ChildReopened(_) | InboxMessage::RetryWanted, ..
            } => self.reopened.then_some("RETRIED"),
            _ => None,
        }
    }

    fn tell_of_run(&mut self, sink: &str, head: &RunHead, event: &str) {
        let fields = &self.plan.def().masked_fields;
        let summary = run_summary(head, fields);
        let body = json!({"workflowName": head.name, "eventType": event.to_lowercase(), "payload": summary});
        self.send_notice(sink, "status", &body);
    }

    fn tell_of_task(&mut self, no: TaskNo, was: Option<TaskStatus>, sink: Option<&str>) {
        let Some(row) = self.run.tasks.get(no).cloned() else { return };
        let node = self.node_of_row(&row);
        let config = node.as_deref().map(|node| &node.config);
        let listens = config
            .and_then(|c| c.task_definition.as_ref())
            .is_none_or(|def| def.task_status_listener_enabled);
        let on_change = config.map(|c| &c.on_state_change).filter(|changes| !changes.is_empty()).cloned();
        for status in steps(was, &row) {
            if let (Some(sink), Some(status)) = (sink.filter(|_| listens), told_as(status)) {
                let fields = &self.plan.def().masked_fields;
                let summary = task_summary(&self.run.head, &row, status, fields);
                let name = &self.run.head.name;
                let body = json!({"workflowName": name, "eventType": status.as_str().to_lowercase(), "payload": summary});
                self.send_notice(sink, "task-status", &body);
            }
            let entries = on_change.as_ref().and_then(|changes| changes.get(change_of(status)?)?.as_array());
            for entry in entries.into_iter().flatten() {
                let Some(sink) = entry.get("type").and_then(Value::as_str) else { continue };
                let empty = Value::Object(Map::new());
                let payload = entry.get("payload").filter(|payload| payload.is_object()).unwrap_or(&empty);
                let payload = self.resolve(payload, self.run.task_id(no));
                self.send_notice(sink, row.base_ref(), &payload);
            }
        }
    }

    fn send_notice(&mut self, sink: &str, name: &str, body: &Value) {
        let address = is_address(sink).then_some(sink);
        let sink = Sink::of(&Value::from(sink), &self.run.head.name, name, &"");
        if matches!(sink, Sink::Bad { .. }) && address.is_none() {
            return;
        }
        let extra = Arc::make_mut(&mut self.head().extra);
        extra.notices = extra.notices.saturating_add(1);
        let number = extra.notices;
        let task = MAX_TASK_NO.saturating_add(number);
        let value = json_text::of(body).into_bytes();
        let id = self.run.head.id;
        let named = (EVENT_ID.to_owned(), format!("{id}/{number}").into_bytes());
        if let Some(address) = address {
            let told_at = ("podium-event-time".to_owned(), iso(self.cx.now).into_bytes());
            let headers = vec![named, told_at];
            let raised = Raised { task, event: address.into(), value: Some(value), headers };
            return self.other.push(Effect::Raised(raised));
        }
        match sink {
            Sink::Own(queue) => {
                let headers = Vec::new();
                let raised = Raised { task, event: queue.as_str().into(), value: Some(value), headers };
                self.other.push(Effect::Raised(raised));
            }
            Sink::Kafka { topic, .. } => self.emit(Outgoing {
                task,
                cluster: None,
                topic,
                // the messages of a run stay in their order
                key: Some(id.to_string().into_bytes()),
                value,
                headers: vec![named],
                max_block_ms: None,
            }),
            Sink::Bad { .. } => {}
        }
    }
}

/// The run as it was between its opening and an end in the same turn.
fn opened(head: &RunHead, event: &str) -> RunHead {
    let mut head = head.clone();
    if head.status.is_terminal() {
        head.status = RunStatus::Running;
        head.ended_at = None;
        head.reason = None;
        head.output = Payload::empty();
    }
    if event == "PAUSED" {
        head.status = RunStatus::Paused;
    }
    head
}

/// Members of which a summary has only those that have a value.
struct Summary(Map<String, Value>);

impl Summary {
    fn set(&mut self, name: &str, value: impl Into<Value>) {
        self.0.insert(name.to_owned(), value.into());
    }

    fn set_if(&mut self, name: &str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.set(name, value);
        }
    }

    fn texts(&mut self, input: &Payload, output: &Payload, fields: &[String]) {
        self.set("input", java::map_text(masked(input, fields).map()));
        self.set("output", java::map_text(masked(output, fields).map()));
    }
}

/// Conductor's `WorkflowSummary` (spec: contract §5.12).
fn run_summary(head: &RunHead, fields: &[String]) -> Map<String, Value> {
    let extra = &head.extra;
    let mut out = Summary(Map::new());
    out.set("workflowType", &*head.name);
    out.set("version", head.def_version);
    out.set("workflowId", head.id.to_string());
    out.set_if("correlationId", head.correlation_id.as_deref());
    out.set("startTime", iso(head.created_at));
    out.set("updateTime", iso(head.updated_at.max(head.created_at)));
    out.set_if("endTime", head.ended_at.map(iso));
    out.set("status", head.status.as_str());
    out.texts(&head.input, &head.output, fields);
    out.set_if("reasonForIncompletion", head.reason.as_deref());
    out.set("executionTime", head.ended_at.map_or(0, |at| (at - head.created_at).as_millis()));
    out.set_if("event", extra.event.as_deref());
    out.set("failedReferenceTaskNames", extra.failed_refs.join(","));
    out.set_if("externalInputPayloadStoragePath", extra.external_input.as_deref());
    out.set_if("externalOutputPayloadStoragePath", extra.external_output.as_deref());
    out.set("priority", head.priority);
    out.set("failedTaskNames", extra.failed_names.clone());
    out.set("taskToDomain", json!(extra.task_to_domain));
    out.set("parentWorkflowId", extra.parent.map(|p| p.run.to_string()).unwrap_or_default());
    out.0
}

/// Conductor's `TaskSummary` (spec: contract §5.13) of a row when it had this status.
fn task_summary(
    head: &RunHead,
    row: &TaskState,
    status: TaskStatus,
    fields: &[String],
) -> Map<String, Value> {
    let over = status.is_terminal();
    let ended_at = row.ended_at.filter(|_| over);
    let started_at = row.started_at.filter(|_| status != TaskStatus::Scheduled);
    let between = |from: Option<Timestamp>, to: Option<Timestamp>| {
        from.zip(to).map_or(0, |(from, to)| (to - from).as_millis())
    };
    let mut out = Summary(Map::new());
    out.set("workflowId", head.id.to_string());
    out.set("workflowType", &*head.name);
    out.set_if("correlationId", head.correlation_id.as_deref());
    out.set("taskId", head.id.task(row.no).to_string());
    out.set("referenceTaskName", &*row.ref_name);
    out.set("taskDefName", &*row.def_name);
    out.set("taskType", &*row.task_type);
    out.set("scheduledTime", iso(row.scheduled_at));
    out.set("startTime", iso(started_at.unwrap_or_default()));
    out.set("updateTime", iso(row.updated_at));
    out.set("endTime", iso(ended_at.unwrap_or_default()));
    out.set("status", status.as_str());
    out.set_if("reasonForIncompletion", row.reason.as_deref().filter(|_| over));
    out.set("executionTime", between(started_at, ended_at));
    out.set("queueWaitTime", between(Some(row.scheduled_at), started_at));
    let output = if over { row.output.clone() } else { Payload::empty() };
    out.texts(&row.input, &output, fields);
    out.set("retryCount", row.attempt);
    out.set("workflowPriority", head.priority);
    out.set_if("domain", row.domain.as_deref());
    out.0
}

/// `yyyy-MM-dd'T'HH:mm:ss.SSS'Z'` in UTC.
fn iso(at: Timestamp) -> String {
    let at = chrono::DateTime::from_timestamp_micros(at.as_micros()).unwrap_or_default();
    at.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

#[cfg(test)]
mod tests;

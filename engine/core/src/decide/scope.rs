//! What expressions see of a run: `workflow` and every reference that has a row (spec: semantics §3.2).

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::environment::Environment;
use crate::expr::{Member, Scope};
use crate::id::TaskId;
use crate::payload::Payload;
use crate::plan::Plan;
use crate::run::RunState;
use crate::task::TaskState;
use crate::tasks;
use crate::time::Timestamp;

/// A run as expressions see it. Nothing is copied until an expression asks for it.
pub(crate) struct RunScope<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) run: &'a RunState,
    pub(crate) task: Option<TaskId>,
    pub(crate) environment: &'a Environment,
}

const WORKFLOW: [&str; 12] = [
    "input",
    "output",
    "status",
    "workflowId",
    "parentWorkflowId",
    "parentWorkflowTaskId",
    "workflowType",
    "version",
    "correlationId",
    "reasonForIncompletion",
    "schemaVersion",
    "variables",
];

const TASK: [&str; 18] = [
    "input",
    "output",
    "taskType",
    "status",
    "referenceTaskName",
    "retryCount",
    "correlationId",
    "pollCount",
    "taskDefName",
    "scheduledTime",
    "startTime",
    "endTime",
    "workflowInstanceId",
    "taskId",
    "reasonForIncompletion",
    "callbackAfterSeconds",
    "workerId",
    "iteration",
];

impl RunScope<'_> {
    fn workflow(&self, member: &str) -> Option<Member<'_>> {
        let head = &self.run.head;
        let value = match member {
            "input" => return Some(Member::Object(head.input.map())),
            "output" => return Some(Member::Object(head.output.map())),
            "variables" => return Some(Member::Object(head.variables.map())),
            "status" => Value::from(head.status.as_str()),
            "workflowId" => Value::from(head.id.to_string()),
            "parentWorkflowId" => text(head.extra.parent.map(|p| p.run)),
            "parentWorkflowTaskId" => text(head.extra.parent.map(|p| p.task)),
            "workflowType" => Value::from(&*head.name),
            "version" => Value::from(head.def_version),
            "correlationId" => text(head.correlation_id.as_deref()),
            "reasonForIncompletion" => text(head.reason.as_deref()),
            "schemaVersion" => Value::from(self.plan.def().schema_version),
            _ => return None,
        };
        Some(Member::Owned(value))
    }

    fn task<'r>(&'r self, row: &'r TaskState, member: &str) -> Option<Member<'r>> {
        let value = match member {
            "input" => return Some(Member::Object(row.input.map())),
            "output" => return Some(self.task_output(row)),
            "taskType" => Value::from(&*row.task_type),
            "status" => Value::from(row.status.as_str()),
            "referenceTaskName" => Value::from(&*row.ref_name),
            "retryCount" => Value::from(row.attempt),
            "correlationId" => text(self.run.head.correlation_id.as_deref()),
            "pollCount" => Value::from(row.poll_count),
            "taskDefName" => Value::from(&*row.def_name),
            "scheduledTime" => Value::from(row.scheduled_at.as_millis()),
            "startTime" => millis(row.started_at),
            "endTime" => millis(row.ended_at),
            "workflowInstanceId" => Value::from(self.run.head.id.to_string()),
            "taskId" => Value::from(self.run.task_id(row.no).to_string()),
            "reasonForIncompletion" => text(row.reason.as_deref()),
            "callbackAfterSeconds" => Value::from(row.callback_after_s),
            "workerId" => text(row.worker.as_deref()),
            "iteration" => Value::from(row.iteration),
            _ => return None,
        };
        Some(Member::Owned(value))
    }

    /// An open loop has the output that its rows make up so far.
    fn task_output<'r>(&'r self, row: &'r TaskState) -> Member<'r> {
        match tasks::loop_output(self.plan, self.run, row) {
            None => Member::Object(row.output.map()),
            Some(map) => Member::Owned(Value::Object(map)),
        }
    }

    fn whole<'m>(&self, names: &[&str], member: impl Fn(&str) -> Option<Member<'m>>) -> Value {
        let mut map = Map::new();
        for name in names {
            let value = match member(name) {
                Some(Member::Object(members)) => Value::Object(members.clone()),
                Some(Member::Borrowed(value)) => value.clone(),
                Some(Member::Owned(value)) => value,
                None => Value::Null,
            };
            map.insert((*name).to_owned(), value);
        }
        Value::Object(map)
    }
}

impl Scope for RunScope<'_> {
    fn root(&self, name: &str) -> Option<Cow<'_, Value>> {
        if name == "workflow" {
            return Some(Cow::Owned(self.whole(&WORKFLOW, |member| self.workflow(member))));
        }
        let row = self.run.tasks.named(name)?;
        Some(Cow::Owned(self.whole(&TASK, |member| self.task(row, member))))
    }

    fn task_id(&self) -> Option<String> {
        self.task.map(|id| id.to_string())
    }

    fn part(&self, root: &str, member: &str, name: &str) -> Option<Member<'_>> {
        if member != "output" {
            return None;
        }
        let row = self.run.tasks.named(root)?;
        let passes = self.run.tasks.loop_passes(row.no)?;
        tasks::loop_member(passes, row, name)
    }

    fn member(&self, root: &str, member: &str) -> Option<Member<'_>> {
        if root == "workflow" {
            self.workflow(member)
        } else {
            self.task(self.run.tasks.named(root)?, member)
        }
    }

    fn environment(&self) -> Option<&Environment> {
        Some(self.environment)
    }

    fn names(&self) -> Vec<String> {
        let mut names = vec!["workflow".to_owned()];
        for row in self.run.tasks.iter() {
            let name = if row.iteration == 0 { &row.ref_name } else { row.base_ref() };
            if self.run.tasks.named(name).is_some_and(|t| t.no == row.no) {
                names.push(name.to_owned());
            }
        }
        names
    }
}

/// Output of the definition, of the snapshot `plan`, for the run as it is.
pub(crate) fn output_parameters(plan: &Plan, run: &RunState, environment: &Environment) -> Option<Payload> {
    let template = plan.output()?;
    Some(Payload::from_map(template.render_map(&RunScope { plan, run, task: None, environment })))
}

fn text(value: Option<impl ToString>) -> Value {
    value.map_or(Value::Null, |v| Value::String(v.to_string()))
}

fn millis(at: Option<Timestamp>) -> Value {
    Value::from(at.map_or(0, Timestamp::as_millis))
}

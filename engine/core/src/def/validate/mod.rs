//! The rules that a definition keeps. Every violation is reported (up to a megabyte of text), with its place in the
//! definition.
//!
//! The texts and places are those that clients of Conductor know. Rules are about one definition; that a name exists
//! elsewhere (a sub-workflow, a failure workflow) is not asked.

mod references;
mod task_rules;

use serde_json::Value;

use super::{TaskConfig, TaskDef, WorkflowDef};
use crate::schema::Schemas;

/// One broken rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// What kind of rule, for machines.
    pub code: &'static str,
    /// Where, relative to the definition: `tasks[0].decisionCases[c1].<map value>[1].name`; empty for the definition.
    pub path: String,
    pub message: String,
    /// The value of the member that breaks the rule, where it is one member and not null.
    pub invalid: Option<String>,
}

/// All broken rules; empty if the definition is good.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Violations(pub Vec<Violation>);

impl Violations {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Texts of violations that are kept, in bytes. Each may quote a long input, and there may be many.
const MAX_TEXT: usize = 1024 * 1024;

/// What was found so far.
#[derive(Default)]
struct Found {
    list: Vec<Violation>,
    bytes: usize,
}

impl Found {
    /// True if there is no room for more; who could read them?
    fn is_full(&self) -> bool {
        self.bytes > MAX_TEXT
    }

    fn add(&mut self, code: &'static str, path: impl Into<String>, message: impl Into<String>) {
        self.add_value(code, path, message, None);
    }

    fn add_value(
        &mut self,
        code: &'static str,
        path: impl Into<String>,
        message: impl Into<String>,
        invalid: Option<String>,
    ) {
        if self.is_full() {
            return;
        }
        let violation = Violation { code, path: path.into(), message: message.into(), invalid };
        self.bytes += violation.path.len() + violation.message.len();
        self.list.push(violation);
    }
}

/// Where a definition's rules look up task definitions that are registered under a task's name.
pub type FindTaskDef<'a> = &'a dyn Fn(&str) -> Option<TaskDef>;

/// What is wrong with the syntax of a script in JavaScript; `None` if nothing is.
pub type ScriptFault<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Checks a workflow definition.
///
/// `raw` is the JSON it was read from: an explicit `null` that was read as an empty list is a violation in some places.
/// Pass [`Value::Null`] if there is none.
pub fn workflow(
    def: &WorkflowDef,
    raw: &Value,
    find_task_def: FindTaskDef<'_>,
    script_fault: ScriptFault<'_>,
) -> Violations {
    let mut found = Found::default();
    if def.name.as_deref().is_none_or(str::is_empty) {
        let message = "WorkflowDef name cannot be null or empty";
        found.add_value("workflow_name_missing", "name", message, def.name.clone());
    }
    if def.schema_version != 2 {
        let message = "workflowDef schemaVersion: 2 is only supported";
        found.add_value("schema_version", "schemaVersion", message, Some(def.schema_version.to_string()));
    }
    if def.tasks.is_empty() {
        found.add("no_tasks", "tasks", "WorkflowTask list cannot be empty");
    }
    schemas(def.enforce_schema, &def.input_schema, &def.output_schema, "", &mut found);
    let walk = task_rules::Walk { find_task_def, script_fault };
    walk.list(&def.tasks, raw.get("tasks"), "tasks", &mut found);
    references::unique(def, &mut found);
    references::known(def, &mut found);
    Violations(found.list)
}

/// What is to be enforced must be a schema. `path` = where the members stand, with the dot.
fn schemas(enforced: bool, input: &Option<Value>, output: &Option<Value>, path: &str, found: &mut Found) {
    if let Err((member, fault)) = Schemas::of(enforced, input.as_ref(), output.as_ref()) {
        found.add("schema", format!("{path}{member}"), format!("{member} is no JSON schema: {fault}"));
    }
}

/// Checks a task definition.
pub fn task_def(def: &TaskDef) -> Violations {
    let mut found = Found::default();
    if def.name.as_deref().is_none_or(str::is_empty) {
        found.add_value(
            "task_name_missing",
            "name",
            "TaskDef name cannot be null or empty",
            def.name.clone(),
        );
    }
    if def.response_timeout_seconds < 1 {
        let given = def.response_timeout_seconds;
        let message = format!("TaskDef responseTimeoutSeconds: {given} should be minimum 1 second");
        found.add_value("response_timeout", "responseTimeoutSeconds", message, Some(given.to_string()));
    }
    if let Some(factor) = def.backoff_scale_factor.filter(|factor| *factor < 1) {
        let message = "Backoff scale factor. Applicable for LINEAR_BACKOFF";
        found.add_value("backoff_scale_factor", "backoffScaleFactor", message, Some(factor.to_string()));
    }
    for (member, given) in [
        ("retryCount", i64::from(def.retry_count)),
        ("pollTimeoutSeconds", i64::from(def.poll_timeout_seconds.unwrap_or(0))),
        ("maxRetryDelaySeconds", i64::from(def.max_retry_delay_seconds)),
        ("backoffJitterMs", i64::from(def.backoff_jitter_ms)),
        ("totalTimeoutSeconds", def.total_timeout_seconds),
    ] {
        if given < 0 {
            // the text names the bound and not the value; clients know it so
            let message = format!("TaskDef {member}: 0 must be >= 0");
            found.add_value("negative", member, message, Some(given.to_string()));
        }
    }
    schemas(def.enforce_schema, &def.input_schema, &def.output_schema, "", &mut found);
    let name = def.name.as_deref().unwrap_or("null");
    if def.timeout_seconds > 0 && def.response_timeout_seconds > def.timeout_seconds {
        let (response, timeout) = (def.response_timeout_seconds, def.timeout_seconds);
        let message = format!(
            "TaskDef: {name} responseTimeoutSeconds: {response} must be less than timeoutSeconds: {timeout}"
        );
        found.add("timeouts", "", message);
    }
    if def.timeout_seconds > 0
        && def.total_timeout_seconds > 0
        && def.timeout_seconds > def.total_timeout_seconds
    {
        let (timeout, total) = (def.timeout_seconds, def.total_timeout_seconds);
        let message = format!(
            "TaskDef: {name} timeoutSeconds: {timeout} must be less than or equal to totalTimeoutSeconds: {total}"
        );
        found.add("timeouts", "", message);
    }
    Violations(found.list)
}

/// The lists of tasks that a task really has, by its type: those that count for reference names.
fn children(task: &TaskConfig) -> Vec<&[TaskConfig]> {
    match task.kind() {
        "SWITCH" | "DECISION" => {
            task.decision_cases.values().map(Vec::as_slice).chain([task.default_case.as_slice()]).collect()
        }
        "FORK_JOIN" => task.fork_tasks.iter().map(Vec::as_slice).collect(),
        "DO_WHILE" => vec![&task.loop_over],
        _ => Vec::new(),
    }
}

//! The rules of one task: those of every task, and those of its type.

use serde_json::Value;

use super::super::TaskConfig;
use super::{FindTaskDef, Found, ScriptFault};
use crate::expr::instant;

pub(super) struct Walk<'a> {
    pub(super) find_task_def: FindTaskDef<'a>,
    pub(super) script_fault: ScriptFault<'a>,
}

/// A task and where it stands.
struct Spot<'a> {
    task: &'a TaskConfig,
    raw: Option<&'a Value>,
    path: &'a str,
}

impl Spot<'_> {
    /// True if the JSON says `null` here. Absent is something else.
    fn is_null(&self, member: &str) -> bool {
        self.raw.and_then(|raw| raw.get(member)).is_some_and(Value::is_null)
    }

    fn kind(&self) -> &str {
        self.task.kind()
    }

    fn name(&self) -> &str {
        self.task.name.as_deref().unwrap_or("null")
    }

    fn add(&self, code: &'static str, message: impl Into<String>, found: &mut Found) {
        found.add(code, self.path, message);
    }

    fn required(&self, member: &str, found: &mut Found) {
        let (kind, name) = (self.kind(), self.name());
        self.add(
            "member_required",
            format!("{member} field is required for taskType: {kind} taskName: {name}"),
            found,
        );
    }

    fn at_least_one(&self, member: &str, found: &mut Found) {
        let (kind, name) = (self.kind(), self.name());
        let message = format!("{member} should have atleast one task for taskType: {kind} taskName: {name}");
        self.add("no_tasks", message, found);
    }

    fn not_null(&self, member: &str, found: &mut Found) {
        if self.is_null(member) {
            let (kind, name) = (self.kind(), self.name());
            let message = format!("{member} cannot be null for taskType: {kind} taskName: {name}");
            self.add("member_null", message, found);
        }
    }
}

/// What the JSON says about one of the tasks in a list.
fn item(raw: Option<&Value>, at: usize) -> Option<&Value> {
    raw.and_then(|list| list.get(at))
}

impl Walk<'_> {
    /// Checks a list of tasks and what they contain.
    pub(super) fn list(&self, tasks: &[TaskConfig], raw: Option<&Value>, path: &str, found: &mut Found) {
        for (at, task) in tasks.iter().enumerate() {
            let (raw, path) = (item(raw, at), format!("{path}[{at}]"));
            if raw.is_some_and(Value::is_null) {
                found.add("task_null", path, "WorkflowTask cannot be null");
            } else {
                self.task(&Spot { task, raw, path: &path }, found);
            }
        }
    }

    fn task(&self, spot: &Spot<'_>, found: &mut Found) {
        let (task, path) = (spot.task, spot.path);
        if task.name().is_empty() {
            let message = "WorkflowTask name cannot be empty or null";
            found.add_value("task_name_missing", format!("{path}.name"), message, task.name.clone());
        }
        if task.ref_name().is_empty() {
            let message = "WorkflowTask taskReferenceName name cannot be empty or null";
            found.add_value(
                "reference_missing",
                format!("{path}.taskReferenceName"),
                message,
                task.ref_name.clone(),
            );
        }
        if task.start_delay < 0 {
            let message = "must be greater than or equal to 0";
            let given = Some(task.start_delay.to_string());
            found.add_value("negative", format!("{path}.startDelay"), message, given);
        }
        if spot.is_null("type")
            && spot.raw.and_then(|raw| raw.get("workflowTaskType")).is_none_or(Value::is_null)
        {
            found.add("member_null", format!("{path}.type"), "WorkflowTask type cannot be null");
        }
        if let Some(def) = &task.task_definition {
            let path = format!("{path}.taskDefinition.");
            super::schemas(def.enforce_schema, &def.input_schema, &def.output_schema, &path, found);
        }
        self.of_type(spot, found);
        self.nested(spot, found);
    }

    /// Cases, the default and branches are checked whatever the type. The tasks of a loop are not, as existing
    /// definitions rely on it: only that there is none that is null.
    fn nested(&self, spot: &Spot<'_>, found: &mut Found) {
        let (task, path) = (spot.task, spot.path);
        let raw = |member: &str| spot.raw.and_then(|raw| raw.get(member));
        for (case, tasks) in &task.decision_cases {
            let raw = raw("decisionCases").and_then(|cases| cases.get(case));
            let path = format!("{path}.decisionCases[{case}].<map value>");
            if raw.is_some_and(Value::is_null) {
                found.add("tasks_null", &path, "The tasks of a case cannot be null");
            }
            self.list(tasks, raw, &path, found);
        }
        self.list(&task.default_case, raw("defaultCase"), &format!("{path}.defaultCase"), found);
        for (at, tasks) in task.fork_tasks.iter().enumerate() {
            let raw = item(raw("forkTasks"), at);
            let path = format!("{path}.forkTasks[{at}].<list element>");
            if raw.is_some_and(Value::is_null) {
                found.add("tasks_null", &path, "The tasks of a branch cannot be null");
            }
            self.list(tasks, raw, &path, found);
        }
        for at in 0..task.loop_over.len() {
            if item(raw("loopOver"), at).is_some_and(Value::is_null) {
                found.add("task_null", format!("{path}.loopOver[{at}]"), "WorkflowTask cannot be null");
            }
        }
    }

    fn well_formed(&self, spot: &Spot<'_>, script: Option<&str>, found: &mut Found) {
        if let Some(fault) = script.and_then(self.script_fault) {
            let (kind, name) = (spot.kind(), spot.name());
            let message =
                format!("Expression is not well formatted: {fault}, taskType: {kind} taskName {name}");
            spot.add("script_syntax", message, found);
        }
    }

    fn of_type(&self, spot: &Spot<'_>, found: &mut Found) {
        let task = spot.task;
        match task.kind() {
            "EVENT" if task.sink.is_none() => spot.required("sink", found),
            "DECISION" => {
                if task.case_value_param.is_none() && task.case_expression.is_none() {
                    spot.required("caseValueParam or caseExpression", found);
                }
                self.well_formed(spot, task.case_expression.as_deref(), found);
                cases(spot, found);
            }
            "SWITCH" => {
                if task.evaluator_type.is_none() {
                    spot.required("evaluatorType", found);
                } else if task.expression.is_none() {
                    spot.required("expression", found);
                } else if task.evaluator_type.as_deref() == Some("javascript") {
                    self.well_formed(spot, task.expression.as_deref(), found);
                }
                cases(spot, found);
            }
            "DYNAMIC" if task.dynamic_task_name_param.is_none() => {
                spot.required("dynamicTaskNameParam", found)
            }
            "FORK_JOIN_DYNAMIC" => dynamic_fork(spot, found),
            "HTTP" if !self.says_what_to_call(task) => {
                spot.required("inputParameters.http_request or inputParameters.uri", found);
            }
            "KAFKA_PUBLISH" => self.input_required(spot, "kafka_request", found),
            "JSON_JQ_TRANSFORM" => self.input_required(spot, "queryExpression", found),
            "FORK_JOIN" if task.fork_tasks.is_empty() => spot.at_least_one("forkTasks", found),
            "DO_WHILE" => {
                if task.loop_condition.is_none() {
                    spot.required("loopCondition", found);
                }
                if task.loop_over.is_empty() {
                    spot.required("loopOver", found);
                }
            }
            "SUB_WORKFLOW" if task.sub_workflow_param.is_none() => spot.required("subWorkflowParam", found),
            "TERMINATE" => terminate(spot, found),
            "WAIT" => wait(spot, found),
            // every other type is free, also unknown ones
            _ => {}
        }
    }

    fn says_what_to_call(&self, task: &TaskConfig) -> bool {
        ["http_request", "uri", "method"].iter().any(|key| task.input_parameters.contains_key(*key))
            || self.template_has(task, "http_request")
    }

    fn input_required(&self, spot: &Spot<'_>, key: &str, found: &mut Found) {
        if !spot.task.input_parameters.contains_key(key) && !self.template_has(spot.task, key) {
            spot.required(&format!("inputParameters.{key}"), found);
        }
    }

    /// True if the task's definition, embedded or registered, gives this input.
    fn template_has(&self, task: &TaskConfig, key: &str) -> bool {
        match &task.task_definition {
            Some(def) => def.input_template.contains_key(key),
            None => (self.find_task_def)(task.name()).is_some_and(|def| def.input_template.contains_key(key)),
        }
    }
}

fn cases(spot: &Spot<'_>, found: &mut Found) {
    if spot.is_null("decisionCases") {
        spot.required("decisionCases", found);
    } else if spot.task.decision_cases.is_empty() {
        spot.at_least_one("decisionCases", found);
    }
    spot.not_null("defaultCase", found);
}

fn dynamic_fork(spot: &Spot<'_>, found: &mut Found) {
    let task = spot.task;
    if task.input_parameters.contains_key("forkTaskInputs") {
        return;
    }
    let (tasks, inputs) =
        (task.dynamic_fork_tasks_param.is_some(), task.dynamic_fork_tasks_input_param_name.is_some());
    if task.dynamic_fork_join_tasks_param.is_some() {
        if tasks || inputs {
            let (kind, name) = (task.kind(), spot.name());
            let message = format!(
                "dynamicForkJoinTasksParam or combination of dynamicForkTasksInputParamName and dynamicForkTasksParam cam be used for taskType: {kind} taskName: {name}"
            );
            spot.add("members_exclude", message, found);
        }
        return;
    }
    if !tasks {
        spot.required("dynamicForkTasksParam", found);
    }
    if !inputs {
        spot.required("dynamicForkTasksInputParamName", found);
    }
}

fn terminate(spot: &Spot<'_>, found: &mut Found) {
    let name = spot.name();
    if spot.task.optional {
        spot.add("terminate_optional", format!("terminate task cannot be optional, taskName: {name}"), found);
    }
    let status = spot.task.input_parameters.get("terminationStatus").and_then(Value::as_str);
    if !matches!(status, Some("COMPLETED" | "FAILED" | "TERMINATED")) {
        let message = format!(
            "terminate task must have an terminationStatus parameter and must be set to COMPLETED or FAILED, taskName: {name}"
        );
        spot.add("termination_status", message, found);
    }
}

fn wait(spot: &Spot<'_>, found: &mut Found) {
    spot.not_null("inputParameters", found);
    let blank = |value: &Value| value.as_str().is_some_and(|text| text.trim().is_empty());
    let given =
        |key: &str| spot.task.input_parameters.get(key).filter(|value| !value.is_null() && !blank(value));
    let literal = |value: &Value| match value {
        Value::String(text) => Some(text.clone()).filter(|text| !text.starts_with("${")),
        other => Some(other.to_string()),
    };
    match (given("duration"), given("until")) {
        (Some(_), Some(_)) => {
            let message = "Both 'duration' and 'until' specified. Please provide only one input";
            spot.add("members_exclude", message, found);
        }
        (Some(duration), None) => {
            if literal(duration).is_some_and(|text| instant::parse_duration(&text).is_err()) {
                // the final blank is part of the known text
                spot.add("duration_invalid", "Either date or duration is passed as null ", found);
            }
        }
        (None, Some(until)) => {
            if literal(until).is_some_and(|text| instant::parse_until(&text).is_err()) {
                spot.add("until_invalid", "Unable to parse date ", found);
            }
        }
        (None, None) => {}
    }
}

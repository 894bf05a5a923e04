//! Reference names: each once in a definition, and none that expressions only imagine.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::super::{TaskConfig, WorkflowDef};
use super::{Found, children};
use crate::expr::Path;

/// Expressions that are no paths: resolved without a task, or left as they are.
const SYSTEM_NAMES: [&str; 3] = ["CPEWF_TASK_ID", "NETFLIX_ENV", "NETFLIX_STACK"];

/// Variables that every server process has, so naming one is no mistake of the definition.
const PROCESS_NAMES: [&str; 9] =
    ["HOME", "HOSTNAME", "LANG", "LOGNAME", "PATH", "PWD", "SHELL", "TZ", "USER"];

/// Visits the tasks and, by their type, the tasks in them.
fn visit<'a>(tasks: &'a [TaskConfig], seen: &mut dyn FnMut(&'a TaskConfig)) {
    for task in tasks {
        seen(task);
        for list in children(task) {
            visit(list, seen);
        }
    }
}

pub(super) fn unique(def: &WorkflowDef, found: &mut Found) {
    let (mut names, mut twice) = (HashSet::new(), HashSet::new());
    visit(&def.tasks, &mut |task| {
        // that a name is missing is said where the task stands
        let name = task.ref_name();
        if !name.is_empty() && !names.insert(name) && twice.insert(name) {
            let workflow = def.name.as_deref().unwrap_or("null");
            let message = format!(
                "taskReferenceName: {name} should be unique across tasks for a given workflowDefinition: {workflow}"
            );
            found.add("reference_not_unique", "", message);
        }
    });
}

/// Only tasks at the top level are looked at: dynamic forks make names that nested tasks may use.
pub(super) fn known(def: &WorkflowDef, found: &mut Found) {
    let mut names = HashSet::new();
    visit(&def.tasks, &mut |task| {
        names.insert(task.ref_name());
    });
    let mut said = HashSet::new();
    for task in &def.tasks {
        Reader { task: task.name(), names: &names, said: &mut said, found }.map(&task.input_parameters);
    }
}

struct Reader<'a> {
    task: &'a str,
    names: &'a HashSet<&'a str>,
    /// Texts that were reported: all of them have the same place, the definition.
    said: &'a mut HashSet<String>,
    found: &'a mut Found,
}

impl Reader<'_> {
    fn map(&mut self, map: &Map<String, Value>) {
        for (key, value) in map {
            self.value(key, value);
        }
    }

    /// The key of a value in a list is that of the list.
    fn value(&mut self, key: &str, value: &Value) {
        match value {
            Value::String(text) => self.text(key, text),
            Value::Array(list) => list.iter().for_each(|item| self.value(key, item)),
            Value::Object(map) => self.map(map),
            _ => {}
        }
    }

    fn text(&mut self, key: &str, text: &str) {
        for inside in expressions(text) {
            if self.found.is_full() {
                return;
            }
            let root = inside.split('.').next().unwrap_or_default();
            let (code, message) = if Path::parse(inside).is_err() {
                ("expression_invalid", format!("key: {key} input parameter value: {inside} is not valid"))
            } else if root != "workflow"
                && !self.names.contains(root)
                && !SYSTEM_NAMES.contains(&inside)
                && !PROCESS_NAMES.contains(&inside)
            {
                let task = self.task;
                let message = format!(
                    "taskReferenceName: {root} for given task: {task} input value: {key} of input parameter: {text} is not defined in workflow definition."
                );
                ("reference_unknown", message)
            } else {
                continue;
            };
            if self.said.insert(message.clone()) {
                self.found.add(code, "", message);
            }
        }
    }
}

/// The innermost `${…}` of a text, without those that are escaped. The outer of two nested ones is known only when
/// the inner one is.
fn expressions(text: &str) -> Vec<&str> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut open = None;
    for at in 0..bytes.len() {
        match bytes[at] {
            b'{' if at > 0 && bytes[at - 1] == b'$' && (at < 2 || bytes[at - 2] != b'$') => {
                open = Some(at + 1)
            }
            b'}' => {
                if let Some(from) = open.take() {
                    found.push(&text[from..at]);
                }
            }
            _ => {}
        }
    }
    found
}

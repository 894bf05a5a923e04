//! What a run keeps of the metadata from its start to its end.

use std::collections::{BTreeSet, HashMap};

use sha2::{Digest, Sha256};

use crate::def::{SubWorkflowParams, TaskConfig, TaskDef, WorkflowDef};
use crate::run::SnapshotHash;

/// A definition with the task definitions that apply to its tasks (spec: semantics §2.8, "TD availability").
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// Every task has its `task_definition` where one applies.
    pub def: WorkflowDef,
}

impl Snapshot {
    /// Canonical JSON: members in a fixed order, so equal snapshots have equal texts.
    pub fn text(&self) -> String {
        serde_json::to_string(&self.def).expect("a definition always has a JSON text")
    }

    /// Reads what [`Snapshot::text`] wrote.
    pub fn from_text(text: &str) -> Result<Self, String> {
        serde_json::from_str(text).map(|def| Snapshot { def }).map_err(|e| format!("not a snapshot: {e}"))
    }

    /// SHA-256 of the text.
    pub fn hash(&self) -> SnapshotHash {
        SnapshotHash(Sha256::digest(self.text().as_bytes()).into())
    }
}

/// Attaches the task definitions: the registered one under each task's name; without one, the default for SIMPLE tasks
/// and one without retries and response time-out for all others. Definitions that a task already carries stay.
pub fn snapshot(def: &WorkflowDef, find: &dyn Fn(&str) -> Option<TaskDef>) -> Snapshot {
    let mut def = def.clone();
    attach(&mut def.tasks, find);
    Snapshot { def }
}

fn attach(tasks: &mut [TaskConfig], find: &dyn Fn(&str) -> Option<TaskDef>) {
    for task in tasks {
        if task.task_definition.is_none() && !task.name().trim().is_empty() {
            let found = find(task.name());
            task.task_definition = Some(found.unwrap_or_else(|| ad_hoc(task.kind(), task.name())));
        }
        attach(&mut task.default_case, find);
        attach(&mut task.loop_over, find);
        for case in task.decision_cases.values_mut() {
            attach(case, find);
        }
        for branch in &mut task.fork_tasks {
            attach(branch, find);
        }
    }
}

/// Names of sub-workflows without a version: a run keeps the latest ones of its start.
pub fn unpinned(def: &WorkflowDef) -> BTreeSet<&str> {
    let mut names = BTreeSet::new();
    let mut lists = vec![&def.tasks];
    while let Some(list) = lists.pop() {
        for task in list {
            names.extend(task.sub_workflow_param.as_ref().and_then(|params| unpinned_name(task, params)));
            lists.extend([&task.default_case, &task.loop_over]);
            lists.extend(task.decision_cases.values().chain(&task.fork_tasks));
        }
    }
    names
}

/// Gives sub-workflows without a version the one that stands here under their name.
pub fn pin_latest(def: &mut WorkflowDef, latest: &HashMap<String, i32>) {
    pin(&mut def.tasks, latest);
}

fn pin(tasks: &mut [TaskConfig], latest: &HashMap<String, i32>) {
    for task in tasks {
        let version = task.sub_workflow_param.as_ref().and_then(|params| unpinned_name(task, params));
        if let (Some(version), Some(params)) =
            (version.and_then(|name| latest.get(name)).copied(), &mut task.sub_workflow_param)
        {
            params.version = Some(version);
        }
        pin(&mut task.default_case, latest);
        pin(&mut task.loop_over, latest);
        for case in task.decision_cases.values_mut() {
            pin(case, latest);
        }
        for branch in &mut task.fork_tasks {
            pin(branch, latest);
        }
    }
}

fn unpinned_name<'d>(task: &TaskConfig, params: &'d SubWorkflowParams) -> Option<&'d str> {
    let open =
        task.kind() == "SUB_WORKFLOW" && params.version.is_none() && params.workflow_definition.is_none();
    params.name.as_deref().filter(|_| open)
}

fn ad_hoc(kind: &str, name: &str) -> TaskDef {
    let plain = TaskDef { name: Some(name.to_owned()), ..TaskDef::default() };
    if kind == "SIMPLE" { plain } else { TaskDef { retry_count: 0, response_timeout_seconds: 0, ..plain } }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn registered_definitions_win_and_the_text_comes_back() {
        let def: WorkflowDef = serde_json::from_value(json!({"name": "w", "tasks": [
            {"name": "a", "taskReferenceName": "a", "type": "SIMPLE"},
            {"name": "b", "taskReferenceName": "b", "type": "SIMPLE"},
            {"name": "s", "taskReferenceName": "s", "type": "SWITCH", "evaluatorType": "value-param", "expression": "x",
             "decisionCases": {"1": [{"name": "w", "taskReferenceName": "w", "type": "WAIT"}]}}]}))
        .expect("a definition");
        let known = TaskDef { name: Some("b".to_owned()), retry_count: 7, ..TaskDef::default() };
        let snap = snapshot(&def, &|name| (name == "b").then(|| known.clone()));
        let retries =
            |t: &TaskConfig| t.task_definition.as_ref().map(|d| (d.retry_count, d.response_timeout_seconds));
        assert_eq!(retries(&snap.def.tasks[0]), Some((3, 3600)));
        assert_eq!(retries(&snap.def.tasks[1]), Some((7, 3600)));
        assert_eq!(retries(&snap.def.tasks[2].decision_cases["1"][0]), Some((0, 0)));
        let again = Snapshot::from_text(&snap.text()).expect("own text");
        assert_eq!(again, snap);
        assert_eq!(again.hash(), snap.hash());
    }
}

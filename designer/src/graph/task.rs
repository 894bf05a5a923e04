//! A node that is one task of a definition, whatever its type.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::read::Graph;
use crate::violation::Violations;

/// How a task leads on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flow {
    /// SWITCH, DECISION: one of its branches.
    Switch,
    /// FORK_JOIN: all of them, up to its JOIN.
    Fork,
    /// DO_WHILE: its body, again and again.
    Loop,
    Join,
    /// Nothing runs behind it.
    Terminate,
    /// Anything else: what follows.
    Plain,
}

/// The type of a task. `workflowTaskType` is its old name; of both the later one counts.
fn type_of(task: &Map<String, Value>) -> &str {
    let mut names = task.iter().filter(|(name, _)| *name == "type" || *name == "workflowTaskType");
    let last = names.by_ref().filter(|(_, value)| !value.is_null()).last();
    last.and_then(|(_, value)| value.as_str()).unwrap_or_default()
}

pub(crate) fn flow_of(task: &Map<String, Value>) -> Flow {
    match type_of(task) {
        "SWITCH" | "DECISION" => Flow::Switch,
        "FORK_JOIN" => Flow::Fork,
        "DO_WHILE" => Flow::Loop,
        "JOIN" => Flow::Join,
        "TERMINATE" => Flow::Terminate,
        _ => Flow::Plain,
    }
}

/// Behind which a JOIN of its own is expected.
pub(crate) fn opens_join(task: &Map<String, Value>) -> bool {
    matches!(type_of(task), "FORK_JOIN" | "FORK_JOIN_DYNAMIC")
}

/// The task of a node, its nested bodies empty.
pub(super) struct Task {
    pub(super) members: Map<String, Value>,
}

impl Task {
    pub(super) fn read(id: &str, task: Option<&Value>, found: &mut Violations) -> Option<Self> {
        let Some(members) = task.and_then(Value::as_object) else {
            found.add("task_shape", Some(id), format!("node {id} has no data.task with its members"));
            return None;
        };
        let task = Self { members: members.clone() };
        if task.reference().trim().is_empty() {
            found.add("no_reference", Some(id), format!("the task of node {id} has no taskReferenceName"));
        }
        for (member, is_empty) in task.bodies() {
            if !is_empty {
                let message = format!("the {member} of node {id} holds tasks: draw them as nodes");
                found.add("nested_tasks", Some(id), message);
            }
        }
        Some(task)
    }

    pub(super) fn flow(&self) -> Flow {
        flow_of(&self.members)
    }

    pub(super) fn reference(&self) -> &str {
        self.members.get("taskReferenceName").and_then(Value::as_str).unwrap_or_default()
    }

    /// Whether its own members name this case, with or without tasks.
    pub(super) fn names_case(&self, case: &str) -> bool {
        self.members.get("decisionCases").and_then(Value::as_object).is_some_and(|all| all.contains_key(case))
    }

    /// The members of its type that hold tasks, and whether they are empty.
    fn bodies(&self) -> Vec<(&'static str, bool)> {
        let nothing = |value: &Value| value.as_array().is_none_or(Vec::is_empty);
        let member = |name: &str| self.members.get(name);
        match self.flow() {
            Flow::Switch => {
                let cases = member("decisionCases").and_then(Value::as_object);
                let is_empty = cases.is_none_or(|cases| cases.values().all(nothing));
                vec![("decisionCases", is_empty), ("defaultCase", member("defaultCase").is_none_or(nothing))]
            }
            Flow::Fork => {
                let branches = member("forkTasks").and_then(Value::as_array);
                vec![("forkTasks", branches.is_none_or(|branches| branches.iter().all(nothing)))]
            }
            Flow::Loop => vec![("loopOver", member("loopOver").is_none_or(nothing))],
            Flow::Join | Flow::Terminate | Flow::Plain => Vec::new(),
        }
    }
}

/// A reference is there once in a definition.
pub(super) fn check_references(graph: &Graph, found: &mut Violations) {
    let mut seen: HashMap<&str, &str> = HashMap::new();
    for node in &graph.nodes {
        let Some(reference) = node.task.as_ref().map(Task::reference).filter(|r| !r.is_empty()) else {
            continue;
        };
        if let Some(first) = seen.insert(reference, &node.id) {
            let message = format!("nodes {first} and {} have the same reference {reference:?}", node.id);
            found.add("duplicate_reference", Some(&node.id), message);
        }
    }
}

/// A case leads one way.
pub(super) fn check_cases(graph: &Graph, found: &mut Violations) {
    let mut seen: HashMap<(usize, Option<&str>), usize> = HashMap::new();
    for ((source, _), link) in graph.edges.iter().zip(&graph.links) {
        let node = &graph.nodes[*source];
        if node.task.as_ref().is_none_or(|task| task.flow() != Flow::Switch) {
            continue;
        }
        let count = seen.entry((*source, link.case.as_deref())).or_default();
        *count += 1;
        // the third and later ones say nothing new
        if *count == 2 {
            let case = link.case.as_deref().map_or("the default".to_owned(), |case| format!("case {case:?}"));
            let message = format!("{case} of node {} leads two ways", node.id);
            found.add("case_twice", Some(&node.id), message);
        }
    }
}

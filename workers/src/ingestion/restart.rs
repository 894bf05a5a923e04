//! Where a failed workflow is taken up again. Pure.
//!
//! The list of tasks of a run is in order of scheduling, so in a fork the neighbour of a task is of another branch. What
//! comes before a waiting task is therefore read from the definition.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::definition::inner_lists;

/// The task to begin again with, and everything that then runs again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Restart {
    pub(crate) reference: String,
    /// The engine's id of that task.
    pub(crate) task_id: String,
    pub(crate) reset: Vec<String>,
}

/// Statuses of tasks that end a run.
const FAILED: [&str; 3] = ["FAILED", "FAILED_WITH_TERMINAL_ERROR", "TIMED_OUT"];
/// Tasks that fail because one inside or before them did.
const FOLLOWS: [&str; 6] = ["DO_WHILE", "FORK", "FORK_JOIN", "FORK_JOIN_DYNAMIC", "JOIN", "EXCLUSIVE_JOIN"];

/// Chooses the restart point of a run from its tasks and its definition; `None` when no task has failed.
///
/// A task that waits for an event runs again together with the one before it, which sends the request; any other begins
/// with itself.
pub(crate) fn choose(run: &Value, definition: Option<&Value>) -> Option<Restart> {
    let tasks = latest(run);
    let failed: Vec<&Task<'_>> = tasks.iter().filter(|task| FAILED.contains(&task.status)).collect();
    let causes = failed.iter().find(|task| !FOLLOWS.contains(&task.task_type));
    let failed = *causes.or(failed.first())?;
    let order = definition.or_else(|| run.get("workflowDefinition")).map(Order::of).unwrap_or_default();
    let (base, iteration) = split(failed.reference);
    let waits = failed.task_type == "EVENT" || failed.reference.starts_with("wait_for_");
    let before = order.before.get(base).map(|base| join(base, iteration));
    let from = match before {
        Some(before) if waits => tasks.iter().find(|task| task.reference == before),
        Some(_) => None,
        // a task that the definition does not have (one of a dynamic fork): its neighbour in the list
        None if waits && !order.known.contains(base) => {
            let at = tasks.iter().position(|task| task.reference == failed.reference)?;
            at.checked_sub(1).and_then(|at| tasks.get(at))
        }
        None => None,
    };
    let from = from.unwrap_or(failed);
    let after = order.after.get(split(from.reference).0);
    let is_reset = |task: &&Task<'_>| {
        task.reference == from.reference
            || task.reference == failed.reference
            || after.is_some_and(|after| after.contains(split(task.reference).0))
    };
    Some(Restart {
        reference: from.reference.to_owned(),
        task_id: from.id.to_owned(),
        reset: tasks.iter().filter(is_reset).map(|task| task.reference.to_owned()).collect(),
    })
}

/// The engine's id of the latest attempt of a reference.
pub(crate) fn id_of<'a>(run: &'a Value, reference: &str) -> Option<&'a str> {
    latest(run).into_iter().find(|task| task.reference == reference).map(|task| task.id)
}

#[derive(Clone, Copy)]
struct Task<'a> {
    id: &'a str,
    reference: &'a str,
    task_type: &'a str,
    status: &'a str,
}

/// The last attempt of each reference, where its first stood.
fn latest(run: &Value) -> Vec<Task<'_>> {
    let mut found: Vec<Task<'_>> = Vec::new();
    for task in run.get("tasks").and_then(Value::as_array).into_iter().flatten() {
        let text = |name: &str| task.get(name).and_then(Value::as_str).unwrap_or_default();
        let task = Task {
            id: text("taskId"),
            reference: text("referenceTaskName"),
            task_type: text("taskType"),
            status: text("status"),
        };
        match found.iter_mut().find(|other| other.reference == task.reference) {
            Some(other) => *other = task,
            None => found.push(task),
        }
    }
    found
}

/// A reference inside a loop carries the number of its pass.
fn split(reference: &str) -> (&str, Option<&str>) {
    match reference.rsplit_once("__") {
        Some((base, pass)) if !pass.is_empty() && pass.bytes().all(|b| b.is_ascii_digit()) => {
            (base, Some(pass))
        }
        _ => (reference, None),
    }
}

fn join(base: &str, iteration: Option<&str>) -> String {
    iteration.map_or_else(|| base.to_owned(), |pass| format!("{base}__{pass}"))
}

/// What stands before and after each task of a definition.
#[derive(Debug, Default)]
struct Order<'a> {
    known: BTreeSet<&'a str>,
    /// The task right before, in the same list.
    before: BTreeMap<&'a str, &'a str>,
    /// Everything that runs after it: the rest of its list, and of the lists around it.
    after: BTreeMap<&'a str, BTreeSet<&'a str>>,
}

impl<'a> Order<'a> {
    fn of(definition: &'a Value) -> Self {
        let mut order = Self::default();
        order.list(definition.get("tasks"), &BTreeSet::new());
        order
    }

    /// Reads a list backwards, so that what comes later is known; answers everything in it.
    fn list(&mut self, tasks: Option<&'a Value>, beyond: &BTreeSet<&'a str>) -> BTreeSet<&'a str> {
        let tasks: Vec<&Map<String, Value>> =
            tasks.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object).collect();
        let names: Vec<&str> = tasks
            .iter()
            .map(|task| task.get("taskReferenceName").and_then(Value::as_str).unwrap_or_default())
            .collect();
        for pair in names.windows(2) {
            self.before.insert(pair[1], pair[0]);
        }
        let (mut later, mut all) = (beyond.clone(), BTreeSet::new());
        for (task, name) in tasks.iter().zip(&names).rev() {
            let inside: BTreeSet<&str> =
                inner_lists(task).into_iter().flat_map(|inner| self.list(Some(inner), &later)).collect();
            self.known.insert(name);
            let mut after = later.clone();
            after.extend(&inside);
            self.after.insert(name, after);
            all.insert(*name);
            all.extend(&inside);
            later.insert(name);
            later.extend(&inside);
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{choose, id_of};

    fn task(reference: &str, task_type: &str, status: &str) -> Value {
        json!({"taskId": format!("id-{reference}"), "referenceTaskName": reference, "taskType": task_type, "status": status})
    }

    fn stage(name: &str) -> [Value; 2] {
        [
            json!({"name": name, "taskReferenceName": name, "type": "KAFKA_PUBLISH"}),
            json!({"name": format!("wait_for_{name}_completion"), "taskReferenceName": format!("wait_for_{name}_completion"), "type": "EVENT"}),
        ]
    }

    fn ran(name: &str, status: &str) -> [Value; 2] {
        [
            task(name, "KAFKA_PUBLISH", "COMPLETED"),
            task(&format!("wait_for_{name}_completion"), "EVENT", status),
        ]
    }

    fn chosen(run: Value) -> (String, String, Vec<String>) {
        let restart = choose(&run, None).expect("a restart point");
        (restart.reference, restart.task_id, restart.reset)
    }

    #[test]
    fn a_waiting_task_begins_with_its_request() {
        let definition = json!({"tasks": ([stage("email"), stage("phone")].concat())});
        let tasks = [ran("email", "COMPLETED"), ran("phone", "FAILED")].concat();
        let (from, id, reset) = chosen(json!({"tasks": tasks, "workflowDefinition": definition}));
        assert_eq!((from.as_str(), id.as_str()), ("phone", "id-phone"));
        assert_eq!(reset, ["phone", "wait_for_phone_completion"]);
    }

    #[test]
    fn in_a_fork_it_is_the_branch_that_counts() {
        let definition = json!({"tasks": [
            {"taskReferenceName": "fork", "type": "FORK_JOIN", "forkTasks": [stage("email"), stage("phone")]},
            {"taskReferenceName": "join", "type": "JOIN"}]});
        // the list is in order of scheduling: the branches alternate
        let tasks = json!([
            task("fork", "FORK", "COMPLETED"),
            task("email", "KAFKA_PUBLISH", "COMPLETED"),
            task("phone", "KAFKA_PUBLISH", "COMPLETED"),
            task("join", "JOIN", "CANCELED"),
            task("wait_for_email_completion", "EVENT", "FAILED"),
            task("wait_for_phone_completion", "EVENT", "CANCELED")
        ]);
        let (from, _, reset) = chosen(json!({"tasks": tasks, "workflowDefinition": definition}));
        assert_eq!(from, "email");
        assert_eq!(reset, ["email", "join", "wait_for_email_completion"], "nothing of the other branch");
    }

    #[test]
    fn in_a_switch_and_in_a_loop_too() {
        let definition = json!({"tasks": [
            {"taskReferenceName": "first", "type": "NOOP"},
            {"taskReferenceName": "switch", "type": "SWITCH", "decisionCases": {"a": stage("email"), "b": stage("phone")},
                "defaultCase": []},
            {"taskReferenceName": "last", "type": "NOOP"}]});
        let tasks = [
            vec![task("first", "NOOP", "COMPLETED"), task("switch", "SWITCH", "COMPLETED")],
            ran("phone", "TIMED_OUT").to_vec(),
        ]
        .concat();
        let (from, ..) = chosen(json!({"tasks": tasks, "workflowDefinition": definition}));
        assert_eq!(from, "phone");
        let definition =
            json!({"tasks": [{"taskReferenceName": "loop", "type": "DO_WHILE", "loopOver": stage("email")}]});
        let tasks = [
            task("loop", "DO_WHILE", "FAILED"),
            task("email__1", "KAFKA_PUBLISH", "COMPLETED"),
            task("wait_for_email_completion__1", "EVENT", "COMPLETED"),
            task("email__2", "KAFKA_PUBLISH", "COMPLETED"),
            task("wait_for_email_completion__2", "EVENT", "FAILED_WITH_TERMINAL_ERROR"),
        ];
        let run = json!({"tasks": tasks, "workflowDefinition": definition});
        assert_eq!(chosen(run).0, "email__2");
    }

    #[test]
    fn other_tasks_begin_with_themselves() {
        let definition = json!({"tasks": [{"taskReferenceName": "a", "type": "SIMPLE"}, {"taskReferenceName": "b", "type": "SIMPLE"}]});
        let tasks = json!([task("a", "SIMPLE", "COMPLETED"), task("b", "SIMPLE", "FAILED")]);
        let run = json!({"tasks": tasks, "workflowDefinition": definition});
        assert_eq!(chosen(run).2, ["b"]);
    }

    #[test]
    fn only_the_last_attempt_counts_and_a_first_wait_is_its_own_start() {
        let definition = json!({"tasks": [{"taskReferenceName": "a", "type": "SIMPLE"}]});
        let tasks = json!([task("a", "SIMPLE", "FAILED"), task("a", "SIMPLE", "COMPLETED")]);
        assert_eq!(choose(&json!({"tasks": tasks, "workflowDefinition": definition}), None), None);
        let definition = json!({"tasks": [{"taskReferenceName": "wait_for_x", "type": "EVENT"}]});
        let run = json!({"tasks": [task("wait_for_x", "EVENT", "FAILED")], "workflowDefinition": definition});
        assert_eq!(chosen(run).0, "wait_for_x");
    }

    #[test]
    fn what_the_definition_does_not_have_is_sought_in_the_list() {
        let tasks = ran("email", "FAILED");
        assert_eq!(chosen(json!({"tasks": tasks})).0, "email");
        assert_eq!(choose(&json!({"tasks": []}), None), None);
        assert_eq!(choose(&json!({}), None), None);
        let run = json!({"tasks": [task("a", "SIMPLE", "FAILED")]});
        assert_eq!((id_of(&run, "a"), id_of(&run, "b")), (Some("id-a"), None));
    }
}

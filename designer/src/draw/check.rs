//! Whether tasks stand where tasks are expected.

use serde_json::{Map, Value};

use crate::graph::{Flow, MAX_TASK_NODES, flow_of};
use crate::violation::Violations;

/// The tasks of a definition; null in place of one reads as one without members, null in place of a list as none.
pub(super) fn tasks(definition: &Value) -> Result<Vec<Value>, Violations> {
    let mut found = Violations::default();
    let mut count = 0;
    let tasks = match definition {
        Value::Object(members) => list(members.get("tasks"), "tasks", &mut count, &mut found),
        _ => {
            found.add("definition_shape", None, "the definition is no JSON object");
            Vec::new()
        }
    };
    if count > MAX_TASK_NODES {
        let message = format!("the definition has {count} tasks, more than {MAX_TASK_NODES}");
        found.add("too_many_tasks", None, message);
    }
    found.into_result().map(|()| tasks)
}

fn list(tasks: Option<&Value>, place: &str, count: &mut usize, found: &mut Violations) -> Vec<Value> {
    let tasks = match tasks {
        None | Some(Value::Null) => return Vec::new(),
        Some(Value::Array(tasks)) => tasks,
        Some(_) => {
            found.add("definition_shape", None, format!("{place} is no list of tasks"));
            return Vec::new();
        }
    };
    *count += tasks.len();
    let mut read = Vec::with_capacity(tasks.len());
    for (at, task) in tasks.iter().enumerate() {
        let place = format!("{place}[{at}]");
        match task {
            Value::Null => read.push(Value::Object(Map::new())),
            Value::Object(members) => {
                bodies(members, &place, count, found);
                read.push(task.clone());
            }
            _ => found.add("definition_shape", None, format!("{place} is no task")),
        }
    }
    read
}

/// The bodies are only looked at: what is wrong in them is refused, so they can be taken as they are.
fn bodies(task: &Map<String, Value>, place: &str, count: &mut usize, found: &mut Violations) {
    match flow_of(task) {
        Flow::Switch => {
            match task.get("decisionCases") {
                None | Some(Value::Null) => {}
                Some(Value::Object(cases)) => {
                    for (case, tasks) in cases {
                        list(Some(tasks), &format!("{place}.decisionCases.{case}"), count, found);
                    }
                }
                Some(_) => {
                    found.add("definition_shape", None, format!("{place}.decisionCases is no JSON object"));
                }
            }
            list(task.get("defaultCase"), &format!("{place}.defaultCase"), count, found);
        }
        Flow::Fork => match task.get("forkTasks") {
            None | Some(Value::Null) => {}
            Some(Value::Array(branches)) => {
                for (at, branch) in branches.iter().enumerate() {
                    list(Some(branch), &format!("{place}.forkTasks[{at}]"), count, found);
                }
            }
            Some(_) => {
                found.add("definition_shape", None, format!("{place}.forkTasks is no list of branches"))
            }
        },
        Flow::Loop => drop(list(task.get("loopOver"), &format!("{place}.loopOver"), count, found)),
        Flow::Join | Flow::Terminate | Flow::Plain => {}
    }
}

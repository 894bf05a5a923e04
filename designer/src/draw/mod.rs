//! The graph of a definition: the way back from [`crate::convert`].
//!
//! ```text
//! definition ── check ──> its tasks ── build ──> nodes, edges, places on the canvas
//! a previous graph ── previous: nodes that still make the same tasks ──┘
//! ```
//!
//! Each task becomes a node of kind `task` with everything that it says; branches become edges, the body of a loop its
//! children. Nodes that were drawn before keep their kind, data and position as long as they make the same tasks.

mod build;
mod check;
mod previous;

use serde_json::{Map, Value};

use crate::graph::{OWN, Options, convert};
use crate::violation::Violations;
use build::Drawing;
use previous::Keep;

/// Draws a definition.
///
/// `convert(draw(d)) == d`, except that members of the definition that are null, a null `joinOn` behind a fork and null
/// in place of a task are left out or empty, and the order of the definition's own members. Definitions that no engine
/// takes (a FORK_JOIN without its JOIN, tasks without a reference) are drawn too; `convert` says what is wrong with them.
/// Ids of nodes are the tasks' references, or those of `previous` for nodes that are there too.
///
/// # Errors
/// Where tasks are expected and something else stands; more than 5,000 tasks.
pub fn draw(definition: &Value, previous: Option<&Value>) -> Result<Value, Violations> {
    let tasks = check::tasks(definition)?;
    let members = definition.as_object().cloned().unwrap_or_default();
    let previous = previous.filter(|graph| graph.is_object());
    if let Some(graph) = previous.and_then(|graph| previous::patched(graph, &tasks)) {
        return Ok(with_members(graph, &members));
    }
    let mut keep = previous.map(|graph| Keep::of(graph, &tasks)).unwrap_or_default();
    loop {
        let drawing = Drawing::of(&tasks, &keep);
        let mut graph = previous.and_then(Value::as_object).cloned().unwrap_or_default();
        graph.insert("nodes".to_owned(), drawing.nodes.into());
        graph.insert("edges".to_owned(), drawing.edges.into());
        if !keep.drop_what_changed(&graph, &tasks) {
            return Ok(with_members(graph, &members));
        }
    }
}

/// What every definition that a graph becomes has, unless the graph says otherwise.
fn usual(graph: &Map<String, Value>) -> Map<String, Value> {
    let members = |graph: &Value| convert(graph, &Options::default()).ok()?.as_object().cloned();
    // a graph that cannot be converted gets the members of one that can
    members(&Value::Object(graph.clone())).or_else(|| {
        let task = serde_json::json!({"nodes": [{"id": "n", "type": "task", "data": {"task": {"taskReferenceName": "n"}}}]});
        let mut other = graph.clone();
        other.extend(task.as_object()?.clone());
        other.remove("edges");
        members(&other.into())
    }).unwrap_or_default()
}

/// The graph with the members of the definition: its own ones, and the others in `definition`, where null says that what
/// a graph usually becomes is left out.
fn with_members(mut graph: Map<String, Value>, members: &Map<String, Value>) -> Value {
    for name in OWN.into_iter().chain(["definition"]) {
        graph.shift_remove(name);
    }
    let mut own = Map::new();
    for name in OWN {
        let said = members.get(name).filter(|value| match name {
            "version" => value.as_i64().is_some_and(|number| (1..=i64::from(i32::MAX)).contains(&number)),
            _ => value.as_str().is_some_and(|text| !text.trim().is_empty()),
        });
        own.extend(said.map(|value| (name.to_owned(), value.clone())));
    }
    own.extend(graph);
    let usual = usual(&own);
    let mut extra = Map::new();
    for (name, value) in members.iter().filter(|(name, value)| *name != "tasks" && !value.is_null()) {
        if usual.get(name) != Some(value) {
            extra.insert(name.clone(), value.clone());
        }
    }
    for name in usual.keys().filter(|name| *name != "tasks") {
        if members.get(name).is_none_or(Value::is_null) {
            extra.insert(name.clone(), Value::Null);
        }
    }
    if !extra.is_empty() {
        own.insert("definition".to_owned(), extra.into());
    }
    own.into()
}

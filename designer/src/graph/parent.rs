//! Which nodes lie in the body of which loop.

use std::collections::HashMap;

use serde_json::Value;

use super::read::Graph;
use super::task::Flow;
use crate::violation::Violations;

/// Sets the parents of the nodes; edges that go in or out of a loop's body are reported and dropped.
pub(super) fn read_parents(
    graph: &mut Graph,
    nodes: Option<&Value>,
    places: &HashMap<String, usize>,
    found: &mut Violations,
) {
    let list = nodes.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    for (at, value) in list.iter().enumerate().take(graph.nodes.len()) {
        let parent = match value.get("parentId") {
            None | Some(Value::Null) => continue,
            Some(parent) => parent,
        };
        let id = graph.nodes[at].id.clone();
        let Some(place) = parent.as_str().and_then(|parent| places.get(parent)).copied() else {
            let message = format!("the parent of node {id} is {parent}, which does not exist");
            found.add("unknown_parent", Some(&id), message);
            continue;
        };
        match graph.nodes[place].task.as_ref().map(super::task::Task::flow) {
            Some(Flow::Loop) => graph.nodes[at].parent = Some(place),
            Some(_) | None => {
                let message = format!("node {id} lies in node {parent}, which is no DO_WHILE");
                found.add("unknown_parent", Some(&id), message);
            }
        }
    }
    drop_circles(graph, found);
    let mut kept = Vec::with_capacity(graph.edges.len());
    for (source, target) in &graph.edges {
        let inside = graph.nodes[*source].parent == graph.nodes[*target].parent;
        if !inside {
            let (source, target) = (&graph.nodes[*source].id, &graph.nodes[*target].id);
            let message = format!(
                "the edge from node {source} to node {target} leads into or out of the body of a DO_WHILE: \
                 only the nodes of one body can be joined"
            );
            found.add("edge_across_loop", Some(target), message);
        }
        kept.push(inside);
    }
    let mut keep = kept.iter();
    graph.edges.retain(|_| keep.next().copied().unwrap_or(true));
    let mut keep = kept.iter();
    graph.links.retain(|_| keep.next().copied().unwrap_or(true));
}

/// Loops that lie in each other would have no beginning.
fn drop_circles(graph: &mut Graph, found: &mut Violations) {
    for at in 0..graph.nodes.len() {
        let mut above = graph.nodes[at].parent;
        let mut steps = 0;
        while let Some(parent) = above.filter(|parent| *parent != at && steps <= graph.nodes.len()) {
            above = graph.nodes[parent].parent;
            steps += 1;
        }
        if above == Some(at) {
            let id = graph.nodes[at].id.clone();
            found.add("cycle", Some(&id), format!("node {id} lies in its own body"));
            graph.nodes[at].parent = None;
        }
    }
}

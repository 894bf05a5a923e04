//! The edges, and what they say about the branch that they begin.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::read::Node;
use super::task::Flow;
use crate::violation::Violations;

const MAX_EDGES: usize = 10_000;

/// What an edge says; only that of a SWITCH, DECISION or FORK_JOIN counts.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Link {
    /// The value of a SWITCH that goes this way; `None` is its default.
    pub(super) case: Option<String>,
    /// The place of the branch of a fork.
    pub(super) branch: Option<f64>,
}

#[derive(Default)]
pub(super) struct Drawn {
    pub(super) edges: Vec<(usize, usize)>,
    pub(super) links: Vec<Link>,
    pub(super) astray: HashSet<usize>,
}

/// Reads the edges between nodes that exist. Their ends are indexes of `nodes` as long as none of those is missing.
pub(super) fn read_edges(
    edges: Option<&Value>,
    nodes: &[Option<Node>],
    places: &HashMap<String, usize>,
    found: &mut Violations,
) -> Drawn {
    let mut drawn = Drawn::default();
    let list = match edges {
        None | Some(Value::Null) => return drawn,
        Some(Value::Array(list)) => list,
        Some(_) => {
            found.add("graph_shape", None, "the graph's edges are no list");
            return drawn;
        }
    };
    // long definitions have few edges for each node
    let limit = MAX_EDGES.max(nodes.len() * 4);
    if list.len() > limit {
        let message = format!("the graph has {} edges, more than {limit}", list.len());
        found.add("too_many_edges", None, message);
        return drawn;
    }
    let mut seen = HashSet::new();
    for (at, edge) in list.iter().enumerate() {
        let mut end = |side: &str| {
            let Some(id) = edge.get(side).and_then(Value::as_str) else {
                found.add("edge_shape", None, format!("edge {at} has no {side}"));
                return None;
            };
            let place = places.get(id).copied();
            if place.is_none() {
                let message = format!("the {side} of edge {at} is node {id:?}, which does not exist");
                found.add("unknown_node", Some(id), message);
            }
            place
        };
        let (source, target) = (end("source"), end("target"));
        if let (Some(source), None) = (source, target) {
            drawn.astray.insert(source);
        }
        let (Some(source), Some(target)) = (source, target) else { continue };
        let Some(link) = read_link(at, edge, nodes[source].as_ref(), found) else { continue };
        // an edge that is drawn twice says nothing new, unless it is another branch
        let branch = link.branch.map(f64::to_bits);
        if seen.insert((source, target, link.case.clone(), branch)) {
            drawn.edges.push((source, target));
            drawn.links.push(link);
        }
    }
    drawn
}

fn read_link(at: usize, edge: &Value, source: Option<&Node>, found: &mut Violations) -> Option<Link> {
    let Some((source, task)) = source.and_then(|node| Some((node, node.task.as_ref()?))) else {
        return Some(Link::default());
    };
    let (case, branch) = (&edge["data"]["case"], &edge["data"]["branch"]);
    let mut wrong = |what: &str| {
        found.add("edge_shape", Some(&source.id), format!("edge {at} from node {}: {what}", source.id));
        None
    };
    match task.flow() {
        Flow::Switch => match case {
            Value::Null => Some(Link::default()),
            Value::String(case) if case == "default" && !task.names_case(case) => Some(Link::default()),
            Value::String(case) => Some(Link { case: Some(case.clone()), branch: None }),
            _ => wrong("its case is no text"),
        },
        Flow::Fork => match branch {
            Value::Null => Some(Link::default()),
            Value::Number(number) => Some(Link { case: None, branch: number.as_f64() }),
            _ => wrong("its branch is no number"),
        },
        Flow::Loop | Flow::Terminate | Flow::Join | Flow::Plain => Some(Link::default()),
    }
}

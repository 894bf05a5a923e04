//! The graph as it is drawn, with everything that is wrong with it.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::Kind;
use crate::violation::Violations;

/// More than anybody draws; what lies above is a mistake or an attack.
const MAX_NODES: usize = 1000;
const MAX_EDGES: usize = 10_000;

pub(super) struct Graph {
    pub(super) name: String,
    pub(super) description: String,
    pub(super) owner_email: String,
    pub(super) version: Option<i64>,
    pub(super) nodes: Vec<Node>,
    /// (source, target) as indexes of `nodes`, in the order in which they were drawn.
    pub(super) edges: Vec<(usize, usize)>,
}

pub(super) struct Node {
    pub(super) id: String,
    pub(super) kind: Kind,
    pub(super) x: f64,
    pub(super) y: f64,
    data: Map<String, Value>,
}

impl Node {
    /// A text of the node's data; empty counts as absent.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.data.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
    }
}

/// The texts of a node's data that the converter reads: of another type they are reported instead of ignored.
const TEXTS: [&str; 17] = [
    "serviceName",
    "inputBucket",
    "inputKey",
    "outputUri",
    "dpserviceXml",
    "taskName",
    "topic",
    "dagId",
    "dag_id",
    "executionId",
    "execution_id",
    "matchDagId",
    "matchExecutionId",
    "matchMetadataUrl",
    "appendDagId",
    "appendExecutionId",
    "appendMetadataUrl",
];

impl Graph {
    pub(super) fn read(graph: &Value) -> Result<Self, Violations> {
        let mut found = Violations::default();
        let Some(object) = graph.as_object() else {
            found.add("graph_shape", None, "the graph is no JSON object");
            return Err(found);
        };
        let (nodes, places) = read_nodes(object.get("nodes"), &mut found);
        let edges = read_edges(object.get("edges"), &places, &mut found);
        let text = |name: &str, default: &str, found: &mut Violations| match object.get(name) {
            Some(Value::String(text)) if !text.trim().is_empty() => text.clone(),
            None | Some(Value::Null | Value::String(_)) => default.to_owned(),
            Some(Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
                found.add("graph_shape", None, format!("the graph's {name} is no text"));
                default.to_owned()
            }
        };
        let graph = Self {
            name: text("name", "poc_workflow", &mut found),
            description: text("description", "", &mut found),
            owner_email: text("ownerEmail", "designer@example.com", &mut found),
            version: read_version(object.get("version"), &mut found),
            nodes: nodes.into_iter().flatten().collect(),
            edges,
        };
        if found.0.is_empty() && graph.nodes.iter().all(|node| node.kind == Kind::EventWait) {
            found.add("no_tasks", None, "the graph has no node that makes a task");
        }
        found.into_result().map(|()| graph)
    }
}

fn read_version(version: Option<&Value>, found: &mut Violations) -> Option<i64> {
    match version {
        None | Some(Value::Null) => None,
        Some(value) => {
            let number = value.as_i64().filter(|number| (1..=i64::from(i32::MAX)).contains(number));
            if number.is_none() {
                found.add(
                    "graph_shape",
                    None,
                    format!("the graph's version {value} is not from 1 to {}", i32::MAX),
                );
            }
            number
        }
    }
}

/// The nodes in their order, `None` for one that is not usable, and where each id is.
fn read_nodes(nodes: Option<&Value>, found: &mut Violations) -> (Vec<Option<Node>>, HashMap<String, usize>) {
    let mut places = HashMap::new();
    let Some(list) = nodes.and_then(Value::as_array) else {
        found.add("graph_shape", None, "the graph's nodes are no list");
        return (Vec::new(), places);
    };
    if list.len() > MAX_NODES {
        let message = format!("the graph has {} nodes, more than {MAX_NODES}", list.len());
        found.add("too_many_nodes", None, message);
        return (Vec::new(), places);
    }
    let mut read = Vec::with_capacity(list.len());
    for (at, value) in list.iter().enumerate() {
        let id = value.get("id").and_then(Value::as_str).filter(|id| !id.is_empty());
        let Some(id) = id else {
            found.add("node_without_id", None, format!("node {at} has no id"));
            read.push(None);
            continue;
        };
        if places.insert(id.to_owned(), at).is_some() {
            found.add("duplicate_node", Some(id), format!("node {id} is there twice"));
        }
        read.push(read_node(id, value, found));
    }
    (read, places)
}

fn read_node(id: &str, value: &Value, found: &mut Violations) -> Option<Node> {
    let data = match value.get("data") {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(data)) => data.clone(),
        Some(_) => {
            found.add("node_shape", Some(id), format!("the data of node {id} is no object"));
            Map::new()
        }
    };
    for name in TEXTS {
        if data.get(name).is_some_and(|value| !value.is_string() && !value.is_null()) {
            found.add("node_shape", Some(id), format!("{name} of node {id} is no text"));
        }
    }
    let kind = value.get("type").and_then(Value::as_str).unwrap_or_default();
    let Some(kind) = Kind::of(kind) else {
        let known: Vec<&str> = Kind::ALL.iter().map(|(name, _)| *name).collect();
        let message = format!("node {id} is of kind {kind:?}, which is none of {}", known.join(", "));
        found.add("unknown_kind", Some(id), message);
        return None;
    };
    let place =
        |axis: &str| value["position"][axis].as_f64().filter(|number| number.is_finite()).unwrap_or(0.0);
    Some(Node { id: id.to_owned(), kind, x: place("x"), y: place("y"), data })
}

fn read_edges(
    edges: Option<&Value>,
    places: &HashMap<String, usize>,
    found: &mut Violations,
) -> Vec<(usize, usize)> {
    let list = match edges {
        None | Some(Value::Null) => return Vec::new(),
        Some(Value::Array(list)) => list,
        Some(_) => {
            found.add("graph_shape", None, "the graph's edges are no list");
            return Vec::new();
        }
    };
    if list.len() > MAX_EDGES {
        let message = format!("the graph has {} edges, more than {MAX_EDGES}", list.len());
        found.add("too_many_edges", None, message);
        return Vec::new();
    }
    let mut read = Vec::with_capacity(list.len());
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
        if let (Some(source), Some(target)) = (end("source"), end("target")) {
            read.push((source, target));
        }
    }
    // an edge that is drawn twice says nothing new
    let mut seen = std::collections::HashSet::new();
    read.retain(|edge| seen.insert(*edge));
    read
}

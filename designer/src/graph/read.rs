//! The graph as it is drawn, with everything that is wrong with it.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use super::Kind;
use super::link::{Link, read_edges};
use super::parent::read_parents;
use super::task::Task;
use crate::violation::Violations;

/// Nodes of the documented kinds. More than anybody draws; what lies above is a mistake or an attack.
const MAX_NODES: usize = 1000;
/// All nodes: imported definitions are longer than what people draw.
pub(crate) const MAX_TASK_NODES: usize = 5000;

pub(super) struct Graph {
    pub(super) name: String,
    pub(super) description: String,
    pub(super) owner_email: String,
    pub(super) version: Option<i64>,
    /// Members of the definition that the graph has no place for, or null for what shall be left out.
    pub(super) definition: Map<String, Value>,
    /// Those of [`OWN`] that the graph says itself.
    pub(super) own: Vec<&'static str>,
    pub(super) nodes: Vec<Node>,
    /// (source, target) as indexes of `nodes`, in the order in which they were drawn.
    pub(super) edges: Vec<(usize, usize)>,
    /// What the edges say, one for each.
    pub(super) links: Vec<Link>,
    /// Nodes with an edge to a node that does not exist.
    pub(super) astray: HashSet<usize>,
}

pub(super) struct Node {
    pub(super) id: String,
    pub(super) kind: Kind,
    pub(super) x: f64,
    pub(super) y: f64,
    /// The DO_WHILE node in whose body it lies.
    pub(super) parent: Option<usize>,
    /// What a node of kind `task` is.
    pub(super) task: Option<Task>,
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

/// A graph as far as it could be read.
pub(super) struct Read {
    pub(super) graph: Graph,
    /// Whether every node could be read, so that it makes sense to look at how they hang together.
    pub(super) is_whole: bool,
    pub(super) found: Violations,
}

impl Graph {
    /// Reads a graph as far as it can be read, with everything that is wrong with it.
    pub(super) fn read(graph: &Value) -> Read {
        let mut found = Violations::default();
        let empty = Map::from_iter([("nodes".to_owned(), Value::Array(Vec::new()))]);
        let object = graph.as_object().unwrap_or_else(|| {
            found.add("graph_shape", None, "the graph is no JSON object");
            &empty
        });
        let (nodes, places) = read_nodes(object.get("nodes"), &mut found);
        let is_whole = nodes.iter().all(Option::is_some);
        let drawn = read_edges(object.get("edges"), &nodes, &places, &mut found);
        let text = |name: &str, default: &str, found: &mut Violations| match object.get(name) {
            Some(Value::String(text)) if !text.trim().is_empty() => text.clone(),
            None | Some(Value::Null | Value::String(_)) => default.to_owned(),
            Some(Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
                found.add("graph_shape", None, format!("the graph's {name} is no text"));
                default.to_owned()
            }
        };
        let mut graph = Self {
            name: text("name", "poc_workflow", &mut found),
            description: text("description", "", &mut found),
            owner_email: text("ownerEmail", "designer@example.com", &mut found),
            version: read_version(object.get("version"), &mut found),
            definition: read_definition(object.get("definition"), &mut found),
            own: OWN.into_iter().filter(|name| says_something(object.get(*name))).collect(),
            nodes: nodes.into_iter().flatten().collect(),
            edges: drawn.edges,
            links: drawn.links,
            astray: drawn.astray,
        };
        // indexes of a list with holes would name other nodes
        if is_whole {
            read_parents(&mut graph, object.get("nodes"), &places, &mut found);
            super::task::check_references(&graph, &mut found);
        }
        if found.0.is_empty() && graph.nodes.iter().all(|node| node.kind == Kind::EventWait) {
            found.add("no_tasks", None, "the graph has no node that makes a task");
        }
        Read { graph, is_whole, found }
    }
}

/// Members of the definition that the graph has members of its own for.
pub(crate) const OWN: [&str; 4] = ["name", "description", "version", "ownerEmail"];

fn says_something(member: Option<&Value>) -> bool {
    match member {
        None | Some(Value::Null) => false,
        Some(Value::String(text)) => !text.trim().is_empty(),
        Some(_) => true,
    }
}

fn read_definition(definition: Option<&Value>, found: &mut Violations) -> Map<String, Value> {
    match definition {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(members)) => {
            if members.contains_key("tasks") {
                let why = "the graph's definition has tasks: its nodes are the tasks";
                found.add("graph_shape", None, why);
            }
            members.clone()
        }
        Some(_) => {
            found.add("graph_shape", None, "the graph's definition is no JSON object");
            Map::new()
        }
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
    let documented = list.iter().filter(|node| node["type"] != "task").count();
    let limits =
        [(documented, MAX_NODES, "nodes of the documented kinds"), (list.len(), MAX_TASK_NODES, "nodes")];
    for (count, limit, what) in limits {
        if count > limit {
            found.add("too_many_nodes", None, format!("the graph has {count} {what}, more than {limit}"));
            return (Vec::new(), places);
        }
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
    let kind = value.get("type").and_then(Value::as_str).unwrap_or_default();
    // what else the data of a task's node holds is its drawer's own
    for name in TEXTS.iter().copied().filter(|_| kind != "task") {
        if data.get(name).is_some_and(|value| !value.is_string() && !value.is_null()) {
            found.add("node_shape", Some(id), format!("{name} of node {id} is no text"));
        }
    }
    let Some(kind) = Kind::of(kind) else {
        let known: Vec<&str> = Kind::ALL.iter().map(|(name, _)| *name).collect();
        let message = format!("node {id} is of kind {kind:?}, which is none of {}", known.join(", "));
        found.add("unknown_kind", Some(id), message);
        return None;
    };
    let place =
        |axis: &str| value["position"][axis].as_f64().filter(|number| number.is_finite()).unwrap_or(0.0);
    let task = match kind {
        Kind::Task => Some(Task::read(id, data.get("task"), found)?),
        _ => None,
    };
    Some(Node { id: id.to_owned(), kind, x: place("x"), y: place("y"), parent: None, task, data })
}

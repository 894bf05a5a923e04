//! The converter from the designer's graph to a workflow definition (spec: pipeline §6.3).
//!
//! ```text
//! JSON ── read (link, parent, task) ──> Graph ── order ──> nodes in sequence ── name ──> unique names
//!    └── region: branches and bodies ── shape: sequence and forks ── tasks (files: where data lies) ──> definition
//! ```
//!
//! A graph without fan-out gives the same tasks as the existing converter, member for member and in the same order.
//! Beyond it: cycles and kinds that nobody knows are refused instead of losing nodes, a typed-in input file is used, fan-out becomes
//! FORK_JOIN, a repeated kind gets names of its own, reverse e-mail has a node, and nodes of kind `task` are any task of
//! any definition: their branches are edges, the bodies of loops their children.

mod files;
mod kind;
mod link;
mod name;
mod order;
mod parent;
mod read;
mod region;
mod shape;
mod task;
mod tasks;

use serde_json::{Map, Value, json};

use crate::violation::Violations;
use kind::Kind;
use name::Names;
use read::{Graph, Read};
pub(crate) use read::{MAX_TASK_NODES, OWN};
pub(crate) use task::{Flow, flow_of};
use tasks::Writer;

/// The run's own id, in a definition.
const RUN_ID: &str = "${workflow.workflowId}";

/// What the graph itself does not say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Version of the definition unless the graph has a `version`: the designer uses seconds since 1970.
    pub version: i64,
    /// Whether fan-out becomes FORK_JOIN. Without, branches run one after the other, as the existing converter has it.
    pub forks: bool,
    /// `bootStrapServers` of every publish task.
    pub bootstrap: String,
}

impl Default for Options {
    fn default() -> Self {
        Self { version: 1, forks: true, bootstrap: "kafka:9092".to_owned() }
    }
}

/// What became of a graph.
#[derive(Clone, Debug, PartialEq)]
pub struct Conversion {
    pub definition: Value,
    /// The reference names of the tasks that each node made, by the node's id. Tasks of no node (the forks and joins of
    /// a fan-out) are in none.
    pub nodes: Map<String, Value>,
}

/// Converts a graph to a workflow definition.
///
/// The graph is `{name?, description?, ownerEmail?, version?, definition?, nodes, edges?}` with React Flow's nodes
/// (`{id, type, position: {x, y}, data, parentId?}`) and edges (`{source, target, data?}`). Other members are ignored.
///
/// # Errors
/// Everything that is wrong with the graph: members of another shape, node ids that are missing or repeated, kinds that
/// are not known, edges to nodes that do not exist, cycles, no node that makes a task, more than 1,000 nodes (5,000 with
/// those of kind `task`), and of those what cannot be written as a tree of tasks: branches that cross or do not come
/// together, edges into a body, a case or a reference that is there twice.
pub fn convert(graph: &Value, options: &Options) -> Result<Value, Violations> {
    convert_with_nodes(graph, options).map(|made| made.definition)
}

/// [`convert`], and which node made which tasks.
///
/// # Errors
/// As [`convert`].
pub fn convert_with_nodes(graph: &Value, options: &Options) -> Result<Conversion, Violations> {
    let Read { graph, is_whole, mut found } = Graph::read(graph);
    if !is_whole {
        return Err(found);
    }
    task::check_cases(&graph, &mut found);
    let order = match order::sequence(&graph) {
        Ok(order) => order,
        Err(cycles) => {
            found.0.extend(cycles.0);
            return Err(found);
        }
    };
    let names = name::give(&graph, &order);
    let pieces = region::cut(&graph, &order, options.forks, &mut found);
    let mut writer = Writer::new(&graph, &order, &names, &options.bootstrap);
    let tasks = writer.tasks(&pieces);
    found.0.append(&mut writer.found.0);
    found.into_result()?;
    let nodes = writer.made();
    let mut definition = Map::new();
    let mut set = |name: &str, value: Value| definition.insert(name.to_owned(), value);
    set("name", graph.name.as_str().into());
    set("description", graph.description.as_str().into());
    set("version", graph.version.unwrap_or(options.version).into());
    set("tasks", tasks.into());
    set("inputParameters", json!([]));
    set("outputParameters", output_parameters(&graph, &order, &names).into());
    set("schemaVersion", 2.into());
    set("restartable", true.into());
    set("workflowStatusListenerEnabled", false.into());
    set("timeoutPolicy", "ALERT_ONLY".into());
    set("timeoutSeconds", 3600.into());
    set("ownerEmail", graph.owner_email.as_str().into());
    for (name, value) in &graph.definition {
        match value {
            // what the graph says itself may have been changed since
            _ if graph.own.contains(&name.as_str()) => {}
            Value::Null => drop(definition.shift_remove(name)),
            value => drop(definition.insert(name.clone(), value.clone())),
        }
    }
    Ok(Conversion { definition: definition.into(), nodes })
}

/// The documented kinds with the references that the only node of each makes.
pub(crate) fn documented_kinds() -> impl Iterator<Item = (&'static str, Vec<String>)> {
    Kind::ALL.into_iter().filter(|(_, kind)| *kind != Kind::Task).map(|(name, kind)| {
        let made = match (kind, kind.words()) {
            (_, Some(words)) => {
                vec![words.publish.to_owned(), format!("wait_for_{}_completion", words.wait)]
            }
            (Kind::Finalize, None) => vec!["finalize_pipeline".to_owned()],
            (Kind::WaitForResult, None) => vec!["wait_0".to_owned()],
            (_, None) => Vec::new(),
        };
        (name, made)
    })
}

fn output_parameters(graph: &Graph, order: &[usize], names: &[Names]) -> Map<String, Value> {
    if graph.nodes.iter().all(|node| node.kind == Kind::Task) {
        return Map::new();
    }
    let last_file = order.iter().rev().find(|at| graph.nodes[**at].kind.is_file());
    let result = last_file.map(|at| files::output_key(&names[*at])).unwrap_or_default();
    let mut parameters = Map::new();
    parameters.insert("pipeline_result".into(), result.into());
    parameters.insert("workflow_id".into(), RUN_ID.into());
    parameters.insert("workflowId".into(), RUN_ID.into());
    for at in order {
        let names = &names[*at];
        if let Some(parameter) = &names.output_parameter {
            parameters.insert(parameter.clone(), format!("${{{}.output}}", names.last()).into());
        }
    }
    parameters
}

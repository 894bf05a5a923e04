//! The converter from the designer's graph to a workflow definition (spec: pipeline §6.3).
//!
//! ```text
//! JSON ── read ──> Graph ── order ──> nodes in sequence ── name ──> unique names
//!                    └── shape ──> sequence and forks ── tasks (files: where data lies) ──> definition
//! ```
//!
//! A graph without fan-out gives the same tasks as the existing converter, member for member and in the same order.
//! Beyond it: cycles and kinds that nobody knows are refused instead of losing nodes, a typed-in input file is used, fan-out becomes
//! FORK_JOIN, a repeated kind gets names of its own, and reverse e-mail has a node.

mod files;
mod kind;
mod name;
mod order;
mod read;
mod shape;
mod tasks;

use serde_json::{Map, Value, json};

use crate::violation::Violations;
use kind::Kind;
use name::Names;
use read::Graph;
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

/// Converts a graph to a workflow definition.
///
/// The graph is `{name?, description?, ownerEmail?, version?, nodes, edges?}` with React Flow's nodes
/// (`{id, type, position: {x, y}, data}`) and edges (`{source, target}`). Other members are ignored.
///
/// # Errors
/// Everything that is wrong with the graph: members of another shape, node ids that are missing or repeated, kinds that
/// are not known, edges to nodes that do not exist, cycles, no node that makes a task, more than 1,000 nodes.
pub fn convert(graph: &Value, options: &Options) -> Result<Value, Violations> {
    let graph = Graph::read(graph)?;
    let order = order::sequence(&graph)?;
    let names = name::give(&graph, &order);
    let pieces = shape::shape(&graph, &order, options.forks);
    let writer = Writer { graph: &graph, order: &order, names: &names, bootstrap: &options.bootstrap };
    Ok(json!({
        "name": graph.name,
        "description": graph.description,
        "version": graph.version.unwrap_or(options.version),
        "tasks": writer.tasks(&pieces),
        "inputParameters": [],
        "outputParameters": output_parameters(&graph, &order, &names),
        "schemaVersion": 2,
        "restartable": true,
        "workflowStatusListenerEnabled": false,
        "timeoutPolicy": "ALERT_ONLY",
        "timeoutSeconds": 3600,
        "ownerEmail": graph.owner_email,
    }))
}

fn output_parameters(graph: &Graph, order: &[usize], names: &[Names]) -> Map<String, Value> {
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

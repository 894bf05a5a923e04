//! A definition made ready for decisions.
//!
//! ```text
//! WorkflowDef + task definitions --snapshot()--> Snapshot --Plan::compile--> Plan
//! ```
//!
//! A [`Snapshot`] is what a run keeps from its start to its end: later changes of the metadata do not touch it.
//! A [`Plan`] is that snapshot with everything worked out that does not depend on a run: what follows each task, which
//! JOINs wait for it, its retries and time-outs, its templates in compiled form.

mod branches;
mod compile;
mod graph;
mod inline;
mod node;
mod snapshot;

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use crate::def::{TaskConfig, WorkflowDef};
use crate::expr::Template;
use crate::payload::Payload;
use crate::run::SnapshotHash;
use crate::schema::Schemas;
use crate::time::Span;

pub(crate) use branches::{Branches, FORKED_TASKS};
pub(crate) use compile::{compile_branches, with_fallback};
pub use graph::{Flow, FlowGraph};
pub use inline::InlineDefinition;
pub use node::{Input, Node, NodeIx, NodeRef, RetryRule, TimeoutRule};
pub use snapshot::{Snapshot, pin_latest, snapshot, unpinned};

/// A compiled snapshot: immutable, shared, cached by its hash.
#[derive(Debug)]
pub struct Plan {
    /// SHA-256 of [`Snapshot::text`].
    pub hash: SnapshotHash,
    def: WorkflowDef,
    nodes: Vec<Node>,
    by_ref: HashMap<Arc<str>, NodeIx>,
    first: Option<NodeIx>,
    top: Vec<NodeIx>,
    graph: FlowGraph,
    output: Option<Template>,
    /// Time-out of the run, if it ends the run.
    timeout: Option<Span>,
    permissive: bool,
    may_terminate: bool,
    /// Has any task something to tell when its state changes?
    state_changes: bool,
    schemas: Option<Schemas>,
    def_text: OnceLock<String>,
}

impl Plan {
    /// The definition with its task definitions embedded.
    pub fn def(&self) -> &WorkflowDef {
        &self.def
    }

    /// The definition as wire JSON, task definitions embedded.
    pub fn def_text(&self) -> &str {
        self.def_text
            .get_or_init(|| serde_json::to_string(&self.def).expect("a definition always has a JSON text"))
    }

    /// The task of the definition with this reference name, at any depth.
    pub fn config(&self, base_ref: &str) -> Option<&TaskConfig> {
        self.node_of(base_ref).map(|n| &n.config)
    }

    /// [`Plan::config`] as wire JSON.
    pub fn config_text(&self, base_ref: &str) -> Option<&str> {
        self.node_of(base_ref).map(Node::config_text)
    }

    /// The task definition of this reference as wire JSON.
    pub fn task_def_text(&self, base_ref: &str) -> Option<&str> {
        self.node_of(base_ref).and_then(Node::task_def_text)
    }

    pub fn has_failure_workflow(&self) -> bool {
        self.def.failure_workflow.as_deref().is_some_and(|name| !name.trim().is_empty())
    }

    /// The node of a reference name of the definition (without a loop's suffix).
    pub fn node_of(&self, base_ref: &str) -> Option<&Node> {
        self.by_ref.get(base_ref).map(|ix| self.node(*ix))
    }

    pub fn node(&self, ix: NodeIx) -> &Node {
        &self.nodes[ix.index()]
    }

    /// All nodes, outer before inner, in the order of the definition.
    pub fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter()
    }

    /// The first task of the definition.
    pub fn first(&self) -> Option<NodeIx> {
        self.first
    }

    /// The tasks of the outermost list.
    pub fn top(&self) -> &[NodeIx] {
        &self.top
    }

    /// Which task can lead to which: an acyclic graph over all nodes.
    pub fn graph(&self) -> &FlowGraph {
        &self.graph
    }

    /// `outputParameters` in compiled form; `None` if there are none.
    pub fn output(&self) -> Option<&Template> {
        self.output.as_ref()
    }

    /// After how long a run ends as TIMED_OUT; `None` if it never does.
    pub fn timeout(&self) -> Option<Span> {
        self.timeout
    }

    /// Can a TERMINATE task be among the tasks of a run?
    pub(crate) fn may_terminate(&self) -> bool {
        self.may_terminate
    }

    /// Why a run may not begin with this input.
    pub(crate) fn input_fault(&self, input: &Payload) -> Option<String> {
        self.schemas.as_ref()?.input_fault(&self.label(), input)
    }

    /// Why a run may not complete with this output.
    pub(crate) fn output_fault(&self, output: &Payload) -> Option<String> {
        self.schemas.as_ref()?.output_fault(&self.label(), output)
    }

    fn label(&self) -> String {
        format!("workflow {}", self.def.name.as_deref().unwrap_or_default())
    }

    /// Does a task of the definition tell of its changes of state (`onStateChange`)?
    pub(crate) fn has_state_changes(&self) -> bool {
        self.state_changes
    }

    /// Has any task the `permissive` mark (without `optional`)?
    pub fn has_permissive(&self) -> bool {
        self.permissive
    }
}

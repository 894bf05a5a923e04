//! Which task can lead to which.

use petgraph::algo::{has_path_connecting, toposort};
use petgraph::graph::{DiGraph, NodeIndex};

use super::node::NodeIx;

/// Why one task can follow another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// The one follows when the other ends.
    Next,
    /// The first of a branch, case or loop body.
    Into,
    /// A JOIN that names the other.
    Joins,
}

/// The flow of a definition. A loop's body is a region below its loop, without an edge back, so the graph stays acyclic.
#[derive(Debug, Default)]
pub struct FlowGraph(DiGraph<NodeIx, Flow>);

impl FlowGraph {
    pub(super) fn new(nodes: usize) -> Self {
        let mut graph = DiGraph::with_capacity(nodes, nodes * 2);
        for index in 0..nodes {
            graph.add_node(NodeIx::new(index));
        }
        FlowGraph(graph)
    }

    pub(super) fn connect(&mut self, from: NodeIx, to: NodeIx, flow: Flow) {
        self.0.add_edge(at(from), at(to), flow);
    }

    /// All nodes so that each comes after those that can lead to it; `None` if some lead to themselves.
    pub fn order(&self) -> Option<Vec<NodeIx>> {
        let order = toposort(&self.0, None).ok()?;
        Some(order.into_iter().filter_map(|ix| self.0.node_weight(ix).copied()).collect())
    }

    /// Can `from` lead to `to`, directly or over others?
    pub fn leads_to(&self, from: NodeIx, to: NodeIx) -> bool {
        has_path_connecting(&self.0, at(from), at(to), None)
    }

    /// What can follow a task directly, and why.
    pub fn after(&self, from: NodeIx) -> impl Iterator<Item = (NodeIx, Flow)> + '_ {
        use petgraph::visit::EdgeRef as _;
        self.0.edges(at(from)).filter_map(|e| Some((self.0.node_weight(e.target()).copied()?, *e.weight())))
    }
}

fn at(ix: NodeIx) -> NodeIndex {
    NodeIndex::new(ix.index())
}

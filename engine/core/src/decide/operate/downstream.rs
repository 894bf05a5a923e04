//! What comes after a task: the rows that a rerun from it takes away.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::Value;

use crate::id::TaskNo;
use crate::plan::{Node, NodeIx, Plan};
use crate::run::RunState;
use crate::task::{TaskState, TaskStatus};

/// The part of a run that comes after some of its rows.
pub(super) struct Downstream<'a> {
    plan: &'a Plan,
    run: &'a RunState,
    /// Every task of the definition that can follow one of the roots.
    after: HashSet<NodeIx>,
    /// The tasks of the roots themselves.
    roots: HashSet<NodeIx>,
}

impl<'a> Downstream<'a> {
    pub(super) fn of(plan: &'a Plan, run: &'a RunState, roots: &[Arc<TaskState>]) -> Self {
        let mut all = Downstream { plan, run, after: HashSet::new(), roots: HashSet::new() };
        for root in roots {
            match plan.node_of(root.base_ref()) {
                Some(node) => {
                    all.roots.insert(node.ix);
                    all.follow(node.ix);
                }
                // a branch that the definition does not know leads to the JOIN that waits for it
                None => {
                    for join in joins_of(plan, run, &root.ref_name) {
                        all.after.insert(join);
                        all.follow(join);
                    }
                }
            }
        }
        all
    }

    fn follow(&mut self, from: NodeIx) {
        let mut open = vec![from];
        while let Some(ix) = open.pop() {
            for (next, _) in self.plan.graph().after(ix) {
                if self.after.insert(next) {
                    open.push(next);
                }
            }
        }
    }

    /// Does the row come after one of the roots?
    pub(super) fn has(&self, row: &TaskState) -> bool {
        if row.status == TaskStatus::Skipped {
            return false;
        }
        match self.plan.node_of(row.base_ref()) {
            Some(node) => self.after.contains(&node.ix),
            None => self.fork_of_branch(&row.ref_name).is_some_and(|fork| self.is_fresh(fork)),
        }
    }

    /// Is this JOIN after the roots while its fork stays? Then it waits again, for branches old and new.
    pub(super) fn waits_again(&self, row: &TaskState) -> bool {
        let Some(node) = self.plan.node_of(row.base_ref()) else { return false };
        if !node.kind.joins() || !self.after.contains(&node.ix) {
            return false;
        }
        let fork = self.plan.nodes().find(|n| n.next == Some(node.ix) && is_fork(n));
        fork.is_some_and(|fork| !self.is_fresh(fork.ix) && self.run.tasks.latest(&fork.ref_name).is_some())
    }

    fn is_fresh(&self, ix: NodeIx) -> bool {
        self.after.contains(&ix) || self.roots.contains(&ix)
    }

    fn fork_of_branch(&self, ref_name: &str) -> Option<NodeIx> {
        let forks = self.run.tasks.iter().filter(|t| names(t, "forkedTasks", ref_name));
        forks.filter_map(|fork| self.plan.node_of(fork.base_ref())).map(|node| node.ix).last()
    }
}

fn is_fork(node: &Node) -> bool {
    matches!(node.kind.name(), "FORK_JOIN" | "FORK_JOIN_DYNAMIC")
}

fn joins_of(plan: &Plan, run: &RunState, ref_name: &str) -> Vec<NodeIx> {
    let joins = run.tasks.iter().filter(|t| names(t, "joinOn", ref_name));
    joins.filter_map(|join| plan.node_of(join.base_ref())).map(|node| node.ix).collect()
}

/// Does a list in the input of the row name this reference?
fn names(row: &TaskState, member: &str, ref_name: &str) -> bool {
    let list = row.input.get(member).and_then(Value::as_array);
    list.is_some_and(|list| list.iter().any(|name| name.as_str() == Some(ref_name)))
}

/// The rows without those that come after others of them.
pub(super) fn outermost(plan: &Plan, run: &RunState, rows: Vec<TaskNo>) -> Vec<Arc<TaskState>> {
    let rows: Vec<Arc<TaskState>> = rows.iter().filter_map(|no| run.tasks.get(*no).cloned()).collect();
    let behind = |row: &Arc<TaskState>| {
        rows.iter().any(|other| {
            other.no != row.no && Downstream::of(plan, run, std::slice::from_ref(other)).has(row)
        })
    };
    let kept: Vec<bool> = rows.iter().map(|row| !behind(row)).collect();
    rows.into_iter().zip(kept).filter_map(|(row, kept)| kept.then_some(row)).collect()
}

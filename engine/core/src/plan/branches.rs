//! Tasks that no definition has: the branches that dynamic forks brought into a run.
//!
//! The row of a dynamic fork keeps the tasks that it made (`forkedTaskDefs` of its input). From there they are compiled
//! again whenever the run is read, so nothing else has to be stored about them.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde_json::Value;

use super::compile::compile_branches;
use super::node::{Node, NodeIx};
use crate::def::TaskConfig;
use crate::id::TaskNo;
use crate::task::TaskState;

/// Member of a dynamic fork's input that has its branches as tasks.
pub(crate) const FORKED_TASKS: &str = "forkedTaskDefs";

/// The branches of one run. Grows only: what a fork made before it was run again is never asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Branches {
    nodes: Vec<Arc<Node>>,
    /// By reference as the rows have it, with the suffix of the loop.
    by_row: HashMap<Arc<str>, usize>,
    /// By reference alone; the latest wins.
    by_ref: HashMap<Arc<str>, usize>,
    forks: HashSet<TaskNo>,
    /// Has one of them something to tell when its state changes?
    pub(crate) state_changes: bool,
}

impl Branches {
    /// Takes in what a row brought, if it is a dynamic fork that is new here.
    pub(crate) fn take_in(&mut self, row: &TaskState) {
        if &*row.task_type != "FORK"
            || !row.input.text().contains(FORKED_TASKS)
            || self.forks.contains(&row.no)
        {
            return;
        }
        let Some(Value::Array(tasks)) = row.input.get(FORKED_TASKS) else { return };
        let configs: Vec<TaskConfig> =
            tasks.iter().filter_map(|task| serde_json::from_value(task.clone()).ok()).collect();
        self.forks.insert(row.no);
        let suffix = &row.ref_name[row.base_ref().len()..];
        for node in compile_branches(&configs, self.nodes.len(), row.base_ref()) {
            let at = self.nodes.len();
            self.state_changes |= !node.config.on_state_change.is_empty();
            self.by_row.insert(format!("{}{suffix}", node.ref_name).into(), at);
            self.by_ref.insert(node.ref_name.clone(), at);
            self.nodes.push(node);
        }
    }

    /// Has the run come to a dynamic fork?
    pub(crate) fn any_fork(&self) -> bool {
        !self.forks.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    pub(crate) fn get(&self, ix: NodeIx) -> Option<&Arc<Node>> {
        self.nodes.get(ix.index())
    }

    pub(crate) fn of_row(&self, row: &TaskState) -> Option<&Arc<Node>> {
        let at = self.by_row.get(&row.ref_name).or_else(|| self.by_ref.get(row.base_ref()))?;
        self.nodes.get(*at)
    }
}

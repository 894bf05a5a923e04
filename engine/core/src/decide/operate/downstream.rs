//! What comes after a task: the rows that a rerun from it takes away.
//!
//! Outside of loops that is what the flow can come to from there. In a loop it is that within the same pass, all later
//! passes, and what comes after the loop; the loop itself stays and goes back to the pass. So on outwards, loop by loop.

use std::collections::HashSet;
use std::sync::Arc;

use crate::decide::Turn;
use crate::decide::place::Place;
use crate::id::TaskNo;
use crate::plan::{Node, NodeIx};
use crate::task::{TaskState, TaskStatus};

/// The part of a run that comes after some of its rows.
pub(super) struct Downstream<'t, 'a> {
    turn: &'t Turn<'a>,
    levels: Vec<Level>,
    passes: Vec<Pass>,
    /// The tasks of the roots themselves.
    roots: HashSet<NodeIx>,
}

/// Tasks that come after a root, or after a loop around it, for rows that stand at a place or inside of it.
struct Level {
    after: HashSet<NodeIx>,
    place: Place,
}

/// A loop around a root, and the pass that it goes back to.
struct Pass {
    around: NodeIx,
    row: Option<TaskNo>,
    outside: Place,
    iteration: i32,
}

impl<'t, 'a> Downstream<'t, 'a> {
    pub(super) fn of(turn: &'t Turn<'a>, roots: &[Arc<TaskState>]) -> Self {
        let mut all = Downstream { turn, levels: Vec::new(), passes: Vec::new(), roots: HashSet::new() };
        for root in roots {
            let Some(node) = turn.node_of_row(root) else { continue };
            let mut place = Place::of(root, &node.ref_name);
            all.roots.insert(node.ix);
            let mut after = HashSet::new();
            match all.fork_of(&node) {
                // a branch that the definition does not have leads to what follows its fork
                Some(fork) => {
                    if let Some(join) = turn.plan.node(fork).next {
                        after.insert(join);
                        all.follow(join, &mut after);
                    }
                }
                None => all.follow(node.ix, &mut after),
            }
            all.levels.push(Level { after, place: place.clone() });
            let mut inner = all.loop_around(&node);
            while let Some(around) = inner {
                let (outside, iteration) = (place.outside(), place.iteration);
                let name = outside.name(&turn.plan.node(around).ref_name);
                let row = turn.run.tasks.latest(&name).map(|row| row.no);
                all.passes.push(Pass { around, row, outside: outside.clone(), iteration });
                let mut after = HashSet::new();
                all.follow(around, &mut after);
                after.retain(|ix| !all.is_inside(turn.plan.node(*ix), around));
                all.levels.push(Level { after, place: outside.clone() });
                place = outside;
                inner = turn.plan.node(around).in_loop;
            }
        }
        all
    }

    fn follow(&self, from: NodeIx, after: &mut HashSet<NodeIx>) {
        let mut open = vec![from];
        while let Some(ix) = open.pop() {
            for (next, _) in self.turn.plan.graph().after(ix) {
                if after.insert(next) {
                    open.push(next);
                }
            }
        }
    }

    /// The loops around the roots that go back, each with the earliest of its passes.
    pub(super) fn loops(&self) -> Vec<(TaskNo, i32)> {
        let mut loops: Vec<(TaskNo, i32)> = Vec::new();
        for pass in &self.passes {
            let Some(no) = pass.row else { continue };
            match loops.iter_mut().find(|(known, _)| *known == no) {
                Some((_, iteration)) => *iteration = pass.iteration.min(*iteration),
                None => loops.push((no, pass.iteration)),
            }
        }
        loops
    }

    /// Does the row come after one of the roots?
    pub(super) fn has(&self, row: &TaskState) -> bool {
        if row.status == TaskStatus::Skipped {
            return false;
        }
        let Some(node) = self.turn.node_of_row(row) else { return false };
        let place = Place::of(row, &node.ref_name);
        if self.passes.iter().any(|pass| self.is_later(&node, &place, pass)) {
            return true;
        }
        let fork = self.fork_of(&node);
        let ix = fork.unwrap_or(node.ix);
        let here =
            self.levels.iter().any(|level| level.after.contains(&ix) && is_within(&place, &level.place));
        // with its fork all branches are made anew; what a root has inside of itself goes with it
        here || fork.is_some_and(|fork| self.roots.contains(&fork) || self.is_part_of_root(&node))
    }

    /// Is this JOIN after the roots while its fork stays? Then it waits again, for branches old and new.
    pub(super) fn waits_again(&self, row: &TaskState) -> bool {
        let Some(node) = self.turn.node_of_row(row) else { return false };
        if !node.kind.joins() || !self.has(row) {
            return false;
        }
        let plan = self.turn.plan;
        let Some(fork) = plan.nodes().find(|n| n.next == Some(node.ix) && is_fork(n)) else { return false };
        let place = Place::of(row, &node.ref_name);
        let fork_row = self.turn.run.tasks.latest(&place.name(&fork.ref_name));
        fork_row.is_some_and(|row| !self.roots.contains(&fork.ix) && !self.has(row))
    }

    fn is_later(&self, node: &Node, place: &Place, pass: &Pass) -> bool {
        let around = self.fork_of(node).map_or_else(
            || self.is_inside(node, pass.around),
            |fork| self.is_inside(self.turn.plan.node(fork), pass.around),
        );
        let outer = pass.outside.suffix();
        let mark = if outer.is_empty() { "__" } else { "_" };
        let rest = place.suffix().strip_prefix(&**outer).and_then(|rest| rest.strip_prefix(mark));
        let number = rest.and_then(|rest| rest.split('_').next()).and_then(|n| n.parse::<i32>().ok());
        around && number.is_some_and(|number| number > pass.iteration)
    }

    /// The dynamic fork that made this task, if one did.
    fn fork_of(&self, node: &Node) -> Option<NodeIx> {
        let fork = node.fork.as_deref().filter(|_| node.ix.is_branch())?;
        self.turn.plan.node_of(fork).map(|fork| fork.ix)
    }

    fn loop_around(&self, node: &Node) -> Option<NodeIx> {
        match self.fork_of(node) {
            Some(fork) => self.turn.plan.node(fork).in_loop,
            None => node.in_loop,
        }
    }

    fn is_inside(&self, node: &Node, around: NodeIx) -> bool {
        let mut inner = node.in_loop;
        while let Some(ix) = inner {
            if ix == around {
                return true;
            }
            inner = self.turn.plan.node(ix).in_loop;
        }
        false
    }

    fn is_part_of_root(&self, node: &Node) -> bool {
        let mut parent = node.parent;
        while let Some(ix) = parent {
            if self.roots.contains(&ix) {
                return true;
            }
            parent = self.turn.node(ix).and_then(|node| node.parent);
        }
        false
    }
}

fn is_fork(node: &Node) -> bool {
    matches!(node.kind.name(), "FORK_JOIN" | "FORK_JOIN_DYNAMIC")
}

/// Is a place another one, or inside of it?
fn is_within(place: &Place, outer: &Place) -> bool {
    let rest = place.suffix().strip_prefix(&**outer.suffix());
    rest.is_some_and(|rest| outer.suffix().is_empty() || rest.is_empty() || rest.starts_with('_'))
}

/// The rows without those that come after others of them.
pub(super) fn outermost(turn: &Turn<'_>, rows: Vec<TaskNo>) -> Vec<Arc<TaskState>> {
    let rows: Vec<Arc<TaskState>> = rows.iter().filter_map(|no| turn.run.tasks.get(*no).cloned()).collect();
    let behind = |row: &Arc<TaskState>| {
        rows.iter()
            .any(|other| other.no != row.no && Downstream::of(turn, std::slice::from_ref(other)).has(row))
    };
    rows.iter().filter(|row| !behind(row)).cloned().collect()
}

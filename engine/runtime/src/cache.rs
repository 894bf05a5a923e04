//! The runs that a writer keeps in memory, bounded by count and bytes.
//!
//! A copy here only saves a read. Whether it is current is decided by the version guard of the next write.
//!
//! A full cache drops any run, not the one unused for longest: tasks are handed out oldest first, so with a backlog
//! larger than the cache the least recently used run is always the next one wanted, and nothing would ever be found.

use std::collections::HashMap;
use std::sync::Arc;

use podium_core::{Plan, RunId, RunState, TaskNo, TaskState};

use crate::entropy::random;
use crate::messages::{RunBrief, TaskView};

/// Turns after one that asked for something in which it is likely to happen again.
pub(crate) const LIKELY: u8 = 8;

/// A run as some committed version left it. Boxed wherever it goes: it is large and changes hands often.
#[derive(Clone)]
pub(crate) struct CachedRun {
    pub(crate) state: RunState,
    pub(crate) plan: Arc<Plan>,
    /// Created by this writer and in its cache ever since: this node wrote every version of it.
    pub(crate) own: bool,
    /// For so many turns a copy is kept, because a decision that asks for a script or a definition leaves its run half
    /// changed: reading a run of a thousand tasks again costs a hundred times as much.
    pub(crate) keeps_copy: u8,
}

impl CachedRun {
    /// A task of this run as callers see it.
    pub(crate) fn view(&self, no: TaskNo) -> Option<TaskView> {
        view(&self.state, &self.plan, no)
    }
}

/// A task with what is needed to show it.
pub(crate) fn view(state: &RunState, plan: &Arc<Plan>, no: TaskNo) -> Option<TaskView> {
    let task = state.tasks.get(no)?.clone();
    let run = RunBrief {
        id: state.head.id,
        name: state.head.name.clone(),
        correlation_id: state.head.correlation_id.clone(),
        priority: state.head.priority,
    };
    let branch = state.branch_of(plan, &task);
    Some(TaskView { run, task, plan: plan.clone(), branch })
}

struct Entry {
    run: Box<CachedRun>,
    bytes: usize,
    /// Where its id stands in `ids`.
    place: usize,
}

pub(crate) struct Cache {
    runs: HashMap<RunId, Entry>,
    ids: Vec<RunId>,
    bytes: usize,
    max_runs: usize,
    max_bytes: usize,
}

impl Cache {
    pub(crate) fn new(max_runs: usize, max_bytes: usize) -> Self {
        Cache { runs: HashMap::new(), ids: Vec::new(), bytes: 0, max_runs, max_bytes }
    }

    /// Takes a run out for a turn; put it back after the commit.
    pub(crate) fn take(&mut self, id: RunId) -> Option<Box<CachedRun>> {
        let entry = self.runs.remove(&id)?;
        self.bytes -= entry.bytes;
        self.ids.swap_remove(entry.place);
        if let Some(moved) = self.ids.get(entry.place).and_then(|id| self.runs.get_mut(id)) {
            moved.place = entry.place;
        }
        Some(entry.run)
    }

    pub(crate) fn put(&mut self, run: Box<CachedRun>) {
        let bytes = estimate(&run.state);
        // one huge run must not throw everything else out
        if bytes > self.max_bytes / 4 {
            return;
        }
        let id = run.state.head.id;
        self.take(id);
        while self.runs.len() >= self.max_runs.max(1) || self.bytes + bytes > self.max_bytes {
            let Some(any) = self.ids.get(random() as usize % self.ids.len().max(1)).copied() else { break };
            self.take(any);
        }
        self.runs.insert(id, Entry { run, bytes, place: self.ids.len() });
        self.ids.push(id);
        self.bytes += bytes;
    }

    pub(crate) fn len(&self) -> usize {
        self.runs.len()
    }
}

/// Bytes that a run takes, about. Payloads shared between rows count in each: too much, never too little.
fn estimate(state: &RunState) -> usize {
    const ROW: usize = 512;
    // a wide run is measured by a sample: its rows are alike, but for one such as its JOIN, which lists all others
    const SAMPLE: usize = 16;
    let tasks = state.tasks.len();
    let (mut sampled, mut largest) = (0, 0);
    for bytes in state.tasks.iter().rev().take(SAMPLE).map(|t| task_bytes(t)) {
        sampled += bytes;
        largest = largest.max(bytes);
    }
    let rows =
        if tasks <= SAMPLE { sampled } else { largest + (sampled - largest) / (SAMPLE - 1) * (tasks - 1) };
    let head =
        state.head.input.size_bytes() + state.head.output.size_bytes() + state.head.variables.size_bytes();
    2 * ROW + head + rows + state.parked.iter().map(|p| ROW + p.event.data.len()).sum::<usize>()
}

fn task_bytes(task: &TaskState) -> usize {
    // parsed payloads take about three times their text
    512 + 3 * (task.input.size_bytes() + task.output.size_bytes())
}

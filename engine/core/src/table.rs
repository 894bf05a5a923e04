//! The tasks of a run.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::id::TaskNo;
use crate::plan::Branches;
use crate::task::TaskState;

/// The passes of a loop that have ended, by their numbers, with the outputs of their tasks. Shared, so that a copy of a
/// run with a long loop costs little.
pub(crate) type Passes = Arc<Vec<(i32, Arc<Map<String, Value>>)>>;

/// The tasks of a run, by number, with the look-ups that decisions need.
#[derive(Clone, Debug, Default)]
pub struct TaskTable {
    /// By number. A vector, because runs are copied whole: a tree of a thousand rows takes twice as long.
    rows: Vec<Arc<TaskState>>,
    /// The latest row of each reference: highest number wins.
    latest: HashMap<Arc<str>, TaskNo>,
    /// Numbers of the rows that have not ended, rising.
    open: Vec<TaskNo>,
    max_seq: i32,
    /// The latest row of each reference of a loop's body, whatever the iteration.
    latest_in_loops: HashMap<Arc<str>, TaskNo>,
    /// What the passes of open loops gave so far. Only remembered: it can be made again from the rows.
    loop_passes: HashMap<TaskNo, Passes>,
    pub(crate) branches: Branches,
    /// Where each waiting JOIN last saw a reference that it waits for: makes asking again cheap. Only a hint.
    join_watch: HashMap<TaskNo, usize>,
}

impl TaskTable {
    /// Builds the table from rows read back from the store, in any order.
    pub fn from_rows(rows: impl IntoIterator<Item = TaskState>) -> Self {
        let mut table = TaskTable::default();
        for row in rows {
            table.put(Arc::new(row));
        }
        table
    }

    pub fn len(&self) -> usize {
        self.rows.len()
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    pub fn get(&self, no: TaskNo) -> Option<&Arc<TaskState>> {
        self.place(no).ok().map(|at| &self.rows[at])
    }

    /// Where a number stands, or would stand.
    fn place(&self, no: TaskNo) -> Result<usize, usize> {
        // numbers begin at 1 and have no gaps until an operator or `keepLastN` removes rows
        let at = (no as usize).wrapping_sub(1);
        match self.rows.get(at) {
            Some(row) if row.no == no => Ok(at),
            _ => self.rows.binary_search_by_key(&no, |row| row.no),
        }
    }

    /// Changes a row in place (a shared row is copied first) and keeps the look-ups right. `None` if there is no such row.
    /// The change must not touch `no` and `ref_name`.
    pub fn change<R>(&mut self, no: TaskNo, change: impl FnOnce(&mut TaskState) -> R) -> Option<R> {
        let row = Arc::make_mut(self.place(no).ok().map(|at| &mut self.rows[at])?);
        let answer = change(row);
        let (ended, seq) = (row.status.is_terminal(), row.seq);
        self.note(no, ended, seq);
        Some(answer)
    }

    /// The latest attempt of the reference exactly as given (with `__<iteration>` in loops).
    pub fn latest(&self, ref_name: &str) -> Option<&Arc<TaskState>> {
        self.latest.get(ref_name).and_then(|no| self.get(*no))
    }

    /// The latest row of a reference of the definition: in loops that of the latest iteration that got there. The names
    /// that rows have in loops name nothing here.
    pub fn named(&self, name: &str) -> Option<&Arc<TaskState>> {
        match self.latest_in_loops.get(name) {
            Some(no) => self.get(*no),
            None => self
                .latest(name)
                .filter(|row| row.iteration == 0 || row.base_ref() == name || &*row.task_type == "DO_WHILE"),
        }
    }

    /// Inserts or replaces a row.
    pub fn put(&mut self, row: Arc<TaskState>) {
        self.branches.take_in(&row);
        if row.iteration > 0 {
            let base = row.base_ref();
            if base.len() < row.ref_name.len()
                && self.latest_in_loops.get(base).is_none_or(|latest| *latest <= row.no)
            {
                self.latest_in_loops.insert(base.into(), row.no);
            }
        }
        let newest = self.latest.get(&row.ref_name).is_none_or(|no| *no <= row.no);
        if newest {
            self.latest.insert(row.ref_name.clone(), row.no);
        }
        self.note(row.no, row.status.is_terminal(), row.seq);
        match self.place(row.no) {
            Ok(at) => self.rows[at] = row,
            Err(at) => self.rows.insert(at, row),
        }
    }

    /// Removes a row (operator verbs only); the latest attempt left becomes the latest.
    pub fn remove(&mut self, no: TaskNo) -> Option<Arc<TaskState>> {
        let row = self.rows.remove(self.place(no).ok()?);
        if self.latest.get(&row.ref_name) == Some(&no) {
            let before = self.rows.iter().rev().find(|t| t.ref_name == row.ref_name).map(|t| t.no);
            match before {
                Some(no) => self.latest.insert(row.ref_name.clone(), no),
                None => self.latest.remove(&row.ref_name),
            };
        }
        let base = row.base_ref();
        if self.latest_in_loops.get(base) == Some(&no) {
            let before =
                self.rows.iter().rev().find(|t| t.iteration > 0 && t.base_ref() == base).map(|t| t.no);
            match before {
                Some(no) => self.latest_in_loops.insert(base.into(), no),
                None => self.latest_in_loops.remove(base),
            };
        }
        if row.iteration > 0 {
            self.loop_passes.clear();
        }
        if let Ok(at) = self.open.binary_search(&no) {
            self.open.remove(at);
        }
        self.max_seq = self.rows.iter().map(|t| t.seq).max().unwrap_or(0);
        Some(row)
    }

    /// All rows by number.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Arc<TaskState>> {
        self.rows.iter()
    }

    /// The rows that have not ended, by number.
    pub fn open(&self) -> impl DoubleEndedIterator<Item = &Arc<TaskState>> {
        self.open.iter().filter_map(|no| self.get(*no))
    }

    /// The highest `seq` of all rows, 0 if there are none.
    pub fn max_seq(&self) -> i32 {
        self.max_seq
    }

    /// The last row in the order that clients see.
    pub fn last(&self) -> Option<&Arc<TaskState>> {
        self.rows.iter().max_by_key(|t| (t.seq, t.no))
    }

    /// All rows in the order that clients see: by `seq`, then number.
    pub fn in_order(&self) -> Vec<&Arc<TaskState>> {
        let mut rows: Vec<_> = self.rows.iter().collect();
        rows.sort_by_key(|t| (t.seq, t.no));
        rows
    }

    pub(crate) fn loop_passes(&self, no: TaskNo) -> Option<&Passes> {
        self.loop_passes.get(&no)
    }

    /// Remembers what the passes of an open loop gave.
    pub(crate) fn keep_loop_passes(&mut self, no: TaskNo, passes: Passes) {
        self.loop_passes.insert(no, passes);
    }

    pub(crate) fn take_loop_passes(&mut self, no: TaskNo) -> Option<Passes> {
        self.loop_passes.remove(&no)
    }

    pub(crate) fn forget_loop_passes(&mut self, no: TaskNo) {
        self.loop_passes.remove(&no);
    }

    pub(crate) fn join_watch(&self, join: TaskNo) -> usize {
        self.join_watch.get(&join).copied().unwrap_or(0)
    }

    pub(crate) fn set_join_watch(&mut self, join: TaskNo, at: usize) {
        self.join_watch.insert(join, at);
    }

    fn note(&mut self, no: TaskNo, ended: bool, seq: i32) {
        match (self.open.binary_search(&no), ended) {
            (Ok(at), true) => {
                self.open.remove(at);
                self.join_watch.remove(&no);
                self.loop_passes.remove(&no);
            }
            (Err(at), false) => self.open.insert(at, no),
            (Ok(_), false) | (Err(_), true) => {}
        }
        self.max_seq = self.max_seq.max(seq);
    }
}

impl PartialEq for TaskTable {
    fn eq(&self, other: &Self) -> bool {
        self.rows == other.rows
    }
}

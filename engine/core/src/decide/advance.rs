//! Rounds: from the tasks that ended to the tasks that follow, until nothing changes.

use std::sync::Arc;

use serde_json::Value;

use super::Turn;
use super::finish::Halt;
use super::mapping::Mapping;
use super::place::Place;
use super::retry::{self, Verdict};
use crate::id::TaskNo;
use crate::plan::{Node, NodeIx};
use crate::run::RunStatus;
use crate::task::{TaskState, TaskStatus};

/// Rounds in one turn; a run that wants more goes on in its next turn.
const ROUNDS: usize = 10_000;

/// What a round made.
struct Round {
    map: Mapping,
    /// Images from before the round, of rows that only this round's bookkeeping changed.
    staged: Vec<Arc<TaskState>>,
    processed: bool,
    terminate: Option<TaskNo>,
}

impl Turn<'_> {
    /// The first round: the first task of the definition.
    pub(super) fn started(&mut self) -> Result<(), super::Refusal> {
        if !self.run.tasks.is_empty() || self.run.head.status.is_terminal() {
            return Ok(());
        }
        if self.refuses_input() || self.waits_for_slot() {
            return Ok(());
        }
        let Some(first) = self.plan.first() else {
            self.complete_empty();
            return Ok(());
        };
        if let Some(limit) = self.plan.timeout() {
            self.wake_by(self.run.head.created_at + limit);
        }
        self.schedule(Place::default(), first);
        self.advance();
        Ok(())
    }

    /// Ends a run whose input does not fit the schema of its definition; a start is refused instead.
    pub(super) fn refuses_input(&mut self) -> bool {
        let Some(fault) = self.plan.input_fault(&self.run.head.input) else { return false };
        self.halt(Halt::refusing_start(fault));
        true
    }

    /// Makes the rows of a task at a place and begins them.
    pub(crate) fn schedule(&mut self, place: Place, ix: NodeIx) {
        let mut map = Mapping::default();
        map.go_to(place);
        let made = map.expand(self, ix);
        self.note_needs(&mut map);
        match made {
            Ok(()) => self.store(map, false),
            Err(halt) => self.halt(halt),
        }
    }

    /// Goes on until nothing changes any more or the run has ended.
    pub(super) fn advance(&mut self) {
        if self.is_held_back() {
            return;
        }
        for _ in 0..ROUNDS {
            if self.is_void() {
                return;
            }
            match self.run.head.status {
                RunStatus::Running => {}
                RunStatus::Paused => return self.join_only(),
                _ => return,
            }
            if self.ended.is_empty() {
                // only now: an ended task may still get another attempt in its own round
                self.ask_joins();
                // with nothing open the flow is at its end, also if the last row was processed before it ended: a new
                // attempt of an absorbed failure, reported while the run was paused
                if self.ended.is_empty() && self.run.tasks.open().next().is_some() {
                    return;
                }
            }
            self.round();
        }
        self.wake_by(self.cx.now);
    }

    /// While a run is paused, JOINs still end. One that waits for something that failed is left alone: whether it is tried
    /// again is decided when the run goes on.
    fn join_only(&mut self) {
        while !self.joins.is_empty() {
            let joins = std::mem::take(&mut self.joins);
            for no in joins {
                if let Some(node) = self.node_of(no)
                    && !self.waits_for_undecided(no)
                {
                    node.kind.evaluate(self, no);
                }
            }
        }
    }

    /// Does a row wait for one whose failure nobody has processed yet?
    fn waits_for_undecided(&self, no: TaskNo) -> bool {
        let (Some(row), Some(node)) = (self.run.tasks.get(no), self.node_of(no)) else { return false };
        let failed =
            |name: &str| self.beside(row, name).is_some_and(|t| !t.status.is_successful() && !t.executed);
        if !node.joins_dynamic {
            return node.kind.watches(&node.config).into_iter().any(failed);
        }
        // what a dynamic fork made is listed in the row
        let listed = row.input.get("joinOn").and_then(Value::as_array);
        listed.into_iter().flatten().filter_map(Value::as_str).any(failed)
    }

    /// Rows that have ended and whose end nobody has processed yet.
    pub(super) fn left(&self) -> impl Iterator<Item = TaskNo> + '_ {
        let left = |t: &&Arc<TaskState>| {
            t.status.is_terminal() && !t.executed && !t.retried && t.status != TaskStatus::Skipped
        };
        self.run.tasks.iter().filter(left).map(|t| t.no)
    }

    fn ask_joins(&mut self) {
        while self.ended.is_empty() && self.run.head.status == RunStatus::Running {
            let asked = std::mem::take(&mut self.joins);
            if asked.is_empty() {
                return;
            }
            for no in asked {
                let Some(node) = self.node_of(no) else { continue };
                // what follows a task that has just ended in a loop belongs to the pass, and has no row yet; and what a
                // JOIN among those asked came to may end the run before another one sees it
                let undecided = !self.ended.is_empty();
                if undecided && (node.loop_first.is_some() || self.waits_for_undecided(no)) {
                    self.joins.push(no);
                } else {
                    node.kind.evaluate(self, no);
                }
            }
        }
    }

    fn round(&mut self) {
        let mut ended = std::mem::take(&mut self.ended);
        ended.sort_by_key(|no| (self.run.tasks.get(*no).map_or(0, |t| t.seq), *no));
        let mut round =
            Round { map: Mapping::default(), staged: Vec::new(), processed: false, terminate: None };
        for no in ended {
            let processed = self.process(no, &mut round);
            self.note_needs(&mut round.map);
            if let Err(halt) = processed {
                self.revert(round.staged);
                self.halt(halt);
                return;
            }
        }
        if let Some(task) = round.terminate {
            self.end_by_task(task, round.staged);
            return;
        }
        if round.map.rows.is_empty() && self.run.tasks.open().next().is_none() {
            match self.verdict() {
                Some(Ok(())) => self.complete_run(round.staged),
                Some(Err(halt)) => {
                    self.revert(round.staged);
                    self.halt(halt);
                }
                None => {
                    let reason = "No task is left, and the flow has not reached its end";
                    self.halt(Halt::failed(reason.to_owned()));
                }
            }
            return;
        }
        self.store(round.map, round.processed);
    }

    /// Processes the end of one task: another attempt, or what follows.
    fn process(&mut self, no: TaskNo, round: &mut Round) -> Result<(), Halt> {
        let Some(row) = self.run.tasks.get(no).cloned() else { return Ok(()) };
        if !row.status.is_terminal() || row.retried || row.status == TaskStatus::Skipped {
            return Ok(());
        }
        if row.executed {
            // an operator had an absorbed failure tried again: what follows has its rows, but a loop may wait for this one
            if let Some(node) = self.node_of(no) {
                self.ask_loop(&node, &Place::of(&row, &node.ref_name));
            }
            return Ok(());
        }
        round.processed = true;
        round.staged.push(row.clone());
        if !row.status.is_successful() {
            match retry::judge(self, &row)? {
                Verdict::Repeat { delay_s, jitter } => {
                    round.map.repeat(self, self.node_of(no).as_deref(), &row, delay_s, jitter);
                    self.change(no, |row| row.retried = true);
                    return Ok(());
                }
                Verdict::Absorbed { with_errors: true } => {
                    self.change(no, |row| row.status = TaskStatus::CompletedWithErrors);
                }
                Verdict::Absorbed { with_errors: false } => {}
            }
        }
        self.change(no, |row| row.executed = true);
        let Some(node) = self.node_of(no) else { return Ok(()) };
        if node.kind.name() == "TERMINATE" && row.status == TaskStatus::Completed && round.terminate.is_none()
        {
            round.terminate = Some(no);
        }
        let has_children = !node.cases.is_empty() || node.default_case.is_some();
        if has_children && row.input.get("hasChildren").is_some() {
            return Ok(());
        }
        let place = Place::of(&row, &node.ref_name);
        let before = round.map.len();
        round.map.go_to(place.clone());
        if let Some(next) = node.next {
            round.map.expand(self, next)?;
        }
        if node.in_loop.is_some() && (round.map.len() == before || !row.status.is_successful()) {
            self.ask_loop(&node, &place);
        }
        Ok(())
    }

    /// The loop around a task may have come to the end of an iteration.
    fn ask_loop(&mut self, node: &Node, place: &Place) {
        let Some(around) = node.in_loop.and_then(|ix| self.node(ix)) else { return };
        if let Some(row) = self.run.tasks.latest(&place.outside().name(&around.ref_name)) {
            self.joins.push(row.no);
        }
    }

    /// Takes back what a round only noted down: the last round of a run is not stored, as in Conductor.
    pub(super) fn revert(&mut self, staged: Vec<Arc<TaskState>>) {
        for row in staged {
            self.put_back(row);
        }
    }

    /// Is the flow at its end? Permissive failures fail the run only now.
    fn verdict(&self) -> Option<Result<(), Halt>> {
        if self.run.tasks.is_empty() {
            return None;
        }
        let done = |row: &Arc<TaskState>| row.status.is_terminal();
        let all = self.plan.top().iter().map(|ix| &self.plan.node(*ix).ref_name);
        if !all.into_iter().all(|name| self.run.tasks.latest(name).is_some_and(done)) {
            return None;
        }
        if !self.plan.has_permissive() {
            return Some(Ok(()));
        }
        let failed: Vec<String> = self
            .run
            .tasks
            .in_order()
            .into_iter()
            .filter(|row| !row.status.is_successful())
            .filter(|row| self.node_of_row(row).is_some_and(|n| n.permissive && !n.optional))
            .filter(|row| self.run.tasks.latest(&row.ref_name).is_some_and(|latest| latest.no == row.no))
            .map(|row| retry::failure_sentence(self, row, row.status.as_str()))
            .collect();
        Some(if failed.is_empty() { Ok(()) } else { Err(Halt::failed(failed.join(". "))) })
    }

    /// Puts a round's rows into the run and begins those that the engine runs itself.
    pub(super) fn store(&mut self, map: Mapping, processed: bool) {
        let now = self.cx.now;
        self.updated_before_round = self.run.head.updated_at;
        let inline = map.rows.iter().any(|row| self.is_inline(row));
        let any = processed || !map.rows.is_empty();
        let first = self.run.head.next_no;
        let count = map.rows.len() as TaskNo;
        if count > 0 {
            self.head().next_no += count;
        }
        if any && !inline {
            self.head().updated_at = now;
        }
        for mut row in map.rows {
            row.seq = self.run.tasks.max_seq() + 1;
            self.add(row);
        }
        for no in first..first + count {
            let Some(row) = self.run.tasks.get(no) else { continue };
            if row.status.is_terminal() {
                self.note_end(no);
            } else if self.by_worker(no) || row.available_at > now {
                self.watch_new(no);
            } else if let Some(node) = self.node_of(no) {
                node.kind.enter(self, no);
                self.watch_new(no);
            }
        }
    }

    fn is_inline(&self, row: &TaskState) -> bool {
        self.node_of_row(row).is_some_and(|node| node.kind.is_inline())
    }
}

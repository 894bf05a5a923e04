//! The final images of one change: what is left of its effects when later ones replaced earlier ones.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use podium_core::cache::Kept;
use podium_core::{
    Counted, Effect, HistoryLine, InboxId, LogLine, Outgoing, ParkedEvent, Raised, RunHead, SlotAsked,
    TaskNo, TaskState, Told,
};

/// What remains of a task's effects in one change.
#[derive(Clone, Copy)]
pub(crate) enum Fate<'a> {
    Added(&'a Arc<TaskState>),
    Changed(&'a Arc<TaskState>),
    Removed,
    /// Came and went within the change.
    Nothing,
}

/// The final images of one change.
#[derive(Default)]
pub(crate) struct Images<'a> {
    pub(crate) head: Option<&'a RunHead>,
    pub(crate) tasks: Vec<(TaskNo, Fate<'a>)>,
    place: HashMap<TaskNo, usize>,
    pub(crate) emitted: Vec<&'a Outgoing>,
    pub(crate) raised: Vec<&'a Raised>,
    pub(crate) settled: Vec<TaskNo>,
    pub(crate) taken: Vec<InboxId>,
    pub(crate) parked: Vec<&'a ParkedEvent>,
    pub(crate) unparked: Vec<InboxId>,
    pub(crate) logged: Vec<(TaskNo, &'a LogLine)>,
    pub(crate) told: Vec<&'a Told>,
    pub(crate) counted: Vec<&'a Counted>,
    /// Keys of rate limits that the run leaves, and the slot that it asks for in the end.
    pub(crate) left: Vec<&'a str>,
    pub(crate) asked: Option<&'a SlotAsked>,
    pub(crate) kept: Vec<&'a Kept>,
    /// By the row in which they are kept: of two that share one, the later.
    pub(crate) noted: BTreeMap<u32, &'a HistoryLine>,
}

impl<'a> Images<'a> {
    pub(crate) fn of(effects: &'a [Effect]) -> Self {
        let mut images = Images::default();
        for effect in effects {
            match effect {
                Effect::Run(head) => images.head = Some(head),
                Effect::TaskAdded(task) => images.task(task.no, Fate::Added(task)),
                Effect::TaskChanged(task) => images.task(task.no, Fate::Changed(task)),
                Effect::TaskRemoved(no) => images.task(*no, Fate::Removed),
                Effect::Emitted(body) => images.emitted.push(body),
                Effect::Raised(raised) => images.raised.push(raised),
                Effect::Settled(no) => {
                    let before = images.emitted.len() + images.raised.len();
                    images.emitted.retain(|o| o.task != *no);
                    images.raised.retain(|r| r.task != *no);
                    if images.emitted.len() + images.raised.len() == before {
                        images.settled.push(*no);
                    }
                }
                // the runtime resolved it into one of `extra_runs`
                Effect::RunWanted(_) => {}
                Effect::InboxTaken(id) => images.taken.push(*id),
                Effect::Parked(event) => images.parked.push(event),
                Effect::Unparked(id) => {
                    let before = images.parked.len();
                    images.parked.retain(|p| p.inbox != *id);
                    if images.parked.len() == before {
                        images.unparked.push(*id);
                    }
                }
                Effect::Told(told) => images.told.push(told),
                Effect::Logged { task, line } => images.logged.push((*task, line)),
                Effect::Counted(claim) => images.counted.push(claim),
                Effect::SlotAsked(asked) => images.asked = Some(asked),
                Effect::SlotLeft(key) => {
                    images.asked = None;
                    images.left.push(key);
                }
                Effect::Kept(kept) => images.kept.push(kept),
                Effect::Noted(line) => {
                    images.noted.insert(line.slot(), line);
                }
            }
        }
        images
    }

    fn task(&mut self, no: TaskNo, now: Fate<'a>) {
        // most changes have one or two tasks: no map for them
        if self.tasks.len() == 8 && self.place.is_empty() {
            self.place.extend(self.tasks.iter().enumerate().map(|(i, (no, _))| (*no, i)));
        }
        let known = if self.tasks.len() < 8 {
            self.tasks.iter().position(|(n, _)| *n == no)
        } else {
            self.place.get(&no).copied()
        };
        match known {
            None => {
                if self.tasks.len() >= 8 {
                    self.place.insert(no, self.tasks.len());
                }
                self.tasks.push((no, now));
            }
            Some(i) => {
                let before = &mut self.tasks[i].1;
                *before = match (*before, now) {
                    (Fate::Added(_), Fate::Changed(t) | Fate::Added(t)) => Fate::Added(t),
                    (Fate::Added(_) | Fate::Nothing, Fate::Removed) => Fate::Nothing,
                    (Fate::Nothing, Fate::Added(t) | Fate::Changed(t)) => Fate::Added(t),
                    (Fate::Changed(_) | Fate::Removed, Fate::Added(t) | Fate::Changed(t)) => Fate::Changed(t),
                    (Fate::Changed(_) | Fate::Removed, Fate::Removed) => Fate::Removed,
                    (before, Fate::Nothing) => before,
                };
            }
        }
    }

    /// Is the row of this task made by this change?
    pub(crate) fn is_new(&self, no: TaskNo) -> bool {
        self.tasks.iter().any(|(n, fate)| *n == no && matches!(fate, Fate::Added(_)))
    }

    pub(crate) fn removes(&self) -> bool {
        self.tasks.iter().any(|(_, fate)| matches!(fate, Fate::Removed))
    }
}

//! The turns that go to the database together, and the polls that are handed tasks by them.

use std::collections::HashMap;
use std::sync::Arc;

use podium_core::{Effect, RunId, TaskNo, Timestamp};

use crate::lease::Leased;
use crate::longpoll::{Answer, Parked};
use crate::mailbox::{Envelope, Mailboxes};
use crate::ready::{Queue, QueueName, Queues};
use crate::turn::{Outside, Trouble, Turn, effect_bytes};

/// Turns of different runs. While one batch is being committed the next one forms.
#[derive(Default)]
pub(crate) struct Batch {
    pub(crate) turns: Vec<Turn>,
    at: HashMap<RunId, usize>,
    /// Tasks that became ready here, about: those that polls will be looked for.
    ready: HashMap<QueueName, usize>,
    /// Events decided.
    pub(crate) events: usize,
    /// Bytes of the statement, about.
    pub(crate) bytes: usize,
    pub(crate) reserved: Vec<Reserved>,
}

/// A parked poll that gets its tasks from this batch.
pub(crate) struct Reserved {
    parked: Parked,
    queue: Arc<Queue>,
    /// Position of the turn, and the task.
    tasks: Vec<(usize, TaskNo)>,
}

impl Batch {
    pub(crate) fn is_empty(&self) -> bool {
        self.turns.is_empty()
    }

    /// The turn that this run has here already.
    pub(crate) fn turn_of(&mut self, run: RunId) -> Option<&mut Turn> {
        self.at.get(&run).map(|i| &mut self.turns[*i])
    }

    /// How many of these tasks became ready here, about.
    pub(crate) fn ready(&self, queue: &QueueName) -> usize {
        self.ready.get(queue).copied().unwrap_or_default()
    }

    /// Decides work on the run's turn, which must be here. On trouble the turn is taken out and given back.
    pub(crate) fn hear(
        &mut self,
        envelope: Envelope,
        now: Timestamp,
        outside: &Outside<'_>,
    ) -> Result<(), (Trouble, Box<Turn>)> {
        let run = envelope.run;
        let Some(&i) = self.at.get(&run) else { return Ok(()) };
        self.events += 1;
        let turn = &mut self.turns[i];
        let before = turn.effects.len();
        match turn.hear(envelope, now, outside) {
            Ok(()) => {
                let new = turn.effects.get(before..).unwrap_or_default();
                self.bytes += effect_bytes(new);
                for effect in new {
                    if let Effect::TaskAdded(task) = effect
                        && task.ready
                    {
                        *self.ready.entry(QueueName::of(task)).or_default() += 1;
                    }
                }
                Ok(())
            }
            Err(trouble) => Err((trouble, Box::new(self.take(i)))),
        }
    }

    pub(crate) fn add(&mut self, turn: Turn) {
        self.at.insert(turn.id(), self.turns.len());
        self.turns.push(turn);
    }

    fn take(&mut self, i: usize) -> Turn {
        let turn = self.turns.swap_remove(i);
        self.at.remove(&turn.id());
        if let Some(moved) = self.turns.get(i) {
            self.at.insert(moved.id(), i);
        }
        turn
    }

    /// Leases tasks that have just become ready to polls that wait for them, in the same change.
    /// One poll is filled before the next one gets any, so that few polls are answered with much.
    pub(crate) fn hand_off(&mut self, queues: &Queues, now: Timestamp, outside: &Outside<'_>) {
        let mut ready = Vec::new();
        for i in 0..self.turns.len() {
            let due = self.turns[i].ready().filter(|t| t.available_at <= now);
            // a limited task is claimed for itself, first come, first served
            let due = due.filter(|t| !outside.definitions.limits.covers(&t.def_name));
            ready.extend(due.map(|t| (t.no, t.task_type.clone(), t.domain.clone())));
            for (no, task_type, domain) in ready.drain(..) {
                let Some(poll) = self.poll_for(&task_type, domain.as_deref(), queues, now) else { continue };
                let worker = self.reserved[poll].parked.worker.clone();
                // a refused one stays for whoever polls next
                if self.turns[i].claim(no, worker, now, outside) {
                    self.reserved[poll].tasks.push((i, no));
                }
            }
        }
    }

    fn poll_for(
        &mut self,
        task_type: &str,
        domain: Option<&str>,
        queues: &Queues,
        now: Timestamp,
    ) -> Option<usize> {
        let open = self.reserved.iter().rposition(|r| {
            r.tasks.len() < r.parked.count
                && *r.queue.task_type == *task_type
                && r.queue.domain.as_deref() == domain
        });
        if open.is_some() {
            return open;
        }
        let queue = queues.get(task_type, domain)?;
        let parked = queue.reserve(now)?;
        self.reserved.push(Reserved { parked, queue, tasks: Vec::new() });
        Some(self.reserved.len() - 1)
    }
}

impl Reserved {
    /// The batch came to nothing: the poll looks for something else.
    pub(crate) fn release(self) {
        self.parked.answer(Answer::Look);
    }

    /// Answers the poll with those of its tasks that were stored. Returns how many.
    pub(crate) fn answer(self, turns: &[Turn], stored: &[bool], mailboxes: &Arc<Mailboxes>) -> usize {
        let won = self.tasks.iter().filter(|(i, _)| stored[*i]);
        let tasks: Vec<_> = won.filter_map(|(i, no)| turns[*i].run.view(*no)).collect();
        let count = tasks.len();
        self.parked.answer(if tasks.is_empty() {
            Answer::Look
        } else {
            Answer::Handed(Leased::new(tasks, mailboxes))
        });
        count
    }
}

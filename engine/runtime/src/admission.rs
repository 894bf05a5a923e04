//! When new runs may begin.
//!
//! A task that is written already leased costs one version of its row and of its run; one that is written ready and
//! claimed later costs two of each. So while workers are busy, but poll again all the time, a new run is kept
//! back for the poll that will take its task: runs begin at the pace at which workers ask for more (W1: tasks handed
//! off 77 % without, 96 % with it; PostgreSQL's CPU 78 us and 62 us a workflow). It is a matter of milliseconds, and
//! only under load; a run never waits for workers that do not come. Polls of other queues do not count: the node's own
//! callers of HTTP tasks, and workers with nothing to do, wait all the time.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use podium_core::SnapshotHash;

use crate::mailbox::{Envelope, Start};
use crate::ready::{QueueName, Queues};

/// The longest time that a new run is kept back.
pub(crate) const HOLD: Duration = Duration::from_millis(10);
/// The longest time while the connection to PostgreSQL waits for work: longer would leave the processors idle, and each
/// who starts runs one after the other could only start one in [`HOLD`].
pub(crate) const HOLD_WHILE_IDLE: Duration = Duration::from_millis(1);
/// Batches smaller than this say that the node has time: nothing is kept back.
const BUSY_BATCH: usize = 16;
/// Definitions that are remembered.
const KNOWN_AT_MOST: usize = 10_000;

/// Runs that begin with a task of the same queue, oldest first, and since when they wait.
type Line = VecDeque<(Instant, Envelope)>;

/// The new runs that are kept back.
#[derive(Default)]
pub(crate) struct Admission {
    /// By the queue that their first tasks will be in; none of them is empty.
    lines: HashMap<QueueName, Line>,
    held: usize,
    /// The queue that the first tasks of a run of this definition came to, if any did at once: the next run's will too.
    leads_to: HashMap<SnapshotHash, Option<QueueName>>,
}

impl Admission {
    pub(crate) fn len(&self) -> usize {
        self.held
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.held == 0
    }

    /// The queue that the first task of a run is expected in; `None` = not known, or none.
    pub(crate) fn queue_of(&self, start: &Start) -> Option<QueueName> {
        self.leads_to.get(&definition(start)?).cloned().flatten()
    }

    /// A run of this definition has begun, with a ready task in this queue or with none.
    pub(crate) fn learn(&mut self, definition: SnapshotHash, queue: Option<QueueName>) {
        if self.leads_to.get(&definition) == Some(&queue) {
            return;
        }
        if self.leads_to.len() >= KNOWN_AT_MOST {
            self.leads_to.clear();
        }
        self.leads_to.insert(definition, queue);
    }

    /// Keeps a new run back, or gives it back to begin now. `ready`: tasks of the forming batch that want a poll of its
    /// queue, `last_batch`: events of the batch before.
    pub(crate) fn keep(
        &mut self,
        start: Envelope,
        queue: QueueName,
        queues: &Queues,
        ready: usize,
        last_batch: usize,
    ) -> Option<Envelope> {
        let behind = last_batch >= BUSY_BATCH && waits_for_polls(&queue, queues, ready);
        if !behind && !self.lines.contains_key(&queue) {
            return Some(start);
        }
        self.held += 1;
        self.lines.entry(queue).or_default().push_back((Instant::now(), start));
        None
    }

    /// The next run that may begin: a poll waits for its task, or it has waited for as long as `patience`.
    pub(crate) fn next(
        &mut self,
        queues: &Queues,
        patience: Duration,
        ready: impl Fn(&QueueName) -> usize,
    ) -> Option<Envelope> {
        let begins = |(queue, line): &(&QueueName, &Line)| {
            let overdue = line.front().is_some_and(|(since, _)| since.elapsed() >= patience);
            overdue || !waits_for_polls(queue, queues, ready(queue))
        };
        let queue = self.lines.iter().find(begins)?.0.clone();
        let line = self.lines.get_mut(&queue)?;
        let (_, start) = line.pop_front()?;
        self.held -= 1;
        if line.is_empty() {
            self.lines.remove(&queue);
        }
        Some(start)
    }

    /// When the oldest one begins at the latest.
    pub(crate) fn until(&self, patience: Duration) -> Option<Instant> {
        self.lines.values().filter_map(|line| line.front()).map(|(since, _)| *since + patience).min()
    }
}

/// Have all polls of this queue got their tasks from the forming batch, and will the next ones come soon?
fn waits_for_polls(queue: &QueueName, queues: &Queues, ready: usize) -> bool {
    let polled = queues.get(&queue.task_type, queue.domain.as_deref());
    polled.is_some_and(|polled| polled.more_polls_soon(HOLD) && polled.wanted() <= ready)
}

/// What decides the queue of a run's first task: its definition, unless domains came with the start.
pub(crate) fn definition(start: &Start) -> Option<SnapshotHash> {
    start.new.extra.task_to_domain.is_empty().then_some(start.new.snapshot)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use podium_core::{Event, RunId, Timestamp};

    use super::*;
    use crate::mailbox::{Mailboxes, Reply, Work};
    use crate::ready::{Queues, Taken, Wish};

    fn start() -> Envelope {
        let (mailboxes, mut mail) = Mailboxes::new(1, 10);
        // what is kept back does not matter here, only when
        let run = RunId::new(Timestamp::from_millis(1), 1, 0);
        mailboxes.send_own(run, Work::Event(Event::Look), Reply::None);
        mail[0].try_recv().expect("it was just sent")
    }

    fn queue() -> QueueName {
        QueueName { task_type: Arc::from("t"), domain: None }
    }

    /// A poll of this type that waits for `count` tasks.
    fn park_at(queues: &Queues, task_type: &str, count: usize) -> Taken {
        let queue = queues.open(&Arc::from(task_type), None).expect("there is room for a queue");
        let deadline = Instant::now() + Duration::from_secs(60);
        queue.take(&Wish { count, worker: None, deadline }, Timestamp::default())
    }

    fn park(queues: &Queues, count: usize) -> Taken {
        park_at(queues, "t", count)
    }

    #[test]
    fn without_polls_nothing_is_kept_back() {
        let mut admission = Admission::default();
        assert!(admission.keep(start(), queue(), &Queues::new(100, 100), 0, 1_000).is_some());
    }

    #[test]
    fn on_a_node_with_time_nothing_is_kept_back() {
        let (mut admission, queues) = (Admission::default(), Queues::new(100, 100));
        let _poll = park(&queues, 1);
        assert!(admission.keep(start(), queue(), &queues, 1, BUSY_BATCH - 1).is_some());
    }

    #[test]
    fn a_run_begins_when_a_poll_waits_for_it() {
        let (mut admission, queues) = (Admission::default(), Queues::new(100, 100));
        let _first = park(&queues, 1);
        assert!(admission.keep(start(), queue(), &queues, 0, 1_000).is_some(), "the poll waits for this one");
        if admission.keep(start(), queue(), &queues, 1, 1_000).is_none() {
            // else this machine took longer than HOLD for the lines above
            let _second = park(&queues, 1);
            assert!(admission.next(&queues, HOLD, |_| 1).is_some());
        }
        assert!(admission.is_empty());
    }

    #[test]
    fn polls_of_other_queues_do_not_count() {
        let (mut admission, queues) = (Admission::default(), Queues::new(100, 100));
        let _others = park_at(&queues, "HTTP", 128);
        let mut kept = false;
        // again if this machine took longer than HOLD for two lines
        for _ in 0..1_000 {
            let _poll = park(&queues, 1);
            let wanted = queues.get("t", None).expect("it was polled").wanted();
            kept |= admission.keep(start(), queue(), &queues, wanted, 1_000).is_none();
            if kept {
                break;
            }
        }
        assert!(kept);
    }

    #[test]
    fn a_run_does_not_wait_for_polls_that_do_not_come() {
        let (mut admission, queues) = (Admission::default(), Queues::new(100, 100));
        let _poll = park(&queues, 1);
        drop(admission.keep(start(), queue(), &queues, 1, 1_000));
        while !admission.is_empty() {
            let until = admission.until(HOLD).expect("something is kept back");
            assert!(until <= Instant::now() + HOLD);
            std::thread::yield_now();
            drop(admission.next(&queues, HOLD, |_| 1));
        }
    }
}

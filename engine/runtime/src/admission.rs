//! When new runs may begin.
//!
//! A task that is written already leased costs one version of its row and of its run; one that is written ready and
//! claimed later costs two of each. So while workers are busy, but poll again all the time, a new run is kept
//! back for the poll that will take its task: runs begin at the pace at which workers ask for more (W1: tasks handed
//! off 77 % without, 96 % with it; PostgreSQL's CPU 78 us and 62 us a workflow). It is a matter of milliseconds, and
//! only under load; a run never waits for workers that do not come.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::mailbox::Envelope;
use crate::ready::Queues;

/// The longest time that a new run is kept back.
const HOLD: Duration = Duration::from_millis(10);
/// Batches smaller than this say that the node has time: nothing is kept back.
const BUSY_BATCH: usize = 16;

/// The new runs that are kept back, oldest first.
#[derive(Default)]
pub(crate) struct Admission {
    held: VecDeque<(Instant, Envelope)>,
}

impl Admission {
    pub(crate) fn len(&self) -> usize {
        self.held.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// Keeps a new run back, or gives it back to begin now. `ready`: tasks of the forming batch that want a
    /// poll, `last_batch`: events of the batch before.
    pub(crate) fn keep(
        &mut self,
        start: Envelope,
        queues: &Queues,
        ready: usize,
        last_batch: usize,
    ) -> Option<Envelope> {
        let behind = last_batch >= BUSY_BATCH && queues.more_polls_soon(HOLD) && queues.wanted() <= ready;
        if self.held.is_empty() && !behind {
            return Some(start);
        }
        self.held.push_back((Instant::now(), start));
        None
    }

    /// The next run that may begin: a poll waits for it, or it has waited long enough.
    pub(crate) fn next(&mut self, queues: &Queues, ready: usize) -> Option<Envelope> {
        let (since, _) = self.held.front()?;
        let begins = queues.wanted() > ready || since.elapsed() >= HOLD || !queues.more_polls_soon(HOLD);
        if begins { self.held.pop_front().map(|(_, start)| start) } else { None }
    }

    /// When the oldest one begins at the latest.
    pub(crate) fn until(&self) -> Option<Instant> {
        self.held.front().map(|(since, _)| *since + HOLD)
    }
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

    /// A poll that waits for `count` tasks.
    fn park(queues: &Queues, count: usize) -> Taken {
        let queue = queues.open(&Arc::from("t"), None).expect("there is room for a queue");
        let deadline = Instant::now() + Duration::from_secs(60);
        queue.take(&Wish { count, worker: None, deadline }, Timestamp::default())
    }

    #[test]
    fn without_polls_nothing_is_kept_back() {
        let mut admission = Admission::default();
        assert!(admission.keep(start(), &Queues::new(100, 100), 0, 1_000).is_some());
    }

    #[test]
    fn on_a_node_with_time_nothing_is_kept_back() {
        let (mut admission, queues) = (Admission::default(), Queues::new(100, 100));
        let _poll = park(&queues, 1);
        assert!(admission.keep(start(), &queues, 1, BUSY_BATCH - 1).is_some());
    }

    #[test]
    fn a_run_begins_when_a_poll_waits_for_it() {
        let (mut admission, queues) = (Admission::default(), Queues::new(100, 100));
        let _first = park(&queues, 1);
        assert!(admission.keep(start(), &queues, 0, 1_000).is_some(), "the poll waits for this one");
        if admission.keep(start(), &queues, 1, 1_000).is_none() {
            // else this machine took longer than HOLD for the lines above
            let _second = park(&queues, 1);
            assert!(admission.next(&queues, 1).is_some());
        }
        assert!(admission.is_empty());
    }

    #[test]
    fn a_run_does_not_wait_for_polls_that_do_not_come() {
        let (mut admission, queues) = (Admission::default(), Queues::new(100, 100));
        let _poll = park(&queues, 1);
        drop(admission.keep(start(), &queues, 1, 1_000));
        while !admission.is_empty() {
            let until = admission.until().expect("something is kept back");
            assert!(until <= Instant::now() + HOLD);
            std::thread::yield_now();
            drop(admission.next(&queues, 1));
        }
    }
}

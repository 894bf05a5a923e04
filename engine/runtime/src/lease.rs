//! Tasks handed to a worker, and the guard that hands them back if the worker never gets them.

use std::fmt;
use std::sync::Arc;

use podium_core::{Event, RunId, TaskNo};

use crate::mailbox::{Mailboxes, Reply, Work};
use crate::messages::TaskView;

/// The answer of a poll: tasks that are now leased to the caller, durably.
#[derive(Debug)]
pub struct Leased {
    pub tasks: Vec<TaskView>,
    pub guard: LeaseGuard,
}

impl Leased {
    pub(crate) fn nothing() -> Self {
        Leased { tasks: Vec::new(), guard: LeaseGuard::default() }
    }

    pub(crate) fn new(tasks: Vec<TaskView>, mailboxes: &Arc<Mailboxes>) -> Self {
        let leases = tasks.iter().map(|t| (t.run.id, t.task.no, t.task.poll_count)).collect();
        Leased { tasks, guard: LeaseGuard { leases, mailboxes: Some(mailboxes.clone()) } }
    }
}

/// Watches over the delivery of leased tasks.
///
/// Keep it until the last byte of the answer went out, then call [`LeaseGuard::disarm`]. Dropped armed
/// (the request was cancelled, the connection broke), it hands the leases back in a turn of each run,
/// guarded by the same lease, so that another worker gets the task at once instead of after the
/// response time-out. A process that dies in between leaves the lease to the response time-out.
#[derive(Default)]
pub struct LeaseGuard {
    leases: Vec<(RunId, TaskNo, i32)>,
    mailboxes: Option<Arc<Mailboxes>>,
}

impl LeaseGuard {
    /// One guard for each lease, in the order of the tasks.
    pub(crate) fn split(mut self) -> Vec<LeaseGuard> {
        let (leases, mailboxes) = (std::mem::take(&mut self.leases), &self.mailboxes);
        let one = |lease| LeaseGuard { leases: vec![lease], mailboxes: mailboxes.clone() };
        leases.into_iter().map(one).collect()
    }

    /// The answer was delivered: the leases stay.
    pub fn disarm(mut self) {
        self.leases.clear();
    }
}

impl Drop for LeaseGuard {
    fn drop(&mut self) {
        let Some(mailboxes) = &self.mailboxes else { return };
        for (run, task, poll_count) in self.leases.drain(..) {
            mailboxes.send_own(run, Work::Event(Event::Returned { task, poll_count }), Reply::None);
        }
    }
}

impl fmt::Debug for LeaseGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LeaseGuard").field("leases", &self.leases.len()).finish()
    }
}

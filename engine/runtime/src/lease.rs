//! Tasks handed to a worker, and the guard that hands them back if the worker never gets them.

use crate::messages::TaskView;

/// The answer of a poll: tasks that are now leased to the caller, durably.
#[derive(Debug)]
pub struct Leased {
    pub tasks: Vec<TaskView>,
    pub guard: LeaseGuard,
}

/// Watches over the delivery of leased tasks.
///
/// Keep it until the last byte of the answer went out, then call [`LeaseGuard::disarm`]. Dropped armed
/// (the request was cancelled, the connection broke), it hands the leases back in a turn of each run,
/// guarded by the same lease, so that another worker gets the task at once instead of after the
/// response time-out. A process that dies in between leaves the lease to the response time-out.
#[derive(Debug, Default)]
pub struct LeaseGuard {
    armed: bool,
}

impl LeaseGuard {
    /// The answer was delivered: the leases stay.
    pub fn disarm(mut self) {
        self.armed = false;
    }
}

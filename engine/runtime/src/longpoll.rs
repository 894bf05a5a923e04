//! Parked polls: a long poll waits in memory until a writer hands it tasks, a candidate turns up or its time ends.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::oneshot;

use crate::lease::Leased;

/// What ends the wait of a parked poll.
pub(crate) enum Answer {
    /// Tasks that are durably leased to it.
    Handed(Leased),
    /// Something may be there (or the reservation came to nothing): look again.
    Look,
}

/// A poll that waits, from the queue's side. Out of the line it is reserved: nobody else will answer it.
pub(crate) struct Parked {
    id: u64,
    pub(crate) count: usize,
    pub(crate) worker: Option<Arc<str>>,
    deadline: Instant,
    answer: oneshot::Sender<Answer>,
}

impl Parked {
    /// Ends the wait. If the poll is gone the answer is dropped, and with it the guard that hands leases back.
    pub(crate) fn answer(self, answer: Answer) {
        drop(self.answer.send(answer));
    }

    fn gone(&self) -> bool {
        self.answer.is_closed()
    }
}

/// A poll that waits, from its own side.
pub(crate) struct Ticket {
    id: u64,
    pub(crate) answer: oneshot::Receiver<Answer>,
}

/// The polls that wait for one queue, longest first.
#[derive(Default)]
pub(crate) struct ParkedLine {
    line: VecDeque<Parked>,
    next: u64,
}

impl ParkedLine {
    pub(crate) fn is_empty(&self) -> bool {
        self.line.is_empty()
    }

    pub(crate) fn park(&mut self, count: usize, worker: Option<Arc<str>>, deadline: Instant) -> Ticket {
        let id = self.next;
        self.next += 1;
        let (answer, receiver) = oneshot::channel();
        self.line.push_back(Parked { id, count, worker, deadline, answer });
        Ticket { id, answer: receiver }
    }

    /// Takes the poll that waits longest.
    pub(crate) fn first(&mut self) -> Option<Parked> {
        self.line.pop_front()
    }

    /// Takes a poll out that gives up. `None` if it is reserved or answered already.
    pub(crate) fn leave(&mut self, ticket: &Ticket) -> Option<Parked> {
        // ids rise along the line
        let at = self.line.binary_search_by_key(&ticket.id, |p| p.id).ok()?;
        self.line.remove(at)
    }

    /// Takes out who has no time left.
    pub(crate) fn overdue(&mut self, at: Instant) -> Vec<Parked> {
        let over = |p: &Parked| p.deadline <= at || p.gone();
        let (out, line): (Vec<_>, Vec<_>) = self.line.drain(..).partition(over);
        self.line = line.into();
        out
    }
}

//! The way to the relay: what has committed, and what the pulse found.

use std::sync::Arc;
use std::time::Instant;

use podium_core::{Outgoing, RunId};
use podium_store::OutboxRow;
use tokio::sync::mpsc;

/// A message of a turn that has just committed.
pub(crate) struct Handed {
    pub(crate) run: RunId,
    pub(crate) body: Arc<Outgoing>,
    /// This node wrote every version of the run, so none of its earlier messages can be unknown here.
    pub(crate) own: bool,
}

/// What a pulse says about the outbox.
pub(crate) struct Rows {
    pub(crate) lanes: Vec<i16>,
    /// The oldest of each lane, at most [`super::ROWS_PER_LANE`].
    pub(crate) rows: Vec<OutboxRow>,
    /// No other node lives.
    pub(crate) alone: bool,
    pub(crate) asked: Instant,
}

pub(super) enum Note {
    Handed(Vec<Handed>),
    Rows(Rows),
    Stop,
}

/// The way to the relay.
pub(crate) struct RelayPort {
    notes: mpsc::UnboundedSender<Note>,
}

impl RelayPort {
    pub(crate) fn new() -> (Self, RelayMail) {
        let (notes, mail) = mpsc::unbounded_channel();
        (RelayPort { notes }, RelayMail(mail))
    }

    /// Hands over what has committed, in the order of the commits.
    pub(crate) fn hand(&self, messages: Vec<Handed>) {
        drop(self.notes.send(Note::Handed(messages)));
    }

    pub(crate) fn rows(&self, rows: Rows) {
        drop(self.notes.send(Note::Rows(rows)));
    }

    /// Nothing new is sent; what is on its way is settled.
    pub(crate) fn stop(&self) {
        drop(self.notes.send(Note::Stop));
    }
}

pub(crate) struct RelayMail(pub(super) mpsc::UnboundedReceiver<Note>);

//! Connections that wait for the next call to the same server.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::wire::{Origin, Sender};

/// Servers close idle connections after five seconds and more.
const IDLE: Duration = Duration::from_secs(4);
/// A request that must not go out twice takes only a connection that was in use just now: no server has closed it yet.
const FRESH: Duration = Duration::from_millis(500);
const PER_ORIGIN: usize = 16;
const IN_ALL: usize = 256;

struct Idle {
    sender: Sender,
    since: Instant,
}

/// The idle connections of all servers. The rules about addresses were asked when they were made; the rules do not
/// change while a process runs.
#[derive(Default)]
pub(super) struct Pool(Mutex<HashMap<Origin, Vec<Idle>>>);

impl Pool {
    /// A connection that still stands, the one used last first.
    pub(super) fn take(&self, origin: &Origin, repeatable: bool) -> Option<Sender> {
        let mut shelves = self.0.lock().ok()?;
        let shelf = shelves.get_mut(origin)?;
        shelf.retain(|idle| idle.stands());
        if shelf.last().is_some_and(|idle| idle.sender.is_shared()) {
            return shelf.last().and_then(|idle| idle.sender.share());
        }
        if !repeatable && shelf.last().is_none_or(|idle| idle.since.elapsed() > FRESH) {
            return None;
        }
        shelf.pop().map(|idle| idle.sender)
    }

    /// Keeps a connection for the next call.
    pub(super) fn keep(&self, origin: &Origin, sender: Sender) {
        let Ok(mut shelves) = self.0.lock() else { return };
        if shelves.values().map(Vec::len).sum::<usize>() >= IN_ALL {
            return;
        }
        let shelf = shelves.entry(origin.clone()).or_default();
        if sender.is_shared() {
            shelf.clear();
        }
        if shelf.len() < PER_ORIGIN {
            shelf.push(Idle { sender, since: Instant::now() });
        }
    }

    /// Closes what waited too long.
    pub(super) fn tidy(&self) {
        let Ok(mut shelves) = self.0.lock() else { return };
        shelves.retain(|_, shelf| {
            shelf.retain(Idle::stands);
            !shelf.is_empty()
        });
    }
}

impl Idle {
    fn stands(&self) -> bool {
        !self.sender.is_closed() && self.since.elapsed() < IDLE
    }
}

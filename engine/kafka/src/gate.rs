//! The door in front of a producer: a record goes in only when its topic is known to be there.
//!
//! librdkafka takes records for topics that it has never heard of and decides much later. Then a caller
//! could neither learn soon that a broker is not there, nor be sure that nothing was sent. So records for a
//! topic that is not known yet (or while all brokers are away) wait here, in order, each with its own
//! patience, while one task asks the brokers.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::error::{ErrorKind, KafkaError};
use crate::producer::Delivery;
use crate::record::OutRecord;

/// Topics remembered as known. More than that many different names and we ask again.
const MAX_KNOWN: usize = 10_000;

/// The answer that a caller of `send` waits for.
pub(crate) type Caller = oneshot::Sender<Result<Delivery, KafkaError>>;

/// A record that waits for its topic.
pub(crate) struct Pending {
    pub(crate) record: OutRecord,
    pub(crate) caller: Caller,
    /// Until when it waits for any answer of a broker.
    pub(crate) away_at: Instant,
    /// Until when it waits for a topic that a broker says does not exist.
    pub(crate) missing_at: Instant,
    pub(crate) waits: Duration,
}

enum Topic {
    Known,
    Asked(VecDeque<Pending>),
}

/// What the caller of [`Gate::enter`] has to do.
pub(crate) enum Entry {
    /// Send it now.
    Open(Pending),
    /// It waits; somebody asks already.
    Waits,
    /// It waits; the caller starts asking.
    Ask,
}

#[derive(Default)]
pub(crate) struct Gate {
    topics: Mutex<HashMap<String, Topic>>,
}

/// The gate, locked: what is sent through it stays in order.
pub(crate) struct Locked<'a>(MutexGuard<'a, HashMap<String, Topic>>);

impl Gate {
    pub(crate) fn lock(&self) -> Locked<'_> {
        // a panic while it was held left a whole map: every change of it is one call
        Locked(self.topics.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }
}

impl Locked<'_> {
    /// Lets a record in, or keeps it. `down` = what is known about topics does not count now.
    pub(crate) fn enter(&mut self, pending: Pending, down: bool) -> Entry {
        match self.0.get_mut(&pending.record.topic) {
            Some(Topic::Known) if !down => Entry::Open(pending),
            Some(Topic::Asked(waiting)) => {
                waiting.push_back(pending);
                Entry::Waits
            }
            Some(Topic::Known) | None => {
                let topic = pending.record.topic.clone();
                self.0.insert(topic, Topic::Asked(VecDeque::from([pending])));
                Entry::Ask
            }
        }
    }

    /// The topic is there: what waited for it, in order.
    pub(crate) fn open(&mut self, topic: &str) -> VecDeque<Pending> {
        if self.0.len() >= MAX_KNOWN {
            self.0.retain(|_, t| matches!(t, Topic::Asked(_)));
        }
        match self.0.insert(topic.to_owned(), Topic::Known) {
            Some(Topic::Asked(waiting)) => waiting,
            Some(Topic::Known) | None => VecDeque::new(),
        }
    }

    /// The topic will not be there: what waited for it.
    pub(crate) fn refuse(&mut self, topic: &str) -> VecDeque<Pending> {
        match self.0.remove(topic) {
            Some(Topic::Asked(waiting)) => waiting,
            Some(Topic::Known) | None => VecDeque::new(),
        }
    }

    /// All that waits, of all topics.
    pub(crate) fn take_back(&mut self) -> VecDeque<Pending> {
        let waiting = self.0.values_mut().filter_map(|topic| match topic {
            Topic::Asked(waiting) => Some(std::mem::take(waiting)),
            Topic::Known => None,
        });
        waiting.flatten().collect()
    }

    /// The topic was deleted, perhaps: ask before the next record.
    pub(crate) fn forget(&mut self, topic: &str) {
        if matches!(self.0.get(topic), Some(Topic::Known)) {
            self.0.remove(topic);
        }
    }

    /// Tells those whose patience has ended. `missing` = a broker answered that the topic is not there.
    /// Returns when the next one's ends, or `None` if nobody waits any more (the topic is forgotten then).
    pub(crate) fn expire(&mut self, topic: &str, missing: bool, now: Instant) -> Option<Instant> {
        let Some(Topic::Asked(waiting)) = self.0.get_mut(topic) else { return None };
        let end = |p: &Pending| if missing { p.away_at.min(p.missing_at) } else { p.away_at };
        let mut rest = VecDeque::with_capacity(waiting.len());
        for pending in waiting.drain(..) {
            if pending.caller.is_closed() {
                continue;
            }
            if end(&pending) > now {
                rest.push_back(pending);
                continue;
            }
            let waited = pending.waits;
            let error = if missing {
                KafkaError::new(ErrorKind::TopicMissing, format!("topic {topic} does not exist"))
            } else {
                KafkaError::new(ErrorKind::Away, format!("no broker answered in {} ms", waited.as_millis()))
            };
            let _ = pending.caller.send(Err(error));
        }
        *waiting = rest;
        let next = waiting.iter().map(end).min();
        if next.is_none() {
            self.0.remove(topic);
        }
        next
    }
}

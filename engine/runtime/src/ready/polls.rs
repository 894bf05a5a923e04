//! Who polls a queue. A poll costs a comparison; only where workers take turns, a place in a small map.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

/// Workers of one queue that are remembered between two notes; of more, some are noted at another time.
const OTHERS_AT_MOST: usize = 200;

/// The polls of one queue since they were last noted in the rows.
#[derive(Debug, Default)]
pub(super) struct Polls {
    last: Option<Arc<str>>,
    /// Who else has polled, and when.
    others: HashMap<Option<Arc<str>>, Instant>,
    unnoted: bool,
}

impl Polls {
    /// Somebody polls; `before`: when the poll before this one was.
    pub(super) fn polled(&mut self, worker: &Option<Arc<str>>, before: Instant) {
        if self.last != *worker {
            let previous = std::mem::replace(&mut self.last, worker.clone());
            // only of a poll is there anything to tell
            if self.unnoted && (self.others.len() < OTHERS_AT_MOST || self.others.contains_key(&previous)) {
                self.others.insert(previous, before);
            }
        }
        self.unnoted = true;
    }

    pub(super) fn last(&self) -> Option<&str> {
        self.last.as_deref()
    }

    /// Workers besides the last one, and when they polled.
    pub(super) fn others(&self) -> impl Iterator<Item = (Option<&str>, Instant)> {
        let others = self.others.iter().filter(|(worker, _)| **worker != self.last);
        others.map(|(worker, at)| (worker.as_deref(), *at))
    }

    pub(super) fn is_unnoted(&self) -> bool {
        self.unnoted
    }

    /// The rows have it all.
    pub(super) fn noted(&mut self) {
        self.others.clear();
        self.unnoted = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_poll_of_each_worker_is_told_once() {
        let (a, b) = (Some(Arc::from("a")), Some(Arc::from("b")));
        let mut polls = Polls::default();
        let at = Instant::now();
        for worker in [&a, &a, &b, &a, &None] {
            polls.polled(worker, at);
        }
        let mut others: Vec<_> = polls.others().filter_map(|(worker, _)| worker).collect();
        others.sort_unstable();
        assert_eq!((polls.last(), others), (None, vec!["a", "b"]));
        polls.noted();
        polls.polled(&a, at);
        assert_eq!(
            (polls.last(), polls.others().count()),
            (Some("a"), 0),
            "the poll without a name was noted"
        );
    }
}

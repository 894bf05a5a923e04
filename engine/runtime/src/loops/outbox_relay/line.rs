//! The messages of one order that are in memory, and how far each of them is.

use std::collections::VecDeque;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::{Duration, Instant};

use podium_core::{Outgoing, RunId};
use podium_store::lane;

use super::LANES;

/// What must stay in order: the messages of one lane to one cluster and topic with one key. One line that is held
/// up, by a partition without a leader for instance, holds up no other.
#[derive(Clone)]
pub(super) struct Order {
    pub(super) lane: usize,
    /// Any message of the line: it names the rest.
    pub(super) like: Arc<Outgoing>,
}

impl Order {
    pub(super) fn of(body: &Arc<Outgoing>) -> Order {
        Order { lane: lane_index(body), like: body.clone() }
    }

    fn parts(&self) -> (usize, Option<&str>, &str, Option<&[u8]>) {
        (self.lane, self.like.cluster.as_deref(), &self.like.topic, self.like.key.as_deref())
    }
}

impl PartialEq for Order {
    fn eq(&self, other: &Order) -> bool {
        Arc::ptr_eq(&self.like, &other.like) || self.parts() == other.parts()
    }
}

impl Eq for Order {}

impl Hash for Order {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.parts().hash(state);
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Waiting,
    Flying,
    /// Acknowledged or refused; its turn is on the way.
    Told,
    /// On its way once more behind an earlier one that had to be; its run knows already.
    Repeat,
    Done,
}

pub(super) struct Entry {
    pub(super) run: RunId,
    pub(super) body: Arc<Outgoing>,
    pub(super) stage: Stage,
    pub(super) told: bool,
    pub(super) settled: bool,
    pub(super) first_try: Option<Instant>,
}

#[derive(Default)]
pub(super) struct Line {
    /// Key of the first entry; keys rise by one.
    pub(super) first: u64,
    pub(super) entries: VecDeque<Entry>,
    pub(super) flying: usize,
    /// Something was lost: nothing is sent until all that flies has landed and the pause is over.
    pub(super) broken: bool,
    pub(super) pause: Option<Duration>,
    pub(super) resume_at: Option<Instant>,
}

impl Line {
    pub(super) fn entry(&mut self, id: u64) -> Option<&mut Entry> {
        let at = usize::try_from(id.checked_sub(self.first)?).ok()?;
        self.entries.get_mut(at)
    }

    /// Forgets what is done at the front; what is done behind something open stays for a restart.
    pub(super) fn tidy(&mut self) {
        while self.entries.front().is_some_and(|e| e.stage == Stage::Done) {
            self.entries.pop_front();
            self.first += 1;
        }
    }

    pub(super) fn to_send_again(&self) -> Vec<u64> {
        // messages without a key have no order
        let ordered = self.entries.front().is_some_and(|entry| entry.body.key.is_some());
        let entries = (self.first..).zip(&self.entries);
        let mut behind = entries.skip_while(|(_, entry)| entry.stage != Stage::Waiting).collect::<Vec<_>>();
        behind.retain(|(_, entry)| entry.stage == Stage::Waiting || (ordered && entry.told));
        behind.into_iter().map(|(id, _)| id).collect()
    }
}

impl Entry {
    pub(super) fn out_of_time(&self) -> bool {
        let limit = self.body.max_block_ms.and_then(|ms| u64::try_from(ms).ok()).map(Duration::from_millis);
        limit.is_some_and(|limit| self.first_try.is_some_and(|at| at.elapsed() >= limit))
    }
}

pub(super) fn lane_index(body: &Outgoing) -> usize {
    usize::try_from(lane(body)).unwrap_or_default() % LANES
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use podium_core::Timestamp;

    use super::*;

    fn entry(key: Option<&str>, stage: Stage) -> Entry {
        let body = Outgoing {
            task: 1,
            cluster: None,
            topic: "t".to_owned(),
            key: key.map(|k| k.as_bytes().to_vec()),
            value: Vec::new(),
            headers: Vec::new(),
            max_block_ms: None,
        };
        let run = RunId::new(Timestamp::from_millis(1), 1, 0);
        let told = matches!(stage, Stage::Told | Stage::Done);
        Entry { run, body: Arc::new(body), stage, told, settled: stage == Stage::Done, first_try: None }
    }

    #[test]
    fn a_line_starts_again_at_its_oldest_unacknowledged_message() {
        let again = |key: Option<&str>| {
            let mut line = Line::default();
            line.entries.extend(
                [Stage::Done, Stage::Told, Stage::Waiting, Stage::Done, Stage::Waiting]
                    .map(|s| entry(key, s)),
            );
            line.tidy();
            assert_eq!(line.first, 1);
            line.to_send_again()
        };
        assert_eq!(again(Some("a")), [2, 3, 4]);
        assert_eq!(again(None), [2, 4], "nothing of it has an order");
    }

    #[test]
    fn a_line_is_of_one_topic_and_key() {
        let order = |key: &str| Order::of(&entry(Some(key), Stage::Waiting).body);
        assert!(order("a") == order("a") && order("a") != order("b"));
        let set: HashSet<Order> = ["a", "b", "a"].map(order).into_iter().collect();
        assert_eq!(set.len(), 2);
    }
}

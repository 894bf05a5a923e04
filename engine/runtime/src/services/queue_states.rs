//! How all queues stand at once: what waits, what workers hold, who polls. For people.

use std::collections::BTreeMap;

use podium_core::Timestamp;

use super::search::searched;
use crate::engine::Engine;
use crate::messages::EngineError;

/// Ready and delayed tasks that are counted in one queue at most.
const COUNT_AT_MOST: i64 = 200_000;
/// Queues with waiting tasks that are shown at most.
const QUEUES_AT_MOST: i64 = 2_000;
/// Runs that are looked at for tasks that workers hold: a tenth of a second.
const RUNS_AT_MOST: i64 = 10_000;
/// Workers of one queue.
const POLLERS_AT_MOST: usize = 50;

/// All queues.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QueueStates {
    /// By type and domain: those with tasks, and those that somebody polls.
    pub queues: Vec<QueueOverview>,
    /// False: there are more queues with waiting tasks.
    pub complete: bool,
    /// False: workers hold at least so many tasks, because not all runs were looked at.
    pub leased_exact: bool,
}

/// One queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueOverview {
    pub task_type: String,
    pub domain: Option<String>,
    /// Tasks that a poll may take now; at most 200,000 are counted.
    pub ready: i64,
    /// Tasks that wait for their delay; at most 200,000 are counted.
    pub delayed: i64,
    /// Tasks that workers hold.
    pub leased: i64,
    /// Since when the oldest ready task waits.
    pub oldest: Option<Timestamp>,
    /// The workers that polled last, at most 50, the latest first.
    pub pollers: Vec<Poller>,
}

/// A worker of a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Poller {
    /// `None`: it did not say who it is.
    pub worker: Option<String>,
    pub last_poll_at: Timestamp,
}

impl Engine {
    /// How all queues stand. Polls of this node are shown at once, those of others within half a minute.
    pub async fn queue_states(&self) -> Result<QueueStates, EngineError> {
        let shared = self.shared();
        let now = shared.clock.now();
        let (waiting, leased, pollers) = tokio::try_join!(
            shared.store.queue_states(now, COUNT_AT_MOST, QUEUES_AT_MOST),
            shared.store.leased_tasks(RUNS_AT_MOST),
            shared.store.pollers(POLLERS_AT_MOST as i64),
        )
        .map_err(searched)?;
        let complete = waiting.len() < QUEUES_AT_MOST as usize;
        let mut queues = Gathered::default();
        for state in waiting {
            let queue = queues.of(state.task_type, state.domain);
            (queue.ready, queue.delayed, queue.oldest) = (state.ready, state.delayed, state.oldest);
        }
        for (task_type, domain, count) in leased.queues {
            queues.of(task_type, domain).leased = count;
        }
        for row in shared.queues.recent_polls(now).into_iter().chain(pollers) {
            let queue = queues.of(row.task_type, row.domain);
            let worker = Some(row.worker).filter(|worker| !worker.is_empty());
            match queue.pollers.iter_mut().find(|known| known.worker == worker) {
                Some(known) => known.last_poll_at = known.last_poll_at.max(row.last_poll_at),
                None => queue.pollers.push(Poller { worker, last_poll_at: row.last_poll_at }),
            }
        }
        let mut queues: Vec<QueueOverview> = queues.0.into_values().collect();
        for queue in &mut queues {
            queue.pollers.sort_by_key(|poller| std::cmp::Reverse(poller.last_poll_at));
            queue.pollers.truncate(POLLERS_AT_MOST);
        }
        Ok(QueueStates { queues, complete, leased_exact: leased.exact })
    }
}

/// Queues by type and domain.
#[derive(Default)]
struct Gathered(BTreeMap<(String, String), QueueOverview>);

impl Gathered {
    /// `domain`: empty = none.
    fn of(&mut self, task_type: String, domain: String) -> &mut QueueOverview {
        self.0.entry((task_type.clone(), domain.clone())).or_insert_with(|| QueueOverview {
            task_type,
            domain: Some(domain).filter(|domain| !domain.is_empty()),
            ready: 0,
            delayed: 0,
            leased: 0,
            oldest: None,
            pollers: Vec::new(),
        })
    }
}

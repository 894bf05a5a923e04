//! One statement a second: renews what this node holds and reads what of it is to be done.

use std::sync::Arc;
use std::time::{Duration, Instant};

use podium_core::{RunId, Span};
use podium_store::{NodeLease, PulseAnswer, StoreError};

use crate::errors::chain;
use crate::loops::outbox_relay::Rows;
use crate::mailbox::{Reply, Work};
use crate::shared::Shared;

/// How far ahead due runs are read: two pulses, so that one may fail.
const HORIZON: Span = Span::from_secs(2);
/// Asked for early, pulses still keep this distance.
const CLOSEST: Duration = Duration::from_millis(20);
/// A pulse that takes longer has lost its leases anyway.
const AT_MOST: Duration = Duration::from_secs(5);
/// Recovered inbox rows wait while the node has this much to do already.
const BUSY: usize = 5_000;
const BUCKETS: usize = 64;

pub(crate) struct Pulse {
    shared: Arc<Shared>,
    node: NodeLease,
    failing: bool,
    /// Where the look for inbox rows goes on.
    inbox_after: Option<RunId>,
    buckets: usize,
}

impl Pulse {
    pub(crate) fn new(shared: Arc<Shared>, node: NodeLease) -> Self {
        Pulse { shared, node, failing: false, inbox_after: None, buckets: 0 }
    }

    /// Beats until the task is aborted.
    pub(crate) async fn run(mut self) {
        let mut next = Instant::now() + self.shared.config.pulse_every;
        loop {
            // cancel-safe: both branches only wait
            let asked_for = tokio::select! {
                () = tokio::time::sleep_until(next.into()) => false,
                () = self.shared.pulse_now.notified() => true,
            };
            if asked_for {
                tokio::time::sleep(CLOSEST).await;
            }
            self.beat().await;
            next = Instant::now() + self.shared.config.pulse_every;
        }
    }

    /// One pulse.
    pub(crate) async fn beat(&mut self) {
        let asked = Instant::now();
        let pulse = self.shared.store.pulse(&self.node, HORIZON, self.inbox_after);
        let answer = tokio::time::timeout(AT_MOST, pulse).await;
        match answer {
            Ok(Ok(answer)) => {
                if std::mem::take(&mut self.failing) {
                    tracing::info!("the database answers again");
                }
                self.shared.stats.pulses.one();
                self.inbox_after = answer.inbox_after;
                self.take_in(answer, asked);
            }
            Ok(Err(error)) => self.failed(Some(&error)),
            Err(_) => self.failed(None),
        }
    }

    fn failed(&mut self, error: Option<&StoreError>) {
        self.shared.stats.failed_pulses.one();
        if !std::mem::replace(&mut self.failing, true) {
            let error = error.map_or("it took too long".to_owned(), |e| chain(e));
            tracing::warn!(error, "could not renew this node's leases");
        }
    }

    fn take_in(&mut self, mut answer: PulseAnswer, asked: Instant) {
        let shared = &self.shared;
        answer.due.retain(|(run, _)| !shared.broken.rests(*run));
        answer.inbox.retain(|run| !shared.broken.rests(*run));
        answer.outbox.retain(|row| !shared.broken.rests(row.run));
        shared.wrote();
        shared.clock.learn(answer.db_now, asked);
        shared.definitions.moved(answer.metadata_version);
        // a node that holds every bucket has no other beside it
        let alone = answer.buckets.len() == BUCKETS;
        shared.queues.set_share(&answer.buckets, alone);
        shared.set_first_lane(answer.lanes.contains(&0));
        // more than before: another node has left its work, and perhaps words that it did not come to make
        if std::mem::replace(&mut self.buckets, answer.buckets.len()) < answer.buckets.len() {
            shared.feed.look();
        }
        for queue in shared.queues.tick() {
            shared.read(&queue);
        }
        shared.timers.tidy();
        shared.timers.found(&answer.due);
        shared.schedules.is(answer.schedule_at);
        if answer.bulk {
            shared.bulk.notify_one();
        }
        shared.handlers.news(answer.metadata_version, answer.events);
        if answer.http_notices {
            shared.http_notices.notify_one();
        }
        shared.definitions.limits.news(answer.metadata_version);
        self.inbox(answer.inbox);
        if let Some(relay) = &self.shared.relay {
            relay.rows(Rows { lanes: answer.lanes, rows: answer.outbox, alone, asked });
        }
    }

    /// Inbox rows that no turn has taken: of a node that died, or whose turn is still on its way.
    fn inbox(&self, runs: Vec<RunId>) {
        if self.shared.mailboxes.open() > BUSY {
            return;
        }
        for run in runs {
            self.shared.mailboxes.send_own(run, Work::Inbox, Reply::None);
        }
    }
}

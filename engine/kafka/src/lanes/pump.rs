//! The task between librdkafka and the lanes.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::StreamExt;
use rdkafka::consumer::{Consumer, StreamConsumer};
use rdkafka::error::KafkaError as Native;
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::topic_partition_list::Offset;
use rdkafka::types::RDKafkaErrorCode as Code;
use rdkafka::{ClientContext as _, TopicPartitionList};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::context::{GroupContext, Rebalance};
use super::{Item, Lane, LaneEnd, LaneEvent, LaneId, LanesSettings, Level, Start};
use crate::error::KafkaError;
use crate::record::Record;

/// Lanes that begin within this time of each other are assigned together: each assignment makes those that
/// read already fetch anew.
const ASSIGN_TOGETHER: Duration = Duration::from_millis(20);
/// How often hints go to Kafka.
const HINT_EVERY: Duration = Duration::from_secs(1);
const RANGE_WAIT: Duration = Duration::from_secs(5);

type Items = (mpsc::UnboundedReceiver<Item>, Arc<Level>);

pub(super) enum Command {
    Begin { round: u64, starts: Vec<(LaneId, Start)>, reply: oneshot::Sender<Vec<Lane>> },
    Seek { lane: LaneId, at: i64, reply: oneshot::Sender<Items> },
    Resume(LaneId),
    Hint { lane: LaneId, next_offset: i64 },
    Ended { lane: LaneId, round: u64, end: LaneEnd },
    Stop,
}

/// The sending side of a lane.
struct Feed {
    items: mpsc::UnboundedSender<Item>,
    level: Arc<Level>,
    /// Where to begin.
    start: Start,
    /// The offset wanted next, once known.
    next: Option<i64>,
}

impl Feed {
    fn new(start: Start) -> (Feed, Items) {
        let (items, receiver) = mpsc::unbounded_channel();
        let level = Arc::new(Level::default());
        let next = match start {
            Start::Offset(n) => Some(n),
            Start::Beginning | Start::End => None,
        };
        (Feed { items, level: level.clone(), start, next }, (receiver, level))
    }

    /// Where an assignment made now goes on.
    fn at(&self) -> Offset {
        match (self.next, self.start) {
            (Some(n), _) | (None, Start::Offset(n)) => Offset::Offset(n),
            (None, Start::Beginning) => Offset::Beginning,
            (None, Start::End) => Offset::End,
        }
    }

    fn end(&self, end: LaneEnd) {
        self.level.ended.store(true, Ordering::Release);
        let _ = self.items.send(Item::End(end));
    }
}

pub(super) struct Pump {
    consumer: Arc<StreamConsumer<GroupContext>>,
    commands: mpsc::WeakUnboundedSender<Command>,
    events: mpsc::UnboundedSender<LaneEvent>,
    max_records: usize,
    max_bytes: usize,
    round: u64,
    /// The lanes of the current assignment that nobody has begun yet.
    offered: Vec<LaneId>,
    feeds: HashMap<Arc<str>, HashMap<i32, Feed>>,
    /// Lanes have begun that librdkafka is told of then.
    assign_at: Option<Instant>,
}

impl Pump {
    pub(super) fn new(
        consumer: Arc<StreamConsumer<GroupContext>>,
        settings: &LanesSettings,
        commands: mpsc::UnboundedSender<Command>,
        events: mpsc::UnboundedSender<LaneEvent>,
    ) -> Self {
        Pump {
            consumer,
            commands: commands.downgrade(),
            events,
            max_records: settings.buffer_records.max(2),
            max_bytes: settings.buffer_bytes.max(2),
            round: 0,
            offered: Vec::new(),
            feeds: HashMap::new(),
            assign_at: None,
        }
    }

    pub(super) async fn run(
        mut self,
        mut orders: mpsc::UnboundedReceiver<Command>,
        mut from_group: mpsc::UnboundedReceiver<Rebalance>,
    ) {
        let consumer = self.consumer.clone();
        let mut stream = consumer.stream();
        let mut hints = tokio::time::interval(HINT_EVERY);
        hints.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            // every branch is cancel-safe: a channel, a stream, a tick
            tokio::select! {
                biased;
                Some(what) = from_group.recv() => self.rebalanced(what),
                order = orders.recv() => match order {
                    None | Some(Command::Stop) => break,
                    Some(order) => self.obey(order),
                },
                () = tokio::time::sleep_until(self.assign_at.unwrap_or_else(Instant::now)), if self.assign_at.is_some() => {
                    self.assign_feeds();
                }
                _ = hints.tick() => consumer.context().commit_hints(&*consumer),
                Some(message) = stream.next() => {
                    match message {
                        Ok(message) => self.dispatch(&message),
                        Err(error) => self.trouble(&error),
                    }
                    // librdkafka's queue is always ready under load; others want the thread too
                    tokio::task::consume_budget().await;
                }
            }
        }
        consumer.context().commit_hints(&*consumer);
        self.end_all();
        drop(stream);
        // leaving the group waits for brokers: never on a thread that serves others
        let _ = tokio::task::spawn_blocking(move || drop((self, consumer))).await;
    }

    fn rebalanced(&mut self, what: Rebalance) {
        self.round += 1;
        self.end_all();
        self.assign_at = None;
        self.offered.clear();
        match what {
            Rebalance::Assigned(lanes) => {
                self.consumer.context().answered();
                if lanes.is_empty() {
                    self.assign_feeds();
                } else {
                    // an answer in any case: until it comes librdkafka joins no other round of the group
                    self.assign_at = Some(Instant::now() + ASSIGN_TOGETHER);
                }
                self.offered.clone_from(&lanes);
                let _ = self.events.send(LaneEvent::Assigned { round: self.round, lanes });
            }
            Rebalance::Revoked => {
                let _ = self.events.send(LaneEvent::Revoked);
            }
        }
    }

    fn end_all(&mut self) {
        for feed in self.feeds.drain().flat_map(|(_, partitions)| partitions.into_values()) {
            feed.end(LaneEnd::Revoked);
        }
    }

    fn assign(&self, list: &TopicPartitionList) {
        if let Err(error) = self.consumer.assign(list) {
            tracing::warn!(%error, "could not take the lanes of the group");
            let _ = self.events.send(LaneEvent::Trouble(error.into()));
        }
    }

    fn obey(&mut self, order: Command) {
        match order {
            Command::Begin { round, starts, reply } => {
                let lanes = if round == self.round { self.begin(starts) } else { Vec::new() };
                let _ = reply.send(lanes);
            }
            Command::Seek { lane, at, reply } => self.seek(&lane, at, reply),
            Command::Resume(lane) => self.resume(&lane),
            Command::Hint { lane, next_offset } => self.consumer.context().hint(lane, next_offset),
            Command::Ended { lane, round, end } if round == self.round => {
                if let Some(feed) = self.feeds.get_mut(&*lane.topic).and_then(|t| t.remove(&lane.partition)) {
                    feed.end(end);
                }
            }
            Command::Ended { .. } | Command::Stop => {}
        }
    }

    /// A lane whose start is known late does not hold up the others: it is added to what is read already.
    fn begin(&mut self, starts: Vec<(LaneId, Start)>) -> Vec<Lane> {
        let Some(commands) = self.commands.upgrade() else { return Vec::new() };
        let mut lanes = Vec::with_capacity(starts.len());
        for (id, start) in starts {
            let Some(offered) = self.offered.iter().position(|lane| *lane == id) else { continue };
            if matches!(start, Start::Offset(n) if n < 0) {
                tracing::warn!(lane = %id, ?start, "not an offset");
                continue;
            }
            self.offered.swap_remove(offered);
            let (feed, (items, level)) = Feed::new(start);
            self.feeds.entry(id.topic.clone()).or_default().insert(id.partition, feed);
            let (max_records, max_bytes) = (self.max_records, self.max_bytes);
            lanes.push(Lane {
                id,
                items,
                level,
                commands: commands.clone(),
                max_records,
                max_bytes,
                end: None,
            });
        }
        if lanes.is_empty() {
            return lanes;
        }
        if self.offered.is_empty() {
            self.assign_feeds();
        } else {
            self.assign_at.get_or_insert_with(|| Instant::now() + ASSIGN_TOGETHER);
        }
        lanes
    }

    /// Tells librdkafka all lanes that have begun. Those that read already go on after their last record.
    fn assign_feeds(&mut self) {
        self.assign_at = None;
        let mut list = TopicPartitionList::new();
        for (topic, partitions) in &self.feeds {
            for (partition, feed) in partitions {
                // whether a partition is paused does not survive an assignment for certain
                if feed.level.paused.swap(false, Ordering::SeqCst) {
                    self.resume(&LaneId { topic: topic.clone(), partition: *partition });
                }
                if let Err(error) = list.add_partition_offset(topic, *partition, feed.at()) {
                    tracing::warn!(%topic, partition, %error, "not an offset");
                }
            }
        }
        self.assign(&list);
    }

    /// librdkafka numbers its fetches: what was fetched before this call is not handed out after it.
    fn seek(&mut self, lane: &LaneId, at: i64, reply: oneshot::Sender<Items>) {
        let Some(old) = self.feeds.get_mut(&*lane.topic).and_then(|t| t.get_mut(&lane.partition)) else {
            return;
        };
        let (feed, items) = Feed::new(Start::Offset(at));
        *old = feed;
        self.resume(lane);
        if let Err(error) =
            self.consumer.seek(&lane.topic, lane.partition, Offset::Offset(at), Duration::ZERO)
        {
            tracing::warn!(%lane, at, %error, "could not seek");
        }
        let _ = reply.send(items);
    }

    fn resume(&self, lane: &LaneId) {
        let mut list = TopicPartitionList::with_capacity(1);
        list.add_partition(&lane.topic, lane.partition);
        if let Err(error) = self.consumer.resume(&list) {
            tracing::debug!(%lane, %error, "could not resume");
        }
    }

    fn dispatch(&mut self, message: &BorrowedMessage<'_>) {
        let feed = self.feeds.get_mut(message.topic()).and_then(|t| t.get_mut(&message.partition()));
        let Some(feed) = feed else { return };
        // an assignment that was made anew may bring again what was on its way
        if feed.next.is_some_and(|next| message.offset() < next) {
            return;
        }
        let record = Record::copy(message);
        feed.next = Some(record.offset + 1);
        let size = record.size_bytes();
        let bytes = feed.level.bytes.fetch_add(size, Ordering::SeqCst) + size;
        let records = feed.level.records.fetch_add(1, Ordering::SeqCst) + 1;
        let _ = feed.items.send(Item::Record(record));
        let full = records >= self.max_records || bytes >= self.max_bytes;
        if full && !feed.level.paused.load(Ordering::SeqCst) {
            let mut list = TopicPartitionList::with_capacity(1);
            list.add_partition(message.topic(), message.partition());
            match self.consumer.pause(&list) {
                // set after the pause: the lane's resume comes as a command and so after it
                Ok(()) => feed.level.paused.store(true, Ordering::SeqCst),
                Err(error) => tracing::debug!(%error, "could not pause"),
            }
            // the lane may have emptied its buffer before it could see the mark
            if feed.level.is_low(self.max_records, self.max_bytes)
                && feed.level.paused.swap(false, Ordering::SeqCst)
            {
                let lane = LaneId { topic: Arc::from(message.topic()), partition: message.partition() };
                self.resume(&lane);
            }
        }
    }

    fn trouble(&mut self, error: &Native) {
        match error.rdkafka_error_code() {
            Some(Code::AutoOffsetReset | Code::OffsetOutOfRange) => self.look_for_lost_lanes(),
            Some(
                Code::BrokerTransportFailure | Code::AllBrokersDown | Code::Resolve | Code::OperationTimedOut,
            ) => {
                self.consumer.context().error(error.clone(), "while reading");
            }
            _ => {
                tracing::warn!(%error, "kafka reported a problem while reading");
                let _ = self.events.send(LaneEvent::Trouble(KafkaError::from(error.clone())));
            }
        }
    }

    /// The error does not say which lane it means: each is compared with what the broker has.
    fn look_for_lost_lanes(&self) {
        for (topic, partitions) in &self.feeds {
            for (partition, feed) in partitions {
                let (Some(wanted), Some(commands)) = (feed.next, self.commands.upgrade()) else { continue };
                let (consumer, round) = (self.consumer.clone(), self.round);
                let lane = LaneId { topic: topic.clone(), partition: *partition };
                tokio::task::spawn_blocking(move || {
                    match consumer.fetch_watermarks(&lane.topic, lane.partition, RANGE_WAIT) {
                        Ok((low, high)) if wanted < low || wanted > high => {
                            let end = LaneEnd::OutOfRange { wanted, low, high };
                            let _ = commands.send(Command::Ended { lane, round, end });
                        }
                        Ok(_) => {}
                        Err(error) => tracing::warn!(%lane, %error, "could not ask how far a lane reaches"),
                    }
                });
            }
        }
    }
}

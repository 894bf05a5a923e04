//! Reading as a member of a group: one ordered lane per partition.
//!
//! ```text
//! group ──> LaneEvent::Assigned ──> the caller finds where each begins ──> Lanes::begin ──> Lane per partition
//! librdkafka ──> pump ──> Lane's buffer (bounded: the partition pauses) ──> Lane::next
//! ```
//!
//! Nothing is fetched before `begin`, so no record of a wrong position is ever seen. The assignor is `range`,
//! which every client knows. Offsets go to Kafka only as a hint ([`Lane::done`]).

mod context;
mod pump;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use rdkafka::TopicPartitionList;
use rdkafka::consumer::{Consumer, StreamConsumer};
use rdkafka::topic_partition_list::Offset;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::cluster::Watermarks;
use crate::error::{ErrorKind, KafkaError};
use crate::record::Record;
use crate::settings::KafkaSettings;
use context::GroupContext;
use pump::Command;

/// A partition of a topic.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LaneId {
    pub topic: Arc<str>,
    pub partition: i32,
}

impl fmt::Display for LaneId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.topic, self.partition)
    }
}

/// Where a lane begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    Offset(i64),
    Beginning,
    End,
}

/// How a group is read.
#[derive(Clone, Debug)]
pub struct LanesSettings {
    pub group: String,
    pub topics: Vec<String>,
    /// How long the group waits for a silent member. Brokers refuse less than 6 s unless set up otherwise.
    pub session_timeout: Duration,
    /// A lane that holds so many records stops fetching until half of them are taken.
    pub buffer_records: usize,
    /// The same in bytes.
    pub buffer_bytes: usize,
}

impl LanesSettings {
    pub fn new(group: impl Into<String>, topics: &[&str]) -> Self {
        LanesSettings {
            group: group.into(),
            topics: topics.iter().map(|t| (*t).to_owned()).collect(),
            session_timeout: Duration::from_secs(6),
            buffer_records: 4_000,
            buffer_bytes: 8 << 20,
        }
    }
}

/// What the group does to this member.
#[derive(Clone, Debug)]
pub enum LaneEvent {
    /// These lanes are ours, all of them. The caller answers with [`Lanes::begin`] and this round, for all of them
    /// at once or one by one; until then nothing of them is read.
    Assigned { round: u64, lanes: Vec<LaneId> },
    /// All lanes of the last assignment are gone; their `next` says so too.
    Revoked,
    /// Something is wrong but may pass: no broker, no right, no topic.
    Trouble(KafkaError),
}

/// The events of a membership, in order.
pub struct LaneEvents(mpsc::UnboundedReceiver<LaneEvent>);

impl LaneEvents {
    /// The next one; `None` once the membership was closed. Cancel-safe.
    pub async fn next(&mut self) -> Option<LaneEvent> {
        self.0.recv().await
    }
}

/// A membership in a group. Dropped with all its lanes, it leaves the group in the background.
pub struct Lanes {
    consumer: Arc<StreamConsumer<GroupContext>>,
    commands: mpsc::UnboundedSender<Command>,
    pump: JoinHandle<()>,
}

impl Lanes {
    /// Joins the group. Must be called inside a tokio runtime.
    pub fn join(settings: &KafkaSettings, lanes: &LanesSettings) -> Result<(Lanes, LaneEvents), KafkaError> {
        let bootstrap = settings.resolve(None)?;
        let session = lanes.session_timeout;
        let mut config = settings.client(&bootstrap);
        config
            .set("group.id", &lanes.group)
            .set("partition.assignment.strategy", "range")
            .set("session.timeout.ms", session.as_millis().to_string())
            .set("heartbeat.interval.ms", (session / 3).as_millis().to_string())
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            // a position that is gone is the caller's decision, never a silent jump
            .set("auto.offset.reset", "error")
            .set("allow.auto.create.topics", "false")
            // an answer goes out with the first byte; the wait only bounds how long an idle request is held
            .set("fetch.min.bytes", "1")
            .set("fetch.wait.max.ms", "250")
            .set("fetch.error.backoff.ms", "100")
            // the default of 1 s would be a pause of 1 s after each burst that fills the queue
            .set("fetch.queue.backoff.ms", "2")
            .set("queued.min.messages", "2000")
            .set("queued.max.messages.kbytes", "16384")
            // new partitions are found within this
            .set("topic.metadata.refresh.interval.ms", "30000")
            .set("statistics.interval.ms", "1000");
        let (rebalances, from_group) = mpsc::unbounded_channel();
        let context = GroupContext::new(&bootstrap, rebalances);
        let consumer: StreamConsumer<GroupContext> =
            settings.finish(config, &bootstrap).create_with_context(context)?;
        let topics: Vec<&str> = lanes.topics.iter().map(String::as_str).collect();
        consumer.subscribe(&topics)?;
        let consumer = Arc::new(consumer);
        let (commands, orders) = mpsc::unbounded_channel();
        let (out, events) = mpsc::unbounded_channel();
        let pump = pump::Pump::new(consumer.clone(), lanes, commands.clone(), out);
        let pump = tokio::spawn(pump.run(orders, from_group));
        Ok((Lanes { consumer, commands, pump }, LaneEvents(events)))
    }

    /// Begins to read these lanes of an assignment; the rest may follow later. Empty if the round is over already.
    pub async fn begin(&self, round: u64, starts: Vec<(LaneId, Start)>) -> Vec<Lane> {
        let (reply, lanes) = oneshot::channel();
        let _ = self.commands.send(Command::Begin { round, starts, reply });
        lanes.await.unwrap_or_default()
    }

    /// The offsets that members of this group committed to Kafka; lanes without one are absent.
    pub async fn committed(
        &self,
        lanes: &[LaneId],
        wait: Duration,
    ) -> Result<HashMap<LaneId, i64>, KafkaError> {
        let mut wanted = TopicPartitionList::with_capacity(lanes.len());
        for lane in lanes {
            wanted.add_partition(&lane.topic, lane.partition);
        }
        let consumer = self.consumer.clone();
        let found = blocking(move || consumer.committed_offsets(wanted, wait)).await??;
        let offset = |lane: &LaneId| match found.find_partition(&lane.topic, lane.partition)?.offset() {
            Offset::Offset(n) => Some((lane.clone(), n)),
            Offset::Beginning | Offset::End | Offset::Stored | Offset::Invalid | Offset::OffsetTail(_) => {
                None
            }
        };
        Ok(lanes.iter().filter_map(offset).collect())
    }

    /// The offset of the first record that is as young as this, in milliseconds since 1970; the lane's end if
    /// there is none.
    pub async fn offset_at(
        &self,
        lane: &LaneId,
        timestamp_ms: i64,
        wait: Duration,
    ) -> Result<i64, KafkaError> {
        let mut wanted = TopicPartitionList::with_capacity(1);
        wanted.add_partition_offset(&lane.topic, lane.partition, Offset::Offset(timestamp_ms.max(0)))?;
        let consumer = self.consumer.clone();
        let found = blocking(move || consumer.offsets_for_times(wanted, wait)).await??;
        let found = match found.find_partition(&lane.topic, lane.partition) {
            Some(found) => found.error().map(|()| found.offset())?,
            None => Offset::End,
        };
        match found {
            Offset::Offset(n) => Ok(n),
            _ => Ok(self.watermarks(lane, wait).await?.high),
        }
    }

    /// How far a lane reaches on the broker now.
    pub async fn watermarks(&self, lane: &LaneId, wait: Duration) -> Result<Watermarks, KafkaError> {
        let (consumer, lane) = (self.consumer.clone(), lane.clone());
        let (low, high) =
            blocking(move || consumer.fetch_watermarks(&lane.topic, lane.partition, wait)).await??;
        Ok(Watermarks { low, high })
    }

    /// The offset after a lane's last record, as known without asking; about one second old.
    pub fn end_of(&self, lane: &LaneId) -> Option<i64> {
        self.consumer.context().end_of(lane)
    }

    /// Leaves the group: the others get its lanes at once.
    pub async fn close(self) {
        let Lanes { consumer, commands, pump } = self;
        drop(consumer);
        let _ = commands.send(Command::Stop);
        // drops the last reference, which sends the farewell and waits for it
        let _ = pump.await;
    }
}

async fn blocking<T: Send + 'static>(call: impl FnOnce() -> T + Send + 'static) -> Result<T, KafkaError> {
    let done = tokio::task::spawn_blocking(call).await;
    done.map_err(|_| KafkaError::new(ErrorKind::Retriable, "the process is stopping"))
}

/// Why a lane ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LaneEnd {
    /// The group gave it to another member, or the membership was closed.
    Revoked,
    /// The broker no longer has, or never had, the wanted offset. Nothing more comes.
    OutOfRange { wanted: i64, low: i64, high: i64 },
}

/// Records of a lane, in order; never empty.
pub type Batch = Vec<Record>;

/// What the pump and a lane share.
#[derive(Default)]
struct Level {
    records: AtomicUsize,
    bytes: AtomicUsize,
    paused: AtomicBool,
    /// Set before the last item, so that a lane that still holds a backlog ends at once.
    ended: AtomicBool,
}

impl Level {
    /// At most half full.
    fn is_low(&self, max_records: usize, max_bytes: usize) -> bool {
        self.records.load(Ordering::SeqCst) <= max_records / 2
            && self.bytes.load(Ordering::SeqCst) <= max_bytes / 2
    }
}

enum Item {
    Record(Record),
    End(LaneEnd),
}

/// One partition, read in order by one task.
pub struct Lane {
    id: LaneId,
    items: mpsc::UnboundedReceiver<Item>,
    level: Arc<Level>,
    commands: mpsc::UnboundedSender<Command>,
    max_records: usize,
    max_bytes: usize,
    end: Option<LaneEnd>,
}

impl Lane {
    pub fn id(&self) -> &LaneId {
        &self.id
    }

    /// Waits for records and takes what is there, up to the limits (always at least one record). Cancel-safe.
    pub async fn next(&mut self, max_records: usize, max_bytes: usize) -> Result<Batch, LaneEnd> {
        if let Some(end) = self.end {
            return Err(end);
        }
        let mut batch = Batch::new();
        let mut bytes = 0;
        let mut item = self.items.recv().await;
        loop {
            match item {
                Some(Item::Record(record)) => {
                    let size = record.size_bytes();
                    self.level.records.fetch_sub(1, Ordering::SeqCst);
                    self.level.bytes.fetch_sub(size, Ordering::SeqCst);
                    bytes += size;
                    batch.push(record);
                }
                Some(Item::End(end)) => self.end = Some(end),
                None => self.end = Some(LaneEnd::Revoked),
            }
            if let Some(end) = self.end {
                return Err(end);
            }
            if self.level.ended.load(Ordering::Acquire) {
                // what is left belongs to somebody else now; its end stands at the end of the queue
                item = self.items.recv().await;
                continue;
            }
            if batch.len() >= max_records || bytes >= max_bytes {
                break;
            }
            match self.items.try_recv() {
                Ok(next) => item = Some(next),
                Err(mpsc::error::TryRecvError::Empty) => break,
                Err(mpsc::error::TryRecvError::Disconnected) => item = None,
            }
        }
        self.ease();
        Ok(batch)
    }

    fn ease(&self) {
        if self.level.is_low(self.max_records, self.max_bytes)
            && self.level.paused.swap(false, Ordering::SeqCst)
        {
            let _ = self.commands.send(Command::Resume(self.id.clone()));
        }
    }

    /// Reads on from another offset; what was buffered is thrown away.
    pub async fn restart(&mut self, at: i64) {
        let (reply, renewed) = oneshot::channel();
        let _ = self.commands.send(Command::Seek { lane: self.id.clone(), at, reply });
        match renewed.await {
            Ok((items, level)) => {
                self.items = items;
                self.level = level;
            }
            Err(_) => self.end = Some(LaneEnd::Revoked),
        }
    }

    /// Tells Kafka, some time, that everything before this offset is done: a hint for lag displays and for
    /// members that know no better.
    pub fn done(&self, next_offset: i64) {
        let _ = self.commands.send(Command::Hint { lane: self.id.clone(), next_offset });
    }
}

//! Looking into a topic, without a group: its latest records, or single ones by their place.
//!
//! For people who look. Each call has a client of its own, which ends with it; nothing is remembered anywhere.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::KafkaError as Native;
use rdkafka::topic_partition_list::Offset;
use rdkafka::types::RDKafkaErrorCode as Code;
use rdkafka::{Message, TopicPartitionList};

use crate::cluster::topic_info;
use crate::context::{Context, Health};
use crate::error::{ErrorKind, KafkaError};
use crate::record::Record;
use crate::settings::KafkaSettings;

/// One wait for records.
const POLL: Duration = Duration::from_millis(100);

/// A record and the partition it lies in.
#[derive(Clone, Debug)]
pub struct Placed {
    pub partition: i32,
    pub record: Record,
    /// Bytes of its value; `record` has no more of it than was asked for.
    pub value_size: usize,
}

/// Reads the latest `count` records of a topic, the latest first, of each value up to `value_bytes`; `None` if there is
/// no such topic. What cannot be read within `wait` is an error.
pub async fn latest(
    settings: &KafkaSettings,
    topic: &str,
    count: usize,
    value_bytes: usize,
    wait: Duration,
) -> Result<Option<Vec<Placed>>, KafkaError> {
    let (settings, topic) = (settings.clone(), topic.to_owned());
    blocking(move || Look::begin(&settings, &topic, wait)?.latest(count, value_bytes)).await?
}

/// Reads single records of a topic, one answer for each place; `None` where there is none (any more).
pub async fn at(
    settings: &KafkaSettings,
    topic: &str,
    places: &[(i32, i64)],
    wait: Duration,
) -> Result<Vec<Option<Record>>, KafkaError> {
    let (settings, topic, places) = (settings.clone(), topic.to_owned(), places.to_vec());
    blocking(move || {
        let look = Look::begin(&settings, &topic, wait)?;
        let Some(partitions) = look.partitions()? else { return Ok(vec![None; places.len()]) };
        let there = |place: &(i32, i64)| partitions.contains(&place.0) && place.1 >= 0;
        places.iter().map(|place| if there(place) { look.one(*place) } else { Ok(None) }).collect()
    })
    .await?
}

async fn blocking<T: Send + 'static>(call: impl FnOnce() -> T + Send + 'static) -> Result<T, KafkaError> {
    let done = tokio::task::spawn_blocking(call).await;
    done.map_err(|_| KafkaError::new(ErrorKind::Retriable, "the process is stopping"))
}

impl ConsumerContext for Context {}

/// A client that looks into one topic, until a deadline.
struct Look<'a> {
    consumer: BaseConsumer<Context>,
    topic: &'a str,
    deadline: Instant,
}

impl<'a> Look<'a> {
    fn begin(settings: &KafkaSettings, topic: &'a str, wait: Duration) -> Result<Look<'a>, KafkaError> {
        let bootstrap = settings.resolve(None)?;
        let mut config = settings.client(&bootstrap);
        config
            // a client that reads must have a name of a group; it never joins one
            .set("group.id", "podium-looks")
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("enable.partition.eof", "true")
            .set("auto.offset.reset", "error")
            .set("allow.auto.create.topics", "false")
            .set("fetch.min.bytes", "1")
            .set("queued.max.messages.kbytes", "16384");
        let context = Context { health: Arc::new(Health::new(&bootstrap)) };
        let consumer = settings.finish(config, &bootstrap).create_with_context(context)?;
        Ok(Look { consumer, topic, deadline: Instant::now() + wait })
    }

    fn left(&self) -> Result<Duration, KafkaError> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(KafkaError::new(
                ErrorKind::Away,
                format!("topic {} could not be read in time", self.topic),
            ));
        }
        Ok(left)
    }

    fn partitions(&self) -> Result<Option<Vec<i32>>, KafkaError> {
        Ok(topic_info(self.consumer.client(), self.topic, self.left()?)?.map(|info| info.partitions))
    }

    fn latest(&self, count: usize, value_bytes: usize) -> Result<Option<Vec<Placed>>, KafkaError> {
        let Some(partitions) = self.partitions()? else { return Ok(None) };
        let mut open = TopicPartitionList::new();
        for partition in &partitions {
            let (low, high) = self.consumer.fetch_watermarks(self.topic, *partition, self.left()?)?;
            let from = low.max(high.saturating_sub(i64::try_from(count).unwrap_or(i64::MAX)));
            if from < high {
                open.add_partition_offset(self.topic, *partition, Offset::Offset(from))?;
            }
        }
        let mut unread = open.count();
        if unread == 0 {
            return Ok(Some(Vec::new()));
        }
        self.consumer.assign(&open)?;
        // of each partition the last ones: an offset without a record makes no hole
        let mut found: HashMap<i32, VecDeque<Placed>> = HashMap::new();
        while unread > 0 {
            match self.consumer.poll(self.left()?.min(POLL)) {
                None => {}
                Some(Err(Native::PartitionEOF(_))) => unread -= 1,
                Some(Err(error)) => pass(error)?,
                Some(Ok(message)) => {
                    let partition = message.partition();
                    let mut record = Record::copy(&message);
                    let value_size = record.value.as_ref().map_or(0, bytes::Bytes::len);
                    // a part of its own: a slice would keep the whole
                    record.value = record.value.map(|value| match value.get(..value_bytes) {
                        Some(beginning) => bytes::Bytes::copy_from_slice(beginning),
                        None => value,
                    });
                    let lane = found.entry(partition).or_default();
                    lane.push_back(Placed { partition, record, value_size });
                    if lane.len() > count {
                        lane.pop_front();
                    }
                }
            }
        }
        let mut all: Vec<Placed> = found.into_values().flatten().collect();
        all.sort_by_key(|placed| {
            std::cmp::Reverse((placed.record.timestamp_ms, placed.record.offset, placed.partition))
        });
        all.truncate(count);
        Ok(Some(all))
    }

    fn one(&self, (partition, offset): (i32, i64)) -> Result<Option<Record>, KafkaError> {
        let (low, high) = self.consumer.fetch_watermarks(self.topic, partition, self.left()?)?;
        if !(low..high).contains(&offset) {
            return Ok(None);
        }
        let mut wanted = TopicPartitionList::new();
        wanted.add_partition_offset(self.topic, partition, Offset::Offset(offset))?;
        self.consumer.assign(&wanted)?;
        loop {
            match self.consumer.poll(self.left()?.min(POLL)) {
                None => {}
                Some(Err(Native::PartitionEOF(at))) if at == partition => return Ok(None),
                Some(Err(Native::PartitionEOF(_))) => {}
                Some(Err(error)) => pass(error)?,
                Some(Ok(message)) => {
                    // what was fetched before for another place is thrown away
                    if message.partition() != partition {
                        continue;
                    }
                    let record = Record::copy(&message);
                    return Ok((record.offset == offset).then_some(record));
                }
            }
        }
    }
}

/// Errors that may pass within the time are waited out.
fn pass(error: Native) -> Result<(), KafkaError> {
    // the beginning was deleted since it was asked for
    let gone = error.rdkafka_error_code() == Some(Code::AutoOffsetReset);
    let error = KafkaError::from(error);
    if error.is_retriable() && !gone { Ok(()) } else { Err(error) }
}

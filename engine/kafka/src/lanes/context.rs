//! The callbacks of a group member.

use std::collections::HashMap;
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};

use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext};
use rdkafka::error::KafkaError as Native;
use rdkafka::error::KafkaResult;
use rdkafka::statistics::Statistics;
use rdkafka::topic_partition_list::Offset;
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{ClientContext, TopicPartitionList};
use tokio::sync::mpsc;

use super::LaneId;
use crate::context::{Context, Health, log};

/// What the group decided.
pub(super) enum Rebalance {
    Assigned(Vec<LaneId>),
    Revoked,
}

pub(super) struct GroupContext {
    common: Context,
    rebalances: mpsc::UnboundedSender<Rebalance>,
    ends: Mutex<HashMap<LaneId, i64>>,
    /// Offsets to tell Kafka that it was not told yet.
    hints: Mutex<HashMap<LaneId, i64>>,
}

impl GroupContext {
    pub(super) fn new(bootstrap: &str, rebalances: mpsc::UnboundedSender<Rebalance>) -> Self {
        GroupContext {
            common: Context { health: Arc::new(Health::new(bootstrap)) },
            rebalances,
            ends: Mutex::default(),
            hints: Mutex::default(),
        }
    }

    pub(super) fn answered(&self) {
        self.common.health.answered();
    }

    pub(super) fn end_of(&self, lane: &LaneId) -> Option<i64> {
        self.ends.lock().unwrap_or_else(PoisonError::into_inner).get(lane).copied()
    }

    pub(super) fn hint(&self, lane: LaneId, next_offset: i64) {
        self.hints.lock().unwrap_or_else(PoisonError::into_inner).insert(lane, next_offset);
    }

    /// Sends the hints on; what becomes of them is of no importance.
    pub(super) fn commit_hints(&self, consumer: &impl Consumer<Self>) {
        let hints = mem::take(&mut *self.hints.lock().unwrap_or_else(PoisonError::into_inner));
        if hints.is_empty() {
            return;
        }
        let mut list = TopicPartitionList::with_capacity(hints.len());
        for (lane, next) in hints {
            if let Err(error) = list.add_partition_offset(&lane.topic, lane.partition, Offset::Offset(next)) {
                tracing::debug!(%lane, next, %error, "not an offset");
            }
        }
        if let Err(error) = consumer.commit(&list, CommitMode::Async) {
            tracing::debug!(%error, "could not commit offsets to kafka");
        }
    }
}

impl ClientContext for GroupContext {
    fn log(&self, level: RDKafkaLogLevel, fac: &str, text: &str) {
        log(level, fac, text);
    }

    fn error(&self, error: Native, reason: &str) {
        self.common.error(error, reason);
    }

    fn stats(&self, statistics: Statistics) {
        let mut ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
        for (name, topic) in &statistics.topics {
            let name: Arc<str> = Arc::from(name.as_str());
            for partition in topic.partitions.values().filter(|p| p.partition >= 0 && p.hi_offset >= 0) {
                ends.insert(
                    LaneId { topic: name.clone(), partition: partition.partition },
                    partition.hi_offset,
                );
            }
        }
    }
}

impl ConsumerContext for GroupContext {
    /// An assignment is only passed on: librdkafka waits for `assign`, which is called once the caller has
    /// found where to begin.
    fn rebalance(&self, consumer: &BaseConsumer<Self>, what: RDKafkaRespErr, list: &mut TopicPartitionList) {
        if what == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
            let lane = |p: &rdkafka::topic_partition_list::TopicPartitionListElem<'_>| LaneId {
                topic: Arc::from(p.topic()),
                partition: p.partition(),
            };
            let mut lanes: Vec<LaneId> = list.elements().iter().map(lane).collect();
            lanes.sort();
            let _ = self.rebalances.send(Rebalance::Assigned(lanes));
            return;
        }
        self.commit_hints(consumer);
        if let Err(error) = consumer.unassign() {
            tracing::debug!(%error, "could not give lanes back");
        }
        let _ = self.rebalances.send(Rebalance::Revoked);
    }

    fn commit_callback(&self, result: KafkaResult<()>, _offsets: &TopicPartitionList) {
        if let Err(error) = result {
            tracing::debug!(%error, "kafka did not take committed offsets");
        }
    }
}

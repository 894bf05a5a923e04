//! How a dead letter says where it comes from: headers beside those of the record.

use podium_kafka::{LaneId, OutRecord, Record};

pub(crate) const ORIGIN_TOPIC: &str = "podium-origin-topic";
pub(crate) const ORIGIN_PARTITION: &str = "podium-origin-partition";
pub(crate) const ORIGIN_OFFSET: &str = "podium-origin-offset";
const ORIGIN_TIMESTAMP: &str = "podium-origin-timestamp";
pub(crate) const ERROR: &str = "podium-error";
/// There: the value is only the beginning of the record's.
pub(crate) const CUT: &str = "podium-cut";

/// Whether a header was put there with the letter.
pub(crate) fn is_ours(name: &str) -> bool {
    [ORIGIN_TOPIC, ORIGIN_PARTITION, ORIGIN_OFFSET, ORIGIN_TIMESTAMP, ERROR, CUT].contains(&name)
}

/// The letter of a record.
pub(super) fn letter(topic: &str, lane: &LaneId, record: &Record, why: &str) -> OutRecord {
    let mut headers: Vec<(String, Vec<u8>)> =
        record.headers.iter().map(|(n, v)| (n.clone(), v.as_deref().unwrap_or_default().to_vec())).collect();
    let mut say = |name: &str, value: String| headers.push((name.to_owned(), value.into_bytes()));
    say(ORIGIN_TOPIC, lane.topic.to_string());
    say(ORIGIN_PARTITION, lane.partition.to_string());
    say(ORIGIN_OFFSET, record.offset.to_string());
    if let Some(at) = record.timestamp_ms {
        say(ORIGIN_TIMESTAMP, at.to_string());
    }
    say(ERROR, why.to_owned());
    OutRecord {
        topic: topic.to_owned(),
        key: record.key.as_deref().map(<[u8]>::to_vec),
        value: record.value.as_deref().map(<[u8]>::to_vec),
        headers,
    }
}

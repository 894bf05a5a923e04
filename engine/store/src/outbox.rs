//! Messages to publish: lanes, and what of them is not settled yet.

use podium_core::Outgoing;
use serde::{Deserialize, Serialize};

/// Number of lanes; each is published by one node at a time, in its order.
const LANES: u64 = 64;
/// The lane of events of the engine's own queues: no relay sends it, event handlers look there.
pub(crate) const EVENT_LANE: i16 = -1;

/// The lane of a message: messages of one (cluster, topic, key) share one and keep their order.
pub fn lane(body: &Outgoing) -> i16 {
    // FNV-1a, written out because the lane is stored: it must be the same in every build
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    let mut eat = |bytes: &[u8]| {
        for b in bytes.iter().chain(&[0xff]) {
            hash = (hash ^ u64::from(*b)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    };
    eat(body.cluster.as_deref().unwrap_or("").as_bytes());
    eat(body.topic.as_bytes());
    match &body.key {
        Some(key) => eat(key),
        // without a key nothing asks for an order: spread by task
        None => eat(&body.task.to_be_bytes()),
    }
    ((hash ^ (hash >> 32)) % LANES) as i16
}

/// A header's value: text where it is text, so that people can read the table.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum HeaderValue {
    Text(String),
    Bytes(Vec<u8>),
}

pub(crate) fn headers_text(headers: &[(String, Vec<u8>)]) -> Option<String> {
    if headers.is_empty() {
        return None;
    }
    let readable: Vec<(&str, HeaderValue)> = headers
        .iter()
        .map(|(name, value)| {
            let value = match std::str::from_utf8(value) {
                Ok(text) => HeaderValue::Text(text.to_owned()),
                Err(_) => HeaderValue::Bytes(value.clone()),
            };
            (name.as_str(), value)
        })
        .collect();
    Some(serde_json::to_string(&readable).expect("names and bytes always have a JSON text"))
}

pub(crate) fn headers_from_text(text: Option<&str>) -> Result<Vec<(String, Vec<u8>)>, serde_json::Error> {
    let Some(text) = text else { return Ok(Vec::new()) };
    let readable: Vec<(String, HeaderValue)> = serde_json::from_str(text)?;
    Ok(readable
        .into_iter()
        .map(|(name, value)| match value {
            HeaderValue::Text(text) => (name, text.into_bytes()),
            HeaderValue::Bytes(bytes) => (name, bytes),
        })
        .collect())
}

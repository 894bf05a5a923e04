//! What a record of a lane means for runs: by what the router is for.

use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, TryStreamExt};
use podium_core::effect::EVENT_ID;
use podium_core::handler::Message;
use podium_core::{InboxMessage, Timestamp};
use podium_kafka::{LaneId, Record};
use podium_runtime::{EngineError, Handled, InboundEvent};
use serde_json::{Map, Value, json};

use super::dispatch::{self, Reading};
use super::figures::add;
use super::{Purpose, Shared, dead_letter};

/// Records whose handlers are asked at once.
const TOGETHER: usize = 16;
/// Times that a record may have, in milliseconds: from 2000 to 2100. What is beyond was made up.
const TIMES_MS: std::ops::Range<i64> = 946_684_800_000..4_102_444_800_000;

/// The events among the records; what is none is dealt with before this returns.
///
/// Errors: handlers could not do what they do; then all of the records are to be read again.
pub(super) async fn read(
    shared: &Shared,
    cluster: &str,
    lane: &LaneId,
    records: &[Record],
) -> Result<Vec<InboundEvent>, EngineError> {
    match shared.purpose {
        Purpose::Completions => Ok(completions(shared, cluster, lane, records).await),
        Purpose::Handlers => {
            let mut each: Vec<BoxFuture<'_, Result<Vec<InboundEvent>, EngineError>>> = Vec::new();
            for record in records {
                each.push(handled(shared, cluster, lane, record).boxed());
            }
            let each: Vec<Vec<InboundEvent>> =
                futures::stream::iter(each).buffered(TOGETHER).try_collect().await?;
            Ok(each.into_iter().flatten().collect())
        }
    }
}

async fn completions(shared: &Shared, cluster: &str, lane: &LaneId, records: &[Record]) -> Vec<InboundEvent> {
    let mut events = Vec::with_capacity(records.len());
    for record in records {
        let source = || format!("{cluster}/{lane}/{}", record.offset);
        match dispatch::read(record.value.as_deref(), source) {
            Reading::Completion { run, event } => {
                events.push(InboundEvent { run, message: InboxMessage::Completion(event) });
            }
            Reading::ForeignRun => add(&shared.figures.unknown_run, 1),
            Reading::Skipped(why) => {
                tracing::debug!(%lane, offset = record.offset, ?why, "a record of the events topic has no effect");
                add(&shared.figures.skipped, 1);
            }
            Reading::Poison(why) => dead_letter::put(shared, lane, record, &why).await,
        }
    }
    events
}

async fn handled(
    shared: &Shared,
    cluster: &str,
    lane: &LaneId,
    record: &Record,
) -> Result<Vec<InboundEvent>, EngineError> {
    let at = record.timestamp_ms.filter(|at| TIMES_MS.contains(at)).unwrap_or(TIMES_MS.start);
    let message = Message {
        event: format!("kafka:{}", lane.topic),
        id: format!("{}-{}", lane.partition, record.offset),
        origin: format!("{cluster}/{lane}/{}", record.offset),
        at: Timestamp::from_millis(at),
        payload: wrapped(record),
    };
    match shared.engine.handle(message).await? {
        Handled::Done(told) => {
            Ok(told.into_iter().map(|(run, message)| InboundEvent { run, message }).collect())
        }
        Handled::Undecided(why) => {
            dead_letter::put(shared, lane, record, &why).await;
            Ok(Vec::new())
        }
    }
}

/// What handlers see of a record (semantics §6.5): its value as JSON if it is JSON, else as a text; its headers but for the
/// one that Podium itself adds to what it sends, as what came from a Conductor has none (scenario s198d).
fn wrapped(record: &Record) -> Value {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let shown = record.headers.iter().filter(|(name, _)| name != EVENT_ID);
    let headers = shown.map(|(name, value)| {
        let value = value.as_deref().map_or(Value::Null, |value| Value::String(text(value)));
        (name.clone(), value)
    });
    let payload = match record.value.as_deref() {
        None => Value::Null,
        Some(value) => serde_json::from_slice(value).unwrap_or_else(|_| Value::String(text(value))),
    };
    json!({
        "key": record.key.as_deref().map(text).unwrap_or_default(),
        "headers": headers.collect::<Map<_, _>>(),
        "payload": payload,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payload(value: Option<&'static [u8]>) -> Value {
        let record = Record {
            offset: 1,
            timestamp_ms: None,
            key: Some(b"k"[..].into()),
            value: value.map(Into::into),
            headers: vec![
                ("h".to_owned(), Some(b"1"[..].into())),
                ("podium-event-id".to_owned(), Some(b"own"[..].into())),
            ],
        };
        let wrapped = wrapped(&record);
        assert_eq!((&wrapped["key"], &wrapped["headers"]), (&json!("k"), &json!({"h": "1"})));
        wrapped["payload"].clone()
    }

    #[test]
    fn values_are_json_or_texts() {
        assert_eq!(payload(Some(br#"{"a": [1, 2.50]}"#)).to_string(), r#"{"a":[1,2.50]}"#);
        assert_eq!(payload(Some(b"12")), json!(12));
        assert_eq!(payload(Some(b"\"quoted\"")), json!("quoted"));
        assert_eq!(payload(Some(b"plain text")), json!("plain text"));
        assert_eq!(payload(Some(b"true trailing")), json!("true trailing"));
        assert_eq!(payload(Some(b"say \"hi\"")), json!("say \"hi\""));
        assert_eq!(payload(Some(b"")), json!(""));
        assert_eq!(payload(None), Value::Null);
    }
}

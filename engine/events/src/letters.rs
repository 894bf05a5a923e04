//! The dead-letter topic, for people: what lies in it, and sending it again.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use podium_kafka::{OutRecord, Patience, Placed, Producers, Record, at, latest};
use podium_runtime::Engine;
use podium_runtime::ports::{DeadLetter, DeadLetters};
use tokio::sync::Mutex;

use crate::router::letter::{CUT, ERROR, ORIGIN_OFFSET, ORIGIN_PARTITION, ORIGIN_TOPIC, is_ours};

/// How long somebody who looks waits for the brokers.
const WAIT: Duration = Duration::from_secs(8);

/// The dead letters of the configured cluster.
pub struct KafkaDeadLetters {
    engine: Engine,
    producers: Producers,
    topic: String,
    events_topic: String,
    /// One look at a time: each has a client of its own.
    turn: Mutex<()>,
}

impl std::fmt::Debug for KafkaDeadLetters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KafkaDeadLetters").field("topic", &self.topic).finish_non_exhaustive()
    }
}

impl KafkaDeadLetters {
    /// `events_topic` is the one that the router reads: letters go back there, or to topics that event handlers name.
    pub fn new(engine: Engine, producers: Producers, topic: String, events_topic: String) -> Self {
        KafkaDeadLetters { engine, producers, topic, events_topic, turn: Mutex::new(()) }
    }

    async fn read_latest(&self, count: usize, value_bytes: usize) -> Result<Vec<DeadLetter>, String> {
        let _turn = self.turn.lock().await;
        let found = latest(self.producers.settings(), &self.topic, count, value_bytes, WAIT).await;
        // before the first letter there need not be a topic
        let found = found.map_err(|error| error.to_string())?.unwrap_or_default();
        Ok(found.into_iter().map(letter).collect())
    }

    async fn send_again(&self, places: &[(i32, i64)]) -> Result<Vec<Result<(), String>>, String> {
        let _turn = self.turn.lock().await;
        let records = at(self.producers.settings(), &self.topic, places, WAIT).await;
        let records = records.map_err(|error| error.to_string())?;
        let producer = self.producers.get(None).map_err(|error| error.to_string())?;
        let handled = self.engine.handled_events().borrow().clone();
        let mut answers = Vec::with_capacity(records.len());
        for record in records {
            // one after the other: they come in the order in which they were asked for
            answers.push(match original(record, &self.events_topic, &handled) {
                Ok(record) => match producer.send(record, Patience::default()).await {
                    Ok(_) => Ok(()),
                    Err(error) => Err(error.to_string()),
                },
                Err(why) => Err(why),
            });
        }
        Ok(answers)
    }
}

impl DeadLetters for KafkaDeadLetters {
    fn topic(&self) -> &str {
        &self.topic
    }

    fn latest(&self, count: usize, value_bytes: usize) -> BoxFuture<'_, Result<Vec<DeadLetter>, String>> {
        self.read_latest(count, value_bytes).boxed()
    }

    fn replay<'a>(
        &'a self,
        places: &'a [(i32, i64)],
    ) -> BoxFuture<'a, Result<Vec<Result<(), String>>, String>> {
        self.send_again(places).boxed()
    }
}

fn letter(placed: Placed) -> DeadLetter {
    let Placed { partition, record, value_size } = placed;
    DeadLetter {
        partition,
        offset: record.offset,
        at_ms: record.timestamp_ms,
        reason: said(&record, ERROR).unwrap_or_else(|| "the letter does not say".to_owned()),
        origin: origin(&record),
        key: record.key.as_deref().map(<[u8]>::to_vec),
        value: record.value.as_deref().map(<[u8]>::to_vec),
        value_size,
        headers: own_headers(&record),
    }
}

/// What Podium says of a letter. A record that was put there twice over says it more than once: the last one counts.
fn said(record: &Record, name: &str) -> Option<String> {
    let mut values = record.headers.iter().rev().filter(|(header, _)| header == name);
    values
        .next()
        .and_then(|(_, value)| value.as_deref())
        .map(|value| String::from_utf8_lossy(value).into_owned())
}

fn origin(record: &Record) -> Option<(String, i32, i64)> {
    let partition = said(record, ORIGIN_PARTITION)?.parse().ok()?;
    let offset = said(record, ORIGIN_OFFSET)?.parse().ok()?;
    Some((said(record, ORIGIN_TOPIC)?, partition, offset))
}

fn own_headers(record: &Record) -> Vec<(String, Vec<u8>)> {
    let own = record.headers.iter().filter(|(name, _)| !is_ours(name));
    own.map(|(name, value)| (name.clone(), value.as_deref().unwrap_or_default().to_vec())).collect()
}

/// The record as it was, on its way to where it was read.
fn original(
    letter: Option<Record>,
    events_topic: &str,
    handled: &BTreeSet<String>,
) -> Result<OutRecord, String> {
    let letter = letter.ok_or("there is no letter at this place any more")?;
    if said(&letter, CUT).is_some() {
        return Err("the letter has only the beginning of the record, which was too large".to_owned());
    }
    let (topic, _, _) = origin(&letter).ok_or("the letter does not say where it was read")?;
    // whoever can write to the dead-letter topic must not make this server write anywhere else
    if topic != events_topic && !handled.contains(&format!("kafka:{topic}")) {
        return Err(format!(
            "topic {topic} is neither that of the events nor one that an active event handler names"
        ));
    }
    Ok(OutRecord {
        topic,
        key: letter.key.as_deref().map(<[u8]>::to_vec),
        value: letter.value.as_deref().map(<[u8]>::to_vec),
        headers: own_headers(&letter),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(headers: &[(&str, &str)]) -> Record {
        Record {
            offset: 3,
            timestamp_ms: None,
            key: Some(b"k".as_slice().into()),
            value: None,
            headers: headers
                .iter()
                .map(|(n, v)| ((*n).to_owned(), Some(v.as_bytes().to_vec().into())))
                .collect(),
        }
    }

    fn from(topic: &str) -> [(&str, &str); 5] {
        [
            ("trace", "1"),
            (ORIGIN_TOPIC, topic),
            (ORIGIN_PARTITION, "0"),
            (ORIGIN_OFFSET, "7"),
            (ERROR, "no JSON"),
        ]
    }

    #[test]
    fn a_letter_goes_back_as_it_was() {
        let sent = original(Some(record(&from("events"))), "events", &BTreeSet::new()).expect("sent");
        assert_eq!(
            (sent.topic.as_str(), sent.key.as_deref(), sent.value),
            ("events", Some(b"k".as_slice()), None)
        );
        assert_eq!(sent.headers, [("trace".to_owned(), b"1".to_vec())]);
        let handled = BTreeSet::from(["kafka:orders".to_owned()]);
        assert!(original(Some(record(&from("orders"))), "events", &handled).is_ok());
    }

    #[test]
    fn what_cannot_go_back_says_why() {
        let none = BTreeSet::new();
        let why = |letter| original(letter, "events", &none).expect_err("refused");
        assert!(why(None).contains("no letter"));
        assert!(why(Some(record(&from("payroll")))).contains("payroll"));
        assert!(why(Some(record(&[("x", "1")]))).contains("where it was read"));
        let mut cut = from("events").to_vec();
        cut.push((CUT, "true"));
        assert!(why(Some(record(&cut))).contains("beginning"));
    }

    #[test]
    fn a_letter_that_came_back_is_of_its_last_origin() {
        let mut twice = from("events").to_vec();
        twice.extend([
            (ORIGIN_TOPIC, "events"),
            (ORIGIN_PARTITION, "1"),
            (ORIGIN_OFFSET, "9"),
            (ERROR, "again"),
        ]);
        let letter = letter(Placed { partition: 0, record: record(&twice), value_size: 0 });
        assert_eq!((letter.origin, letter.reason.as_str()), (Some(("events".to_owned(), 1, 9)), "again"));
    }
}

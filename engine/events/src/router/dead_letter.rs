//! Where records go that are no events.

use std::time::Duration;

use podium_kafka::{ErrorKind, LaneId, OutRecord, Patience, Record};

use super::Shared;
use super::figures::add;
use super::letter::{CUT, letter};

const RETRY_FIRST: Duration = Duration::from_millis(100);
const RETRY_LAST: Duration = Duration::from_secs(5);
/// What is kept of a record that does not fit with its new headers.
const CUT_BYTES: usize = 512 << 10;

/// Puts the record into the dead-letter topic with headers that say where it came from and why. Returns once a
/// broker has it, so that the position moves only then; a crash before that puts it there twice. If no broker
/// will ever take it, the log is all that is left of it.
pub(super) async fn put(shared: &Shared, lane: &LaneId, record: &Record, why: &str) {
    let topic = &shared.settings.dead_letter_topic;
    tracing::warn!(%lane, offset = record.offset, why, topic, "a record was no event and goes to the dead-letter topic");
    let mut letter = letter(topic, lane, record, why);
    let mut wait = RETRY_FIRST;
    loop {
        let sent = match shared.producers.get(None) {
            Ok(producer) => producer.send(letter.clone(), Patience::default()).await,
            Err(error) => Err(error),
        };
        match sent {
            Ok(_) => return add(&shared.figures.dead_lettered, 1),
            Err(error)
                if error.kind == ErrorKind::TooLarge && !letter.headers.iter().any(|(n, _)| n == CUT) =>
            {
                cut(&mut letter);
            }
            Err(error) if error.is_retriable() => {
                tracing::debug!(%lane, offset = record.offset, %error, "the dead-letter topic is away");
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(RETRY_LAST);
            }
            Err(error) => {
                tracing::error!(%lane, offset = record.offset, %error, why, "a record could not be put into the dead-letter topic and is passed over");
                return;
            }
        }
    }
}

fn cut(letter: &mut OutRecord) {
    if let Some(value) = &mut letter.value {
        value.truncate(CUT_BYTES);
    }
    letter.key = letter.key.take().filter(|key| key.len() <= 1024);
    letter.headers.retain(|(name, value)| name.starts_with("podium-") && value.len() <= 4096);
    letter.headers.push((CUT.to_owned(), b"true".to_vec()));
}

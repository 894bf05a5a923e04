//! Records that were no events: looking at them, and sending them again.

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use podium_runtime::ports::DeadLetter;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::answer;
use super::closed::closed;
use crate::dto::{
    DeadLetterList, DeadLetterRecord, ErrorResponse, LetterOrigin, ReplayAnswer, ReplayRequest,
    ReplayedLetter,
};
use crate::error::ApiError;
use crate::extract::{By, JsonBody, Query};
use crate::state::Api;

const AT_MOST: i32 = 200;
const REPLAYED_AT_MOST: usize = 100;
/// What is shown of a value.
const VALUE_BYTES: usize = 64 << 10;
const NO_BROKER: &str = "no Kafka brokers are configured (kafka.bootstrap)";

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(closed(routes!(letters))).routes(closed(routes!(replay)))
}

/// List the latest records that were no events.
///
/// They are read from the dead-letter topic, without a group: looking changes nothing.
#[utoipa::path(
    get, path = "/api/podium/events/dead-letters", operation_id = "getDeadLetters", tag = "podium",
    params(("limit" = Option<i32>, Query, description = "How many, at most 200; 50 if absent")),
    responses(
        (status = 200, description = "The latest first; or why they cannot be read", body = DeadLetterList),
        (status = 400, description = "The limit is out of range", body = ErrorResponse),
    )
)]
async fn letters(State(api): State<Api>, uri: Uri) -> Result<Response, ApiError> {
    let limit = Query::of(&uri).int("limit")?.unwrap_or(50);
    if !(1..=AT_MOST).contains(&limit) {
        return Err(ApiError::bad_request(format!("limit is {limit}, it must be from 1 to {AT_MOST}")));
    }
    let without =
        |topic, why: String| DeadLetterList { topic, available: false, why: Some(why), letters: Vec::new() };
    let Some(letters) = &api.config().dead_letters else {
        return Ok(answer::json(&without(None, NO_BROKER.to_owned())));
    };
    let topic = Some(letters.topic().to_owned());
    let list = match letters.latest(limit.unsigned_abs() as usize, VALUE_BYTES).await {
        Ok(found) => DeadLetterList {
            topic,
            available: true,
            why: None,
            letters: found.into_iter().map(letter).collect(),
        },
        Err(why) => without(topic, why),
    };
    Ok(answer::json(&list))
}

fn letter(letter: DeadLetter) -> DeadLetterRecord {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (value, binary) = match letter.value.as_deref().map(|value| (value, shown(value, letter.value_size)))
    {
        None => (None, false),
        Some((_, Some(text))) => (Some(text.to_owned()), false),
        Some((value, None)) => (Some(STANDARD.encode(value)), true),
    };
    DeadLetterRecord {
        partition: letter.partition,
        offset: letter.offset,
        at: letter.at_ms,
        key: letter.key.as_deref().map(text),
        value,
        binary,
        value_size: letter.value_size,
        headers: letter.headers.into_iter().map(|(name, value)| (name, text(&value))).collect(),
        reason: letter.reason,
        origin: letter.origin.map(|(topic, partition, offset)| LetterOrigin { topic, partition, offset }),
    }
}

/// A value as text, if it is one. A cut may lie within a character.
fn shown(value: &[u8], whole: usize) -> Option<&str> {
    match std::str::from_utf8(value) {
        Ok(text) => Some(text),
        Err(error) if value.len() < whole && error.error_len().is_none() => {
            std::str::from_utf8(&value[..error.valid_up_to()]).ok()
        }
        Err(_) => None,
    }
}

/// Send dead letters again, each to the topic where it was read.
///
/// Value, key and headers are those of the record as it came. The letter stays where it is: sent twice it is two records.
/// The log says who asked for it (X-Podium-Actor or X-Forwarded-User) and why (X-Podium-Reason).
#[utoipa::path(
    post, path = "/api/podium/events/dead-letters/replay", operation_id = "replayDeadLetters", tag = "podium",
    request_body = ReplayRequest,
    responses(
        (status = 200, description = "What became of each, in the order of the request", body = ReplayAnswer),
        (status = 400, description = "No letters, more than 100, or a negative place", body = ErrorResponse),
        (status = 503, description = "The brokers do not answer", body = ErrorResponse),
    )
)]
async fn replay(State(api): State<Api>, By(by): By, body: JsonBody) -> Result<Response, ApiError> {
    let asked: ReplayRequest = body.parse()?;
    if asked.letters.is_empty() || asked.letters.len() > REPLAYED_AT_MOST {
        return Err(ApiError::bad_request(format!(
            "there are {} letters, it must be from 1 to {REPLAYED_AT_MOST}",
            asked.letters.len()
        )));
    }
    let places: Vec<(i32, i64)> = asked.letters.iter().map(|place| (place.partition, place.offset)).collect();
    if let Some((partition, offset)) = places.iter().find(|(partition, offset)| *partition < 0 || *offset < 0)
    {
        return Err(ApiError::bad_request(format!(
            "partition {partition}, offset {offset}: neither can be negative"
        )));
    }
    let Some(letters) = api.config().dead_letters.as_ref() else {
        let none = |(partition, offset)| ReplayedLetter {
            partition,
            offset,
            ok: false,
            error: Some(NO_BROKER.to_owned()),
        };
        return Ok(answer::json(&ReplayAnswer { replayed: places.into_iter().map(none).collect() }));
    };
    let away = |why: String| ApiError::new(StatusCode::SERVICE_UNAVAILABLE, why);
    let outcomes = letters.replay(&places).await.map_err(away)?;
    let mut replayed = Vec::with_capacity(places.len());
    for ((partition, offset), outcome) in places.into_iter().zip(outcomes) {
        let error = outcome.err();
        tracing::info!(
            actor = by.actor.as_deref(),
            from = by.origin.as_deref(),
            reason = by.reason.as_deref(),
            topic = letters.topic(),
            partition,
            offset,
            error,
            "somebody sent a dead letter again"
        );
        replayed.push(ReplayedLetter { partition, offset, ok: error.is_none(), error });
    }
    Ok(answer::json(&ReplayAnswer { replayed }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_was_cut_within_a_character_is_still_a_text() {
        let whole = "a\u{e9}";
        assert_eq!(shown(whole.as_bytes(), 3), Some(whole));
        assert_eq!(shown(&whole.as_bytes()[..2], 3), Some("a"));
        assert_eq!(shown(&whole.as_bytes()[..2], 2), None, "it ends there");
        assert_eq!(shown(b"\xff\xfe", 9), None);
    }
}

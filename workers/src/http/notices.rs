//! Delivers notices to HTTP endpoints: `POST` with the message as JSON.
//!
//! An endpoint has a notice when it answers with 2xx. What a later try may change (no answer, 408, 425, 429, 5xx) is tried
//! again after 1 s, 2 s, 4 s … up to 5 min, until the notice is a day old; any other answer, or a rule of `[egress]` that
//! does not allow the address, ends it at once. What is given up is logged and counted. Each notice carries its id
//! (`podium-event-id`), the same in every try, and its instant (`podium-event-time`).
//!
//! Endpoints do not wait for each other. The notices of one run to one endpoint go out in their order: while one is to be
//! tried again, those after it wait.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::stream;
use podium_core::RunId;
use podium_core::http::Call;
use podium_runtime::{Engine, EventKey, HttpNotice, NoticeCount, Resting};
use serde_json::json;
use tokio::task::JoinSet;

use super::client::{Client, Fault};
use super::{Stop, Stopping};

/// Notices read of one endpoint at once, and in all.
const EACH: usize = 50;
const AT_ONCE: usize = 500;
/// Requests to one endpoint at once.
const PARALLEL: usize = 8;
const FIRST_REST: Duration = Duration::from_secs(1);
const LONGEST_REST: Duration = Duration::from_secs(300);
/// A notice that could not be delivered within this time is given up.
const GIVE_UP_AFTER_S: i64 = 24 * 3600;
/// Runs at rest that are remembered; beyond it those whose time comes first are tried sooner.
const RESTING_RUNS_AT_MOST: usize = 1_000;
/// After the database could not be used.
const AGAIN_AFTER: Duration = Duration::from_secs(1);
const CONNECT_MS: u64 = 3_000;
const READ_MS: u64 = 10_000;

/// How often something has failed in a row, and until when it is left alone.
#[derive(Clone, Copy)]
struct Rest {
    tries: u32,
    until: Instant,
}

impl Rest {
    fn after(earlier: Option<Rest>) -> Rest {
        let tries = earlier.map_or(0, |rest| rest.tries);
        let pause = FIRST_REST.saturating_mul(1 << tries.min(16)).min(LONGEST_REST);
        Rest { tries: tries + 1, until: Instant::now() + pause }
    }
}

/// What became of one notice.
enum Fate {
    Delivered,
    GivenUp(String),
    Again(String),
}

/// What became of some notices of one endpoint.
struct Round {
    url: String,
    over: Vec<EventKey>,
    delivered: bool,
    /// Runs whose next notice is to be tried again.
    failed: Vec<RunId>,
}

#[derive(Default)]
struct Rests {
    urls: HashMap<String, Rest>,
    runs: HashMap<RunId, Rest>,
}

impl Rests {
    fn resting(&self, busy: &HashSet<String>) -> Resting {
        let now = Instant::now();
        let urls = self.urls.iter().filter(|(_, rest)| rest.until > now).map(|(url, _)| url.clone());
        Resting {
            urls: urls.chain(busy.iter().cloned()).collect(),
            runs: self.runs.iter().filter(|(_, rest)| rest.until > now).map(|(run, _)| *run).collect(),
        }
    }

    fn next(&self) -> Option<Instant> {
        let now = Instant::now();
        self.urls.values().chain(self.runs.values()).map(|rest| rest.until).filter(|at| *at > now).min()
    }

    fn note(&mut self, round: &Round) {
        for (run, _) in &round.over {
            self.runs.remove(run);
        }
        for run in &round.failed {
            let rest = Rest::after(self.runs.get(run).copied());
            self.runs.insert(*run, rest);
        }
        if self.runs.len() > RESTING_RUNS_AT_MOST {
            let mut ends: Vec<Instant> = self.runs.values().map(|rest| rest.until).collect();
            ends.sort_unstable();
            let middle = ends[ends.len() / 2];
            self.runs.retain(|_, rest| rest.until > middle);
        }
        if round.delivered || round.failed.is_empty() {
            self.urls.remove(&round.url);
        } else {
            let rest = Rest::after(self.urls.get(&round.url).copied());
            self.urls.insert(round.url.clone(), rest);
        }
    }
}

/// Delivers until it is told to stop; then lets what is under way end.
pub(super) async fn deliver(engine: Engine, client: Arc<Client>, mut stop: Stopping) {
    let mut rests = Rests::default();
    let mut busy = HashSet::new();
    let mut rounds: JoinSet<Round> = JoinSet::new();
    let mut look = false;
    loop {
        let mut again = rests.next();
        if std::mem::take(&mut look) {
            match engine.http_notices(&rests.resting(&busy), EACH, AT_ONCE).await {
                Ok(notices) => {
                    let mut by_url: BTreeMap<String, Vec<HttpNotice>> = BTreeMap::new();
                    for notice in notices {
                        by_url.entry(notice.url.clone()).or_default().push(notice);
                    }
                    for (url, notices) in by_url {
                        busy.insert(url.clone());
                        rounds.spawn(round(engine.clone(), client.clone(), url, notices));
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "could not read the notices for HTTP endpoints");
                    again = Some(Instant::now() + AGAIN_AFTER);
                }
            }
        }
        // cancel-safe: each branch only waits or hands over what has ended
        tokio::select! {
            () = stop.reaches(Stop::Drains) => break,
            () = engine.http_notices_wanted() => look = true,
            Some(ended) = rounds.join_next(), if !rounds.is_empty() => {
                match ended {
                    Ok(round) => {
                        busy.remove(&round.url);
                        settle(&engine, &round).await;
                        rests.note(&round);
                    }
                    // the endpoints are free again, and whatever was under way is delivered once more
                    Err(error) => {
                        tracing::error!(%error, "the delivery of notices broke off");
                        busy.clear();
                        tokio::time::sleep(AGAIN_AFTER).await;
                    }
                }
                look = true;
            }
            () = sleep_until(again) => look = true,
        }
    }
    let settled = async {
        while let Some(ended) = rounds.join_next().await {
            if let Ok(round) = ended {
                settle(&engine, &round).await;
            }
        }
    };
    // what is cut off is delivered once more; dropping the rounds ends them
    tokio::select! {
        () = settled => {}
        () = stop.reaches(Stop::Cut) => {}
    }
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}

async fn settle(engine: &Engine, round: &Round) {
    if round.over.is_empty() {
        return;
    }
    if let Err(error) = engine.http_notices_over(&round.over).await {
        tracing::warn!(%error, url = round.url, "delivered notices could not be settled; they go out once more");
        tokio::time::sleep(AGAIN_AFTER).await;
    }
}

/// Delivers some notices of one endpoint: of several runs at once, of each run in order up to the first that fails.
async fn round(engine: Engine, client: Arc<Client>, url: String, notices: Vec<HttpNotice>) -> Round {
    let mut by_run: BTreeMap<RunId, Vec<HttpNotice>> = BTreeMap::new();
    for notice in notices {
        by_run.entry(notice.run).or_default().push(notice);
    }
    let runs = stream::iter(by_run).map(|(run, notices)| {
        let (engine, client) = (&engine, &client);
        async move {
            let (mut over, mut delivered) = (Vec::new(), false);
            for notice in notices {
                match one(client, &notice).await {
                    Fate::Delivered => {
                        engine.count_http_notice(NoticeCount::Delivered);
                        delivered = true;
                    }
                    Fate::GivenUp(reason) => {
                        engine.count_http_notice(NoticeCount::Dropped);
                        tracing::warn!(run_id = %run, url = notice.url, reason, "a notice is given up");
                    }
                    Fate::Again(reason) => {
                        engine.count_http_notice(NoticeCount::Failed);
                        tracing::debug!(run_id = %run, url = notice.url, reason, "a notice is tried again later");
                        return (over, delivered, Some(run));
                    }
                }
                over.push(notice.key());
            }
            (over, delivered, None)
        }
    });
    let ended: Vec<_> = runs.buffer_unordered(PARALLEL).collect().await;
    let mut round = Round { url, over: Vec::new(), delivered: false, failed: Vec::new() };
    for (over, delivered, failed) in ended {
        round.over.extend(over);
        round.delivered |= delivered;
        round.failed.extend(failed);
    }
    round
}

async fn one(client: &Client, notice: &HttpNotice) -> Fate {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let headers: serde_json::Map<String, serde_json::Value> =
        notice.headers.iter().map(|(name, value)| (name.clone(), text(value).into())).collect();
    let request = json!({"uri": notice.url, "method": "POST", "headers": headers, "body": text(&notice.body),
        "contentType": "application/json", "connectionTimeOut": CONNECT_MS, "readTimeOut": READ_MS});
    let call = match request.as_object().map(Call::of) {
        Some(Ok(call)) => call,
        _ => return Fate::GivenUp("the address is none".to_owned()),
    };
    let why = match client.exchange(&call, &notice.id()).await {
        Ok((answer, _)) => match answer.status {
            200..=299 => return Fate::Delivered,
            408 | 425 | 429 | 500.. => format!("it answered with {}", answer.status),
            status => return Fate::GivenUp(format!("it answered with {status}")),
        },
        Err(Fault::Denied(reason)) => return Fate::GivenUp(reason),
        Err(Fault::Failed(reason)) => reason,
    };
    if is_old(notice) { Fate::GivenUp(format!("{why}, for a day")) } else { Fate::Again(why) }
}

/// Was it written more than a day ago?
fn is_old(notice: &HttpNotice) -> bool {
    let at = notice.headers.iter().find(|(name, _)| name == "podium-event-time");
    let at = at.and_then(|(_, value)| std::str::from_utf8(value).ok());
    let at = at.and_then(|text| chrono::DateTime::parse_from_rfc3339(text).ok());
    at.is_none_or(|at| chrono::Utc::now().signed_duration_since(at).num_seconds() > GIVE_UP_AFTER_S)
}

#[cfg(test)]
mod tests {
    use podium_core::{RunId, Timestamp};

    use super::*;

    fn notice(at: &str) -> HttpNotice {
        HttpNotice {
            run: RunId::new(Timestamp::from_millis(1), 1, 0),
            number: 1,
            url: "http://x".to_owned(),
            body: Vec::new(),
            headers: vec![("podium-event-time".to_owned(), at.as_bytes().to_vec())],
        }
    }

    #[test]
    fn a_notice_is_given_up_when_it_is_a_day_old() {
        let ago = |hours: i64| (chrono::Utc::now() - chrono::TimeDelta::hours(hours)).to_rfc3339();
        assert!(!is_old(&notice(&ago(23))));
        assert!(is_old(&notice(&ago(25))) && is_old(&notice("?")));
    }

    #[test]
    fn rests_grow_up_to_a_limit_and_end_with_a_success() {
        let run = notice("").run;
        let failed = |failed| Round { url: "u".to_owned(), over: Vec::new(), delivered: false, failed };
        let mut rests = Rests::default();
        for tries in 1..=20 {
            rests.note(&failed(vec![run]));
            let rest = rests.urls["u"];
            assert_eq!(rest.tries, tries);
            assert!(rest.until <= Instant::now() + LONGEST_REST);
        }
        let resting = rests.resting(&HashSet::new());
        assert_eq!((resting.urls, resting.runs), (vec!["u".to_owned()], vec![run]));
        rests.note(&Round { over: vec![(run, 1)], delivered: true, ..failed(Vec::new()) });
        assert!(rests.urls.is_empty() && rests.runs.is_empty());
    }
}

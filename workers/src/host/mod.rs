//! Runs a service on a topic.
//!
//! ```text
//! Lanes ──> one task per partition:  record ─> parse ─> handle (tries with backoff) ─> publish, awaited ─> offset
//!                                    └────────────────── answer.rs ──────────────────┘
//! ```
//!
//! At least once: the offset moves only after every record of the outcome is acknowledged, so a crash repeats the
//! request and its answer, never loses it. Requests of one partition run one after the other.
//!
//! A group that never committed anything begins at the beginning of its topic. Runs may have waited for their
//! service since before it was first started, and a member that is killed before its first commit must not
//! skip what came meanwhile, which "at the end" would do both times. Who puts a new group on a topic full of old
//! requests sets its offsets first (`kafka-consumer-groups --reset-offsets --to-latest`).

mod answer;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use podium_kafka::{
    Cluster, KafkaError, KafkaSettings, Lane, LaneEvent, LaneId, Lanes, LanesSettings, Producer, Start,
    TopicSpec,
};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::{debug, error, info, warn};

use crate::events::COMPLETION_TOPIC;
use crate::jitter::jittered;
use crate::service::{Parts, Service};

/// First wait between tries; doubles.
const FIRST_WAIT: Duration = Duration::from_millis(500);
/// Longest wait between tries to publish; an answer is never given up.
const LONGEST_WAIT: Duration = Duration::from_secs(15);
/// One question to the brokers.
const ASK: Duration = Duration::from_secs(5);

/// How a service is run.
#[derive(Clone, Debug)]
pub struct HostSettings {
    pub topic: String,
    pub group: String,
    pub completion_topic: String,
    /// Records that nobody can read go here.
    pub dead_letter_topic: String,
}

impl HostSettings {
    /// The documented names of a service.
    pub fn of<S: Service>() -> Self {
        Self {
            topic: S::TOPIC.to_owned(),
            group: S::GROUP.to_owned(),
            completion_topic: COMPLETION_TOPIC.to_owned(),
            dead_letter_topic: dead_letter_topic(S::TOPIC),
        }
    }

    /// The names of a service as the settings have them.
    pub fn from_parts<S: Service>(parts: &Parts) -> Self {
        let of = Self::of::<S>();
        let topic = parts.topics.get(S::NAME).cloned().unwrap_or(of.topic);
        Self {
            dead_letter_topic: dead_letter_topic(&topic),
            topic,
            group: parts.groups.get(S::NAME).cloned().unwrap_or(of.group),
            completion_topic: parts.completion_topic.clone(),
        }
    }
}

/// Where a topic's records go that nobody can read.
fn dead_letter_topic(topic: &str) -> String {
    format!("{topic}.dead-letter")
}

/// Why a service cannot run.
#[derive(Debug, thiserror::Error)]
#[error("{service}: {step}: {source}")]
pub struct HostError {
    service: &'static str,
    step: &'static str,
    source: KafkaError,
}

/// A running service.
pub struct Host {
    service: &'static str,
    stop: watch::Sender<bool>,
    ready: watch::Receiver<bool>,
    main: tokio::task::JoinHandle<()>,
}

struct Shared<S> {
    service: S,
    settings: HostSettings,
    producer: Producer,
    stop: watch::Receiver<bool>,
}

impl Host {
    /// Makes the topics that are missing, joins the group and begins to work.
    ///
    /// # Errors
    /// When no broker answers, or it refuses the group.
    pub async fn start<S: Service>(
        service: S,
        kafka: &KafkaSettings,
        settings: HostSettings,
    ) -> Result<Self, HostError> {
        let fail = |step| move |source| HostError { service: S::NAME, step, source };
        let cluster = Cluster::configured(kafka).map_err(fail("could not use the Kafka settings"))?;
        let names = [&settings.topic, &settings.completion_topic, &settings.dead_letter_topic];
        let topics = names.map(TopicSpec::named);
        cluster.ensure_topics(&topics, ASK * 2).await.map_err(fail("could not make its topics"))?;
        let bootstrap = kafka.resolve(None).map_err(fail("could not use the Kafka settings"))?;
        let producer = Producer::new(kafka, &bootstrap).map_err(fail("could not make a producer"))?;
        let wanted = LanesSettings::new(&settings.group, &[&settings.topic]);
        let (lanes, events) = Lanes::join(kafka, &wanted).map_err(fail("could not join its group"))?;
        let (stop, stopped) = watch::channel(false);
        let (ready, is_ready) = watch::channel(false);
        let shared = Arc::new(Shared { service, settings, producer, stop: stopped });
        let main = tokio::spawn(async move {
            let beside = shared.service.beside(shared.stop.clone());
            tokio::join!(run(Arc::clone(&shared), lanes, events, ready), beside);
        });
        Ok(Self { service: S::NAME, stop, ready: is_ready, main })
    }

    /// Waits until this member reads all partitions that the group gave it; `false` when that did not happen in
    /// time. Requests that were sent before are answered as well.
    pub async fn ready(&mut self, wait: Duration) -> bool {
        tokio::time::timeout(wait, self.until_ready()).await.is_ok() && *self.ready.borrow()
    }

    /// The same without a limit.
    pub async fn until_ready(&mut self) {
        // an error means that the host has stopped, and nobody is served by waiting for ever
        let _ = self.ready.wait_for(|r| *r).await;
    }

    /// The service's name.
    pub fn service(&self) -> &'static str {
        self.service
    }

    /// Finishes the requests under way, within `grace`, and leaves the group. A request that is cut off is
    /// read again by another member.
    pub async fn stop(self, grace: Duration) {
        let Self { service, stop, ready: _, mut main } = self;
        stop.send_replace(true);
        if tokio::time::timeout(grace, &mut main).await.is_err() {
            warn!(
                service,
                "a request was still running after {grace:?} and is cut off; it will be read again"
            );
            main.abort();
        }
    }
}

async fn run<S: Service>(
    shared: Arc<Shared<S>>,
    lanes: Lanes,
    mut events: podium_kafka::LaneEvents,
    ready: watch::Sender<bool>,
) {
    let mut stop = shared.stop.clone();
    let mut tasks = JoinSet::new();
    let (lanes, ready) = (Arc::new(lanes), Arc::new(ready));
    loop {
        let event = tokio::select! {
            _ = stop.wait_for(|s| *s) => break,
            Some(ended) = tasks.join_next(), if !tasks.is_empty() => {
                if let Err(error) = ended {
                    error!(service = S::NAME, %error, "a lane ended badly");
                }
                continue;
            }
            event = events.next() => event,
        };
        match event {
            None => break,
            Some(LaneEvent::Revoked) => {
                ready.send_replace(false);
            }
            Some(LaneEvent::Trouble(error)) => warn!(service = S::NAME, %error, "trouble with the brokers"),
            Some(LaneEvent::Assigned { round, lanes: given }) => {
                info!(
                    service = S::NAME,
                    partitions = given.len(),
                    "taking requests from {}",
                    shared.settings.topic
                );
                ready.send_replace(given.is_empty());
                let left = Arc::new(AtomicUsize::new(given.len()));
                for id in given {
                    let (shared, lanes) = (Arc::clone(&shared), Arc::clone(&lanes));
                    let (left, ready) = (Arc::clone(&left), Arc::clone(&ready));
                    // each for itself: a partition without a leader holds up no other
                    tasks.spawn(async move {
                        let Some(start) = find_start(&shared, &lanes, &id).await else { return };
                        // an assignment that is over by then gives no lane
                        let Some(lane) = lanes.begin(round, vec![(id, start)]).await.pop() else { return };
                        drop(lanes);
                        if left.fetch_sub(1, Ordering::Relaxed) == 1 {
                            ready.send_replace(true);
                        }
                        work(shared, lane).await;
                    });
                }
            }
        }
    }
    while tasks.join_next().await.is_some() {}
    // the tasks are gone, and so are their references
    if let Some(lanes) = Arc::into_inner(lanes) {
        lanes.close().await;
    }
}

/// Asks until the brokers answer; `None` when the host stops first.
async fn find_start<S: Service>(shared: &Shared<S>, lanes: &Lanes, lane: &LaneId) -> Option<Start> {
    let mut stop = shared.stop.clone();
    let mut wait = FIRST_WAIT;
    loop {
        match start(lanes, lane).await {
            Ok(start) => return Some(start),
            Err(error) => {
                warn!(service = S::NAME, %lane, %error, "could not find where to begin; asking again");
            }
        }
        tokio::select! {
            _ = stop.wait_for(|s| *s) => return None,
            () = tokio::time::sleep(jittered(wait)) => {}
        }
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}

/// Where a lane begins: at what the group committed, else at the beginning.
async fn start(lanes: &Lanes, lane: &LaneId) -> Result<Start, KafkaError> {
    let committed = lanes.committed(std::slice::from_ref(lane), ASK).await?;
    let Some(offset) = committed.get(lane) else { return Ok(Start::Beginning) };
    let marks = lanes.watermarks(lane, ASK).await?;
    if (marks.low..=marks.high).contains(offset) {
        return Ok(Start::Offset(*offset));
    }
    warn!(%lane, offset, low = marks.low, "the committed offset is gone; reading what is left");
    Ok(Start::Beginning)
}

async fn work<S: Service>(shared: Arc<Shared<S>>, mut lane: Lane) {
    let mut stop = shared.stop.clone();
    loop {
        // one at a time: a request may run for minutes and the rest must stay in the group's hands
        let batch = tokio::select! {
            _ = stop.wait_for(|s| *s) => return,
            batch = lane.next(1, 1) => batch,
        };
        let batch = match batch {
            Ok(batch) => batch,
            Err(end) => {
                debug!(service = S::NAME, lane = %lane.id(), ?end, "lane ended");
                return;
            }
        };
        for record in batch {
            let offset = record.offset;
            for out in shared.answer(lane.id(), &record).await {
                if !shared.publish(out).await {
                    return;
                }
            }
            lane.done(offset + 1);
        }
    }
}

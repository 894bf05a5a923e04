//! Membership in the group, and one task per lane.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use podium_kafka::{
    Cluster, KafkaError, Lane, LaneEnd, LaneEvent, LaneEvents, Lanes, LanesSettings, Start, TopicOutcome,
    TopicSpec, Watermarks,
};
use podium_runtime::{EngineError, InboundEvent, IngestBatch, Ingested};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::commits::Commits;
use super::figures::add;
use super::position::{self, Held, Origin, Pause};
use super::{OutOfRange, Shared, dead_letter, records};

const BROKER_WAIT: Duration = Duration::from_secs(10);
/// A record that the engine refused so often by itself is no event.
const REFUSALS: u32 = 3;

/// Why a lane's task ended by itself.
enum Ended {
    /// Nothing to do: the lane is gone, or stopped with an alarm.
    Quietly,
    /// The settings say where to go on; that takes a new assignment.
    Lost,
}

pub(super) async fn run(shared: Arc<Shared>, ready: watch::Sender<bool>, mut stop: watch::Receiver<bool>) {
    let (ready, commits) = (Arc::new(ready), Arc::new(Commits::start(shared.engine.clone())));
    loop {
        let member = tokio::select! {
            joined = join(&shared) => joined,
            _ = stop.wait_for(|stop| *stop) => return,
        };
        let Member { lanes, events, origin } = member;
        let lanes = Arc::new(lanes);
        let mut tasks = JoinSet::new();
        let stopped = tokio::select! {
            () = follow(&shared, &lanes, events, &origin, &commits, &mut tasks, &ready) => false,
            _ = stop.wait_for(|stop| *stop) => true,
        };
        let _ = ready.send(false);
        tasks.shutdown().await;
        // the tasks are gone, and so are their references
        if let Some(lanes) = Arc::into_inner(lanes) {
            lanes.close().await;
        }
        if stopped {
            return;
        }
    }
}

/// Does what the group says, until the membership must be made anew.
async fn follow(
    shared: &Arc<Shared>,
    lanes: &Arc<Lanes>,
    mut events: LaneEvents,
    origin: &Arc<Origin>,
    commits: &Arc<Commits>,
    tasks: &mut JoinSet<Ended>,
    ready: &Arc<watch::Sender<bool>>,
) {
    let mut lag = tokio::time::interval(Duration::from_secs(1));
    loop {
        tokio::select! {
            event = events.next() => match event {
                None => return,
                Some(event) => change(shared, lanes, origin, commits, tasks, ready, event).await,
            },
            Some(ended) = tasks.join_next() => {
                if matches!(ended, Ok(Ended::Lost)) {
                    return;
                }
            }
            _ = lag.tick() => shared.figures.measure_lag(|lane| lanes.end_of(lane)),
        }
    }
}

struct Member {
    lanes: Lanes,
    events: LaneEvents,
    origin: Arc<Origin>,
}

/// Waits for a broker, makes sure of the topics and joins the group.
async fn join(shared: &Shared) -> Member {
    let mut pause = Pause::new();
    loop {
        match try_join(shared).await {
            Ok(joined) => {
                shared.figures.trouble(None);
                return joined;
            }
            Err(error) => {
                tracing::warn!(%error, "the event router waits for kafka");
                shared.figures.trouble(Some(error.reason));
                pause.wait().await;
            }
        }
    }
}

async fn try_join(shared: &Shared) -> Result<Member, KafkaError> {
    let (settings, kafka) = (&shared.settings, shared.producers.settings());
    let cluster = Cluster::configured(kafka)?;
    let id = cluster.id(BROKER_WAIT).await?;
    let topics = shared.topics.iter().chain([&settings.dead_letter_topic]);
    let topics: Vec<TopicSpec> = topics.map(TopicSpec::named).collect();
    for (name, outcome) in cluster.ensure_topics(&topics, BROKER_WAIT).await? {
        if let TopicOutcome::Refused(error) = outcome {
            tracing::warn!(topic = name, %error, "the broker did not let us make a topic");
        }
    }
    let mut group =
        LanesSettings::new(&settings.group, &shared.topics.iter().map(String::as_str).collect::<Vec<_>>());
    group.session_timeout = settings.session_timeout;
    let (lanes, events) = Lanes::join(kafka, &group)?;
    Ok(Member { lanes, events, origin: Arc::new(Origin { id, cluster }) })
}

async fn change(
    shared: &Arc<Shared>,
    lanes: &Arc<Lanes>,
    origin: &Arc<Origin>,
    commits: &Arc<Commits>,
    tasks: &mut JoinSet<Ended>,
    ready: &Arc<watch::Sender<bool>>,
    event: LaneEvent,
) {
    match event {
        LaneEvent::Trouble(error) => {
            tracing::warn!(%error, "kafka reported a problem to the event router");
            shared.figures.trouble(Some(error.reason));
        }
        LaneEvent::Revoked => {
            let _ = ready.send(false);
            tasks.abort_all();
            shared.figures.no_lanes();
        }
        LaneEvent::Assigned { round, lanes: ids } => {
            tasks.abort_all();
            shared.figures.no_lanes();
            shared.figures.trouble(None);
            tracing::info!(
                group = shared.settings.group,
                lanes = ids.len(),
                "the event router has its lanes"
            );
            let _ = ready.send(ids.is_empty());
            let left = Arc::new(AtomicUsize::new(ids.len()));
            for id in ids {
                let (shared, lanes, origin) = (shared.clone(), lanes.clone(), origin.clone());
                let (ready, left, commits) = (ready.clone(), left.clone(), commits.clone());
                // each for itself: a partition without a leader holds up no other
                tasks.spawn(async move {
                    let settled = move || {
                        if left.fetch_sub(1, Ordering::Relaxed) == 1 {
                            let _ = ready.send(true);
                        }
                    };
                    let Some(held) = position::take(&shared, &lanes, &origin, &id).await else {
                        settled();
                        return Ended::Quietly;
                    };
                    // an assignment that ended meanwhile gives none; the next one is on its way
                    let begun = lanes.begin(round, vec![(id, Start::Offset(held.next))]).await.pop();
                    let Some(lane) = begun else { return Ended::Quietly };
                    shared.figures.lane(lane.id(), |figures| figures.next_offset = held.next);
                    settled();
                    LaneReader { shared, lanes, origin, commits, lane, held }.run().await
                });
            }
        }
    }
}

/// Reads one lane until it is taken away. Being dropped at any await is like a crash: what was not committed
/// is read again.
struct LaneReader {
    shared: Arc<Shared>,
    lanes: Arc<Lanes>,
    origin: Arc<Origin>,
    commits: Arc<Commits>,
    lane: Lane,
    held: Held,
}

impl LaneReader {
    async fn run(mut self) -> Ended {
        let mut pause = Pause::new();
        // records before this offset are taken one by one: the engine refused them together
        let mut singly_until = 0;
        let mut refusals = 0;
        loop {
            self.commits.moment().await;
            let limit = if self.held.next < singly_until { 1 } else { self.shared.settings.batch_records };
            let records = match self.lane.next(limit, self.shared.settings.batch_bytes).await {
                Ok(records) => records,
                Err(end) => return self.ended(end),
            };
            let next = records.last().map_or(self.held.next, |r| r.offset + 1);
            let events = match records.as_slice() {
                [record] if refusals > REFUSALS => {
                    dead_letter::put(&self.shared, self.lane.id(), record, "the engine refused the event")
                        .await;
                    Ok(Vec::new())
                }
                records => records::read(&self.shared, &self.held.key.cluster, self.lane.id(), records).await,
            };
            let committed = match events {
                Ok(events) => self.commit(events, next).await,
                Err(error) => Err(error),
            };
            match committed {
                Ok(Ingested::Done { accepted, unknown_runs }) => {
                    self.advance(next, records.len(), accepted, unknown_runs);
                    (pause, refusals) = (Pause::new(), 0);
                    continue;
                }
                Ok(Ingested::Fenced) => {
                    tracing::info!(lane = %self.lane.id(), "another node held this lane");
                    add(&self.shared.figures.fenced, 1);
                }
                Err(error) => {
                    tracing::warn!(lane = %self.lane.id(), %error, "could not take events in, reading them again");
                    add(&self.shared.figures.retried, 1);
                    if matches!(
                        error,
                        EngineError::Internal(_) | EngineError::Invalid(_) | EngineError::TooLarge(_)
                    ) {
                        singly_until = singly_until.max(next);
                        refusals += u32::from(records.len() == 1);
                    }
                }
            }
            // whether it was written or not: the row of the position knows
            pause.wait().await;
            let held = position::take(&self.shared, &self.lanes, &self.origin, self.lane.id()).await;
            let Some(held) = held else { return Ended::Quietly };
            self.lane.restart(held.next).await;
            self.held = held;
        }
    }

    fn ended(&self, end: LaneEnd) -> Ended {
        match end {
            LaneEnd::Revoked => Ended::Quietly,
            LaneEnd::OutOfRange { .. } if self.shared.settings.out_of_range != OutOfRange::Stop => {
                Ended::Lost
            }
            LaneEnd::OutOfRange { wanted, low, high } => {
                position::stopped(&self.shared, self.lane.id(), wanted, Watermarks { low, high });
                Ended::Quietly
            }
        }
    }

    fn advance(&mut self, next: i64, received: usize, accepted: usize, unknown_runs: usize) {
        let figures = &self.shared.figures;
        add(&figures.received, received);
        add(&figures.applied, accepted);
        add(&figures.unknown_run, unknown_runs);
        figures.lane(self.lane.id(), |lane| lane.next_offset = next);
        self.held.next = next;
        self.lane.done(next);
    }

    async fn commit(&self, events: Vec<InboundEvent>, next_offset: i64) -> Result<Ingested, EngineError> {
        let batch = IngestBatch {
            lane: self.held.key.clone(),
            epoch: self.held.epoch,
            expected_offset: Some(self.held.next),
            next_offset,
            events,
        };
        self.commits.commit(batch).await
    }
}

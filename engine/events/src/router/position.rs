//! Where a lane begins: at the stored position, and once, for a lane without one, where its topic's history says.

use std::time::Duration;

use podium_kafka::{Cluster, LaneId, Lanes, Watermarks};
use podium_runtime::{IngestBatch, Ingested, LaneKey};

use super::{NewGroup, OutOfRange, Shared};

const ASK_WAIT: Duration = Duration::from_secs(5);
/// The clocks of those who write events and of the database.
const CLOCKS_DIFFER: Duration = Duration::from_secs(3600);
const RETRY_FIRST: Duration = Duration::from_millis(50);
const RETRY_LAST: Duration = Duration::from_secs(2);

/// What is known about the topic before any lane begins.
pub(super) struct Origin {
    /// The cluster's id.
    pub(super) id: String,
    pub(super) cluster: Cluster,
}

/// A lane taken over.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) key: LaneKey,
    pub(super) epoch: i64,
    pub(super) next: i64,
}

/// The pause before the next try: doubled each time, so that two nodes that both believe to hold a lane do not
/// drive each other.
pub(super) struct Pause(Duration);

impl Pause {
    pub(super) fn new() -> Self {
        Pause(RETRY_FIRST)
    }

    pub(super) async fn wait(&mut self) {
        tokio::time::sleep(self.0).await;
        self.0 = (self.0 * 2).min(RETRY_LAST);
    }
}

/// Takes a lane over and finds where it begins. Tries until it can; `None` if the lane must not be read.
pub(super) async fn take(shared: &Shared, lanes: &Lanes, origin: &Origin, lane: &LaneId) -> Option<Held> {
    let key = LaneKey {
        cluster: origin.id.clone(),
        group: shared.settings.group.clone(),
        topic: lane.topic.to_string(),
        partition: lane.partition,
    };
    let mut pause = Pause::new();
    loop {
        match shared.engine.take_position(key.clone()).await {
            Ok(position) => {
                let reach = lanes.watermarks(lane, ASK_WAIT).await.ok();
                let wanted = match (position.next_offset, reach) {
                    // without the broker's word the lane itself will say if the offset is gone
                    (Some(next), None) => Some(next),
                    (Some(next), Some(reach)) if (reach.low..=reach.high).contains(&next) => Some(next),
                    (Some(next), Some(reach)) => {
                        return lost(shared, lane, next, reach, key, position.epoch).await;
                    }
                    (None, Some(reach)) => first(shared, lanes, origin, lane, reach).await,
                    (None, None) => None,
                };
                if let Some(next) = wanted {
                    let held = Held { key: key.clone(), epoch: position.epoch, next };
                    if position.next_offset.is_some() || pin(shared, &held, None).await {
                        return Some(held);
                    }
                }
            }
            Err(error) => tracing::warn!(%lane, %error, "could not take a lane over, trying again"),
        }
        pause.wait().await;
    }
}

/// Stores a position without any event; false if it did not happen.
async fn pin(shared: &Shared, held: &Held, expected: Option<i64>) -> bool {
    let batch = IngestBatch {
        lane: held.key.clone(),
        epoch: held.epoch,
        expected_offset: expected,
        next_offset: held.next,
        events: Vec::new(),
    };
    match shared.engine.ingest(batch).await {
        Ok(Ingested::Done { .. }) => true,
        Ok(Ingested::Fenced) => false,
        Err(error) => {
            tracing::warn!(lane = ?held.key, %error, "could not store where a lane begins");
            false
        }
    }
}

/// The beginning of a lane that has no position yet; `None` if that cannot be told now.
async fn first(
    shared: &Shared,
    lanes: &Lanes,
    origin: &Origin,
    lane: &LaneId,
    reach: Watermarks,
) -> Option<i64> {
    if shared.settings.new_group == NewGroup::Beginning {
        return Some(reach.low);
    }
    // a router that kept its offsets in Kafka may have been here before us: go on where it stopped
    let topic = match origin.cluster.topic(&lane.topic, ASK_WAIT).await {
        Ok(topic) => topic?,
        Err(error) => {
            tracing::warn!(%lane, %error, "could not ask for the partitions of a topic");
            return None;
        }
    };
    let partition = |partition| LaneId { topic: lane.topic.clone(), partition };
    let others: Vec<LaneId> = topic.partitions.into_iter().map(partition).collect();
    let committed = match lanes.committed(&others, ASK_WAIT).await {
        Ok(committed) => committed,
        Err(error) => {
            tracing::warn!(%lane, %error, "could not ask what the group had read");
            return None;
        }
    };
    let next = match committed.get(lane) {
        Some(next) => (*next).clamp(reach.low, reach.high),
        // the group is older than this partition
        None if !committed.is_empty() => reach.low,
        None if shared.settings.new_group == NewGroup::End => reach.high,
        None => since_open_runs(shared, lanes, lane, reach).await?,
    };
    tracing::info!(%lane, next, "a lane begins that was never read by this group");
    Some(next)
}

/// Before the oldest run that is open: events of runs under way are read however long this lane had no position,
/// and whoever was killed before it could store one. Events of runs that have ended change nothing.
///
/// `reach` was asked for before the runs are: the events of a run that starts after that lie behind its end.
async fn since_open_runs(shared: &Shared, lanes: &Lanes, lane: &LaneId, reach: Watermarks) -> Option<i64> {
    match shared.engine.oldest_open_run().await {
        Ok(None) => Some(reach.high),
        Ok(Some(started)) => {
            let at = started.as_millis() - CLOCKS_DIFFER.as_millis() as i64;
            match lanes.offset_at(lane, at, ASK_WAIT).await {
                Ok(next) => Some(next),
                Err(error) => {
                    tracing::warn!(%lane, %error, "could not ask for a lane's records of a time");
                    None
                }
            }
        }
        Err(error) => {
            tracing::warn!(%lane, %error, "could not ask for the oldest open run: reading everything");
            Some(reach.low)
        }
    }
}

/// The broker no longer has the stored position.
async fn lost(
    shared: &Shared,
    lane: &LaneId,
    wanted: i64,
    reach: Watermarks,
    key: LaneKey,
    epoch: i64,
) -> Option<Held> {
    let next = match shared.settings.out_of_range {
        OutOfRange::Stop => {
            stopped(shared, lane, wanted, reach);
            return None;
        }
        OutOfRange::Earliest => reach.low,
        OutOfRange::Latest => reach.high,
    };
    tracing::warn!(%lane, wanted, next, "the broker no longer has the next records of a lane: it goes on elsewhere, as the settings say");
    let held = Held { key, epoch, next };
    let mut pause = Pause::new();
    for _ in 0..10 {
        if pin(shared, &held, Some(wanted)).await {
            return Some(held);
        }
        pause.wait().await;
    }
    stopped(shared, lane, wanted, reach);
    None
}

/// The alarm: what comes to this partition is not read until somebody acts.
pub(super) fn stopped(shared: &Shared, lane: &LaneId, wanted: i64, reach: Watermarks) {
    let why = format!(
        "the next offset is {wanted}, but the partition holds {} to {}: records were deleted or the topic was made anew",
        reach.low, reach.high
    );
    tracing::error!(%lane, wanted, low = reach.low, high = reach.high, "a lane of the event router stopped: {why}; choose where it goes on");
    shared.figures.lane(lane, |figures| {
        figures.next_offset = wanted;
        figures.stopped = Some(why);
    });
}

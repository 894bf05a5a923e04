//! Reads the events of the services: each instance reads all of them.
//!
//! Sockets are fed by the instance that they are connected to, so sharing a group would hide events from them. The group
//! is therefore this process's own, commits nothing and vanishes with it. What was missed while no instance ran is read
//! again for a while back, for the failures in it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use podium_kafka::{
    Cluster, KafkaError, KafkaSettings, Lane, LaneEvent, LaneId, Lanes, LanesSettings, Record, Start,
    TopicSpec,
};
use serde_json::{Map, Value, json};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tracing::{debug, info, warn};

use super::failures::Failures;
use super::live::{Hub, News, Watch};
use super::places::{Place, Scheme};
use super::settings::IngestionSettings;

/// Waits between tries to reach the brokers.
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(15);
const ASK: Duration = Duration::from_secs(5);
/// Statistics that are fetched at once.
const PARALLEL: usize = 4;
/// Bytes of one file of statistics. Sockets get it whole.
const LARGEST_STATISTICS: u64 = 4 << 20;
/// Bytes of an event's data that live sockets get; of a larger one they get the head.
const LARGEST_EVENT: usize = 64 << 10;

/// What a reader needs.
pub(crate) struct Reader {
    pub(crate) settings: Arc<IngestionSettings>,
    pub(crate) hub: Arc<Hub>,
    pub(crate) watch: Watch,
    pub(crate) failures: Failures,
}

/// Where each lane goes on. Partitions come back to us when their number changes.
type Positions = Mutex<HashMap<LaneId, i64>>;

/// Reads until `stop`; says on `ready` whether it has its partitions. Brokers that are away are waited for.
pub(crate) async fn read(
    reader: Arc<Reader>,
    kafka: KafkaSettings,
    ready: watch::Sender<bool>,
    mut stop: watch::Receiver<bool>,
) {
    let positions: Arc<Positions> = Arc::default();
    let since_ms = chrono::Utc::now().timestamp_millis();
    let mut wait = FIRST_WAIT;
    loop {
        let reading = session(&reader, &kafka, &ready, &positions, since_ms);
        let ended = tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            ended = reading => ended,
        };
        ready.send_replace(false);
        if let Err(error) = ended {
            warn!(%error, "could not read events; trying again in {wait:?}");
        }
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            () = tokio::time::sleep(wait) => {}
        }
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}

async fn session(
    reader: &Arc<Reader>,
    kafka: &KafkaSettings,
    ready: &watch::Sender<bool>,
    positions: &Arc<Positions>,
    since_ms: i64,
) -> Result<(), KafkaError> {
    let settings = &reader.settings;
    let cluster = Cluster::configured(kafka)?;
    cluster.ensure_topics(&[TopicSpec::named(&settings.events_topic)], ASK * 2).await?;
    let group = format!("{}-{}", settings.group, uuid::Uuid::now_v7());
    let (lanes, mut events) = Lanes::join(kafka, &LanesSettings::new(&group, &[&settings.events_topic]))?;
    let mut reading = JoinSet::new();
    while let Some(event) = events.next().await {
        match event {
            LaneEvent::Trouble(error) => warn!(%error, "trouble with the brokers"),
            LaneEvent::Revoked => {
                ready.send_replace(false);
            }
            LaneEvent::Assigned { round, lanes: given } => {
                let mut starts = Vec::with_capacity(given.len());
                for lane in given {
                    let known = positions.lock().get(&lane).copied();
                    let at = match known {
                        Some(offset) => offset,
                        None => {
                            let back = i64::try_from(settings.look_back.as_millis()).unwrap_or(i64::MAX);
                            lanes.offset_at(&lane, since_ms.saturating_sub(back), ASK).await?
                        }
                    };
                    starts.push((lane, Start::Offset(at)));
                }
                for lane in lanes.begin(round, starts).await {
                    let (reader, positions) = (Arc::clone(reader), Arc::clone(positions));
                    reading.spawn(read_lane(reader, lane, positions, since_ms));
                }
                info!(partitions = reading.len(), topic = settings.events_topic, "reading events");
                ready.send_replace(true);
            }
        }
    }
    Ok(())
}

async fn read_lane(reader: Arc<Reader>, mut lane: Lane, positions: Arc<Positions>, since_ms: i64) {
    let fetching = Arc::new(Semaphore::new(PARALLEL));
    loop {
        match lane.next(200, 1 << 20).await {
            Ok(batch) => {
                for record in batch {
                    reader.take(&record, since_ms, &fetching).await;
                    positions.lock().insert(lane.id().clone(), record.offset + 1);
                }
            }
            Err(podium_kafka::LaneEnd::OutOfRange { low, .. }) => {
                warn!(lane = %lane.id(), low, "events were deleted before they were read; going on with what is left");
                lane.restart(low).await;
            }
            Err(podium_kafka::LaneEnd::Revoked) => return,
        }
    }
}

impl Reader {
    /// Takes one record. Whatever it holds, the next one is read.
    async fn take(&self, record: &Record, since_ms: i64, fetching: &Arc<Semaphore>) {
        let Some(event) = Event::read(record.value.as_deref().unwrap_or_default()) else {
            debug!(offset = record.offset, "no event");
            return;
        };
        let is_old = record.timestamp_ms.is_some_and(|at| at < since_ms);
        if event.is_failure && is_old {
            self.failures.consider_old(&event.workflow_id);
        } else if event.is_failure {
            self.failures.consider(&event.workflow_id);
        }
        if is_old {
            return;
        }
        if self.hub.is_watched() {
            self.watch.follow(&event.workflow_id);
        }
        self.hub.publish(&event.workflow_id, News::Event(event.shown.clone()));
        if let Some(url) = event.stats_url {
            // waits while others are fetched: statistics are few, and what waits is only this lane
            let Ok(permit) = Arc::clone(fetching).acquire_owned().await else { return };
            let (settings, hub) = (Arc::clone(&self.settings), Arc::clone(&self.hub));
            tokio::spawn(async move {
                match fetch(&settings, &url).await {
                    Ok(content) => {
                        let news = News::Statistics { task_id: event.task_id, stats_url: url, content };
                        hub.publish(&event.workflow_id, news);
                    }
                    Err(reason) => {
                        warn!(workflow_id = event.workflow_id, stats_url = url, reason, "no statistics");
                    }
                }
                drop(permit);
            });
        }
    }
}

/// The text of a file of statistics.
pub(crate) async fn fetch(settings: &IngestionSettings, url: &str) -> Result<String, String> {
    let place = Place::parse(url).map_err(|error| error.to_string())?;
    let store = match place.scheme {
        Scheme::Minio => &settings.minio,
        Scheme::S3 => &settings.s3,
    };
    let bytes = store.get_bytes(&place.bucket, &place.key, LARGEST_STATISTICS).await;
    Ok(String::from_utf8_lossy(&bytes.map_err(|error| error.to_string())?).into_owned())
}

/// What an event says to us.
#[derive(Debug, PartialEq)]
struct Event {
    workflow_id: String,
    task_id: Value,
    is_failure: bool,
    stats_url: Option<String>,
    /// What live sockets get of it.
    shown: Value,
}

impl Event {
    /// Reads a record's value; `None` if it is no event of a workflow.
    fn read(value: &[u8]) -> Option<Self> {
        let object = match serde_json::from_slice(value).ok()? {
            Value::Object(object) => object,
            Value::String(text) => serde_json::from_str::<Map<String, Value>>(&text).ok()?,
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => return None,
        };
        let text = |name: &str| object.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        let workflow_id = text("workflowId").or_else(|| text("workflowInstanceId"))?.to_owned();
        let task_id = object.get("taskId").cloned().unwrap_or_default();
        let empty = Map::new();
        let data = object.get("data").and_then(Value::as_object).unwrap_or(&empty);
        let said = |name: &str| data.get(name).and_then(Value::as_str).unwrap_or_default();
        let status = said("status").to_ascii_lowercase();
        let is_failure = said("result").eq_ignore_ascii_case("failure")
            || matches!(status.as_str(), "failed" | "failure" | "error");
        let stats_url = Some(said("stats_url").to_owned()).filter(|url| !url.is_empty());
        let mut shown = json!({"taskId": task_id, "eventType": object.get("eventType"), "data": data});
        if value.len() > LARGEST_EVENT {
            shown["data"] = json!({"status": data.get("status"), "result": data.get("result"), "cut": true});
        }
        Some(Self { workflow_id, task_id, is_failure, stats_url, shown })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Event;

    fn read(value: serde_json::Value) -> Option<Event> {
        Event::read(value.to_string().as_bytes())
    }

    #[test]
    fn failures_are_told_by_either_word() {
        let failed = |data| read(json!({"workflowId": "w", "data": data})).expect("an event").is_failure;
        assert!(failed(json!({"status": "failed"})) && failed(json!({"result": "failure"})));
        assert!(failed(json!({"status": "error", "result": "success"})));
        assert!(!failed(json!({"status": "success"})) && !failed(json!({})) && !failed(json!(null)));
    }

    #[test]
    fn events_are_read_as_they_come() {
        let wrapped = json!(
            json!({"workflowInstanceId": "i", "taskId": "t", "eventType": "x_completed",
            "data": {"stats_url": "minio://b/f"}})
            .to_string()
        );
        let event = read(wrapped).expect("an event");
        assert_eq!((event.workflow_id.as_str(), event.stats_url.as_deref()), ("i", Some("minio://b/f")));
        assert_eq!(event.shown["eventType"], "x_completed");
        for nothing in [json!(1), json!({}), json!([]), json!({"workflowId": ""}), json!({"workflowId": 5})] {
            assert_eq!(read(nothing), None);
        }
        assert_eq!(Event::read(b"{"), None);
        let large = json!({"workflowId": "w", "data": {"status": "failed", "x": "y".repeat(70_000)}});
        assert_eq!(read(large).expect("an event").shown["data"]["cut"], true);
    }
}

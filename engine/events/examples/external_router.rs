//! The documented event router as a program of its own, over REST (spec: pipeline §5): what a user runs who keeps
//! the router outside the engine. It does what the documented one does, weaknesses included: one record at a time
//! over all partitions, from the end of the topic, offsets committed once a second whether an event was delivered
//! or not, up to five tries two seconds apart while nothing else moves, and an event that still has no task is lost.
//!
//! Environment: `KAFKA_BOOTSTRAP` (localhost:9092), `CONDUCTOR_API` (else `CONDUCTOR_SERVER_URL`, else
//! http://localhost:8080/api), `ROUTER_GROUP` (scalable-event-router-group), `ROUTER_TOPIC` (conductor-events),
//! `STARTUP_SLEEP_SECONDS` (10), `ROUTER_TRIES` (5), `ROUTER_TRY_SECONDS` (2). Writes "ready" to stdout once it reads.

use std::collections::HashMap;
use std::env;
use std::error::Error;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use podium_kafka::{KafkaSettings, Lane, LaneEnd, LaneEvent, LaneId, Lanes, LanesSettings, Record, Start};
use serde_json::{Map, Value, json};

const HTTP_WAIT: Duration = Duration::from_secs(5);
const MAPPED: [(&str, &str); 5] = [
    ("email_validation_completed", "wait_for_email_completion"),
    ("phone_validation_completed", "wait_for_phone_completion"),
    ("enrichment_completed", "wait_for_enrichment_completion"),
    ("airflow_dag_completed", "wait_for_airflow_completion"),
    ("airflow_completed", "wait_for_airflow_completion"),
];

fn setting(name: &str, default: &str) -> String {
    env::var(name).ok().filter(|v| !v.is_empty()).unwrap_or_else(|| default.to_owned())
}

fn seconds(name: &str, default: f64) -> Duration {
    Duration::from_secs_f64(setting(name, &default.to_string()).parse().unwrap_or(default))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    // an error means that another one is chosen already
    drop(rustls::crypto::ring::default_provider().install_default());
    let router = Router {
        http: reqwest::Client::builder().timeout(HTTP_WAIT).build()?,
        api: setting("CONDUCTOR_API", &setting("CONDUCTOR_SERVER_URL", "http://localhost:8080/api")),
        tries: setting("ROUTER_TRIES", "5").parse()?,
        between: seconds("ROUTER_TRY_SECONDS", 2.0),
    };
    tokio::time::sleep(seconds("STARTUP_SLEEP_SECONDS", 10.0)).await;
    let topic = setting("ROUTER_TOPIC", "conductor-events");
    let group = LanesSettings::new(setting("ROUTER_GROUP", "scalable-event-router-group"), &[&topic]);
    let kafka = KafkaSettings::new(setting("KAFKA_BOOTSTRAP", "localhost:9092"));
    let (lanes, mut events) = Lanes::join(&kafka, &group)?;
    let mut reading = FuturesUnordered::new();
    loop {
        tokio::select! {
            event = events.next() => match event {
                None => return Ok(()),
                Some(LaneEvent::Trouble(error)) => eprintln!("kafka: {error}"),
                Some(LaneEvent::Revoked) => {}
                Some(LaneEvent::Assigned { round, lanes: ids }) => {
                    let committed = lanes.committed(&ids, HTTP_WAIT).await.unwrap_or_default();
                    reading = lanes.begin(round, starts(&ids, &committed)).await.into_iter().map(next).collect();
                    println!("ready");
                }
            },
            Some((lane, result)) = reading.next(), if !reading.is_empty() => match result {
                Ok(record) => {
                    router.route(&record).await;
                    lane.done(record.offset + 1);
                    reading.push(next(lane));
                }
                Err(LaneEnd::Revoked) => {}
                Err(LaneEnd::OutOfRange { wanted, .. }) => eprintln!("offset {wanted} is gone"),
            }
        }
    }
}

fn starts(ids: &[LaneId], committed: &HashMap<LaneId, i64>) -> Vec<(LaneId, Start)> {
    ids.iter().map(|id| (id.clone(), committed.get(id).map_or(Start::End, |n| Start::Offset(*n)))).collect()
}

async fn next(mut lane: Lane) -> (Lane, Result<Record, LaneEnd>) {
    let result = lane.next(1, usize::MAX).await.map(|mut records| records.remove(0));
    (lane, result)
}

struct Router {
    http: reqwest::Client,
    api: String,
    tries: u32,
    between: Duration,
}

/// What became of looking for the task.
enum Found<'a> {
    Task(&'a Value),
    Ended,
    Nothing,
}

impl Router {
    async fn route(&self, record: &Record) {
        let Some(event) = object(record.value.as_deref().unwrap_or_default()) else {
            return eprintln!("offset {}: no JSON object", record.offset);
        };
        let data = event.get("data").and_then(Value::as_object).cloned().unwrap_or_default();
        if !is_completion(&event, &data) {
            return;
        }
        let workflow = text(&event, "workflowInstanceId").or_else(|| text(&event, "workflowId"));
        let (Some(workflow), Some(kind)) = (workflow, event_type(&event)) else {
            return eprintln!("offset {}: no workflow or no type", record.offset);
        };
        for attempt in 0..self.tries {
            if attempt > 0 {
                tokio::time::sleep(self.between).await;
            }
            let Some(run) = self.workflow(workflow).await else { continue };
            match find(&run, &event, &kind) {
                Found::Task(task) => return self.complete(workflow, task, &data).await,
                Found::Ended => return,
                Found::Nothing => {}
            }
        }
        eprintln!("workflow {workflow}: no task waits for {kind}, the event is dropped");
    }

    async fn workflow(&self, id: &str) -> Option<Value> {
        let answer =
            self.http.get(format!("{}/workflow/{id}?includeTasks=true", self.api)).send().await.ok()?;
        if answer.status() != reqwest::StatusCode::OK {
            return None;
        }
        answer.json().await.ok()
    }

    async fn complete(&self, workflow: &str, task: &Value, data: &Map<String, Value>) {
        let done = data.get("result").is_none_or(|result| result == "success");
        let body = json!({
            "workflowInstanceId": workflow,
            "taskId": task["taskId"],
            "status": if done { "COMPLETED" } else { "FAILED" },
            "outputData": data,
        });
        match self.http.post(format!("{}/tasks", self.api)).json(&body).send().await {
            Ok(answer) if answer.status().is_success() => {}
            Ok(answer) => eprintln!("workflow {workflow}: the engine answered {}", answer.status()),
            Err(error) => eprintln!("workflow {workflow}: {error}"),
        }
    }
}

fn object(bytes: &[u8]) -> Option<Map<String, Value>> {
    let value = match serde_json::from_slice(bytes).ok()? {
        Value::String(inner) => serde_json::from_str(&inner).ok()?,
        other => other,
    };
    match value {
        Value::Object(members) => Some(members),
        _ => None,
    }
}

fn text<'a>(members: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    members.get(name)?.as_str().filter(|text| !text.is_empty())
}

fn is_completion(event: &Map<String, Value>, data: &Map<String, Value>) -> bool {
    let completed = |name| text(event, name).is_some_and(|t| t.contains("_completed"));
    completed("event")
        || completed("eventType")
        || matches!(text(data, "result"), Some("success" | "failure"))
}

fn event_type(event: &Map<String, Value>) -> Option<String> {
    let parts: Vec<&str> = text(event, "event").map(|e| e.split(':').collect()).unwrap_or_default();
    let found = if parts.len() >= 3 {
        parts.last().map(|last| (*last).to_owned())
    } else {
        let kind = text(event, "eventType")?;
        Some(if kind.contains("_completed") {
            kind.to_owned()
        } else {
            kind.replace("_request", "_completed")
        })
    };
    found.filter(|kind| !kind.is_empty())
}

/// By the task's id, then by sink task for task, then by the mapped reference.
fn find<'a>(run: &'a Value, event: &Map<String, Value>, kind: &str) -> Found<'a> {
    let tasks = run["tasks"].as_array().map_or(&[][..], Vec::as_slice);
    let is_event = |task: &&Value| task["taskType"] == "EVENT";
    let open = |task: &Value| task["status"] == "IN_PROGRESS";
    let judge = |task: &'a Value| if open(task) { Found::Task(task) } else { Found::Ended };
    if let Some(id) = text(event, "taskId")
        && let Some(task) = tasks.iter().filter(is_event).find(|t| t["taskId"] == id)
    {
        return judge(task);
    }
    if let Some(task) = tasks.iter().filter(is_event).filter(|t| open(t)).find(|t| sink_fits(t, kind)) {
        return Found::Task(task);
    }
    let mapped = MAPPED.iter().find(|(name, _)| *name == kind).map(|(_, reference)| *reference);
    let named = mapped.and_then(|reference| tasks.iter().find(|t| t["referenceTaskName"] == reference));
    named.filter(is_event).map_or(Found::Nothing, judge)
}

fn sink_fits(task: &Value, kind: &str) -> bool {
    let sink = task["inputData"]["sink"].as_str().or_else(|| task["sink"].as_str()).unwrap_or_default();
    let name = sink.rsplit(':').next().unwrap_or_default().to_lowercase();
    let kind = kind.to_lowercase();
    name == kind || (!name.is_empty() && (name.contains(&kind) || kind.contains(&name)))
}

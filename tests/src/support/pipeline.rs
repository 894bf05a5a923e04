//! The documented pipeline's workflows, and a service that answers under the test's control.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use serde_json::{Value, json};

use super::kafka;

/// One stage: the request goes out, then the run waits for the completion.
pub fn stage(service: &str, topic: &str, broker: &str, data: &Value) -> [Value; 2] {
    [
        json!({"name": service, "taskReferenceName": service, "type": "KAFKA_PUBLISH", "inputParameters": {
            "kafka_request": {"topic": topic, "bootStrapServers": broker, "key": "${workflow.workflowId}",
                "value": {"workflowId": "${workflow.workflowId}", "taskId": format!("{service}_task"),
                    "eventType": format!("{service}_request"), "data": data}}}}),
        json!({"name": waiting(service), "taskReferenceName": waiting(service), "type": "EVENT",
            "sink": format!("conductor:{service}_completed"), "asyncComplete": true}),
    ]
}

/// Reference name of the task that waits for a service.
pub fn waiting(service: &str) -> String {
    format!("wait_for_{service}_completion")
}

/// A definition of these tasks.
pub fn definition(name: &str, tasks: Vec<Value>) -> Value {
    json!({"name": name, "version": 1, "schemaVersion": 2, "ownerEmail": "tests@example.com",
        "timeoutPolicy": "ALERT_ONLY", "timeoutSeconds": 3600, "restartable": true, "tasks": tasks})
}

/// Pattern 1: one stage after the other.
pub fn in_sequence(name: &str, stages: &[[Value; 2]]) -> Value {
    definition(name, stages.iter().flatten().cloned().collect())
}

/// Pattern 3: the stages side by side, then a JOIN.
pub fn side_by_side(name: &str, stages: &[[Value; 2]]) -> Value {
    let last: Vec<&Value> = stages.iter().map(|s| &s[1]["taskReferenceName"]).collect();
    definition(
        name,
        vec![
            json!({"name": "fork", "taskReferenceName": "fork", "type": "FORK_JOIN", "forkTasks": stages}),
            json!({"name": "join", "taskReferenceName": "join", "type": "JOIN", "joinOn": last}),
        ],
    )
}

/// A completion as services write it.
pub fn completion(workflow: &str, service: &str, result: &str) -> Value {
    let status = if result == "success" { "success" } else { "failed" };
    let mut data =
        json!({"result": result, "status": status, "pipelineStage": service, "processedRecords": 3});
    if status == "failed" {
        data["error"] = json!("object not found");
    }
    json!({"workflowId": workflow, "taskId": format!("{service}_task"),
        "eventType": format!("{service}_completed"), "data": data})
}

/// A behaviour that answers each request with one completion.
pub fn that_says(service: &'static str, result: &'static str) -> Box<Behaviour> {
    Box::new(move |request| {
        vec![completion(request["workflowId"].as_str().unwrap_or_default(), service, result).to_string()]
    })
}

/// What the service does with a request: the values it publishes, each as it stands.
pub type Behaviour = dyn Fn(&Value) -> Vec<String> + Send + Sync;

/// A service on one request topic, in a thread of this process. It ends when it is dropped.
pub struct Service {
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
    /// workflow -> requests that came for it.
    seen: Arc<Mutex<HashMap<String, usize>>>,
}

impl Service {
    /// Starts it; it reads the topic from its beginning and publishes to `events`.
    pub fn start(
        broker: &str,
        topic: &str,
        events: &str,
        behaviour: Box<Behaviour>,
    ) -> anyhow::Result<Service> {
        kafka::create_topic(broker, topic, 2)?;
        let config = |group: Option<String>| {
            let mut config = ClientConfig::new();
            config.set("bootstrap.servers", broker).set_log_level(rdkafka::config::RDKafkaLogLevel::Critical);
            if let Some(group) = group {
                config
                    .set("group.id", group)
                    .set("auto.offset.reset", "earliest")
                    .set("session.timeout.ms", "6000");
            }
            config
        };
        let consumer: BaseConsumer = config(Some(format!("service-{}", uuid::Uuid::now_v7()))).create()?;
        consumer.subscribe(&[topic])?;
        let producer: BaseProducer = config(None).set("linger.ms", "0").create()?;
        let (stop, seen) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(HashMap::new())));
        let (stopped, counts, events) = (Arc::clone(&stop), Arc::clone(&seen), events.to_owned());
        let thread = std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                producer.poll(Duration::ZERO);
                // Errors pass (a broker that is away); the test's deadlines judge.
                let Some(Ok(message)) = consumer.poll(Duration::from_millis(20)) else { continue };
                let request: Value =
                    message.payload().and_then(|p| serde_json::from_slice(p).ok()).unwrap_or_default();
                let workflow = request["workflowId"].as_str().unwrap_or_default().to_owned();
                *counts.lock().expect("held for map calls only").entry(workflow.clone()).or_default() += 1;
                for value in behaviour(&request) {
                    let record = BaseRecord::to(&events).key(workflow.as_str()).payload(value.as_str());
                    drop(producer.send(record));
                }
            }
            drop(producer.flush(Duration::from_secs(5)));
        });
        Ok(Service { stop, thread: Some(thread), seen })
    }

    /// Requests that came for a workflow.
    pub fn requests_of(&self, workflow: &str) -> usize {
        self.seen.lock().expect("held for map calls only").get(workflow).copied().unwrap_or_default()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

//! Nodes with a database, and brokers of both kinds.
#![allow(dead_code, reason = "each test binary uses its own part")]

#[path = "../../../kafka/tests/support/mod.rs"]
pub(crate) mod brokers;
#[path = "../../../runtime/tests/support/mod.rs"]
pub(crate) mod nodes;

use std::sync::Arc;

use podium_core::RunId;
use podium_events::relay::KafkaSink;
use podium_events::router::{Router, RouterSettings};
use podium_kafka::{
    Cluster, Delivery, KafkaSettings, LaneEvent, Lanes, LanesSettings, OutRecord, Patience, Producers,
    Record, Start, TopicSpec,
};
use podium_runtime::Engine;
use serde_json::{Value, json};

use brokers::{LONG, take, unique};

/// One node with its sink, on topics of its own.
pub(crate) struct Site {
    pub(crate) db: nodes::Db,
    pub(crate) kafka: KafkaSettings,
    pub(crate) producers: Producers,
    pub(crate) engine: Engine,
    pub(crate) router: RouterSettings,
    /// Where definitions publish.
    pub(crate) requests: String,
}

impl Site {
    pub(crate) async fn new(kafka: KafkaSettings) -> Site {
        Site::with_partitions(kafka, 1).await
    }

    pub(crate) async fn with_partitions(kafka: KafkaSettings, partitions: i32) -> Site {
        let db = nodes::database().await;
        let producers = Producers::new(kafka.clone());
        let sink = Arc::new(KafkaSink::new(producers.clone()));
        let engine = nodes::node_with(&db, Some(sink), nodes::config()).await;
        let router = RouterSettings {
            topic: unique("events"),
            group: unique("routers"),
            dead_letter_topic: unique("dead"),
            ..RouterSettings::default()
        };
        let requests = unique("requests");
        if partitions > 1 {
            let topic = TopicSpec { name: router.topic.clone(), partitions: Some(partitions) };
            let cluster = Cluster::configured(&kafka).expect("settings");
            cluster.ensure_topics(&[topic], LONG).await.expect("made");
        }
        Site { db, kafka, producers, engine, router, requests }
    }

    /// A router that has its lanes.
    pub(crate) async fn route(&self) -> Router {
        let router = Router::start(self.engine.clone(), self.producers.clone(), self.router.clone());
        tokio::time::timeout(LONG, router.ready()).await.expect("ready in time");
        router
    }

    /// Registers the pair of a stage: publish, then wait.
    pub(crate) async fn define_stage(&self, name: &str) {
        let tasks = json!([
            {"name": "publish", "taskReferenceName": "publish", "type": "KAFKA_PUBLISH", "inputParameters": {"kafka_request": {
                "topic": self.requests, "bootStrapServers": "kafka:9092", "key": "enrichment-${workflow.workflowId}",
                "value": {"workflowId": "${workflow.workflowId}", "taskId": "enrichment_task", "eventType": "enrichment_request", "data": {}}}}},
            {"name": "wait", "taskReferenceName": "wait_for_enrichment_completion", "type": "EVENT",
                "sink": "conductor:enrichment_completed", "asyncComplete": true}
        ]);
        nodes::define(&self.engine, name, tasks).await;
    }

    pub(crate) async fn send(&self, key: Option<&str>, value: impl Into<Vec<u8>>) -> Delivery {
        self.send_to(&self.router.topic, key, value).await
    }

    pub(crate) async fn send_to(
        &self,
        topic: &str,
        key: Option<&str>,
        value: impl Into<Vec<u8>>,
    ) -> Delivery {
        let key = key.map(|k| k.as_bytes().to_vec());
        let record =
            OutRecord { topic: topic.to_owned(), key, value: Some(value.into()), headers: Vec::new() };
        brokers::eventually("acknowledged", async || {
            let producer = self.producers.get(None).expect("settings");
            match producer.send(record.clone(), Patience::default()).await {
                Ok(delivery) => Some(delivery),
                // after a topic was made anew the broker does not know this producer, and another one is needed
                Err(error) => {
                    assert!(error.is_retriable(), "{error}");
                    None
                }
            }
        })
        .await
    }

    /// The first records of a topic with one partition.
    pub(crate) async fn read(&self, topic: &str, count: usize) -> Vec<Record> {
        self.read_until(topic, |records| records.len() >= count).await
    }

    /// The records of a topic with one partition, from its first until there are enough.
    pub(crate) async fn read_until(&self, topic: &str, enough: impl Fn(&[Record]) -> bool) -> Vec<Record> {
        let (lanes, mut events) =
            Lanes::join(&self.kafka, &LanesSettings::new(unique("reader"), &[topic])).expect("joins");
        let (round, ids) = loop {
            let event = tokio::time::timeout(LONG, events.next()).await.expect("an event in time");
            if let Some(LaneEvent::Assigned { round, lanes }) = event
                && !lanes.is_empty()
            {
                break (round, lanes);
            }
        };
        let mut lane =
            lanes.begin(round, vec![(ids[0].clone(), Start::Beginning)]).await.pop().expect("a lane");
        let mut records = Vec::new();
        while !enough(&records) {
            records.extend(take(&mut lane, 1).await);
        }
        lanes.close().await;
        records
    }
}

/// A broker's settings under which `kafka:9092`, as definitions write it, means that broker.
pub(crate) fn settings(kind: brokers::Kind) -> KafkaSettings {
    let mut settings = brokers::settings(kind);
    settings.aliases.insert("kafka:9092".to_owned(), settings.bootstrap.clone());
    settings
}

/// A completion as the services write it.
pub(crate) fn completion(run: RunId, event_type: &str, data: &Value) -> String {
    json!({"workflowId": run.to_string(), "taskId": "enrichment_task", "eventType": event_type, "data": data})
        .to_string()
}

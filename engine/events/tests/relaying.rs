//! From the outbox to Kafka.

mod support;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use podium_core::{Outgoing, RunId, RunStatus, TaskStatus, Timestamp};
use podium_events::relay::KafkaSink;
use podium_kafka::{Creation, KafkaSettings, Producers, Record};
use podium_runtime::ports::{EventSink, OutboxMessage, PublishOutcome};
use serde_json::{Value, json};

use support::brokers::{Kind, LONG, Node, unique};
use support::{Site, nodes, settings};

fn message(cluster: Option<&str>, topic: &str) -> Outgoing {
    Outgoing {
        task: 1,
        cluster: cluster.map(str::to_owned),
        topic: topic.to_owned(),
        key: Some(b"null".to_vec()),
        value: b"1".to_vec(),
        headers: Vec::new(),
        max_block_ms: None,
    }
}

async fn publish(sink: &KafkaSink, body: Outgoing) -> PublishOutcome {
    let run = RunId::new(Timestamp::from_millis(1_700_000_000_000), 1, 0);
    sink.publish(OutboxMessage { run, body: Arc::new(body) }).await
}

async fn a_run_publishes_its_record(kafka: KafkaSettings) {
    let site = Site::new(kafka).await;
    let tasks = json!([{"name": "p", "taskReferenceName": "p", "type": "KAFKA_PUBLISH", "inputParameters": {"kafka_request": {
        "topic": site.requests, "bootStrapServers": "kafka:9092", "key": "k-${workflow.input.a}", "headers": {"h": [1, "x"]},
        "value": {"n": "${workflow.input}"}}}}]);
    nodes::define(&site.engine, "publishes", tasks).await;
    let run = nodes::start(&site.engine, "publishes").await;
    let state = nodes::until_status(&site.engine, run, RunStatus::Completed).await;
    assert!(state.tasks.iter().all(|t| t.status == TaskStatus::Completed));
    let record = site.read(&site.requests, 1).await.remove(0);
    assert_eq!(record.key.as_deref(), Some(b"k-1".as_slice()));
    assert_eq!(record.value.as_deref(), Some(br#"{"n":{"a":1}}"#.as_slice()));
    assert_eq!(record.header("h"), Some(b"[1, x]".as_slice()));
    assert_eq!(record.header("podium-event-id"), Some(run.task(1).to_string().as_bytes()));
}

/// Texts recorded from a genuine Conductor 3.32.1.
async fn refusals_read_as_conductors(kafka: KafkaSettings) {
    let sink = KafkaSink::new(Producers::new(kafka));
    let refused = |text: &str| PublishOutcome::Refused(text.to_owned());
    let closed = std::net::TcpListener::bind("127.0.0.1:0")
        .expect("a port")
        .local_addr()
        .expect("its address")
        .to_string();
    let asked = Instant::now();
    let timed = "org.apache.kafka.common.errors.TimeoutException: Topic x not present in metadata after";
    assert_eq!(publish(&sink, message(Some(&closed), "x")).await, refused(&format!("{timed} 500 ms.")));
    assert!(asked.elapsed() >= Duration::from_millis(500));
    let mut short = message(Some(&closed), "x");
    short.max_block_ms = Some(200);
    assert_eq!(publish(&sink, short).await, refused(&format!("{timed} 200 ms.")));
    let no_client = refused("org.apache.kafka.common.KafkaException: Failed to construct kafka producer");
    for nowhere in ["no.such.host.invalid:9092", "noport"] {
        let mut body = message(Some(nowhere), "x");
        body.max_block_ms = Some(10_000);
        assert_eq!(publish(&sink, body).await, no_client, "{nowhere}");
    }
    let mut negative = message(None, "x");
    negative.max_block_ms = Some(-1);
    assert_eq!(
        publish(&sink, negative).await,
        refused(
            "org.apache.kafka.common.config.ConfigException: Invalid value -1 for configuration max.block.ms: Value must be at least 0"
        )
    );
    for topic in ["bad topic!", &"t".repeat(250)] {
        let text = format!("org.apache.kafka.common.errors.InvalidTopicException: Invalid topics: [{topic}]");
        assert_eq!(publish(&sink, message(None, topic)).await, refused(&text));
    }
    let mut big = message(None, "x");
    big.value = vec![b'x'; 1_100_002];
    assert_eq!(
        publish(&sink, big).await,
        refused(
            "org.apache.kafka.common.errors.RecordTooLargeException: The message is 1100094 bytes when serialized which \
             is larger than 1048576, which is the value of the max.request.size configuration."
        )
    );
    let mut largest = message(None, &unique("largest"));
    largest.value = vec![b'x'; 1_048_000];
    largest.headers.push(("podium-event-id".to_owned(), vec![b'0'; 36]));
    assert_eq!(publish(&sink, largest).await, PublishOutcome::Acknowledged);
    assert!(matches!(publish(&sink, message(None, "__consumer_offsets")).await, PublishOutcome::Refused(_)));
}

async fn a_missing_topic_is_made_or_named(mut kafka: KafkaSettings) {
    let sink = KafkaSink::new(Producers::new(kafka.clone()));
    assert_eq!(publish(&sink, message(None, &unique("new"))).await, PublishOutcome::Acknowledged);
    kafka.topics.creation = Creation::Broker;
    kafka.properties.insert("allow.auto.create.topics".to_owned(), "false".to_owned());
    let sink = KafkaSink::new(Producers::new(kafka));
    let topic = unique("none");
    let PublishOutcome::Refused(text) = publish(&sink, message(None, &topic)).await else {
        panic!("refused")
    };
    assert!(text.contains(&topic) && text.contains("does not exist"), "{text}");
    let mut timed = message(None, &topic);
    timed.max_block_ms = Some(100);
    let PublishOutcome::Refused(text) = publish(&sink, timed).await else { panic!("refused") };
    assert_eq!(
        text,
        format!(
            "org.apache.kafka.common.errors.TimeoutException: Topic {topic} not present in metadata after 100 ms."
        )
    );
}

/// A run that fails shows the reason with Conductor's words in front.
async fn a_refusal_fails_the_task(kafka: KafkaSettings) {
    let site = Site::new(kafka).await;
    let tasks = json!([{"name": "p", "taskReferenceName": "p", "type": "KAFKA_PUBLISH", "inputParameters": {"kafka_request": {
        "topic": "bad topic!", "bootStrapServers": "kafka:9092", "value": 1}}}]);
    nodes::define(&site.engine, "refused", tasks).await;
    let run = nodes::start(&site.engine, "refused").await;
    let state = nodes::until_status(&site.engine, run, RunStatus::Failed).await;
    let reason = state.tasks.iter().find_map(|t| t.reason.clone()).expect("a reason");
    assert_eq!(
        &*reason,
        "Failed to invoke kafka task due to: org.apache.kafka.common.errors.InvalidTopicException: Invalid topics: [bad topic!]"
    );
}

/// The broker dies while runs publish, and comes back later: no run fails, none is lost, none is published twice
/// without its id.
#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_away_fails_no_run() {
    let dir = tempfile::tempdir().expect("a folder");
    let node = Node::start(dir.path());
    let mut kafka = KafkaSettings::new(&node.bootstrap);
    kafka.aliases.insert("kafka:9092".to_owned(), node.bootstrap.clone());
    let site = Site::new(kafka).await;
    site.producers.warm(LONG).await.expect("warm");
    let tasks = json!([{"name": "p", "taskReferenceName": "p", "type": "KAFKA_PUBLISH", "inputParameters": {"kafka_request": {
        "topic": site.requests, "bootStrapServers": "kafka:9092", "key": "k", "value": "${workflow.workflowId}"}}}]);
    nodes::define(&site.engine, "publishes", tasks).await;
    let mut runs = Vec::new();
    for n in 0..300 {
        if n == 100 {
            node.kill();
        }
        runs.push(nodes::start(&site.engine, "publishes").await);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    tokio::task::spawn_blocking(move || node.start_again()).await.expect("restarted");
    for run in &runs {
        nodes::until("the run ends", LONG, || async {
            nodes::state(&site.engine, *run).await.head.status.is_terminal()
        })
        .await;
        assert_eq!(nodes::state(&site.engine, *run).await.head.status, RunStatus::Completed);
    }
    // how many were in doubt when the broker died, and came twice, depends on the machine; that none is lost does not
    let run_of = |record: &Record| {
        let value: Value = serde_json::from_slice(record.value.as_deref().unwrap_or_default()).expect("JSON");
        value.as_str().expect("an id").to_owned()
    };
    let runs_of = |records: &[Record]| records.iter().map(run_of).collect::<BTreeSet<_>>();
    let records = site.read_until(&site.requests, |records| runs_of(records).len() == runs.len()).await;
    for record in &records {
        // the id by which a reader knows a repetition belongs to the run's task
        let id = record.header("podium-event-id").map(String::from_utf8_lossy).expect("an id");
        let run: RunId = run_of(record).parse().expect("the id of a run");
        assert_eq!(id, run.task(1).to_string());
    }
}

macro_rules! on_both {
    ($($test:ident),*) => {
        mod real { $(#[tokio::test(flavor = "multi_thread")] async fn $test() { super::$test(super::settings(super::Kind::Real)).await; })* }
        mod embedded { $(#[tokio::test(flavor = "multi_thread")] async fn $test() { super::$test(super::settings(super::Kind::Embedded)).await; })* }
    };
}
on_both!(
    a_run_publishes_its_record,
    refusals_read_as_conductors,
    a_missing_topic_is_made_or_named,
    a_refusal_fails_the_task
);

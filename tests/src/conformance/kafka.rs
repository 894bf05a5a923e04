//! The Kafka steps: create a topic, produce one record, read some from the start.

use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::message::{BorrowedMessage, Header, Headers, Message, OwnedHeaders};
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer, ProducerContext, ThreadedProducer};
use serde_json::{Value, json};

use super::Stop;
use super::pointer::as_text;
use super::run::Run;
use super::steps::millis;

fn config(run: &Run<'_>) -> Result<ClientConfig, Stop> {
    let broker = run
        .environment
        .kafka
        .as_ref()
        .ok_or_else(|| Stop("the scenario needs Kafka, there is none".to_owned()))?;
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", broker).set_log_level(rdkafka::config::RDKafkaLogLevel::Critical);
    Ok(config)
}

fn failed(what: &str, error: impl std::fmt::Display) -> Stop {
    Stop(format!("{what} failed: {error}"))
}

pub(super) fn create_topic(run: &Run<'_>, step: &Value) -> Result<(), Stop> {
    let topic = run.needed(step, "topic")?;
    let partitions = step.get("partitions").and_then(Value::as_i64).unwrap_or(1) as i32;
    let admin: AdminClient<DefaultClientContext> =
        config(run)?.create().map_err(|e| failed("kafka_topic", e))?;
    let wanted = NewTopic::new(&topic, partitions, TopicReplication::Fixed(1));
    let options = AdminOptions::new().operation_timeout(Some(Duration::from_secs(15)));
    let results = futures::executor::block_on(admin.create_topics([&wanted], &options))
        .map_err(|e| failed("kafka_topic", e))?;
    for result in results {
        match result {
            Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((_, code)) => return Err(failed("kafka_topic", code)),
        }
    }
    Ok(())
}

/// Keeps the delivery report of the one record sent.
struct Report(std::sync::Mutex<Option<Result<(), String>>>);

impl rdkafka::ClientContext for Report {}

impl ProducerContext for Report {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        let result = result.as_ref().map(|_| ()).map_err(|(error, _)| error.to_string());
        *self.0.lock().expect("held only for an assignment") = Some(result);
    }
}

pub(super) fn produce(run: &Run<'_>, step: &Value) -> Result<(), Stop> {
    let topic = run.needed(step, "topic")?;
    let value = match step.get("json") {
        Some(json) => Some(run.fill(json)?.to_string()),
        None => run.text_of(step, "value")?,
    };
    let key = run.text_of(step, "key")?;
    let producer: ThreadedProducer<Report> = config(run)?
        .create_with_context(Report(std::sync::Mutex::new(None)))
        .map_err(|e| failed("kafka_produce", e))?;
    let mut record: BaseRecord<'_, String, String> = BaseRecord::to(&topic);
    if let Some(value) = &value {
        record = record.payload(value);
    }
    if let Some(key) = &key {
        record = record.key(key);
    }
    if let Some(partition) = step.get("partition").and_then(Value::as_i64) {
        record = record.partition(partition as i32);
    }
    if let Some(Value::Object(given)) = step.get("headers") {
        let mut headers = OwnedHeaders::new();
        for (name, value) in given {
            let value = as_text(&run.fill(value)?);
            headers = headers.insert(Header { key: name, value: Some(value.as_bytes()) });
        }
        record = record.headers(headers);
    }
    producer.send(record).map_err(|(e, _)| failed("kafka_produce", e))?;
    producer.flush(Duration::from_secs(15)).map_err(|e| failed("kafka_produce", e))?;
    let report = producer.context().0.lock().expect("held only for an assignment").take();
    match report {
        Some(Ok(())) => Ok(()),
        Some(Err(error)) => Err(failed("kafka_produce", error)),
        None => Err(failed("kafka_produce", "no delivery report")),
    }
}

pub(super) fn consume(run: &Run<'_>, step: &Value) -> Result<Value, Stop> {
    let topic = run.needed(step, "topic")?;
    let count = step.get("count").and_then(Value::as_u64).unwrap_or(1) as usize;
    let parse = step.get("parse").and_then(Value::as_str) == Some("json");
    let end = run.until(millis(step, "timeout_ms", 15_000));
    let consumer: BaseConsumer = config(run)?
        .set("group.id", format!("kit-{}", uuid::Uuid::now_v7()))
        .set("auto.offset.reset", "earliest")
        .set("enable.auto.commit", "false")
        .set("topic.metadata.refresh.interval.ms", "500")
        .create()
        .map_err(|e| failed("kafka_consume", e))?;
    consumer.subscribe(&[&topic]).map_err(|e| failed("kafka_consume", e))?;
    let mut records = Vec::new();
    while records.len() < count && Instant::now() < end {
        // An error here is mostly "no such topic yet"; the deadline ends it.
        if let Some(Ok(message)) = consumer.poll(Duration::from_millis(200)) {
            records.push(describe(&message, parse)?);
        }
    }
    if records.len() < count {
        return Err(Stop(format!(
            "kafka_consume timed out: {} of {count} records on {topic}",
            records.len()
        )));
    }
    Ok(Value::Array(records))
}

fn describe(message: &BorrowedMessage<'_>, parse: bool) -> Result<Value, Stop> {
    let text = |bytes: Option<&[u8]>| bytes.map(|b| String::from_utf8_lossy(b).into_owned());
    let value = match text(message.payload()) {
        Some(value) if parse => {
            serde_json::from_str(&value).map_err(|e| failed("kafka_consume: JSON value", e))?
        }
        other => json!(other),
    };
    let mut headers = serde_json::Map::new();
    if let Some(given) = message.headers() {
        for header in given.iter() {
            headers.insert(header.key.to_owned(), json!(text(header.value)));
        }
    }
    Ok(json!({"key": text(message.key()), "value": value, "headers": headers}))
}

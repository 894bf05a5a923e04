//! A real Kafka broker for tests: the one that `PODIUM_TEST_KAFKA` names, else a node of our own.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::Context;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::message::{Header, Headers, Message, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

use super::repository;

/// A node started by `scripts/kafka.sh`. It ends when this process ends.
pub struct Node {
    folder: PathBuf,
    bootstrap: String,
}

enum Shared {
    Given(String),
    Own(Node),
}

static SHARED: OnceLock<Result<Shared, String>> = OnceLock::new();

/// Address of the broker that all tests of this process share.
pub fn shared() -> anyhow::Result<&'static str> {
    let made = SHARED.get_or_init(|| match std::env::var("PODIUM_TEST_KAFKA") {
        Ok(given) if !given.is_empty() => Ok(Shared::Given(given)),
        _ => {
            #[expect(unsafe_code, reason = "the test harness owns main and leaves through exit()")]
            // SAFETY: the handler only runs a script and removes a folder.
            unsafe {
                libc::atexit(at_exit);
            }
            Node::start().map(Shared::Own).map_err(|error| format!("{error:#}"))
        }
    });
    match made {
        Ok(Shared::Given(address)) => Ok(address),
        Ok(Shared::Own(node)) => Ok(&node.bootstrap),
        Err(error) => Err(anyhow::anyhow!("{error}")),
    }
}

/// Stops the shared node, if one of our own was started.
pub fn stop_shared() {
    if let Some(Ok(Shared::Own(node))) = SHARED.get() {
        node.remove();
    }
}

extern "C" fn at_exit() {
    stop_shared();
}

impl Node {
    /// Starts a node with empty data.
    pub fn start() -> anyhow::Result<Node> {
        let folder = std::env::temp_dir().join(format!("podium-test-kafka-{}", uuid::Uuid::now_v7()));
        let owner = std::process::id().to_string();
        let bootstrap = script(&["start", &folder.to_string_lossy(), "--owner", &owner])?;
        anyhow::ensure!(!bootstrap.is_empty(), "scripts/kafka.sh printed no address");
        Ok(Node { folder, bootstrap })
    }

    pub fn bootstrap(&self) -> &str {
        &self.bootstrap
    }

    /// Stops the broker as if its machine had died; its data stays.
    pub fn kill(&self) -> anyhow::Result<()> {
        script(&["stop", &self.folder.to_string_lossy(), "--kill"]).map(drop)
    }

    /// Starts it again under the same address with its data.
    pub fn restart(&self) -> anyhow::Result<()> {
        let owner = std::process::id().to_string();
        script(&["start", &self.folder.to_string_lossy(), "--owner", &owner]).map(drop)
    }

    fn remove(&self) {
        if self.folder.exists() {
            drop(self.kill());
            drop(std::fs::remove_dir_all(&self.folder));
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.remove();
    }
}

fn script(arguments: &[&str]) -> anyhow::Result<String> {
    let script: &Path = &repository().join("scripts/kafka.sh");
    let done = Command::new(script)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("could not run {}", script.display()))?;
    let errors = String::from_utf8_lossy(&done.stderr);
    anyhow::ensure!(done.status.success(), "scripts/kafka.sh {arguments:?}: {errors}");
    Ok(String::from_utf8_lossy(&done.stdout).trim().to_owned())
}

/// One record as read.
#[derive(Debug, Clone)]
pub struct Record {
    pub partition: i32,
    pub offset: i64,
    pub key: Option<String>,
    pub value: Option<String>,
    pub headers: Vec<(String, String)>,
}

impl Record {
    /// The value as JSON; null if it is none.
    pub fn json(&self) -> serde_json::Value {
        self.value.as_deref().and_then(|v| serde_json::from_str(v).ok()).unwrap_or_default()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }
}

fn config(bootstrap: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", bootstrap).set_log_level(rdkafka::config::RDKafkaLogLevel::Critical);
    config
}

/// Creates a topic; one that exists is fine.
pub fn create_topic(bootstrap: &str, topic: &str, partitions: i32) -> anyhow::Result<()> {
    let admin: AdminClient<DefaultClientContext> = config(bootstrap).create()?;
    let wanted = NewTopic::new(topic, partitions, TopicReplication::Fixed(1));
    let options = AdminOptions::new().operation_timeout(Some(Duration::from_secs(15)));
    for result in futures::executor::block_on(admin.create_topics([&wanted], &options))? {
        match result {
            Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((topic, code)) => anyhow::bail!("could not create topic {topic}: {code}"),
        }
    }
    Ok(())
}

/// Sends (key, value) records and waits until the broker has them all.
pub fn produce(bootstrap: &str, topic: &str, records: &[(&str, &str)]) -> anyhow::Result<()> {
    send(bootstrap, records.iter().map(|(key, value)| BaseRecord::to(topic).key(*key).payload(*value)))
}

/// Sends one record with a header, and waits until the broker has it.
pub fn produce_with_header(
    bootstrap: &str,
    topic: &str,
    (key, value): (&str, &str),
    (name, content): (&str, &str),
) -> anyhow::Result<()> {
    let headers = OwnedHeaders::new().insert(Header { key: name, value: Some(content) });
    send(bootstrap, [BaseRecord::to(topic).key(key).payload(value).headers(headers)])
}

fn send<'a>(
    bootstrap: &str,
    records: impl IntoIterator<Item = BaseRecord<'a, str, str>>,
) -> anyhow::Result<()> {
    let producer: BaseProducer = config(bootstrap).set("linger.ms", "0").create()?;
    for record in records {
        producer.send(record).map_err(|(error, _)| error)?;
    }
    producer.flush(Duration::from_secs(20))?;
    Ok(())
}

/// All records of a topic from its beginning to its end as it is now.
pub fn read_all(bootstrap: &str, topic: &str) -> anyhow::Result<Vec<Record>> {
    let consumer: BaseConsumer = config(bootstrap)
        .set("group.id", format!("reader-{}", uuid::Uuid::now_v7()))
        .set("enable.auto.commit", "false")
        .create()?;
    let limit = Duration::from_secs(20);
    let metadata = consumer.fetch_metadata(Some(topic), limit)?;
    let partitions = metadata.topics().first().map(|t| t.partitions().len()).unwrap_or_default() as i32;
    let mut assigned = rdkafka::TopicPartitionList::new();
    let mut remaining = std::collections::HashMap::new();
    for partition in 0..partitions {
        let (low, high) = consumer.fetch_watermarks(topic, partition, limit)?;
        if high > low {
            assigned.add_partition_offset(topic, partition, rdkafka::Offset::Offset(low))?;
            remaining.insert(partition, high);
        }
    }
    let mut records = Vec::new();
    if remaining.is_empty() {
        return Ok(records);
    }
    consumer.assign(&assigned)?;
    let end = std::time::Instant::now() + Duration::from_secs(60);
    while !remaining.is_empty() {
        anyhow::ensure!(std::time::Instant::now() < end, "could not read {topic} to its end within 60 s");
        let Some(message) = consumer.poll(Duration::from_millis(200)) else { continue };
        let message = message?;
        let text = |bytes: Option<&[u8]>| bytes.map(|b| String::from_utf8_lossy(b).into_owned());
        let headers = message.headers().map_or_else(Vec::new, |h| {
            h.iter().map(|h| (h.key.to_owned(), text(h.value).unwrap_or_default())).collect()
        });
        if remaining.get(&message.partition()).is_some_and(|high| message.offset() + 1 >= *high) {
            remaining.remove(&message.partition());
        }
        records.push(Record {
            partition: message.partition(),
            offset: message.offset(),
            key: text(message.key()),
            value: text(message.payload()),
            headers,
        });
    }
    Ok(records)
}

//! One engine with its database and its broker: where a test plays.

use std::time::Duration;

use serde_json::Value;

use super::audit::Sql;
use super::client::Client;
use super::pipeline::{Behaviour, Service};
use super::podium::{Podium, Settings};
use super::{free_port, kafka, postgres};

/// How long anything that happens "at once" may take on a busy machine.
pub const SOON: Duration = Duration::from_secs(30);

/// Which broker the engine talks to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Broker {
    /// A real Apache Kafka node; `podium serve`.
    Real,
    /// The development broker inside `podium dev`.
    Embedded,
}

/// An engine of its own: database, topics and consumer group belong to this test alone.
pub struct Stage {
    pub podium: Podium,
    pub client: Client,
    pub sql: Sql,
    /// Address of the broker.
    pub broker: String,
    /// Begins every name that this test makes.
    pub tag: String,
    folder: Option<tempfile::TempDir>,
}

/// A short word that no other test has.
pub fn fresh_tag(prefix: &str) -> String {
    format!("{prefix}{:010x}", uuid::Uuid::now_v7().as_u128() & 0xff_ffff_ffff)
}

/// Settings that give an engine its own event topic and consumer group on a shared broker.
pub fn own_topics(settings: Settings, tag: &str) -> Settings {
    settings
        .with("PODIUM__ROUTER__TOPIC", &events_topic(tag))
        .with("PODIUM__ROUTER__GROUP", &format!("{tag}-router"))
        .with("PODIUM__ROUTER__DEAD_LETTER_TOPIC", &dead_letter_topic(tag))
}

/// The topic that the engine's router reads.
pub fn events_topic(tag: &str) -> String {
    format!("{tag}-events")
}

pub fn dead_letter_topic(tag: &str) -> String {
    format!("{tag}-events-dlq")
}

impl Stage {
    /// Opens a stage on the given kind of broker.
    pub fn open(kind: Broker) -> anyhow::Result<Stage> {
        let tag = fresh_tag("t");
        let url = postgres::shared()?.database(&tag)?;
        match kind {
            Broker::Real => {
                let broker = kafka::shared()?.to_owned();
                kafka::create_topic(&broker, &events_topic(&tag), 3)?;
                let settings = Settings::serve(&url).with("KAFKA_BOOTSTRAP", &broker);
                Stage::with(own_topics(settings, &tag), &url, broker, tag, None)
            }
            Broker::Embedded => {
                let folder = tempfile::tempdir()?;
                let broker = format!("127.0.0.1:{}", free_port()?);
                let settings = Settings::new(&["dev"])
                    .with("DATABASE_URL", &url)
                    .with("PODIUM__DEV__DATA", &folder.path().to_string_lossy())
                    .with("PODIUM__DEV__KAFKA_LISTEN", &broker)
                    .with("PODIUM__WORKERS__RUN", "");
                Stage::with(own_topics(settings, &tag), &url, broker, tag, Some(folder))
            }
        }
    }

    /// Starts the engine with these settings.
    pub fn with(
        settings: Settings,
        url: &str,
        broker: String,
        tag: String,
        folder: Option<tempfile::TempDir>,
    ) -> anyhow::Result<Stage> {
        let podium = Podium::start(settings)?;
        let sql = Sql::connect(url)?;
        Ok(Stage { client: podium.client(), podium, sql, broker, tag, folder })
    }

    /// A name of this test.
    pub fn name(&self, word: &str) -> String {
        format!("{}-{word}", self.tag)
    }

    /// Starts a service that answers on the engine's event topic.
    pub fn service(&self, topic: &str, behaviour: Box<Behaviour>) -> anyhow::Result<Service> {
        Service::start(&self.broker, topic, &events_topic(&self.tag), behaviour)
    }

    /// Publishes one event for the engine's router.
    pub fn publish(&self, key: &str, value: &str) -> anyhow::Result<()> {
        kafka::produce(&self.broker, &events_topic(&self.tag), &[(key, value)])
    }

    /// Registers a definition and starts one run of it.
    pub fn register_and_start(&self, definition: &Value, input: &Value) -> anyhow::Result<String> {
        self.client.register_workflow(definition)?;
        self.client.start(definition["name"].as_str().unwrap_or_default(), input)
    }

    /// The folder of an embedded engine's data.
    pub fn folder(&self) -> Option<&std::path::Path> {
        self.folder.as_ref().map(tempfile::TempDir::path)
    }
}

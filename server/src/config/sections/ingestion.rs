//! The ingestion service.

use std::net::SocketAddr;
use std::path::PathBuf;

use podium_kafka::KafkaSettings;
use podium_objects::{ObjectError, ObjectStore, S3Settings};
use podium_workers::ingestion::{ConverterMode, ConverterSettings, IngestionSettings, LiveSettings};
use serde::Deserialize;

use crate::config::humane::address;
use crate::config::{Config, ConfigError, Humane};

/// Where the engine is unless the settings say it: the documented name.
const ENGINE: &str = "http://conductor-server-event:8080";

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IngestionSection {
    pub enabled: bool,
    #[serde(deserialize_with = "address")]
    pub listen: SocketAddr,
    pub engine_url: String,
    pub default_input: String,
    pub shared_metadata: bool,
    pub dps_converter: String,
    pub dps_converter_mode: Mode,
    pub dps_converter_time: Humane,
    pub dps_converter_limit_bytes: usize,
    pub repeat_within: Humane,
    pub buckets: Vec<String>,
    pub upload_limit_bytes: u64,
    pub link_endpoint: String,
    pub link_valid: Humane,
    pub cors_origins: Vec<String>,
    pub events_topic: String,
    pub group: String,
    pub look_back: Humane,
    pub terminal_wait: Humane,
    pub heartbeat: Humane,
    pub socket_messages: usize,
    pub kept_messages: usize,
    pub max_sockets: usize,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    Command,
    Builtin,
    Auto,
}

/// The stores that the service works with.
#[derive(Clone, Debug)]
pub(crate) struct Stores {
    pub(crate) minio: S3Settings,
    pub(crate) s3: S3Settings,
}

impl Config {
    /// Refuses an address of the ingestion service that others can reach, unless that was asked for.
    ///
    /// # Errors
    /// One line that says what to do.
    pub fn check_ingestion_listen(&self) -> Result<(), ConfigError> {
        let listen = self.ingestion.listen;
        if listen.ip().is_loopback() || self.server.insecure_no_auth {
            return Ok(());
        }
        Err(ConfigError(format!(
            "ingestion.listen: {listen} can be reached by others and there is no authentication yet: listen on 127.0.0.1, or say --insecure-no-auth"
        )))
    }

    /// The service's settings; `engine` is where the engine is if they do not say it.
    pub(crate) fn ingestion(
        &self,
        engine: Option<String>,
        kafka: Option<KafkaSettings>,
        stores: Stores,
    ) -> Result<IngestionSettings, ObjectError> {
        let i = &self.ingestion;
        let links = match i.link_endpoint.as_str() {
            "" => stores.minio.clone(),
            endpoint => S3Settings { endpoint: endpoint.to_owned(), ..stores.minio.clone() },
        };
        let engine_url = match i.engine_url.as_str() {
            "" => engine.unwrap_or_else(|| ENGINE.to_owned()),
            given => given.to_owned(),
        };
        Ok(IngestionSettings {
            engine_url,
            minio: ObjectStore::new(stores.minio)?,
            links: ObjectStore::new(links)?,
            s3: ObjectStore::new(stores.s3)?,
            s3_bucket: self.s3.bucket.clone(),
            s3_prefix: self.s3.prefix.clone(),
            default_input: i.default_input.clone(),
            shared_metadata: i.shared_metadata,
            converter: ConverterSettings {
                mode: match i.dps_converter_mode {
                    Mode::Command => ConverterMode::Command,
                    Mode::Builtin => ConverterMode::Builtin,
                    Mode::Auto => ConverterMode::Auto,
                },
                command: PathBuf::from(&i.dps_converter),
                time_limit: i.dps_converter_time.0,
                limit_bytes: i.dps_converter_limit_bytes,
            },
            repeat_within: i.repeat_within.0,
            buckets: i.buckets.clone(),
            upload_limit_bytes: i.upload_limit_bytes,
            body_limit_bytes: self.server.body_limit_bytes,
            link_valid: i.link_valid.0,
            cors_origins: i.cors_origins.clone(),
            live: LiveSettings {
                heartbeat: i.heartbeat.0,
                client_messages: i.socket_messages,
                kept_messages: i.kept_messages,
                max_clients: i.max_sockets,
                ..LiveSettings::default()
            },
            kafka,
            events_topic: i.events_topic.clone(),
            group: i.group.clone(),
            look_back: i.look_back.0,
            terminal_wait: i.terminal_wait.0,
        })
    }
}

//! The settings as types, and as the rooms want them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use podium_api::ApiConfig;
use podium_core::{Settings, Span};
use podium_events::router::{OutOfRange, RouterSettings};
use podium_kafka::{Creation, KafkaSettings, TopicDefaults, Unknown};
use podium_objects::S3Settings;
use podium_runtime::{EngineConfig, JqCommand};
use podium_store::StoreOptions;
use podium_workers::FileSettings;
use podium_workers::http::{EgressSettings, HttpSettings, Profile, Rule};
use serde::Deserialize;

use super::humane::{Humane, address, optional_address, sink};
use super::layers::{ConfigError, Layers};
use super::sections::{
    AirflowSection, DagMonitorSection, IngestionSection, LedgerSection, MinioSection, UiSection,
};
use super::surroundings::surroundings;

/// All settings; each field is a section of `config.default.toml`, where every key is described.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub server: ServerSection,
    pub database: DatabaseSection,
    pub engine: EngineSection,
    pub kafka: KafkaSection,
    pub http_tasks: HttpTasksSection,
    pub egress: EgressSection,
    pub router: RouterSection,
    pub s3: S3Section,
    pub minio: MinioSection,
    pub external_payloads: ExternalPayloadsSection,
    pub workers: WorkersSection,
    pub ledger: LedgerSection,
    pub ingestion: IngestionSection,
    pub airflow: AirflowSection,
    pub dag_monitor: DagMonitorSection,
    pub ui: UiSection,
    pub dev: DevSection,
    pub log: LogSection,
    /// All of it by key as `podium config` prints it, secrets masked.
    #[serde(skip)]
    pub shown: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerSection {
    #[serde(deserialize_with = "address")]
    pub listen: SocketAddr,
    pub insecure_no_auth: bool,
    pub shutdown_grace: Humane,
    pub body_limit_bytes: usize,
    pub input_limit_bytes: usize,
    pub body_read_timeout: Humane,
    pub header_read_timeout: Humane,
    pub max_connections: usize,
    pub cors_origins: Vec<String>,
    pub reported_version: String,
    pub compat_3_15: bool,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseSection {
    pub url: String,
    pub pool_size: u32,
    pub migrate: bool,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EngineSection {
    pub node_name: String,
    pub writers: usize,
    pub batch_runs: usize,
    pub batch_bytes: usize,
    pub queue_limit: usize,
    pub cached_runs: usize,
    pub cached_bytes: usize,
    pub ready_window: usize,
    pub parked_polls: usize,
    pub waiting_calls: usize,
    pub poll_count_limit: usize,
    pub pulse_every: Humane,
    pub audit_every: Humane,
    pub parked_event_ttl: Humane,
    pub variables_limit_bytes: usize,
    pub payload_limit_bytes: usize,
    #[serde(deserialize_with = "sink")]
    pub workflow_status_sink: Option<String>,
    #[serde(deserialize_with = "sink")]
    pub task_status_sink: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KafkaSection {
    pub bootstrap: String,
    pub aliases: BTreeMap<String, String>,
    pub unknown_address: UnknownAddress,
    pub topic_creation: TopicCreation,
    pub partitions: i32,
    pub replication: i32,
    pub properties: BTreeMap<String, String>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnknownAddress {
    AsWritten,
    Configured,
    Refused,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TopicCreation {
    Broker,
    Explicit,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpTasksSection {
    pub enabled: bool,
    pub parallel: usize,
    pub isolated_parallel: usize,
    pub execution_namespace: String,
    pub total_timeout: Humane,
    pub response_limit_bytes: usize,
    pub idempotency_key: bool,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EgressSection {
    pub profile: Profile,
    pub allow: Vec<String>,
    pub deny: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RouterSection {
    pub enabled: bool,
    pub topic: String,
    pub group: String,
    pub dead_letter_topic: String,
    pub out_of_range: AfterLoss,
    pub session_timeout: Humane,
    pub batch_records: usize,
    pub batch_bytes: usize,
    pub handlers_group: String,
    pub handlers_dead_letter_topic: String,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AfterLoss {
    Stop,
    Earliest,
    Latest,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct S3Section {
    pub endpoint: String,
    pub region: String,
    pub access_key: String,
    pub secret_key: String,
    pub session_token: String,
    pub bucket: String,
    pub prefix: String,
}

impl std::fmt::Debug for S3Section {
    /// Shows everything but the secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("S3Section")
            .field("endpoint", &self.endpoint)
            .field("region", &self.region)
            .finish_non_exhaustive()
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExternalPayloadsSection {
    pub store: PayloadPlace,
    pub bucket: String,
    pub prefix: String,
    pub address_valid: Humane,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PayloadPlace {
    Postgres,
    S3,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkersSection {
    pub run: Vec<String>,
    #[serde(deserialize_with = "optional_address")]
    pub health_listen: Option<SocketAddr>,
    pub completion_topic: String,
    pub topics: BTreeMap<String, String>,
    pub groups: BTreeMap<String, String>,
    pub strict: bool,
    pub phone_region: String,
    pub delay: Humane,
    pub fail_once: bool,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DevSection {
    pub data: String,
    #[serde(deserialize_with = "address")]
    pub kafka_listen: SocketAddr,
    #[serde(deserialize_with = "address")]
    pub s3_listen: SocketAddr,
    #[serde(deserialize_with = "address")]
    pub airflow_listen: SocketAddr,
    pub jobs_parallel: usize,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogSection {
    pub level: String,
    pub format: LogFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    Auto,
    Text,
    Json,
}

impl Config {
    /// Checks the values and gives them their types.
    ///
    /// # Errors
    /// The first value that is of the wrong form or out of range, in one line that names its key.
    pub fn from_layers(layers: &Layers) -> Result<Self, ConfigError> {
        let mut config = Config::sections(&layers.table()?)?;
        config.shown = layers.shown().map(|(key, value, _)| (key.to_owned(), plain(value))).collect();
        if !(1..=4).contains(&config.engine.writers) {
            return Err(ConfigError(format!(
                "engine.writers is {}, but 1 to 4 are possible",
                config.engine.writers
            )));
        }
        config.http_tasks()?;
        if config.engine.node_name.is_empty() {
            let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
            config.engine.node_name = format!("{}-{}", host.trim(), std::process::id());
        }
        Ok(config)
    }

    fn sections(table: &toml::Table) -> Result<Self, ConfigError> {
        // by section, so that an error can say where it is
        fn section<T: serde::de::DeserializeOwned>(
            table: &toml::Table,
            name: &str,
        ) -> Result<T, ConfigError> {
            let value = table.get(name).cloned().unwrap_or_else(|| toml::Value::Table(toml::Table::new()));
            value.try_into().map_err(|e: toml::de::Error| {
                // the parser's text has several lines: what is wrong, then where
                let text = e.to_string();
                ConfigError(format!("section [{name}]: {}", text.trim().replace('\n', " ")))
            })
        }
        Ok(Config {
            server: section(table, "server")?,
            database: section(table, "database")?,
            engine: section(table, "engine")?,
            kafka: section(table, "kafka")?,
            http_tasks: section(table, "http_tasks")?,
            egress: section(table, "egress")?,
            router: section(table, "router")?,
            s3: section(table, "s3")?,
            minio: section(table, "minio")?,
            external_payloads: section(table, "external_payloads")?,
            workers: section(table, "workers")?,
            ledger: section(table, "ledger")?,
            ingestion: section(table, "ingestion")?,
            ui: section(table, "ui")?,
            airflow: section(table, "airflow")?,
            dag_monitor: section(table, "dag_monitor")?,
            dev: section(table, "dev")?,
            log: section(table, "log")?,
            shown: BTreeMap::new(),
        })
    }

    /// Refuses an address that others can reach, unless that was asked for.
    pub fn check_listen(&self) -> Result<(), ConfigError> {
        let listen = self.server.listen;
        if listen.ip().is_loopback() || self.server.insecure_no_auth {
            return Ok(());
        }
        Err(ConfigError(format!(
            "{listen} can be reached by others and there is no authentication yet: listen on 127.0.0.1, or say --insecure-no-auth"
        )))
    }

    /// The settings of the REST API, with what the environment of this process holds for definitions.
    pub fn api(&self) -> ApiConfig {
        let s = &self.server;
        let surroundings = surroundings();
        ApiConfig {
            body_limit_bytes: s.body_limit_bytes,
            input_limit_bytes: s.input_limit_bytes,
            body_read_timeout: s.body_read_timeout.0,
            header_read_timeout: s.header_read_timeout.0,
            max_connections: s.max_connections,
            shutdown_grace: s.shutdown_grace.0,
            cors_origins: s.cors_origins.clone(),
            reported_version: s.reported_version.clone(),
            compat_3_15: s.compat_3_15,
            settings: self.shown.clone(),
            secret_names: surroundings.secrets.into_keys().collect(),
            variables: surroundings.variables,
            troubles: None,
            dead_letters: None,
        }
    }

    pub fn store(&self) -> StoreOptions {
        StoreOptions { pool_size: self.database.pool_size, ..StoreOptions::default() }
    }

    pub fn engine(&self) -> EngineConfig {
        let e = &self.engine;
        EngineConfig {
            node_name: e.node_name.clone(),
            writers: e.writers,
            batch_runs: e.batch_runs,
            batch_bytes: e.batch_bytes,
            queue_limit: e.queue_limit,
            cached_runs: e.cached_runs,
            cached_bytes: e.cached_bytes,
            ready_window: e.ready_window,
            parked_polls: e.parked_polls,
            waiting_calls: e.waiting_calls,
            poll_count_limit: e.poll_count_limit,
            pulse_every: e.pulse_every.0,
            audit_every: e.audit_every.0,
            // without it filters fail and say so
            jq: std::env::current_exe()
                .ok()
                .map(|program| JqCommand { program, args: vec!["jq".to_owned()] }),
            settings: Settings {
                parked_ttl: Span::from_secs(
                    i64::try_from(e.parked_event_ttl.0.as_secs()).unwrap_or(i64::MAX),
                ),
                variables_limit_bytes: e.variables_limit_bytes,
                payload_limit_bytes: e.payload_limit_bytes,
                workflow_status_sink: e.workflow_status_sink.clone(),
                task_status_sink: e.task_status_sink.clone(),
                environment: Arc::new(surroundings()),
                ..Settings::default()
            },
            ..EngineConfig::default()
        }
    }

    /// The brokers; `None` when none are configured.
    pub fn kafka(&self) -> Option<KafkaSettings> {
        let k = &self.kafka;
        if k.bootstrap.is_empty() {
            return None;
        }
        let target = |t: &String| if t.is_empty() { k.bootstrap.clone() } else { t.clone() };
        Some(KafkaSettings {
            bootstrap: k.bootstrap.clone(),
            properties: k.properties.clone(),
            aliases: k.aliases.iter().map(|(name, t)| (name.clone(), target(t))).collect(),
            unknown: match k.unknown_address {
                UnknownAddress::AsWritten => Unknown::AsWritten,
                UnknownAddress::Configured => Unknown::Configured,
                UnknownAddress::Refused => Unknown::Refused,
            },
            topics: TopicDefaults {
                creation: match k.topic_creation {
                    TopicCreation::Broker => Creation::Broker,
                    TopicCreation::Explicit => Creation::Explicit,
                },
                partitions: k.partitions,
                replication: k.replication,
                config: BTreeMap::new(),
            },
        })
    }

    /// How calls of HTTP tasks are made; what the node itself stands on is not in it yet.
    ///
    /// # Errors
    /// A rule that is none, with the key that it stands under.
    pub fn http_tasks(&self) -> Result<HttpSettings, ConfigError> {
        let rules = |key: &str, texts: &[String]| {
            let parsed: Result<Vec<Rule>, _> = texts.iter().map(|text| text.parse()).collect();
            parsed.map_err(|error| ConfigError(format!("egress.{key}: {error}")))
        };
        let h = &self.http_tasks;
        if h.parallel == 0 {
            return Err(ConfigError(
                "http_tasks.parallel is 0: say http_tasks.enabled = false to make no calls".to_owned(),
            ));
        }
        Ok(HttpSettings {
            parallel: h.parallel,
            isolated_parallel: h.isolated_parallel,
            execution_namespace: h.execution_namespace.clone(),
            total_timeout: h.total_timeout.0,
            response_limit_bytes: h.response_limit_bytes,
            idempotency_key: h.idempotency_key,
            egress: EgressSettings {
                profile: self.egress.profile,
                allow: rules("allow", &self.egress.allow)?,
                deny: rules("deny", &self.egress.deny)?,
                own: Vec::new(),
            },
        })
    }

    pub fn router(&self) -> RouterSettings {
        let r = &self.router;
        RouterSettings {
            topic: r.topic.clone(),
            group: r.group.clone(),
            dead_letter_topic: r.dead_letter_topic.clone(),
            out_of_range: match r.out_of_range {
                AfterLoss::Stop => OutOfRange::Stop,
                AfterLoss::Earliest => OutOfRange::Earliest,
                AfterLoss::Latest => OutOfRange::Latest,
            },
            session_timeout: r.session_timeout.0,
            batch_records: r.batch_records,
            batch_bytes: r.batch_bytes,
            ..RouterSettings::default()
        }
    }

    /// How topics are read that event handlers name.
    pub fn handled_topics(&self) -> RouterSettings {
        RouterSettings {
            group: self.router.handlers_group.clone(),
            dead_letter_topic: self.router.handlers_dead_letter_topic.clone(),
            ..self.router()
        }
    }

    /// The store; `None` when none is configured.
    pub fn s3(&self) -> Option<S3Settings> {
        let s = &self.s3;
        (!s.endpoint.is_empty()).then(|| S3Settings {
            endpoint: s.endpoint.clone(),
            region: s.region.clone(),
            access_key: s.access_key.clone(),
            secret_key: s.secret_key.clone(),
            session_token: Some(s.session_token.clone()).filter(|t| !t.is_empty()),
        })
    }

    pub fn files(&self) -> FileSettings {
        let w = &self.workers;
        FileSettings {
            strict: w.strict,
            region: w.phone_region.clone(),
            delay: w.delay.0,
            fail_once: w.fail_once,
        }
    }

    /// Where `podium dev` keeps its data.
    ///
    /// # Errors
    /// When there is neither a setting nor a home directory.
    pub fn data_dir(&self, is_root: bool) -> Result<PathBuf, ConfigError> {
        if !self.dev.data.is_empty() {
            return Ok(PathBuf::from(&self.dev.data));
        }
        if is_root {
            return Ok(PathBuf::from("/var/lib/podium"));
        }
        let share = std::env::var_os("XDG_DATA_HOME").map(PathBuf::from);
        let home = std::env::var_os("HOME").map(|h| PathBuf::from(h).join(".local/share"));
        share
            .or(home)
            .map(|dir| dir.join("podium"))
            .ok_or_else(|| ConfigError("neither --data nor HOME says where to keep data".to_owned()))
    }
}

/// A value for people: texts without the quotes of TOML.
fn plain(shown: toml::Value) -> String {
    match shown {
        toml::Value::String(text) => text,
        other => other.to_string(),
    }
}

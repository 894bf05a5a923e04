//! What the ingestion service is told at its start.

use std::path::PathBuf;
use std::time::Duration;

use podium_kafka::KafkaSettings;
use podium_objects::ObjectStore;

/// How the service works.
#[derive(Clone)]
pub struct IngestionSettings {
    /// Root of the engine's REST API, without `/api`: any Conductor.
    pub engine_url: String,
    /// People's files.
    pub minio: ObjectStore,
    /// The same store under the address by which people's browsers reach it: signs their links.
    pub links: ObjectStore,
    /// What Airflow reads and writes; may be the same store.
    pub s3: ObjectStore,
    pub s3_bucket: String,
    /// What keys begin with in that bucket.
    pub s3_prefix: String,
    /// Input of a workflow whose request names none that exists, as `minio://bucket/key`.
    pub default_input: String,
    /// Whether the metadata is also written where all workflows share it, for components that read only there.
    pub shared_metadata: bool,
    pub converter: ConverterSettings,
    /// How long the same request without a version of its own is answered with the workflow that it began.
    pub repeat_within: Duration,
    /// Buckets that people may put files into and read from here; the first takes files that name none.
    pub buckets: Vec<String>,
    /// Bytes of one uploaded file.
    pub upload_limit_bytes: u64,
    /// Bytes of the body of any other request.
    pub body_limit_bytes: usize,
    /// How long a link to a file may be used, at most 7 days.
    pub link_valid: Duration,
    /// Pages of these origins may call, as browsers send them; `*` allows all.
    pub cors_origins: Vec<String>,
    pub live: LiveSettings,
    /// The brokers with the completion events; without them no failure is noticed.
    pub kafka: Option<KafkaSettings>,
    pub events_topic: String,
    /// Begins the name of each instance's own consumer group.
    pub group: String,
    /// Failures of so long before the start are still looked at.
    pub look_back: Duration,
    /// How long a workflow may take to end after a service reported a failure, until nothing is offered.
    pub terminal_wait: Duration,
}

/// How configurations are turned into metadata.
#[derive(Clone, Debug)]
pub struct ConverterSettings {
    pub mode: ConverterMode,
    /// A program that takes `-generate-dps-json -metadata_url F -output_url F -execution_id E`.
    pub command: PathBuf,
    pub time_limit: Duration,
    /// Bytes of one configuration, and of what becomes of it.
    pub limit_bytes: usize,
}

/// Who converts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConverterMode {
    Command,
    Builtin,
    /// The command if it can be run, else ours.
    Auto,
}

/// The sockets.
#[derive(Clone, Debug)]
pub struct LiveSettings {
    /// How often a silent socket hears that it is still served.
    pub heartbeat: Duration,
    /// Messages that may wait for one socket; one more and it is closed.
    pub client_messages: usize,
    /// Messages that are kept for sockets that come back.
    pub kept_messages: usize,
    /// The same in bytes.
    pub kept_bytes: usize,
    pub max_clients: usize,
    /// How often a workflow that somebody watches is looked at.
    pub look_every: Duration,
}

impl Default for LiveSettings {
    fn default() -> Self {
        Self {
            heartbeat: Duration::from_secs(15),
            client_messages: 256,
            kept_messages: 2_000,
            kept_bytes: 32 << 20,
            max_clients: 1_000,
            look_every: Duration::from_secs(1),
        }
    }
}

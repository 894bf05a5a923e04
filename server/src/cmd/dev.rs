//! `podium dev`: the engine, its services, and what they need, in one process.

use std::mem::ManuallyDrop;
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use podium_events::broker::Broker;
use podium_kafka::{Cluster, KafkaSettings, TopicSpec};
use podium_ledger::Ledger;
use podium_objects::{ObjectStore, S3Settings};
use podium_store::Store;
use podium_workers::Registration;
use podium_workers::ingestion::Ingestion;
use podium_workers::jobs::Stores as JobStores;
use podium_workers::jobs::runner::JobRunner;
use tokio::net::TcpListener;
use tracing::{info, warn};

use super::{block_on, ingest, settle};
use crate::config::{Config, Layers, Stores};
use crate::database::open_store;
use crate::embedded::broker::DevBroker;
use crate::embedded::children::Children;
use crate::embedded::postgres::EmbeddedPostgres;
use crate::embedded::process::is_root;
use crate::embedded::s3::{EmbeddedS3, S3Options};
use crate::shutdown::Signals;
use crate::wire::{Node, NodeOptions, bind};

/// Topics and buckets of the documented pipeline.
const TOPICS: [&str; 9] = [
    "conductor-events",
    "conductor-events-dlq",
    "email-validation-requests",
    "phone-validation-requests",
    "enrichment-requests",
    "airflow-trigger-requests",
    "email-hygiene-requests",
    "reverse-email-requests",
    "dag-monitor-queue",
];
const BUCKETS: [&str; 6] = [
    "raw-data",
    "email-validated",
    "phone-validated",
    "enriched",
    "name-parse-output",
    "email-hygiene-output",
];
/// Of the pipeline's topics on the development broker: enough to share work among a few processes.
const PARTITIONS: i32 = 4;
/// Where the development server of the pipeline's designer is served from, as browsers name it.
const DESIGNER: &str = "http://localhost:5173";
/// For the processes of a start that was given up.
const LAST_WAIT: Duration = Duration::from_secs(20);
/// For the ingestion service to read events before the node says that it is up.
const EVENTS_WAIT: Duration = Duration::from_secs(8);
/// For requests to the ingestion service when everything stops.
const STOP_WAIT: Duration = Duration::from_secs(3);

pub(super) fn run(layers: Layers) -> anyhow::Result<()> {
    let mut config = settle(&layers)?;
    config.check_listen()?;
    config.check_ingestion_listen()?;
    let data = config.data_dir(is_root())?;
    block_on(async {
        let signals = Signals::new().context("could not take over the signals")?;
        let stop = signals.first();
        let Some(running) = Running::start_unless(&mut config, &data, stop.clone()).await? else {
            info!("stopped");
            return Ok(());
        };
        info!("data in {}", data.display());
        if let Some(postgres) = &running.postgres {
            info!("PostgreSQL: {}", postgres.psql());
        }
        info!("Kafka: {}", running.kafka.bootstrap);
        info!("S3: {} (access key {})", running.s3.endpoint, running.s3.access_key);
        if let Some(runner) = &running.job_runner {
            info!("job runner (as Airflow 2): http://{}", runner.address());
        }
        let address = running.node.address();
        if let Some(ingestion) = &running.ingestion {
            info!("the ingestion service listens on http://{}", ingestion.address());
        }
        info!("podium serves the REST API on http://{address} (pages at /, description at /swagger-ui/)");
        stop.await;
        running.stop().await;
        info!("stopped");
        Ok(())
    })
}

/// A node with the parts that were brought along for it.
pub(super) struct Running {
    pub(super) node: Node,
    pub(super) postgres: Option<EmbeddedPostgres>,
    pub(super) kafka: KafkaSettings,
    pub(super) s3: S3Settings,
    pub(super) ingestion: Option<Ingestion>,
    pub(super) job_runner: Option<JobRunner>,
    /// Names of the services in this process.
    pub(super) workers: Vec<&'static str>,
    own_s3: Option<EmbeddedS3>,
    /// Ends with the process, never before: a client that is still saying goodbye would report its end as an
    /// outage.
    _broker: Option<ManuallyDrop<DevBroker>>,
}

impl Running {
    /// Starts what the settings do not name, then the node with its services. `None` when `stop` came first: then,
    /// as after an error, everything that was started is gone.
    pub(super) async fn start_unless(
        config: &mut Config,
        data: &Path,
        stop: impl Future<Output = ()> + Clone,
    ) -> anyhow::Result<Option<Self>> {
        let children = Children::default();
        let started = tokio::select! {
            started = Self::start(config, data, &children) => started.map(Some),
            () = stop.clone() => Ok(None),
        };
        let Ok(Some(mut running)) = started else {
            // waits for PostgreSQL's last checkpoint
            tokio::task::spawn_blocking(move || children.end(LAST_WAIT)).await?;
            return started;
        };
        let stopped = tokio::select! {
            () = running.await_consumers() => false,
            () = stop => true,
        };
        if stopped {
            running.stop().await;
            return Ok(None);
        }
        Ok(Some(running))
    }

    async fn start(config: &mut Config, data: &Path, children: &Children) -> anyhow::Result<Self> {
        if config.server.cors_origins.is_empty() {
            config.server.cors_origins.push(DESIGNER.to_owned());
        }
        let listener = bind(config.server.listen).await?;
        allow_own_pages(config, listener.local_addr()?.port());
        // first, because it says best that another podium uses the directory
        let postgres = start_postgres(config, data, children.clone()).await?;
        let (own_s3, s3) = start_s3(config, data).await?;
        if let Some(postgres) = &postgres {
            postgres.url().clone_into(&mut config.database.url);
        }
        let broker = match config.kafka() {
            Some(_) => None,
            None => Some(DevBroker::start(config.dev.kafka_listen.port()).context("the development broker")?),
        };
        let broker = broker.map(ManuallyDrop::new);
        let kafka =
            broker.as_ref().map(|b| b.settings()).or_else(|| config.kafka()).context("no Kafka settings")?;
        let store = open_store(config).await?;
        let (topics, buckets) =
            tokio::join!(make_topics(&kafka, broker.is_some()), make_buckets(&s3, &config.s3.bucket));
        topics?;
        buckets?;
        if broker.is_some() {
            republish(&store).await?;
        }
        let job_runner = start_job_runner(config, &s3).await?;
        // before the node, whose pages say where it is
        let ingestion = match config.ingestion.enabled {
            true => Some(bind_ingestion(config).await?),
            false => None,
        };
        let options = NodeOptions {
            kafka: Some(kafka.clone()),
            s3: Some(s3.clone()),
            workers: config
                .workers
                .run
                .iter()
                .map(|name| Registration::find(name))
                .collect::<Result<_, _>>()?,
            young_broker: broker.is_some(),
            ingestion: ingestion.as_ref().map(TcpListener::local_addr).transpose()?,
        };
        let workers = options.workers.iter().map(|worker| worker.name()).collect();
        let node = Node::start(config, listener, store, options).await?;
        let ingestion = match ingestion {
            Some(listener) => Some(start_ingestion(config, &node, &kafka, &s3, listener).await?),
            None => None,
        };
        Ok(Self { node, postgres, kafka, s3, ingestion, job_runner, workers, own_s3, _broker: broker })
    }

    async fn await_consumers(&mut self) {
        let ingestion = async {
            if let Some(ingestion) = &self.ingestion {
                // it serves without events too, so nobody waits for it longer than for the node
                let _ = tokio::time::timeout(EVENTS_WAIT, ingestion.until_ready()).await;
            }
        };
        tokio::join!(self.node.await_consumers(), ingestion);
    }

    /// Stops the node first and what it stands on afterwards.
    pub(super) async fn stop(self) {
        if let Some(ingestion) = self.ingestion {
            ingestion.stop(STOP_WAIT).await;
        }
        self.node.stop().await;
        if let Some(runner) = self.job_runner {
            runner.stop(STOP_WAIT).await;
        }
        if let Some(s3) = self.own_s3 {
            s3.stop().await;
        }
        if let Some(postgres) = self.postgres {
            // blocks until the last checkpoint is written
            let stopped = tokio::task::spawn_blocking(move || postgres.stop()).await;
            if let Err(error) = stopped {
                tracing::error!(%error, "PostgreSQL was not stopped in good order");
            }
        }
    }
}

/// Our own job runner in the place of Airflow, if the services need one and none is configured. They are sent to it.
async fn start_job_runner(config: &mut Config, s3: &S3Settings) -> anyhow::Result<Option<JobRunner>> {
    if !config.lacks_airflow() {
        return Ok(None);
    }
    let settings = config.ledger().context("no settings for the ledger of the job runner")?;
    let ledger = Ledger::connect(&settings).await.context("the ledger of the job runner")?;
    let listener = bind(config.dev.airflow_listen).await?;
    let minio = config.minio().unwrap_or_else(|| s3.clone());
    let stores = JobStores { s3: ObjectStore::new(s3.clone())?, minio: ObjectStore::new(minio)? };
    config.make_up_airflow_access();
    let runner = JobRunner::start(listener, ledger, stores, config.job_runner()).await?;
    config.use_own_airflow(runner.address());
    Ok(Some(runner))
}

/// The pages that the node serves may call the ingestion service beside it, unless the settings say who may.
fn allow_own_pages(config: &mut Config, port: u16) {
    let origins = &mut config.ingestion.cors_origins;
    if *origins == [DESIGNER] {
        origins.extend(["127.0.0.1", "localhost"].map(|host| format!("http://{host}:{port}")));
    }
}

async fn bind_ingestion(config: &Config) -> anyhow::Result<TcpListener> {
    match bind(config.ingestion.listen).await {
        Ok(listener) => Ok(listener),
        Err(error) => {
            warn!("{error:#}; the ingestion service takes a free port");
            Ok(TcpListener::bind((config.ingestion.listen.ip(), 0)).await?)
        }
    }
}

/// The ingestion service beside its engine, with the ledger on the engine's server.
async fn start_ingestion(
    config: &Config,
    node: &Node,
    kafka: &KafkaSettings,
    s3: &S3Settings,
    listener: TcpListener,
) -> anyhow::Result<Ingestion> {
    let settings = config.ledger().context("no settings for the ledger of the ingestion service")?;
    let ledger = Ledger::connect(&settings).await.context("the ledger of the ingestion service")?;
    let stores = Stores { minio: config.minio().unwrap_or_else(|| s3.clone()), s3: s3.clone() };
    let engine = format!("http://{}", node.address());
    ingest::start(config, Some(engine), Some(kafka.clone()), stores, ledger, listener)
}

async fn start_postgres(
    config: &Config,
    data: &Path,
    children: Children,
) -> anyhow::Result<Option<EmbeddedPostgres>> {
    if !config.database.url.is_empty() {
        return Ok(None);
    }
    let bin = std::env::var_os("PG_BIN_DIR").map(std::path::PathBuf::from);
    let data = data.to_owned();
    let started =
        tokio::task::spawn_blocking(move || EmbeddedPostgres::start(&data, bin.as_deref(), &children))
            .await??;
    Ok(Some(started))
}

async fn start_s3(config: &Config, data: &Path) -> anyhow::Result<(Option<EmbeddedS3>, S3Settings)> {
    if let Some(given) = config.s3() {
        return Ok((None, given));
    }
    let mut options = S3Options { listen: config.dev.s3_listen, ..S3Options::local(data.join("s3")) };
    if !config.s3.access_key.is_empty() && !config.s3.secret_key.is_empty() {
        options.access_key.clone_from(&config.s3.access_key);
        options.secret_key.clone_from(&config.s3.secret_key);
    }
    let store = EmbeddedS3::start(options).await.context("the S3 store could not start")?;
    let settings = store.settings();
    Ok((Some(store), settings))
}

async fn make_topics(kafka: &KafkaSettings, own: bool) -> anyhow::Result<()> {
    let partitions = own.then_some(PARTITIONS);
    let topics = TOPICS.map(|name| TopicSpec { name: name.to_owned(), partitions });
    let cluster = Cluster::configured(kafka)?;
    let made = cluster.ensure_topics(&topics, Duration::from_secs(15)).await;
    made.with_context(|| format!("could not make topics at {}", kafka.bootstrap))?;
    Ok(())
}

async fn make_buckets(s3: &S3Settings, jobs: &str) -> anyhow::Result<()> {
    let store = ObjectStore::new(s3.clone())?;
    let buckets = BUCKETS.into_iter().chain([jobs]);
    futures::future::try_join_all(buckets.map(|bucket| store.ensure_bucket(bucket))).await?;
    Ok(())
}

/// The development broker forgot what it was sent: what open runs still wait for is sent again, with its ids.
async fn republish(store: &Store) -> anyhow::Result<()> {
    let again = store.republish_open_outbox().await.context("open messages could not be sent again")?;
    if again > 0 {
        info!(messages = again, "sending the messages of open runs again");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{DESIGNER, allow_own_pages};
    use crate::config::{Config, Layers};

    #[test]
    fn own_pages_may_call_unless_the_settings_say_who_may() {
        let mut config = Config::from_layers(&Layers::defaults()).expect("the defaults can be used");
        allow_own_pages(&mut config, 8123);
        assert_eq!(
            config.ingestion.cors_origins,
            [DESIGNER, "http://127.0.0.1:8123", "http://localhost:8123"],
            "the default has changed: {DESIGNER} alone is what this looks for"
        );
        config.ingestion.cors_origins = vec!["https://pipelines.example".to_owned()];
        allow_own_pages(&mut config, 8123);
        assert_eq!(config.ingestion.cors_origins, ["https://pipelines.example"]);
    }
}

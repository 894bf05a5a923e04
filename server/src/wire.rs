//! Putting the rooms together, and taking them apart in the right order.
//!
//! ```text
//! start:  store ─> relay's sink ─> engine ─> event router, HTTP calls ─> workers ─> REST API
//! stop:   REST API and engine together ─> workers, HTTP calls ─> router ─> producers
//! ```

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use podium_api::ApiConfig;
use podium_events::letters::KafkaDeadLetters;
use podium_events::relay::KafkaSink;
use podium_events::router::{HandledTopics, NewGroup as RouterGroup, Router};
use podium_kafka::{KafkaSettings, Producers};
use podium_objects::{ObjectStore, S3Settings};
use podium_runtime::ports::{DeadLetters, EventSink, PayloadStore};
use podium_runtime::{Engine, EngineConfig};
use podium_store::Store;
use podium_workers::http::{Endpoint, HttpTasks};
use podium_workers::{Host, Parts, Registration, S3Payloads};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tracing::{debug, error, warn};

use crate::config::{Config, PayloadPlace};
use crate::probes;
use crate::ui;

/// How long a node waits for its consumers' partitions before it says that it is up. Brokers that are away
/// are waited for in the background.
const FIRST_ASSIGNMENT: Duration = Duration::from_secs(8);

/// What differs between `podium serve` and `podium dev`.
#[derive(Debug, Default)]
pub(crate) struct NodeOptions {
    pub(crate) kafka: Option<KafkaSettings>,
    pub(crate) s3: Option<S3Settings>,
    /// Services that run in this process.
    pub(crate) workers: Vec<&'static Registration>,
    /// The broker is as young as this process: everything in it is ours and is read from the beginning.
    pub(crate) young_broker: bool,
    /// The ingestion service of this process, for the pages.
    pub(crate) ingestion: Option<SocketAddr>,
}

/// A running node.
pub(crate) struct Node {
    address: SocketAddr,
    grace: Duration,
    engine: Engine,
    producers: Option<Producers>,
    router: Option<Router>,
    handled_topics: Option<HandledTopics>,
    hosts: Vec<Host>,
    http_tasks: Option<HttpTasks>,
    stop: watch::Sender<bool>,
    api: JoinHandle<()>,
    probes: JoinHandle<()>,
}

impl Node {
    /// Starts everything that the settings ask for.
    pub(crate) async fn start(
        config: &Config,
        listener: TcpListener,
        store: Store,
        options: NodeOptions,
    ) -> anyhow::Result<Self> {
        let address = listener.local_addr()?;
        let kafka = options.kafka.clone();
        let s3 = options.s3.clone().map(ObjectStore::new).transpose()?;
        let producers = kafka.clone().map(Producers::new);
        let sink = producers.clone().map(|p| Arc::new(KafkaSink::new(p)) as Arc<dyn EventSink>);
        let payloads = payload_store(config, s3.as_ref()).await?;
        let engine_config = EngineConfig { payloads, ..config.engine() };
        let engine = Engine::open(store, sink, engine_config).await.context("the engine could not start")?;
        let router = producers.clone().filter(|_| config.router.enabled).map(|producers| {
            let mut settings = config.router();
            if options.young_broker {
                settings.new_group = RouterGroup::Beginning;
            }
            Router::start(engine.clone(), producers, settings)
        });
        let handled_topics = producers.clone().filter(|_| config.router.enabled);
        let handled_topics = handled_topics
            .map(|producers| HandledTopics::start(engine.clone(), producers, config.handled_topics()));
        if let Some(producers) = producers.clone() {
            // the first message then finds an open connection; if not, it waits for one itself
            tokio::spawn(async move {
                if let Err(error) = producers.warm(Duration::from_secs(10)).await {
                    debug!(%error, "no broker answered yet");
                }
            });
        }
        let mut calls = config.http_tasks()?;
        calls.egress.own = own_endpoints(config, address, kafka.as_ref());
        let http_tasks = match config.http_tasks.enabled {
            true => HttpTasks::start(engine.clone(), calls),
            false => HttpTasks::notices_only(engine.clone(), calls),
        };
        let hosts = start_workers(config, &options).await?;
        let (troubles, probing) = probes::start(kafka, s3);
        let (stop, stopped) = watch::channel(false);
        let dead_letters = producers.clone().map(|producers| {
            let router = config.router();
            let letters =
                KafkaDeadLetters::new(engine.clone(), producers, router.dead_letter_topic, router.topic);
            Arc::new(letters) as Arc<dyn DeadLetters>
        });
        let api_config = ApiConfig { troubles: Some(troubles), dead_letters, ..config.api() };
        let mut routes = podium_api::router(engine.clone(), api_config);
        if config.ui.enabled {
            let beside = options.ingestion.map(|address| format!("http://{address}"));
            routes = routes.merge(ui::routes(config.ui.ingestion_url()?.or(beside)));
        }
        let api = tokio::spawn(serve(listener, routes, config.api(), stopped));
        let grace = config.server.shutdown_grace.0;
        Ok(Self {
            address,
            grace,
            engine,
            producers,
            router,
            handled_topics,
            hosts,
            http_tasks: Some(http_tasks),
            stop,
            api,
            probes: probing,
        })
    }

    /// Where the REST API listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits, for a while, until router and workers have their partitions.
    pub(crate) async fn await_consumers(&mut self) {
        let router = async {
            if let Some(router) = &self.router {
                router.ready().await;
            }
        };
        let workers = futures::future::join_all(self.hosts.iter_mut().map(|h| h.ready(FIRST_ASSIGNMENT)));
        let (router, workers) = tokio::join!(tokio::time::timeout(FIRST_ASSIGNMENT, router), workers);
        if router.is_err() || workers.contains(&false) {
            warn!("the brokers gave no partitions yet; going on, and joining when they do");
        }
    }

    /// Lets what is under way end, hands leases back, leaves the consumer groups.
    pub(crate) async fn stop(self) {
        self.probes.abort();
        self.stop.send_replace(true);
        // first what brings work in and still needs the engine's answers
        let hosts = self.hosts.into_iter().map(|host| host.stop(self.grace));
        let http_tasks = async {
            if let Some(http_tasks) = self.http_tasks {
                http_tasks.stop(self.grace).await;
            }
        };
        let router = async {
            if let Some(router) = self.router {
                router.stop().await;
            }
        };
        let handled_topics = async {
            if let Some(handled) = self.handled_topics {
                handled.stop().await;
            }
        };
        tokio::join!(futures::future::join_all(hosts), http_tasks, router, handled_topics);
        // a poll that waits ends because the engine lets it go
        self.engine.stop_accepting();
        match tokio::time::timeout(self.grace, self.api).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => error!(%error, "the REST API ended badly"),
            Err(_) => warn!("requests were still open when the grace was over"),
        }
        self.engine.shutdown(self.grace).await;
        if let Some(producers) = self.producers {
            producers.close(Duration::from_secs(3)).await;
        }
    }
}

/// Takes the address. Callers do it before everything else, so that a port that is taken is said before
/// anything has an effect.
pub(crate) async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|e| match e.kind() {
        std::io::ErrorKind::AddrInUse => {
            anyhow::anyhow!("address {address} is in use; another podium? Choose one with --listen")
        }
        _ => anyhow::anyhow!("could not listen on {address}: {e}"),
    })
}

async fn serve(
    listener: TcpListener,
    routes: axum::Router,
    config: podium_api::ApiConfig,
    mut stopped: watch::Receiver<bool>,
) {
    let until = async move {
        // an error means that the node is gone
        let _ = stopped.wait_for(|s| *s).await;
    };
    if let Err(error) = podium_api::serve(listener, routes, &config, until).await {
        error!(%error, "the REST API stopped");
    }
}

/// What no HTTP task may talk to.
fn own_endpoints(config: &Config, listens: SocketAddr, kafka: Option<&KafkaSettings>) -> Vec<Endpoint> {
    let endpoint = |host: &str, port, what, may_be_allowed| Endpoint {
        host: host.to_owned(),
        port,
        what,
        may_be_allowed,
    };
    let mut own = vec![endpoint("", listens.port(), "the REST API of this node", true)];
    if let Some((host, port)) = crate::database::server(&config.database.url) {
        own.push(endpoint(&host, port, "the database of Podium", false));
    }
    let brokers = kafka.map(|kafka| kafka.bootstrap.as_str()).unwrap_or_default();
    for broker in brokers.split(',') {
        if let Some((host, port)) = broker.trim().rsplit_once(':')
            && let Ok(port) = port.parse()
        {
            own.push(endpoint(host.trim_matches(['[', ']']), port, "a Kafka broker of Podium", false));
        }
    }
    own
}

/// The store outside of the database for payloads of clients, if the settings want one.
async fn payload_store(
    config: &Config,
    s3: Option<&ObjectStore>,
) -> anyhow::Result<Option<Arc<dyn PayloadStore>>> {
    let section = &config.external_payloads;
    if section.store == PayloadPlace::Postgres {
        return Ok(None);
    }
    let Some(store) = s3 else {
        anyhow::bail!(
            "external_payloads.store is \"s3\", and no S3 store is configured: set s3.endpoint (S3_ENDPOINT)"
        );
    };
    let payloads = S3Payloads::new(store.clone(), &section.bucket, &section.prefix, section.address_valid.0);
    if let Err(error) = payloads.prepare().await {
        warn!(%error, "the bucket for payloads could not be looked for; clients cannot use it until it is there");
    }
    Ok(Some(Arc::new(payloads)))
}

async fn start_workers(config: &Config, options: &NodeOptions) -> anyhow::Result<Vec<Host>> {
    let mut hosts = Vec::new();
    let (Some(kafka), Some(s3)) = (&options.kafka, &options.s3) else { return Ok(hosts) };
    let parts = worker_parts(config, kafka, s3)?;
    for worker in &options.workers {
        hosts.push(worker.start(parts.clone()).await?);
    }
    Ok(hosts)
}

/// What services are built from, by the settings.
pub(crate) fn worker_parts(config: &Config, kafka: &KafkaSettings, s3: &S3Settings) -> anyhow::Result<Parts> {
    let w = &config.workers;
    let mut topics = w.topics.clone();
    // the adapter sends there what the monitor reads
    topics.entry("dag-monitor".to_owned()).or_insert_with(|| config.dag_monitor.topic.clone());
    Ok(Parts {
        kafka: kafka.clone(),
        objects: ObjectStore::new(config.minio().unwrap_or_else(|| s3.clone()))?,
        completion_topic: w.completion_topic.clone(),
        topics,
        groups: w.groups.clone(),
        files: config.files(),
        dags: config.dags(ObjectStore::new(s3.clone())?),
        ledger: config.ledger(),
    })
}

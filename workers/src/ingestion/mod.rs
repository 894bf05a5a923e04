//! The ingestion service: deploys what was drawn, takes files, tells people how their workflows go, and offers to take up
//! those that failed.
//!
//! ```text
//! people ── HTTP ──> routes/ ──> deploy/ ──> convert.rs, the two stores, engine.rs, the ledger
//!       <── WS ───── live/   <── events.rs (all completion events) ──> failures.rs ──> restart.rs
//! ```
//!
//! It speaks to the engine over Conductor's REST API, so any engine of that kind will do. What it must not forget is in
//! the ledger; sockets and what they were sent live in the process, and come back with it.

mod convert;
mod definition;
mod deploy;
mod engine;
mod events;
mod failures;
mod live;
mod places;
mod restart;
mod routes;
mod settings;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use podium_ledger::Ledger;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tracing::{error, warn};

use deploy::Deployer;
use engine::Engine;
use events::Reader;
use failures::Failures;
use live::{Hub, Watch};
use routes::State;
pub use settings::{ConverterMode, ConverterSettings, IngestionSettings, LiveSettings};

/// Why the service cannot start.
#[derive(Debug, thiserror::Error)]
pub enum IngestionError {
    #[error("{0}")]
    Engine(String),
    #[error("could not listen: {0}")]
    Listen(#[source] std::io::Error),
}

/// A running ingestion service.
pub struct Ingestion {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    reads: watch::Receiver<bool>,
    server: JoinHandle<()>,
    reader: Option<JoinHandle<()>>,
}

impl Ingestion {
    /// Serves on `listener`. Engine, stores and brokers may be away: what needs them says so until they are back.
    ///
    /// # Errors
    /// When the engine's address is none, or the listener is broken.
    pub fn start(
        settings: IngestionSettings,
        ledger: Ledger,
        listener: TcpListener,
    ) -> Result<Self, IngestionError> {
        let settings = Arc::new(settings);
        let engine =
            Engine::new(&settings.engine_url).map_err(|error| IngestionError::Engine(error.to_string()))?;
        let address = listener.local_addr().map_err(IngestionError::Listen)?;
        let hub = Hub::new(settings.live.clone());
        let failures = Failures::new(engine.clone(), Arc::clone(&hub), settings.terminal_wait);
        let watch_runs = Watch::start(engine.clone(), Arc::clone(&hub), failures.clone());
        let (stop, stopped) = watch::channel(false);
        let (ready, reads) = watch::channel(false);
        let reader = settings.kafka.clone().map(|kafka| {
            let reader = Reader {
                settings: Arc::clone(&settings),
                hub: Arc::clone(&hub),
                watch: watch_runs.clone(),
                failures: failures.clone(),
            };
            tokio::spawn(events::read(Arc::new(reader), kafka, ready, stopped.clone()))
        });
        if reader.is_none() {
            warn!("no Kafka is configured: failures are noticed only while somebody watches");
        }
        let deployer = Arc::new(Deployer::new(Arc::clone(&settings), engine, ledger));
        let state = State {
            settings,
            deployer,
            hub,
            watch: watch_runs,
            failures,
            reads: reader.is_some().then(|| reads.clone()),
            stopped: stopped.clone(),
            counted: Arc::default(),
        };
        let server = tokio::spawn(serve(listener, routes::router(state), stopped));
        Ok(Self { address, stop, reads, server, reader })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until it reads events; at once where no brokers are configured.
    pub async fn until_ready(&self) {
        if self.reader.is_some() {
            // an error means that the reader has stopped, and nobody is served by waiting for ever
            let _ = self.reads.clone().wait_for(|reads| *reads).await;
        }
    }

    /// Lets requests under way end within `grace`, and tells sockets to come back later. A deployment that is cut off is
    /// finished by whoever repeats it.
    pub async fn stop(self, grace: Duration) {
        self.stop.send_replace(true);
        let Self { mut server, reader, .. } = self;
        if tokio::time::timeout(grace, &mut server).await.is_err() {
            warn!("requests were still open when the grace was over");
            server.abort();
        }
        if let Some(mut reader) = reader
            && tokio::time::timeout(grace, &mut reader).await.is_err()
        {
            reader.abort();
        }
    }
}

async fn serve(listener: TcpListener, routes: axum::Router, mut stopped: watch::Receiver<bool>) {
    let until = async move {
        // an error means that the service is gone
        let _ = stopped.wait_for(|stopped| *stopped).await;
    };
    let served = axum::serve(listener, routes.into_make_service()).with_graceful_shutdown(until).await;
    if let Err(error) = served {
        error!(%error, "the ingestion service stopped");
    }
}

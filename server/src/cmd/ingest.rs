//! `podium ingest`: the ingestion service as a process of its own, on any engine that speaks Conductor's REST API.

use std::time::Duration;

use anyhow::Context;
use podium_kafka::KafkaSettings;
use podium_ledger::{Ledger, LedgerSettings};
use podium_workers::ingestion::Ingestion;
use tokio::net::TcpListener;
use tracing::{info, warn};

use super::{block_on, settle};
use crate::config::{Config, Layers, Stores};
use crate::shutdown::Signals;
use crate::wire::bind;

/// Waits between tries to open the ledger.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(15);

pub(super) fn run(layers: &Layers) -> anyhow::Result<()> {
    let config = settle(layers)?;
    config.check_ingestion_listen()?;
    let s3 = config.s3().context("s3.endpoint is empty: set S3_ENDPOINT")?;
    let minio = config.minio().context("minio.endpoint is empty: set MINIO_ENDPOINT")?;
    let ledger =
        config.ledger().context("ledger.host and database.url are empty: set DB_HOST or DATABASE_URL")?;
    // what no waiting mends is said at once
    config.ingestion(None, None, Stores { minio: minio.clone(), s3: s3.clone() })?;
    block_on(async {
        let signals = Signals::new().context("could not take over the signals")?;
        let stop = signals.first();
        let listener = bind(config.ingestion.listen).await?;
        let ledger = tokio::select! {
            ledger = open(&ledger) => ledger?,
            () = stop.clone() => return Ok(()),
        };
        let service = start(&config, None, config.kafka(), Stores { minio, s3 }, ledger, listener)?;
        info!(address = %service.address(), "the ingestion service listens on http://{}", service.address());
        stop.await;
        service.stop(config.server.shutdown_grace.0).await;
        info!("stopped");
        Ok(())
    })
}

/// Starts the service; `engine` is where the engine is if the settings do not say it.
pub(super) fn start(
    config: &Config,
    engine: Option<String>,
    kafka: Option<KafkaSettings>,
    stores: Stores,
    ledger: Ledger,
    listener: TcpListener,
) -> anyhow::Result<Ingestion> {
    let settings = config.ingestion(engine, kafka, stores)?;
    Ok(Ingestion::start(settings, ledger, listener)?)
}

/// Opens the ledger as soon as its server answers.
async fn open(settings: &LedgerSettings) -> anyhow::Result<Ledger> {
    let once = LedgerSettings { tries: 1, ..settings.clone() };
    let mut wait = FIRST_WAIT;
    loop {
        match Ledger::connect(&once).await {
            Ok(ledger) => return Ok(ledger),
            Err(error) if !error.is_transient() => return Err(error.into()),
            Err(error) => warn!("{error}; trying again in {} s", wait.as_secs()),
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}

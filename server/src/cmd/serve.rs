//! `podium serve`: the engine on a given PostgreSQL, Kafka and S3. Nothing embedded.

use anyhow::Context;
use tracing::info;

use super::{block_on, settle};
use crate::config::Layers;
use crate::database::open_store;
use crate::shutdown::Signals;
use crate::wire::{Node, NodeOptions, bind};

pub(super) fn run(layers: &Layers) -> anyhow::Result<()> {
    let config = settle(layers)?;
    config.check_listen()?;
    anyhow::ensure!(
        !config.database.url.is_empty(),
        "database.url is empty: set DATABASE_URL (`podium dev` brings a PostgreSQL of its own)"
    );
    block_on(async {
        let signals = Signals::new().context("could not take over the signals")?;
        let start = async {
            let listener = bind(config.server.listen).await?;
            let store = open_store(&config).await?;
            let options = NodeOptions { kafka: config.kafka(), s3: config.s3(), ..NodeOptions::default() };
            Node::start(&config, listener, store, options).await
        };
        let stop = signals.first();
        let node = tokio::select! {
            node = start => node?,
            () = stop.clone() => return Ok(()),
        };
        if config.kafka().is_none() {
            info!(
                "no Kafka is configured (KAFKA_BOOTSTRAP): no events are read, and messages to publish wait"
            );
        }
        info!(address = %node.address(), "podium serves the REST API on http://{}", node.address());
        stop.await;
        node.stop().await;
        info!("stopped");
        Ok(())
    })
}

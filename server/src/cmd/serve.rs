//! `podium serve`: the engine on a given PostgreSQL, Kafka and S3. Nothing embedded.

use anyhow::Context;
use tracing::info;

use super::{block_on, settle};
use crate::config::Layers;
use crate::shutdown::Signals;
use crate::wire::{Node, NodeOptions, bind, open_store};

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
        tokio::pin!(stop);
        let node = tokio::select! {
            node = start => node?,
            () = &mut stop => return Ok(()),
        };
        info!(address = %node.address(), "podium serves the REST API on http://{}", node.address());
        stop.await;
        node.stop().await;
        info!("stopped");
        Ok(())
    })
}

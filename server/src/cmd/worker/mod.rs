//! `podium worker NAME`: one service as a process of its own. Start more of them to share the work.

mod health;

use anyhow::Context;
use podium_workers::Registration;
use tokio::sync::watch;
use tracing::info;

use super::{block_on, settle};
use crate::config::Layers;
use crate::shutdown::Signals;
use crate::wire::worker_parts;

pub(super) fn run(name: &str, layers: &Layers) -> anyhow::Result<()> {
    let worker = Registration::find(name)?;
    let config = settle(layers)?;
    let kafka = config.kafka().context("kafka.bootstrap is empty: set KAFKA_BOOTSTRAP")?;
    let s3 = config.s3().context("s3.endpoint is empty: set S3_ENDPOINT")?;
    let parts = worker_parts(&config, &kafka, &s3)?;
    block_on(async {
        let (ready, is_ready) = watch::channel(false);
        // aborted when this ends, as all tasks of the runtime are
        if let Some(listen) = config.workers.health_listen {
            tokio::spawn(health::serve(listen, is_ready).await?);
        }
        let signals = Signals::new().context("could not take over the signals")?;
        let stop = signals.first();
        let mut wait = std::time::Duration::from_secs(1);
        let mut host = loop {
            let error = tokio::select! {
                host = worker.start(parts.clone()) => match host {
                    Ok(host) => break host,
                    // what no waiting mends is said at once
                    Err(error) if error.is_permanent() => return Err(error.into()),
                    Err(error) => error,
                },
                () = stop.clone() => return Ok(()),
            };
            // a worker may come up before its brokers do
            tracing::warn!("{:#}; trying again in {} s", anyhow::Error::from(error), wait.as_secs());
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = stop.clone() => return Ok(()),
            }
            wait = (wait * 2).min(std::time::Duration::from_secs(15));
        };
        tokio::select! {
            () = host.until_ready() => {
                info!("{} takes requests", host.service());
                ready.send_replace(true);
                stop.await;
            }
            () = stop.clone() => {}
        }
        host.stop(config.server.shutdown_grace.0).await;
        info!("stopped");
        Ok(())
    })
}

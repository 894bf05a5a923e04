//! `podium worker NAME`: one service as a process of its own. Start more of them to share the work.

use anyhow::Context;
use podium_objects::ObjectStore;
use tracing::info;

use super::{block_on, settle};
use crate::config::Layers;
use crate::shutdown::Signals;
use crate::wire::start_worker;

/// The services that can be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Name {
    EmailValidator,
    PhoneValidator,
}

impl std::str::FromStr for Name {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        match text {
            "email-validator" => Ok(Self::EmailValidator),
            "phone-validator" => Ok(Self::PhoneValidator),
            other => anyhow::bail!("there is no worker {other:?}: email-validator or phone-validator"),
        }
    }
}

pub(super) fn run(name: Name, layers: &Layers) -> anyhow::Result<()> {
    let config = settle(layers)?;
    let kafka = config.kafka().context("kafka.bootstrap is empty: set KAFKA_BOOTSTRAP")?;
    let s3 = config.s3().context("s3.endpoint is empty: set S3_ENDPOINT")?;
    // what no waiting mends is said at once
    ObjectStore::new(s3.clone())?;
    block_on(async {
        let signals = Signals::new().context("could not take over the signals")?;
        let stop = signals.first();
        let mut wait = std::time::Duration::from_secs(1);
        let mut host = loop {
            let started = start_worker(name, &config, &kafka, s3.clone());
            let error = tokio::select! {
                host = started => match host {
                    Ok(host) => break host,
                    Err(error) => error,
                },
                () = stop.clone() => return Ok(()),
            };
            // a worker may come up before its brokers do
            tracing::warn!("{error:#}; trying again in {} s", wait.as_secs());
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = stop.clone() => return Ok(()),
            }
            wait = (wait * 2).min(std::time::Duration::from_secs(15));
        };
        tokio::select! {
            () = host.until_ready() => {
                info!("{} takes requests", host.service());
                stop.await;
            }
            () = stop.clone() => {}
        }
        host.stop(config.server.shutdown_grace.0).await;
        info!("stopped");
        Ok(())
    })
}

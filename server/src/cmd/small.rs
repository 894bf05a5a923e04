//! The commands that print something and end.

use std::io::Read;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context;

use super::{Options, block_on, settle};
use crate::config::{Config, DEFAULTS, Layers};
use crate::database::connect;

/// `podium migrate`.
pub(super) fn migrate(layers: &Layers) -> anyhow::Result<()> {
    let config = settle(layers)?;
    anyhow::ensure!(!config.database.url.is_empty(), "database.url is empty: set DATABASE_URL");
    block_on(async {
        let store = connect(&config).await?;
        store.migrate().await.context("the schema could not be brought up to date")?;
        println!("the schema is up to date");
        Ok(())
    })
}

/// `podium config`.
pub(super) fn config(options: &Options, defaults: bool) -> anyhow::Result<()> {
    if defaults {
        print!("{DEFAULTS}");
        return Ok(());
    }
    let layers = options.layers()?;
    // what could not be used should not look as if it were in force
    Config::from_layers(&layers)?;
    print!("{}", layers.print());
    Ok(())
}

/// `podium openapi`.
pub(super) fn openapi() -> anyhow::Result<()> {
    println!("{}", podium_api::openapi_json().trim_end());
    Ok(())
}

/// `podium convert`: a graph without a version gets the seconds since 1970, as the designer has it.
pub(super) fn convert(graph: &Path, forks: bool) -> anyhow::Result<()> {
    let mut text = String::new();
    if graph == Path::new("-") {
        std::io::stdin().read_to_string(&mut text).context("could not read the graph from standard input")?;
    } else {
        text = std::fs::read_to_string(graph)
            .with_context(|| format!("could not read the graph {}", graph.display()))?;
    }
    let graph: serde_json::Value =
        serde_json::from_str(&text).with_context(|| format!("{} is no JSON", graph.display()))?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |since| since.as_secs() as i64);
    let options = podium_designer::Options { version: now, forks, ..Default::default() };
    let definition = podium_designer::convert(&graph, &options).context("the graph cannot be converted")?;
    println!("{definition:#}");
    Ok(())
}

/// `podium version`.
pub(super) fn version() -> anyhow::Result<()> {
    println!("podium {}", env!("CARGO_PKG_VERSION"));
    Ok(())
}

//! The commands that print something and end.

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

/// `podium version`.
pub(super) fn version() -> anyhow::Result<()> {
    println!("podium {}", env!("CARGO_PKG_VERSION"));
    Ok(())
}

//! What every handler shares.

use std::sync::Arc;

use podium_runtime::Engine;

use crate::config::ApiConfig;

/// The engine and the settings; cloning is one counter.
#[derive(Clone, Debug)]
pub(crate) struct Api(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    engine: Engine,
    config: ApiConfig,
}

impl Api {
    pub(crate) fn new(engine: Engine, config: ApiConfig) -> Self {
        Api(Arc::new(Shared { engine, config }))
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.0.engine
    }

    pub(crate) fn config(&self) -> &ApiConfig {
        &self.0.config
    }
}

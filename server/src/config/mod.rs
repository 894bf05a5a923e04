//! Settings: where they come from, and what they mean.
//!
//! ```text
//! config.default.toml ─> file ─> well-known variables ─> PODIUM__SECTION__KEY ─> command line   layers.rs
//!                                                                    └─> typed, checked        settings.rs
//! ```
//!
//! The commented `config.default.toml` is the reference and says every default; a key that it does not have is
//! refused with the nearest one that it has.

mod humane;
mod layers;
mod sections;
mod settings;
mod surroundings;

pub use humane::Humane;
pub(crate) use layers::mask_password;
pub use layers::{ConfigError, Layers, Source};
pub(crate) use sections::Stores;
pub use sections::{
    AirflowSection, DagMonitorSection, IngestionSection, LedgerSection, MinioSection, UiSection,
};
pub use settings::{
    Config, DatabaseSection, DevSection, EngineSection, ExternalPayloadsSection, KafkaSection, LogFormat,
    LogSection, PayloadPlace, RouterSection, S3Section, ServerSection, WorkersSection,
};

/// The reference: every key, its default and what it is.
pub const DEFAULTS: &str = include_str!("../../config.default.toml");

//! Where the services keep what they must not forget.

use podium_ledger::{LedgerSettings, Server};
use serde::Deserialize;

use crate::config::{Config, Humane};

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LedgerSection {
    pub host: String,
    pub port: u16,
    pub name: String,
    pub user: String,
    pub password: String,
    pub pool_size: u32,
    pub tries: u32,
    pub pause: Humane,
}

impl std::fmt::Debug for LedgerSection {
    /// Shows everything but the secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LedgerSection")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("name", &self.name)
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

impl Config {
    /// The ledger: on its own server, else on that of the engine's database; `None` when neither is configured.
    pub fn ledger(&self) -> Option<LedgerSettings> {
        let l = &self.ledger;
        let server = if !l.host.is_empty() {
            Server::Address {
                host: l.host.clone(),
                port: l.port,
                user: l.user.clone(),
                password: l.password.clone(),
            }
        } else if !self.database.url.is_empty() {
            Server::Url(self.database.url.clone())
        } else {
            return None;
        };
        Some(LedgerSettings {
            database: l.name.clone(),
            pool_size: l.pool_size,
            tries: l.tries,
            pause: l.pause.0,
            ..LedgerSettings::at(server)
        })
    }
}

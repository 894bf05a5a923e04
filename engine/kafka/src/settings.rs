//! Where the brokers are and how clients are set up.

use std::collections::BTreeMap;

use rdkafka::ClientConfig;

use crate::address;
use crate::error::{ErrorKind, KafkaError};

/// What is done with an address that neither is the configured one nor has an alias.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Unknown {
    /// It is used as written, without the properties (and so the secrets) of the configured cluster.
    #[default]
    AsWritten,
    /// It means the configured cluster (development).
    Configured,
    /// It is refused.
    Refused,
}

/// How topics come to be that do not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Creation {
    /// The broker's own setting decides, as for every client that asks for a topic.
    #[default]
    Broker,
    /// They are made by name with [`TopicDefaults`].
    Explicit,
}

/// What topics are made with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicDefaults {
    pub creation: Creation,
    /// -1 = the broker's default.
    pub partitions: i32,
    /// -1 = the broker's default.
    pub replication: i32,
    pub config: BTreeMap<String, String>,
}

impl Default for TopicDefaults {
    fn default() -> Self {
        TopicDefaults { creation: Creation::Broker, partitions: -1, replication: -1, config: BTreeMap::new() }
    }
}

/// The clusters that this process talks to.
#[derive(Clone, Debug, Default)]
pub struct KafkaSettings {
    /// `host:port,…` of the configured cluster.
    pub bootstrap: String,
    /// librdkafka's properties for the configured cluster: security, sizes. They win over ours.
    pub properties: BTreeMap<String, String>,
    /// Addresses as definitions write them (`kafka:9092`) and what they mean; empty = the configured cluster.
    pub aliases: BTreeMap<String, String>,
    pub unknown: Unknown,
    pub topics: TopicDefaults,
}

impl KafkaSettings {
    /// The configured cluster alone, everything else at its default.
    pub fn new(bootstrap: impl Into<String>) -> Self {
        KafkaSettings { bootstrap: bootstrap.into(), ..KafkaSettings::default() }
    }

    /// The brokers that an address of a definition means; `None` = the configured cluster.
    pub fn resolve(&self, written: Option<&str>) -> Result<String, KafkaError> {
        let configured = address::normal(&self.bootstrap);
        let Some(written) = written else { return Ok(configured) };
        let wanted = address::normal(written);
        let alias = self.aliases.iter().find(|(name, _)| address::normal(name) == wanted);
        if let Some((_, target)) = alias {
            let target = address::normal(target);
            return Ok(if target.is_empty() { configured } else { target });
        }
        address::parse(&wanted).map_err(|part| {
            KafkaError::new(
                ErrorKind::Address,
                format!("expected host:port in the list of brokers, found {part:?}"),
            )
        })?;
        match self.unknown {
            _ if wanted == configured => Ok(configured),
            Unknown::AsWritten => Ok(wanted),
            Unknown::Configured => Ok(configured),
            Unknown::Refused => Err(KafkaError::new(
                ErrorKind::NotAuthorized,
                format!("the brokers {wanted} are not among the configured ones"),
            )),
        }
    }

    /// True if somebody configured these brokers: they are believed to exist even while they do not answer.
    pub fn is_configured(&self, bootstrap: &str) -> bool {
        bootstrap == address::normal(&self.bootstrap)
            || self.aliases.values().any(|target| address::normal(target) == bootstrap)
    }

    /// The settings that all clients share. Secrets go to the configured cluster only.
    pub(crate) fn client(&self, bootstrap: &str) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", address::bare(bootstrap))
            .set("client.id", "podium")
            .set("socket.nagle.disable", "true")
            .set("socket.keepalive.enable", "true")
            // a broker that comes back is found within a second
            .set("reconnect.backoff.ms", "50")
            .set("reconnect.backoff.max.ms", "1000");
        config
    }

    /// Puts the user's properties over ours.
    pub(crate) fn finish(&self, mut config: ClientConfig, bootstrap: &str) -> ClientConfig {
        if bootstrap == address::normal(&self.bootstrap) {
            for (key, value) in &self.properties {
                config.set(key, value);
            }
        }
        config
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(unknown: Unknown) -> KafkaSettings {
        KafkaSettings {
            aliases: BTreeMap::from([
                ("kafka:9092".to_owned(), "10.0.0.1:9092".to_owned()),
                ("broker:1".to_owned(), String::new()),
            ]),
            unknown,
            ..KafkaSettings::new("10.0.0.1:9092")
        }
    }

    #[test]
    fn addresses_mean_what_the_settings_say() {
        let s = settings(Unknown::AsWritten);
        assert_eq!(s.resolve(None).expect("configured"), "10.0.0.1:9092");
        assert_eq!(s.resolve(Some(" kafka:9092")).expect("alias"), "10.0.0.1:9092");
        assert_eq!(s.resolve(Some("broker:1")).expect("alias"), "10.0.0.1:9092");
        assert_eq!(s.resolve(Some("other:1, b:2")).expect("as written"), "other:1,b:2");
        assert_eq!(s.resolve(Some("noport")).expect_err("no port").kind, ErrorKind::Address);
        assert_eq!(settings(Unknown::Configured).resolve(Some("x:1")).expect("mapped"), "10.0.0.1:9092");
        let refused = settings(Unknown::Refused);
        assert_eq!(refused.resolve(Some("x:1")).expect_err("foreign").kind, ErrorKind::NotAuthorized);
        assert!(refused.resolve(Some("10.0.0.1:9092")).is_ok());
    }
}

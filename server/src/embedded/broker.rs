//! The Kafka broker that `podium dev` brings when none is given: in this process, in memory, for development.
//!
//! What a restart does to it: everything is gone, and its cluster id is another, so positions kept by
//! cluster begin at 0 again. The database stays the source of truth.

mod serve;

use std::collections::BTreeMap;
use std::io;

use podium_events::broker::Broker;
use podium_kafka::{Creation, KafkaSettings, TopicDefaults, Unknown};

/// Bytes kept per partition. The broker answers a fetch with all that it has, and clients refuse answers of
/// 100 MB; the log cleaner looks once a second, and 20 MB leave room for what a second can write.
const RETENTION_BYTES: &str = "20971520";
const SEGMENT_BYTES: &str = "5242880";

/// The in-process development broker. It ends when this is dropped.
pub(crate) struct DevBroker {
    served: serve::Served,
}

impl DevBroker {
    /// Starts on 127.0.0.1 and this port (0 = any free one).
    pub(crate) fn start(port: u16) -> io::Result<Self> {
        let served = serve::serve(&format!("127.0.0.1:{port}"), &new_cluster_id())?;
        tracing::info!(
            address = %served.address,
            "started a Kafka broker for development inside this process: it keeps at most 20 MB per partition, \
             in memory, until the process ends; set KAFKA_BOOTSTRAP to use a real one"
        );
        Ok(DevBroker { served })
    }
}

impl Broker for DevBroker {
    fn settings(&self) -> KafkaSettings {
        KafkaSettings {
            bootstrap: self.served.address.to_string(),
            properties: BTreeMap::new(),
            aliases: BTreeMap::new(),
            // generated workflows name brokers by the host names of a compose file
            unknown: Unknown::Configured,
            topics: TopicDefaults {
                creation: Creation::Explicit,
                partitions: 1,
                replication: 1,
                config: BTreeMap::from([
                    ("retention.bytes".to_owned(), RETENTION_BYTES.to_owned()),
                    ("segment.bytes".to_owned(), SEGMENT_BYTES.to_owned()),
                ]),
            },
        }
    }

    fn is_for_development(&self) -> bool {
        true
    }
}

/// 22 characters as real cluster ids have.
fn new_cluster_id() -> String {
    let id = uuid::Uuid::now_v7().simple().to_string();
    format!("dev-{}", id.chars().skip(14).collect::<String>())
}

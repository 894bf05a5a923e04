//! The two brokers that tests run against: a real Kafka node and the development broker.
//!
//! `PODIUM_TEST_KAFKA=host:port` names a real one that runs already; else each test binary starts its own
//! with `scripts/kafka.sh`, which ends with the binary.

#![allow(dead_code, reason = "each test binary uses its own part")]

#[path = "../../../../server/src/embedded/broker/serve.rs"]
mod serve;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use podium_kafka::{Creation, KafkaSettings, Lane, Record, TopicDefaults};

/// Long enough for a machine that builds beside the test.
pub(crate) const LONG: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Real,
    Embedded,
}

/// Settings for the broker of this kind, shared by the tests of the binary.
pub(crate) fn settings(kind: Kind) -> KafkaSettings {
    match kind {
        Kind::Real => KafkaSettings::new(real()),
        Kind::Embedded => embedded(),
    }
}

/// A name that no other test uses.
pub(crate) fn unique(stem: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let started =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_millis();
    format!("{stem}-{}-{started}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

fn real() -> String {
    static NODE: OnceLock<String> = OnceLock::new();
    NODE.get_or_init(|| match std::env::var("PODIUM_TEST_KAFKA") {
        Ok(address) => address,
        Err(_) => {
            let dir = std::env::temp_dir().join(format!("podium-test-kafka-{}", std::process::id()));
            Node::start(&dir).bootstrap
        }
    })
    .clone()
}

fn embedded() -> KafkaSettings {
    static BROKER: OnceLock<serve::Served> = OnceLock::new();
    let served = BROKER.get_or_init(|| serve::serve("127.0.0.1:0", &unique("dev")).expect("a free port"));
    let config = [("retention.bytes", "20971520"), ("segment.bytes", "5242880")];
    KafkaSettings {
        topics: TopicDefaults {
            creation: Creation::Explicit,
            partitions: 1,
            replication: 1,
            config: BTreeMap::from(config.map(|(k, v)| (k.to_owned(), v.to_owned()))),
        },
        ..KafkaSettings::new(served.address.to_string())
    }
}

/// A real node of a test's own, which it may stop and start again. It ends with this process.
pub(crate) struct Node {
    dir: PathBuf,
    pub(crate) bootstrap: String,
}

impl Node {
    pub(crate) fn start(dir: &Path) -> Node {
        let out = script(&["start", &dir.display().to_string(), "--owner", &std::process::id().to_string()]);
        Node { dir: dir.to_owned(), bootstrap: out.trim().to_owned() }
    }

    /// As if the machine had died.
    pub(crate) fn kill(&self) {
        script(&["stop", &self.dir.display().to_string(), "--kill"]);
    }

    pub(crate) fn start_again(&self) {
        let again = Node::start(&self.dir);
        assert_eq!(again.bootstrap, self.bootstrap);
    }
}

fn script(arguments: &[&str]) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/kafka.sh");
    let out = Command::new(path).args(arguments).output().expect("scripts/kafka.sh runs");
    assert!(out.status.success(), "kafka.sh {arguments:?}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).expect("an address")
}

/// Asks until it is so.
pub(crate) async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let until = Instant::now() + LONG;
    loop {
        if let Some(found) = ask().await {
            return found;
        }
        assert!(Instant::now() < until, "{what}: not within {LONG:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Reads so many records of one lane.
pub(crate) async fn take(lane: &mut Lane, count: usize) -> Vec<Record> {
    let mut records = Vec::new();
    while records.len() < count {
        let next = tokio::time::timeout(LONG, lane.next(count - records.len(), usize::MAX));
        records.extend(next.await.expect("records in time").expect("the lane is open"));
    }
    records
}

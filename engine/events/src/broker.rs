//! Which broker this process uses: one that is given, or one that it brings along for development.

use podium_kafka::KafkaSettings;

/// A broker that runs at least as long as this value lives.
pub trait Broker: Send + Sync {
    /// How to reach it and how topics are made there.
    fn settings(&self) -> KafkaSettings;

    /// True if it forgets everything when the process ends.
    fn is_for_development(&self) -> bool;
}

/// A broker that somebody else runs.
#[derive(Clone, Debug)]
pub struct GivenBroker(pub KafkaSettings);

impl Broker for GivenBroker {
    fn settings(&self) -> KafkaSettings {
        self.0.clone()
    }

    fn is_for_development(&self) -> bool {
        false
    }
}

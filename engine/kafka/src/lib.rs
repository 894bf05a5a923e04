//! Kafka, and nothing of the product: the only room that knows librdkafka.
//!
//! ```text
//! KafkaSettings ──> Producers ──> Producer   idempotent, acks=all, one per cluster, warm
//!               ├─> Cluster                  id, topics, offsets
//!               ├─> Lanes ──> Lane           a member of a group; one ordered lane per partition
//!               └─> latest, at               looking into a topic, without a group
//! ```
//!
//! Who reads from where is the caller's business: [`Lanes`] asks for the offset of each partition that the
//! group gives it and begins exactly there; what is committed to Kafka is a hint for others.

pub mod address;
mod cluster;
mod context;
mod error;
mod gate;
mod lanes;
mod producer;
mod producers;
mod record;
mod settings;
mod tail;

pub use cluster::{Cluster, TopicInfo, TopicOutcome, TopicSpec, Watermarks};
pub use error::{ErrorKind, KafkaError};
pub use lanes::{Batch, Lane, LaneEnd, LaneEvent, LaneEvents, LaneId, Lanes, LanesSettings, Start};
pub use producer::{Delivery, Patience, Producer};
pub use producers::Producers;
pub use record::{OutRecord, Record};
pub use settings::{Creation, KafkaSettings, TopicDefaults, Unknown};
pub use tail::{Placed, at, latest};

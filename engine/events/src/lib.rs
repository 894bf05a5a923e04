//! Events between Kafka and the engine, both ways.
//!
//! ```text
//! engine's outbox ──> relay::KafkaSink ──> topics of KAFKA_PUBLISH and EVENT
//! conductor-events ──> router::Router ──> Engine::ingest (inbox rows and position in one commit)
//!                              └─ what is no event ──> conductor-events-dlq
//! topics of event handlers ──> router::HandledTopics ──> Engine::handle, then the same
//! ```
//!
//! Out: at least once, in order per topic and key, with a stable id in the header `podium-event-id`.
//! In: exactly once in effect; the position lives beside the effects, what Kafka remembers is a hint.

pub mod broker;
pub mod letters;
pub mod relay;
pub mod router;

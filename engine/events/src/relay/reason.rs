//! Why a message was refused, in the words of Java's client, which Conductor's tasks show.

use podium_kafka::{ErrorKind, KafkaError};

pub(super) fn not_present(topic: &str, block_ms: i64) -> String {
    format!(
        "org.apache.kafka.common.errors.TimeoutException: Topic {topic} not present in metadata after {block_ms} ms."
    )
}

pub(super) fn missing(topic: &str) -> String {
    format!(
        "org.apache.kafka.common.errors.UnknownTopicOrPartitionException: Topic {topic} does not exist and the broker \
         does not create it"
    )
}

/// There is no client for such an address.
pub(super) fn no_client(error: &KafkaError) -> String {
    match error.kind {
        ErrorKind::Address | ErrorKind::Unresolvable | ErrorKind::Settings => {
            "org.apache.kafka.common.KafkaException: Failed to construct kafka producer".to_owned()
        }
        _ => error.reason.clone(),
    }
}

pub(super) fn block_time(ms: i64) -> String {
    format!(
        "org.apache.kafka.common.config.ConfigException: Invalid value {ms} for configuration max.block.ms: Value must \
         be at least 0"
    )
}

pub(super) fn illegal_topic(topic: &str) -> String {
    format!("org.apache.kafka.common.errors.InvalidTopicException: Invalid topics: [{topic}]")
}

/// Topics in which Kafka keeps its own state.
pub(super) fn is_internal(topic: &str) -> bool {
    matches!(
        topic,
        "__consumer_offsets" | "__transaction_state" | "__share_group_state" | "__cluster_metadata"
    )
}

pub(super) fn internal_topic(topic: &str) -> String {
    format!("org.apache.kafka.common.errors.InvalidTopicException: Cannot append to internal topic {topic}")
}

pub(super) fn too_large(size: usize, limit: usize) -> String {
    format!(
        "org.apache.kafka.common.errors.RecordTooLargeException: The message is {size} bytes when serialized which is \
         larger than {limit}, which is the value of the max.request.size configuration."
    )
}

pub(super) fn too_large_for_broker() -> String {
    "org.apache.kafka.common.errors.RecordTooLargeException: The request included a message larger than the max message \
     size the server will accept."
        .to_owned()
}

pub(super) fn not_authorized(topic: &str) -> String {
    format!(
        "org.apache.kafka.common.errors.TopicAuthorizationException: Not authorized to access topics: [{topic}]"
    )
}

pub(super) fn refused(error: &KafkaError) -> String {
    format!("org.apache.kafka.common.KafkaException: {}", error.reason)
}

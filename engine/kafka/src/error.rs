//! What can go wrong, sorted by what a caller may do about it.

use rdkafka::error::KafkaError as Native;
use rdkafka::types::RDKafkaErrorCode as Code;

/// What a caller may do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The address list has a part without host or port.
    Address,
    /// No host of the list has a known name.
    Unresolvable,
    /// No broker answered in the time that the caller allowed. Nothing was sent.
    Away,
    /// A broker answered: the topic does not exist and is not created by itself. Nothing was sent.
    TopicMissing,
    /// The topic was there and is there no more. Asked again, a broker may create it or say [`Self::TopicMissing`].
    TopicGone,
    /// The broker refused to create the topic, or its name is none.
    TopicName,
    /// The record is larger than the broker takes.
    TooLarge,
    /// Access was denied; trying again does not help until somebody changes the rights.
    NotAuthorized,
    /// The broker will never take this for another reason.
    Refused,
    /// The settings of the client are wrong.
    Settings,
    /// Trying again may help. Whether the record was written is not known.
    Retriable,
}

/// An error of the client or the broker with the text that Kafka gives it.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("{reason}")]
pub struct KafkaError {
    pub kind: ErrorKind,
    /// Kafka's own words.
    pub reason: String,
}

impl KafkaError {
    pub(crate) fn new(kind: ErrorKind, reason: impl Into<String>) -> Self {
        KafkaError { kind, reason: reason.into() }
    }

    pub fn is_retriable(&self) -> bool {
        matches!(self.kind, ErrorKind::Retriable | ErrorKind::Away | ErrorKind::TopicGone)
    }
}

/// Sorts a code. What is not listed may pass: an unknown trouble must never fail somebody's work by itself.
pub(crate) fn kind_of(code: Code) -> ErrorKind {
    match code {
        Code::MessageSizeTooLarge | Code::MessageBatchTooLarge | Code::InvalidMessageSize => {
            ErrorKind::TooLarge
        }
        Code::TopicAuthorizationFailed
        | Code::ClusterAuthorizationFailed
        | Code::GroupAuthorizationFailed
        | Code::TransactionalIdAuthorizationFailed => ErrorKind::NotAuthorized,
        Code::InvalidTopic => ErrorKind::TopicName,
        Code::UnknownTopic | Code::UnknownTopicOrPartition | Code::UnknownPartition => ErrorKind::TopicGone,
        Code::InvalidRecord
        | Code::PolicyViolation
        | Code::UnsupportedForMessageFormat
        | Code::InvalidRequiredAcks
        | Code::InvalidTimestamp
        | Code::UnsupportedCompressionType
        | Code::InvalidConfig
        | Code::InvalidPartitions
        | Code::InvalidReplicationFactor
        | Code::InvalidRequest => ErrorKind::Refused,
        Code::Resolve => ErrorKind::Unresolvable,
        _ => ErrorKind::Retriable,
    }
}

impl From<Code> for KafkaError {
    fn from(code: Code) -> Self {
        KafkaError::new(kind_of(code), code.to_string())
    }
}

impl From<Native> for KafkaError {
    fn from(error: Native) -> Self {
        match error.rdkafka_error_code() {
            Some(code) => code.into(),
            None => match error {
                Native::ClientConfig(_, text, key, value) => {
                    KafkaError::new(ErrorKind::Settings, format!("{key}={value}: {text}"))
                }
                other => KafkaError::new(ErrorKind::Settings, other.to_string()),
            },
        }
    }
}

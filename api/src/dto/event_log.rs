use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A page of what event handlers did with messages. Instants are milliseconds since 1970.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EventExecutions {
    /// The latest first.
    pub executions: Vec<EventExecutionRecord>,
    /// How many are kept.
    pub total: i64,
}

/// What one handler did with one message.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EventExecutionRecord {
    pub id: String,
    pub handler: String,
    /// The queue: `conductor:<workflow>:<name>`, `kafka:<topic>`.
    pub event: String,
    /// When it was handled, the last time.
    pub at: i64,
    pub message_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    /// Whether the condition holds.
    pub matched: bool,
    /// COMPLETED; FAILED: an action could not be done; SKIPPED: the condition does not hold; UNDECIDED: it has no value,
    /// the message is tried again or is a dead letter.
    pub status: &'static str,
    /// Why the condition has no value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    pub actions: Vec<EventActionRecord>,
    /// The message as JSON; of a longer one the first 8 kB.
    pub payload: String,
    /// Bytes of the whole message.
    pub payload_size: i64,
}

/// What one action did.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EventActionRecord {
    /// `start_workflow`, `complete_task`, `fail_task`.
    pub action: String,
    /// COMPLETED: the workflow was started, or was told to end its task; FAILED.
    pub status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workflow_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_ref_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// An event that is kept for a task which does not wait yet.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ParkedEventRecord {
    pub id: String,
    pub workflow_id: String,
    /// The type of the completion.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// What the event calls its task: an id or only a label.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_label: Option<String>,
    /// Whether it tells of a success.
    pub succeeded: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Where it was read: cluster, topic, partition and offset.
    pub source: String,
    pub parked_at: i64,
    pub expires_at: i64,
    /// What it brings for the output of its task, as JSON; of a longer one the first 64 kB.
    pub body: String,
    /// Bytes of the whole body.
    pub body_size: usize,
}

/// The latest records that were no events.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeadLetterList {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    /// False: they cannot be read now.
    pub available: bool,
    /// Why they cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The latest first.
    pub letters: Vec<DeadLetterRecord>,
}

/// A record that was no event.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeadLetterRecord {
    pub partition: i32,
    pub offset: i64,
    /// When it was put there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// As text, of a longer one the first 64 kB; in base64 if it is no UTF-8. Absent if the record had none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// `value` is base64.
    pub binary: bool,
    /// Bytes of the whole value.
    pub value_size: usize,
    /// The headers that the record came with.
    pub headers: std::collections::BTreeMap<String, String>,
    /// Why it was no event.
    pub reason: String,
    /// Where it was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<LetterOrigin>,
}

/// A place in a topic.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LetterOrigin {
    pub topic: String,
    pub partition: i32,
    pub offset: i64,
}

/// Which dead letters are to be sent again, at most 100.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReplayRequest {
    pub letters: Vec<LetterPlace>,
}

/// Where a dead letter lies.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LetterPlace {
    pub partition: i32,
    pub offset: i64,
}

/// What became of each letter.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReplayAnswer {
    pub replayed: Vec<ReplayedLetter>,
}

/// One letter that was to be sent again.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReplayedLetter {
    pub partition: i32,
    pub offset: i64,
    pub ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

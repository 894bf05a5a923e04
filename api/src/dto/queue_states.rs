use podium_runtime::{QueueOverview, QueueStates};
use serde::Serialize;
use utoipa::ToSchema;

use super::queue::named;

/// All queues of tasks for workers. Instants are milliseconds since 1970.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct QueueStatuses {
    /// By type and domain: those with tasks, and those that somebody polls.
    pub queues: Vec<QueueStatus>,
    /// There are more queues with waiting tasks than the 2,000 that are shown.
    pub truncated: bool,
    /// `leased` may be too small: more than 10,000 workflows have a deadline ahead, and only those that come first were
    /// looked at.
    pub leased_incomplete: bool,
}

/// How one queue stands.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct QueueStatus {
    pub task_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// Tasks that a poll may take now; at most 200,000 are counted.
    pub ready: i64,
    /// Tasks that wait for their delay; at most 200,000 are counted.
    pub delayed: i64,
    /// Tasks that workers hold.
    pub leased: i64,
    /// Since when the oldest ready task waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oldest: Option<i64>,
    /// The workers that polled last, at most 50, the latest first.
    pub pollers: Vec<QueuePoller>,
}

/// A worker of a queue.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct QueuePoller {
    /// Absent: it does not say who it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worker_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    pub last_poll_time: i64,
}

impl From<QueueStates> for QueueStatuses {
    fn from(states: QueueStates) -> Self {
        QueueStatuses {
            queues: states.queues.into_iter().map(QueueStatus::from).collect(),
            truncated: !states.complete,
            leased_incomplete: !states.leased_exact,
        }
    }
}

impl From<QueueOverview> for QueueStatus {
    fn from(queue: QueueOverview) -> Self {
        let (task_type, domain) = named(queue.task_type, queue.domain);
        let poller = |poller: podium_runtime::Poller| QueuePoller {
            worker_id: poller.worker,
            domain: domain.clone(),
            last_poll_time: poller.last_poll_at.as_millis(),
        };
        QueueStatus {
            pollers: queue.pollers.into_iter().map(poller).collect(),
            task_type,
            domain,
            ready: queue.ready,
            delayed: queue.delayed,
            leased: queue.leased,
            oldest: queue.oldest.map(podium_core::Timestamp::as_millis),
        }
    }
}

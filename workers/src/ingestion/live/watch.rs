//! How the tasks of watched workflows stand, asked of the engine.
//!
//! A workflow is followed from the moment that somebody deploys it, opens a socket for it, or a service reports about it,
//! until it ends. While no socket is open nobody is asked. Changes only are news.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use serde_json::{Map, Value};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior};
use tracing::debug;

use super::super::engine::Engine;
use super::super::failures::Failures;
use super::hub::{Hub, News};

/// Workflows that are followed at once; one more, and it is followed when another has ended.
const FOLLOWED: usize = 500;
/// Questions to the engine at once.
const PARALLEL: usize = 8;
/// Orders that may wait.
const ORDERS: usize = 1_000;
/// A snapshot's one look at its workflow.
const LOOK: Duration = Duration::from_secs(2);

/// A handle on the one who follows.
#[derive(Clone)]
pub(crate) struct Watch {
    engine: Engine,
    orders: mpsc::Sender<String>,
}

impl Watch {
    /// Begins to follow what it is told; ends when all handles are gone.
    pub(crate) fn start(engine: Engine, hub: Arc<Hub>, failures: Failures) -> Self {
        let (orders, given) = mpsc::channel(ORDERS);
        tokio::spawn(follow(engine.clone(), hub, failures, given));
        Self { engine, orders }
    }

    /// Follows a workflow, and looks at it at once.
    pub(crate) fn follow(&self, workflow_id: &str) {
        // with so many orders waiting, this workflow's next event brings it here
        let _ = self.orders.try_send(workflow_id.to_owned());
    }

    /// How a workflow stands now; `None` when the engine does not say.
    pub(crate) async fn look(&self, workflow_id: &str) -> Option<Value> {
        let run = tokio::time::timeout(LOOK, self.engine.run(workflow_id)).await.ok()?.ok()??;
        Some(state_of(&run))
    }
}

struct Followed {
    next: Instant,
    last: Option<Value>,
}

async fn follow(engine: Engine, hub: Arc<Hub>, failures: Failures, mut orders: mpsc::Receiver<String>) {
    let every = hub.settings().look_every;
    let mut followed: HashMap<String, Followed> = HashMap::new();
    let mut tick = tokio::time::interval(every / 4);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            order = orders.recv() => {
                let Some(workflow_id) = order else { return };
                let now = Instant::now();
                if let Some(one) = followed.get_mut(&workflow_id) {
                    one.next = now;
                } else if followed.len() < FOLLOWED {
                    followed.insert(workflow_id, Followed { next: now, last: None });
                } else {
                    debug!(workflow_id, "too many workflows are followed already");
                }
                continue;
            }
            _ = tick.tick() => {}
        }
        if !hub.is_watched() {
            continue;
        }
        let now = Instant::now();
        let due: Vec<String> =
            followed.iter().filter(|(_, one)| one.next <= now).map(|(id, _)| id.clone()).collect();
        let looks = due.into_iter().map(|id| {
            let engine = engine.clone();
            async move {
                let run = engine.run(&id).await;
                (id, run)
            }
        });
        let seen: Vec<_> = futures::stream::iter(looks).buffer_unordered(PARALLEL).collect().await;
        for (id, run) in seen {
            let Some(one) = followed.get_mut(&id) else { continue };
            one.next = Instant::now() + every;
            let run = match run {
                Ok(Some(run)) => run,
                Ok(None) => {
                    followed.remove(&id);
                    continue;
                }
                Err(error) => {
                    debug!(workflow_id = id, %error, "could not look at a workflow");
                    continue;
                }
            };
            let state = state_of(&run);
            if one.last.as_ref() != Some(&state) {
                hub.publish(&id, News::Status(state.clone()));
                one.last = Some(state);
            }
            match run.get("status").and_then(Value::as_str) {
                Some("RUNNING" | "PAUSED") => hub.publish(&id, News::Resumed),
                Some("COMPLETED") => {
                    hub.publish(&id, News::Resumed);
                    followed.remove(&id);
                }
                Some(_) | None => {
                    followed.remove(&id);
                    // it may have failed without a service that says so
                    failures.consider(&id);
                }
            }
        }
    }
}

/// What is shown of a run: its status, and that of each task in its order.
pub(crate) fn state_of(run: &Value) -> Value {
    let copy = |from: &Value, names: &[(&str, &str)]| {
        let mut to = Map::new();
        for (name, shown) in names {
            if let Some(value) = from.get(*name).filter(|value| !value.is_null()) {
                to.insert((*shown).to_owned(), value.clone());
            }
        }
        to
    };
    let mut state = copy(
        run,
        &[
            ("workflowName", "name"),
            ("workflowVersion", "version"),
            ("status", "status"),
            ("reasonForIncompletion", "reason"),
            ("startTime", "start_time"),
            ("endTime", "end_time"),
        ],
    );
    let tasks = run.get("tasks").and_then(Value::as_array).into_iter().flatten();
    let nodes = tasks.map(|task| {
        Value::Object(copy(
            task,
            &[
                ("referenceTaskName", "reference"),
                ("taskType", "task_type"),
                ("status", "status"),
                ("taskId", "task_id"),
                ("retryCount", "retry_count"),
                ("reasonForIncompletion", "reason"),
                ("startTime", "start_time"),
                ("endTime", "end_time"),
            ],
        ))
    });
    let nodes = Value::Array(nodes.collect());
    state.insert("nodes".to_owned(), nodes);
    Value::Object(state)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::state_of;

    #[test]
    fn a_state_is_short() {
        let run = json!({"workflowId": "w", "workflowName": "n", "status": "RUNNING", "input": {"a": 1}, "reasonForIncompletion": null,
            "tasks": [{"referenceTaskName": "a", "taskType": "EVENT", "status": "IN_PROGRESS", "outputData": {"b": 2}}]});
        assert_eq!(
            state_of(&run),
            json!({"name": "n", "status": "RUNNING", "nodes": [{"reference": "a", "task_type": "EVENT", "status": "IN_PROGRESS"}]})
        );
        assert_eq!(state_of(&json!({})), json!({"nodes": []}));
    }
}

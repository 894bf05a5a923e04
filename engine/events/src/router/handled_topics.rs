//! Reads the topics that event handlers name, and joins the group anew when they change.

use std::collections::BTreeSet;
use std::time::Duration;

use podium_kafka::Producers;
use podium_runtime::Engine;
use tokio::sync::{Mutex, watch};
use tokio::task::JoinHandle;

use super::{NewGroup, Purpose, Router, RouterFigures, RouterSettings};

/// Handlers that are made one after the other are one change.
const SETTLES_AFTER: Duration = Duration::from_millis(200);
/// What a stop may take.
const STOP_AT_MOST: Duration = Duration::from_secs(10);

/// A running reader of handled topics. While no handler names one it does nothing and knows no broker.
pub struct HandledTopics {
    stop: watch::Sender<bool>,
    current: std::sync::Arc<Mutex<Option<Router>>>,
    task: Option<JoinHandle<()>>,
}

impl HandledTopics {
    /// Starts it. A topic that was never read by the group begins at its end, as it does in existing servers.
    pub fn start(engine: Engine, producers: Producers, settings: RouterSettings) -> HandledTopics {
        let settings = RouterSettings { new_group: NewGroup::End, ..settings };
        let current = std::sync::Arc::new(Mutex::new(None));
        let (stop, stopping) = watch::channel(false);
        let task = tokio::spawn(run(engine, producers, settings, current.clone(), stopping));
        HandledTopics { stop, current, task: Some(task) }
    }

    /// What the reader of now has done; `None` while no handler names a topic.
    pub async fn figures(&self) -> Option<RouterFigures> {
        self.current.lock().await.as_ref().map(Router::figures)
    }

    /// Leaves the group, so that others take over at once.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        let Some(mut task) = self.task.take() else { return };
        if tokio::time::timeout(STOP_AT_MOST, &mut task).await.is_err() {
            tracing::warn!("the reader of handled topics did not stop in time");
            task.abort();
        }
    }
}

impl Drop for HandledTopics {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

async fn run(
    engine: Engine,
    producers: Producers,
    settings: RouterSettings,
    current: std::sync::Arc<Mutex<Option<Router>>>,
    mut stopping: watch::Receiver<bool>,
) {
    let mut events = engine.handled_events();
    let mut read = Vec::new();
    loop {
        let wanted = topics(&events.borrow_and_update());
        if wanted != read {
            let old = current.lock().await.take();
            if let Some(old) = old {
                old.stop().await;
            }
            if !wanted.is_empty() {
                tracing::info!(topics = wanted.len(), "event handlers name these topics");
                let router = Router::start_for(
                    engine.clone(),
                    producers.clone(),
                    settings.clone(),
                    wanted.clone(),
                    Purpose::Handlers,
                );
                *current.lock().await = Some(router);
            }
            read = wanted;
        }
        // cancel-safe: both only wait
        let goes_on = tokio::select! {
            changed = events.changed() => changed.is_ok(),
            _ = stopping.wait_for(|stop| *stop) => false,
        };
        if !goes_on {
            break;
        }
        tokio::time::sleep(SETTLES_AFTER).await;
    }
    let last = current.lock().await.take();
    if let Some(last) = last {
        last.stop().await;
    }
}

/// The topics among the events. A name that no broker would take is nobody's topic.
fn topics(events: &BTreeSet<String>) -> Vec<String> {
    let may_be = |topic: &&str| {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        (1..=249).contains(&topic.len()) && topic.chars().all(fits) && *topic != "." && *topic != ".."
    };
    let named = events.iter().filter_map(|event| event.strip_prefix("kafka:"));
    named.filter(may_be).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_a_broker_takes_are_topics() {
        let events = ["kafka:a.b-c_1", "kafka:with blank", "kafka:", "kafka:..", "conductor:w:e", "kafka:z"];
        assert_eq!(topics(&events.iter().map(|e| (*e).to_owned()).collect()), ["a.b-c_1", "z"]);
    }
}

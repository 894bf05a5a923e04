//! The event router: completion events of services find the EVENT tasks that wait for them (spec: pipeline §5).
//!
//! It only reads what an event says (`dispatch.rs`); which task it ends is decided by a turn of its run. The
//! effects and the position commit together, so an event takes effect once however often Kafka delivers it:
//! after a crash, a rebalance or a paused node that wakes up.

mod commits;
mod consumer;
mod dead_letter;
pub mod dispatch;
mod figures;
mod handled_topics;
pub(crate) mod letter;
mod position;
mod records;

use std::sync::Arc;
use std::time::Duration;

use podium_kafka::Producers;
use podium_runtime::Engine;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use figures::{LaneFigures, RouterFigures};
pub use handled_topics::HandledTopics;

/// Where a lane begins for which no position is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum NewGroup {
    /// Where another router of the group stopped, if Kafka knows; at the beginning if the partition is younger than
    /// the group; else an hour before the oldest open run started, at the end if there is none.
    #[default]
    Auto,
    /// At the beginning (development broker: everything in it is ours).
    Beginning,
    /// Where another router of the group stopped, if Kafka knows; at the beginning if the partition is younger than the
    /// group; else at the end.
    End,
}

/// What happens when the broker no longer has the records from a position on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum OutOfRange {
    /// The lane stops with an alarm, until an operator chooses.
    #[default]
    Stop,
    /// Goes on with the oldest record that is left.
    Earliest,
    /// Goes on with what comes next.
    Latest,
}

/// Settings of the router. The defaults are the documented names.
#[derive(Clone, Debug)]
pub struct RouterSettings {
    /// Where completion events come from; handlers name topics of their own.
    pub topic: String,
    pub group: String,
    /// Takes records that are no events, with headers that say where they came from and why.
    pub dead_letter_topic: String,
    pub new_group: NewGroup,
    pub out_of_range: OutOfRange,
    /// How long the group waits for a silent router before another one takes its lanes.
    pub session_timeout: Duration,
    /// Records in one commit at most.
    pub batch_records: usize,
    pub batch_bytes: usize,
}

impl Default for RouterSettings {
    fn default() -> Self {
        RouterSettings {
            topic: "conductor-events".to_owned(),
            group: "scalable-event-router-group".to_owned(),
            dead_letter_topic: "conductor-events-dlq".to_owned(),
            new_group: NewGroup::Auto,
            out_of_range: OutOfRange::Stop,
            session_timeout: Duration::from_secs(6),
            batch_records: 500,
            batch_bytes: 1 << 20,
        }
    }
}

/// What records are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    /// Completion events of services, for EVENT tasks.
    Completions,
    /// Messages for event handlers.
    Handlers,
}

/// What the tasks of a router share.
struct Shared {
    engine: Engine,
    producers: Producers,
    settings: RouterSettings,
    topics: Vec<String>,
    purpose: Purpose,
    figures: figures::Counters,
}

/// A running router. Dropped, it stops where it is, and what was not committed is read again by the next one;
/// [`Router::stop`] waits until the group knows.
pub struct Router {
    shared: Arc<Shared>,
    assigned: watch::Receiver<bool>,
    stop: watch::Sender<bool>,
    /// `None` only while it stops.
    task: Option<JoinHandle<()>>,
}

impl Router {
    /// Starts to read. Brokers that are away are waited for, in the background.
    pub fn start(engine: Engine, producers: Producers, settings: RouterSettings) -> Router {
        let topics = vec![settings.topic.clone()];
        Router::start_for(engine, producers, settings, topics, Purpose::Completions)
    }

    fn start_for(
        engine: Engine,
        producers: Producers,
        settings: RouterSettings,
        topics: Vec<String>,
        purpose: Purpose,
    ) -> Router {
        let figures = figures::Counters::default();
        let shared = Arc::new(Shared { engine, producers, settings, topics, purpose, figures });
        let (ready, assigned) = watch::channel(false);
        let (stop, stopping) = watch::channel(false);
        let task = tokio::spawn(consumer::run(shared.clone(), ready, stopping));
        Router { shared, assigned, stop, task: Some(task) }
    }

    /// Waits until the group has given this router its lanes and their positions are known: from then on no
    /// event is missed.
    pub async fn ready(&self) {
        // an error means that the router has stopped, and nobody is served by waiting for ever
        let _ = self.assigned.clone().wait_for(|ready| *ready).await;
    }

    /// True while lanes are assigned. Another router may hold all lanes: then there are none here, and it is ready.
    pub fn is_ready(&self) -> bool {
        *self.assigned.borrow()
    }

    pub fn figures(&self) -> RouterFigures {
        self.shared.figures.read()
    }

    /// Leaves the group, so that others take over at once.
    pub async fn stop(mut self) {
        let _ = self.stop.send(true);
        let Some(mut task) = self.task.take() else { return };
        if tokio::time::timeout(Duration::from_secs(10), &mut task).await.is_err() {
            tracing::warn!("the event router did not stop in time");
            task.abort();
        }
    }
}

impl Drop for Router {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

//! One commit for all lanes of this node.
//!
//! A commit costs the database about the same for one event as for ten, and for four lanes as for one. So lanes hand
//! over what they have read, and while events come quickly they do so together, at most every few milliseconds.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use podium_runtime::{Engine, EngineError, IngestBatch, Ingested};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// Under load commits keep this distance.
const GATHER: Duration = Duration::from_millis(8);
/// What counts as load: so many events in this time.
const LOAD: (usize, Duration) = (20, Duration::from_millis(100));
/// Lanes that wait for the same moment still need a little time to read what their records say.
const TOGETHER: Duration = Duration::from_millis(1);

type Answer = Result<Ingested, EngineError>;
type Asked = (IngestBatch, oneshot::Sender<Answer>);

/// The way to the commits. Dropped, it ends them.
pub(super) struct Commits {
    asked: mpsc::UnboundedSender<Asked>,
    begun: Instant,
    /// Microseconds after `begun` before which lanes under load take no records; 0 = take them at once.
    next_us: std::sync::Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl Commits {
    pub(super) fn start(engine: Engine) -> Commits {
        let (asked, orders) = mpsc::unbounded_channel();
        let (begun, next_us) = (Instant::now(), std::sync::Arc::new(AtomicU64::new(0)));
        let task = tokio::spawn(run(engine, orders, begun, next_us.clone()));
        Commits { asked, begun, next_us, task }
    }

    /// Waits until a lane should take what it has: at once, or under load at the moment that all lanes wait for.
    pub(super) async fn moment(&self) {
        let next = self.next_us.load(Ordering::Relaxed);
        if next > 0 {
            tokio::time::sleep_until(self.begun + Duration::from_micros(next)).await;
        }
    }

    /// Commits a batch together with what other lanes hand over. Dropping the future does not take it back: whoever
    /// takes the lane anew fences it.
    pub(super) async fn commit(&self, batch: IngestBatch) -> Answer {
        let (reply, answer) = oneshot::channel();
        let closed = || Err(EngineError::Unavailable("the router stops".to_owned()));
        if self.asked.send((batch, reply)).is_err() {
            return closed();
        }
        answer.await.unwrap_or_else(|_| closed())
    }
}

impl Drop for Commits {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn run(
    engine: Engine,
    mut orders: mpsc::UnboundedReceiver<Asked>,
    begun: Instant,
    next_us: std::sync::Arc<AtomicU64>,
) {
    let mut load = Load::new();
    while let Some(first) = orders.recv().await {
        if load.is_high {
            tokio::time::sleep(TOGETHER).await;
        }
        let mut batch = vec![first];
        while let Ok(more) = orders.try_recv() {
            batch.push(more);
        }
        load.took(batch.iter().map(|(b, _)| b.events.len()).sum());
        let next = if load.is_high { (begun.elapsed() + GATHER).as_micros() as u64 } else { 0 };
        next_us.store(next, Ordering::Relaxed);
        commit(&engine, batch).await;
    }
}

async fn commit(engine: &Engine, asked: Vec<Asked>) {
    if asked.len() == 1 {
        return each_for_itself(engine, asked).await;
    }
    match engine.ingest_all(asked.iter().map(|(batch, _)| batch.clone()).collect()).await {
        Ok(outcomes) => {
            for ((_, caller), outcome) in asked.into_iter().zip(outcomes) {
                // a lane that was given away meanwhile has nobody to tell
                let _ = caller.send(Ok(outcome));
            }
        }
        Err(EngineError::Unavailable(why)) => {
            for (_, caller) in asked {
                let _ = caller.send(Err(EngineError::Unavailable(why.clone())));
            }
        }
        // one of them is refused: no lane is to be blamed for another's record
        Err(_) => each_for_itself(engine, asked).await,
    }
}

async fn each_for_itself(engine: &Engine, asked: Vec<Asked>) {
    for (batch, caller) in asked {
        let _ = caller.send(engine.ingest(batch).await);
    }
}

/// Whether events come quickly.
struct Load {
    since: Instant,
    events: usize,
    is_high: bool,
}

impl Load {
    fn new() -> Self {
        Load { since: Instant::now(), events: 0, is_high: false }
    }

    fn took(&mut self, events: usize) {
        let now = Instant::now();
        self.events += events;
        if now - self.since >= LOAD.1 {
            // a long pause is no load, however many came after it
            self.is_high = self.events >= LOAD.0 && now - self.since < 2 * LOAD.1;
            (self.since, self.events) = (now, 0);
        }
    }
}

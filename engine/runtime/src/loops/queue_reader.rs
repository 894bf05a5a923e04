//! Reads the ready rows of queues whose window runs low.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use podium_core::Span;
use podium_store::Allowed;
use tokio::sync::mpsc;

use crate::errors::chain;
use crate::ready::Queue;
use crate::shared::Shared;

/// Reads at once.
const READS_AT_ONCE: usize = 4;
/// A connection whose other end vanished without a word never answers; the other queues must not wait with it.
const AT_MOST: Duration = Duration::from_secs(15);
/// Tasks that become available later are read too, so that a short answer means that the queue holds no others.
const ALL_TIMES: Span = Span::from_secs(100 * 365 * 24 * 3600);

pub(crate) async fn run(shared: Arc<Shared>, mut wanted: mpsc::UnboundedReceiver<Arc<Queue>>) {
    let mut reads = FuturesUnordered::new();
    loop {
        // cancel-safe: each branch hands over what it took
        tokio::select! {
            queue = wanted.recv(), if reads.len() < READS_AT_ONCE => match queue {
                Some(queue) => reads.push(read(shared.clone(), queue)),
                None => return,
            },
            Some(()) = reads.next(), if !reads.is_empty() => {}
        }
    }
}

async fn read(shared: Arc<Shared>, queue: Arc<Queue>) {
    if shared.definitions.limits.gates(&queue.task_type) && read_limited(&shared, &queue).await {
        return;
    }
    let asked = queue.read_size();
    let limit = i64::try_from(asked).unwrap_or(i64::MAX);
    let until = shared.clock.now() + ALL_TIMES;
    shared.stats.candidate_reads.one();
    let rows = match queue.domain.as_deref() {
        // an empty domain is a queue of its own that no task is ever in (contract §8.1)
        Some("") => Some(Vec::new()),
        domain => {
            let rows = shared.store.ready_candidates(&queue.task_type, domain, limit, until);
            match tokio::time::timeout(AT_MOST, rows).await {
                Ok(Ok(rows)) => Some(rows),
                Ok(Err(error)) => {
                    tracing::warn!(error = chain(&error), "could not read ready tasks");
                    None
                }
                Err(_) => {
                    tracing::warn!("reading ready tasks took too long");
                    None
                }
            }
        }
    };
    let timer = queue.read_done(rows, asked, shared.clock.now());
    shared.wake_queue_at(&queue, timer);
}

/// The same for a queue whose tasks are under limits. False if they are no longer.
async fn read_limited(shared: &Shared, queue: &Arc<Queue>) -> bool {
    let now = shared.clock.now();
    let name = &queue.task_type;
    shared.stats.candidate_reads.one();
    let allowed = match queue.domain.as_deref() {
        Some("") => Some(Allowed { full: true, ..Allowed::default() }),
        domain => {
            let read = shared.store.allowed_tasks(name, name, domain, now);
            match tokio::time::timeout(AT_MOST, read).await {
                Ok(Ok(Some(allowed))) => Some(allowed),
                Ok(Ok(None)) => return false,
                Ok(Err(error)) => {
                    tracing::warn!(error = chain(&error), "could not read which tasks the limits allow");
                    None
                }
                Err(_) => {
                    tracing::warn!("reading which tasks the limits allow took too long");
                    None
                }
            }
        }
    };
    let timer = queue.allowed(allowed, shared.clock.now());
    shared.wake_queue_at(queue, timer);
    true
}

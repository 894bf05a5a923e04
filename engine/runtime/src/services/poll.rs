//! Hands tasks to workers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::lease::Leased;
use crate::longpoll::{Answer, Ticket};
use crate::mailbox::{Claims, stopped};
use crate::messages::{EngineError, PollRequest};
use crate::ready::{Queue, Taken, Wish};
use crate::shared::Shared;

/// A poll without time to wait that comes first to a queue waits for the queue's first read at most this long.
const FIRST_READ: Duration = Duration::from_millis(500);

/// Leases up to `count` tasks, waiting for the first one until the time-out. The answer is durable. Dropping this
/// call at any point leaves no lease behind: what was won meanwhile goes back.
pub(crate) async fn poll(shared: &Shared, request: PollRequest) -> Result<Leased, EngineError> {
    shared.refuse_when_stopping()?;
    shared.stats.polls.one();
    let count = request.count.min(shared.config.poll_count_limit);
    if count == 0 {
        return Ok(Leased::nothing());
    }
    let wish = Wish { count, worker: request.worker, deadline: Instant::now() + request.timeout };
    loop {
        let Some(queue) = shared.queues.open(&request.task_type, request.domain.as_ref()) else {
            return Err(too_much(shared, "polled for too many task types"));
        };
        match queue.take(&wish, shared.clock.now()) {
            Taken::Candidates { list, read } => {
                if read {
                    shared.read(&queue);
                }
                let answer = Claims::send(&queue, &shared.mailboxes, &list, wish.worker.as_ref());
                let leased = answer.await.map_err(|_| stopped())??;
                if !leased.tasks.is_empty() {
                    return Ok(with_secrets(shared, leased));
                }
            }
            Taken::Parked { ticket, read, timer } => {
                if read {
                    shared.read(&queue);
                }
                shared.wake_queue_at(&queue, timer);
                if let Some(leased) = wait(queue, ticket, wish.deadline).await {
                    return Ok(with_secrets(shared, leased));
                }
            }
            Taken::Empty => {
                shared.stats.empty_polls.one();
                return Ok(Leased::nothing());
            }
            Taken::Retired => {}
            Taken::Full => return Err(too_much(shared, "too many polls wait on this node")),
        }
    }
}

/// The tasks as who runs them gets them. Nothing of it is stored.
fn with_secrets(shared: &Shared, mut leased: Leased) -> Leased {
    let environment = &shared.config.settings.environment;
    for view in &mut leased.tasks {
        view.task = environment.with_secrets(view.task.clone());
    }
    leased
}

fn too_much(shared: &Shared, what: &str) -> EngineError {
    shared.stats.refused_overload.one();
    EngineError::Unavailable(what.to_owned())
}

/// Waits in line. `None`: look (again) at what there is, or at the clock.
async fn wait(queue: Arc<Queue>, ticket: Ticket, deadline: Instant) -> Option<Leased> {
    let mut place = Place { queue, ticket, left: false };
    let deadline =
        deadline.max(Instant::now() + if deadline <= Instant::now() { FIRST_READ } else { Duration::ZERO });
    let answer = tokio::time::timeout_at(deadline.into(), &mut place.ticket.answer).await;
    let answer = match answer {
        Ok(answer) => answer,
        Err(_) if place.leave() => return None,
        // reserved in the last moment: the commit decides
        Err(_) => (&mut place.ticket.answer).await,
    };
    place.left = true;
    match answer {
        Ok(Answer::Handed(leased)) => Some(leased),
        Ok(Answer::Look) | Err(_) => None,
    }
}

/// A place in line, given up when the poll ends or is dropped. An answer that is on its way then drops with it,
/// and its leases go back.
struct Place {
    queue: Arc<Queue>,
    ticket: Ticket,
    left: bool,
}

impl Place {
    fn leave(&mut self) -> bool {
        self.left = true;
        self.queue.leave(&self.ticket)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !self.left {
            self.leave();
        }
    }
}

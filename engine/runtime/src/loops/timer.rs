//! Fires what came due: a turn for each run, a look for each queue.

use std::sync::Arc;

use crate::shared::Shared;

pub(crate) async fn run(shared: Arc<Shared>) {
    loop {
        let fired = shared.timers.next(&shared.clock).await;
        for run in fired.runs {
            shared.send_due(run);
        }
        for queue in fired.queues {
            let next = queue.due_now(shared.clock.now());
            shared.wake_queue_at(&queue, next);
        }
    }
}

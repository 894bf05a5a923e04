//! Hands calls to this node's executor and takes their results.

use std::sync::Arc;
use std::time::Duration;

use podium_core::http::{Called, is_isolation};
use podium_core::{CallNews, Event, Lease, tasks};
use serde_json::{Map, Value};
use tokio::sync::oneshot;

use crate::engine::Engine;
use crate::errors::storage;
use crate::lease::LeaseGuard;
use crate::mailbox::{Reply, Work, stopped};
use crate::messages::{EngineError, PollRequest, TaskView};
use crate::services::poll;
use crate::shared::Shared;

/// Before a result that the database could not take is sent again.
const AGAIN_AFTER: Duration = Duration::from_millis(300);

/// A call that this node is to make. Dropped, it goes back and is offered again at once.
#[derive(Debug)]
pub struct LeasedCall {
    view: TaskView,
    lease: Lease,
    guard: LeaseGuard,
}

impl LeasedCall {
    /// The input of the task.
    pub fn input(&self) -> &Map<String, Value> {
        self.view.task.input.map()
    }

    /// Names what the call does: the same for all attempts of a task, and for an attempt that is made again after a
    /// node died.
    pub fn idempotency_key(&self) -> String {
        format!("{}:{}", self.view.run.id, self.view.task.ref_name)
    }

    /// The call is no longer this node's: nothing is handed back.
    pub fn forget(self) {
        self.guard.disarm();
    }
}

/// What became of a call, for the counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallCount {
    Answered,
    Failed,
    Denied,
    Late,
}

/// Counts a call as under way until it is dropped.
pub struct OpenCall(Engine);

impl Drop for OpenCall {
    fn drop(&mut self) {
        self.0.shared().stats.calls_open.less();
    }
}

impl Engine {
    /// Leases up to `count` calls to this node, waiting for the first at most `wait`. Each holds for
    /// [`tasks::CALL_LEASE`] and is to be renewed by [`Engine::call_lives`]; after a crash it lapses and the call is
    /// made again by whoever claims it next. `group`: those of a queue of their own (see [`podium_core::http::isolation`]); `None` = those
    /// that have none.
    pub async fn claim_calls(
        &self,
        group: Option<&Arc<str>>,
        count: usize,
        wait: Duration,
    ) -> Result<Vec<LeasedCall>, EngineError> {
        let shared = self.shared();
        let worker: Arc<str> = shared.config.node_name.as_str().into();
        let request = PollRequest {
            task_type: tasks::HTTP.into(),
            domain: group.cloned(),
            worker: Some(worker),
            count,
            timeout: wait,
        };
        let leased = poll::poll(shared, request).await?;
        let calls = leased.tasks.into_iter().zip(leased.guard.split());
        Ok(calls.map(|(view, guard)| LeasedCall { lease: view.task.lease(), view, guard }).collect())
    }

    /// Waits at most so long for news of groups of calls, and names all that this node has heard of. After the wait it has
    /// looked for those of other nodes, and of the time before it began.
    pub async fn call_groups(&self, wait: Duration) -> Result<Vec<Arc<str>>, EngineError> {
        let shared = self.shared();
        if tokio::time::timeout(wait, shared.groups.news.notified()).await.is_err() {
            let found = shared.store.ready_domains(tasks::HTTP).await.map_err(storage)?;
            found.iter().filter(|name| is_isolation(name)).for_each(|name| shared.groups.heard_of(name));
        }
        Ok(shared.groups.all())
    }

    /// Nobody takes calls of this group any more, until there are some again.
    pub fn forget_call_group(&self, name: &str) {
        self.shared().groups.forget(name);
    }

    /// Renews the lease of a call. False: it is no longer this node's, or its task has ended; there is no use in going
    /// on. While the database is away it is held to be ours.
    pub async fn call_lives(&self, call: &LeasedCall) -> bool {
        match tell(self.shared(), call, CallNews::Alive).await {
            Ok(ours) => ours,
            Err(EngineError::Unavailable(_)) => true,
            Err(_) => false,
        }
    }

    /// Ends a call, once and for good: answers when it is durable, with what follows from it. False if it was no longer
    /// this node's. While the database is away it is sent again; dropped, the call goes back and is made again.
    pub async fn call_over(&self, call: LeasedCall, called: Called) -> bool {
        loop {
            match tell(self.shared(), &call, CallNews::Over(called.clone())).await {
                Err(EngineError::Unavailable(_)) => tokio::time::sleep(AGAIN_AFTER).await,
                told => {
                    call.forget();
                    return told == Ok(true);
                }
            }
        }
    }

    /// Counts what became of a call.
    pub fn count_call(&self, what: CallCount) {
        let stats = &self.shared().stats;
        match what {
            CallCount::Answered => stats.calls_answered.one(),
            CallCount::Failed => stats.calls_failed.one(),
            CallCount::Denied => stats.calls_denied.one(),
            CallCount::Late => stats.calls_late.one(),
        }
    }

    /// Counts a call as under way.
    pub fn call_begins(&self) -> OpenCall {
        self.shared().stats.calls_open.one();
        OpenCall(self.clone())
    }
}

/// False: the task has ended, or the call is no longer this node's.
async fn tell(shared: &Shared, call: &LeasedCall, news: CallNews) -> Result<bool, EngineError> {
    let (tx, answer) = oneshot::channel();
    let event = Event::Called { task: call.view.task.no, lease: call.lease, news };
    shared.mailboxes.send_own(call.view.run.id, Work::Event(event), Reply::Applied(tx));
    answer.await.map_err(|_| stopped())?
}

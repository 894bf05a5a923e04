//! What an operator may do to a run.

use podium_core::{Edition, Event, ObjectionKind, Operation, Payload, Refusal, Rerun, RunId};
use tokio::sync::oneshot;

use crate::engine::Engine;
use crate::errors::storage;
use crate::mailbox::{Reply, Work, stopped};
use crate::messages::EngineError;
use crate::services::read;
use crate::settle::no_run;
use crate::shared::Shared;

/// Runs that change faster than they can be removed are somebody's mistake.
const TRIES: usize = 20;

/// Gives the run this event and answers once what follows from it is durable.
pub(crate) async fn operate(shared: &Shared, run: RunId, event: Event) -> Result<(), EngineError> {
    let (tx, answer) = oneshot::channel();
    shared.mailboxes.send(run, Work::Event(event), Reply::Done(tx))?;
    answer.await.map_err(|_| stopped())?
}

/// How a refusal looks to the caller; what was asked for and has happened already is no error.
pub(crate) fn refused(refusal: Refusal) -> Result<(), EngineError> {
    let text = refusal.to_string();
    match refusal {
        Refusal::RunEnded | Refusal::TaskEnded | Refusal::NotReady => Ok(()),
        Refusal::RunCompleted => Err(EngineError::Conflict(text)),
        Refusal::Unstartable(_) => Err(EngineError::Invalid(text)),
        Refusal::UnknownTask => Err(EngineError::NotFound(text)),
        Refusal::Operator(objection) => Err(match objection.kind() {
            ObjectionKind::NotFound => EngineError::NotFound(text),
            ObjectionKind::Conflict => EngineError::Conflict(text),
            ObjectionKind::Invalid => EngineError::Invalid(text),
        }),
    }
}

/// Every call answers once the change is durable; a crash before that leaves the run as it was. `NotFound` if there is no
/// such run; a run in a state that the verb is not for is a `Conflict`, unless it says otherwise. The texts are those of
/// contract §9.
impl Engine {
    /// Nothing new begins in the run until it is resumed. Pausing twice is no error.
    pub async fn pause(&self, id: RunId) -> Result<(), EngineError> {
        self.verb(id, Operation::Pause).await
    }

    /// What a pause held back is decided.
    pub async fn resume(&self, id: RunId) -> Result<(), EngineError> {
        self.verb(id, Operation::Resume).await
    }

    /// A new attempt for each task of an ended run that failed or was cancelled; `NotFound` while it is open.
    /// `resume_children`: a child that failed goes on instead of being replaced.
    pub async fn retry(&self, id: RunId, resume_children: bool) -> Result<(), EngineError> {
        self.verb(id, Operation::Retry { resume_children }).await
    }

    /// An ended run begins again, with the definition that it has or the latest one. `NotFound` if there is none, or
    /// if the definition forbids it.
    pub async fn restart(&self, id: RunId, latest: bool) -> Result<(), EngineError> {
        let edition = if latest { latest_of(self.shared(), id).await? } else { Edition::Kept };
        self.verb(id, Operation::Restart(edition)).await
    }

    /// An ended run goes on from a task that it had passed, or begins again. `Invalid` if there is no such task.
    pub async fn rerun(&self, id: RunId, rerun: Rerun) -> Result<(), EngineError> {
        self.verb(id, Operation::Rerun(Box::new(rerun))).await
    }

    /// A task that the flow has not reached yet is passed over. `Invalid` if the definition has no such task.
    pub async fn skip_task(
        &self,
        id: RunId,
        ref_name: String,
        input: Payload,
        output: Payload,
    ) -> Result<(), EngineError> {
        self.verb(id, Operation::Skip { ref_name, input, output }).await
    }

    /// Scheduled tasks that wait for a delay are ready at once.
    pub async fn reset_callbacks(&self, id: RunId) -> Result<(), EngineError> {
        self.verb(id, Operation::ResetCallbacks).await
    }

    /// The run is there no more for any call. With `archive` it must have ended (else `Invalid`), and searches still
    /// find it; without, it is deleted in whatever state it is, and its children live on.
    pub async fn remove(&self, id: RunId, archive: bool) -> Result<(), EngineError> {
        if archive {
            return self.verb(id, Operation::Archive).await;
        }
        let shared = self.shared();
        for _ in 0..TRIES {
            let found = read::run(shared, id).await?.ok_or_else(|| no_run(id))?;
            if shared.store.remove_run(id, found.run.head.version).await.map_err(storage)? {
                return Ok(());
            }
        }
        Err(EngineError::Unavailable("the run changes too fast to be removed".to_owned()))
    }

    async fn verb(&self, id: RunId, operation: Operation) -> Result<(), EngineError> {
        operate(self.shared(), id, Event::Operate(operation)).await
    }
}

/// The latest definition of the run's name, as it is registered now.
async fn latest_of(shared: &Shared, id: RunId) -> Result<Edition, EngineError> {
    let found = read::run(shared, id).await?.ok_or_else(|| no_run(id))?;
    let name = &found.run.head.name;
    let latest = shared.definitions.load(&shared.store, &shared.plans, name, None).await?;
    Ok(latest.map_or(Edition::Missing, |resolved| Edition::Latest(resolved.plan.clone())))
}

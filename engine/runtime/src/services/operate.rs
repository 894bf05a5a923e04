//! What an operator may do to a run.

use std::time::Duration;

use podium_core::{
    Edition, Event, ObjectionKind, Operation, Payload, Refusal, Rerun, RerunFrom, RunId, RunState, TaskId,
};
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
/// How long an operation waits for the turns of the runs that hear of it.
const OTHERS_WAIT: Duration = Duration::from_secs(2);
/// Between two looks at first, and at last.
const OTHERS_LOOK: Duration = Duration::from_millis(2);
const OTHERS_LOOK_SELDOM: Duration = Duration::from_millis(50);
/// Levels of sub-workflows that are gone through.
const LEVELS: usize = 1_000;

/// A verb as it is asked for, on the run that is named with it.
#[derive(Clone, Debug)]
pub enum Verb {
    /// A new attempt for each task of an ended run that failed or was cancelled; `NotFound` while it is open.
    Retry {
        /// If the first task that failed has a child, that one is retried instead, and so on; its parents are open again
        /// soon after.
        resume_children: bool,
    },
    /// An ended run begins again. `NotFound` if the definition forbids it.
    Restart {
        /// With the definition that is registered latest (`NotFound` if there is none) instead of its own.
        latest: bool,
    },
    /// An ended run goes on from a task that it had passed, or begins again. A task of one of its children, or of theirs,
    /// is run again there, and its parents are open again soon after. `Invalid` if there is no such task.
    Rerun(Rerun),
    /// A task that the flow has not reached yet is passed over. `Invalid` if the definition has no such task.
    Skip { ref_name: String, input: Payload, output: Payload },
}

/// The run that the verb is about in truth, and what is done there.
pub(crate) async fn aimed(shared: &Shared, id: RunId, verb: Verb) -> Result<(RunId, Operation), EngineError> {
    Ok(match verb {
        Verb::Retry { resume_children } => {
            let id = if resume_children { deepest_failed(shared, id).await? } else { id };
            (id, Operation::Retry { resume_children })
        }
        Verb::Restart { latest } => {
            let edition = if latest { latest_of(shared, id).await? } else { Edition::Kept };
            (id, Operation::Restart(edition))
        }
        Verb::Rerun(rerun) => {
            let (id, rerun) = where_it_is(shared, id, rerun).await?;
            (id, Operation::Rerun(Box::new(rerun)))
        }
        Verb::Skip { ref_name, input, output } => (id, Operation::Skip { ref_name, input, output }),
    })
}

/// Gives the run this event and answers once what follows from it is durable, and once the runs that heard of it have
/// had their turns, for which it waits [`OTHERS_WAIT`] at most: they come to it in any case, after a crash too.
pub(crate) async fn operate(shared: &Shared, run: RunId, event: Event) -> Result<(), EngineError> {
    let told = ask(shared, run, event).await?;
    if !told.is_empty() {
        // whether they had their turns is not what the answer is about
        drop(tokio::time::timeout(OTHERS_WAIT, others(shared, run, &told)).await);
    }
    Ok(())
}

/// The same without the wait: the runs that hear of it.
pub(crate) async fn ask(shared: &Shared, run: RunId, event: Event) -> Result<Vec<RunId>, EngineError> {
    let (tx, answer) = oneshot::channel();
    shared.mailboxes.send(run, Work::Event(event), Reply::Operated(tx))?;
    answer.await.map_err(|_| stopped())?
}

/// Waits until the runs have taken what this run told them.
async fn others(shared: &Shared, run: RunId, told: &[RunId]) {
    let mut pause = OTHERS_LOOK;
    loop {
        tokio::time::sleep(pause).await;
        match shared.store.has_untaken(run, told).await {
            Ok(true) => pause = (pause * 2).min(OTHERS_LOOK_SELDOM),
            Ok(false) | Err(_) => return,
        }
    }
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

    /// Does what the verb says.
    pub async fn operate(&self, id: RunId, verb: Verb) -> Result<(), EngineError> {
        let (id, operation) = aimed(self.shared(), id, verb).await?;
        self.verb(id, operation).await
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
        delete(self.shared(), id).await
    }

    async fn verb(&self, id: RunId, operation: Operation) -> Result<(), EngineError> {
        operate(self.shared(), id, self.asked(Event::Operate(operation))).await
    }
}

/// Deletes a run in whatever state it is.
pub(crate) async fn delete(shared: &Shared, id: RunId) -> Result<(), EngineError> {
    for _ in 0..TRIES {
        let found = read::run(shared, id).await?.ok_or_else(|| no_run(id))?;
        let removed = shared.store.remove_run(id, found.run.head.version).await.map_err(storage)?;
        if let Some(next) = removed {
            shared.watches.removed(id);
            for run in next {
                shared.mailboxes.send_own(run, Work::Inbox, Reply::None);
            }
            return Ok(());
        }
    }
    Err(EngineError::Unavailable("the run changes too fast to be removed".to_owned()))
}

/// The latest definition of the run's name, as it is registered now.
async fn latest_of(shared: &Shared, id: RunId) -> Result<Edition, EngineError> {
    let found = read::run(shared, id).await?.ok_or_else(|| no_run(id))?;
    let name = &found.run.head.name;
    let latest = shared.definitions.load(&shared.store, &shared.plans, name, None).await?;
    Ok(latest.map_or(Edition::Missing, |resolved| Edition::Latest(resolved.plan.clone())))
}

/// The run that a retry of this one with its children is about: the child of the first task that failed, and so on, as
/// long as such a child has failed tasks itself.
async fn deepest_failed(shared: &Shared, id: RunId) -> Result<RunId, EngineError> {
    let mut found = read::run(shared, id).await?.ok_or_else(|| no_run(id))?.run;
    for _ in 0..LEVELS {
        if !found.head.status.is_terminal() {
            break;
        }
        let Some(child) = first_failed(&found).flatten() else { break };
        match read::run(shared, child).await? {
            Some(next) if next.run.head.status.is_terminal() && first_failed(&next.run).is_some() => {
                found = next.run;
            }
            Some(_) | None => break,
        }
    }
    Ok(found.head.id)
}

/// The first task that failed and was not tried again: its child, if it has one. A loop stands for what failed in it.
fn first_failed(run: &RunState) -> Option<Option<RunId>> {
    let rows = run.tasks.in_order().into_iter();
    let failed = rows.filter(|t| t.status.is_terminal() && !t.status.is_successful() && !t.retried);
    let (loops, others): (Vec<_>, Vec<_>) = failed.partition(|row| &*row.task_type == "DO_WHILE");
    others.first().or(loops.first()).map(|row| row.child)
}

/// A task that is not this run's may be one of a run below it.
async fn where_it_is(shared: &Shared, id: RunId, rerun: Rerun) -> Result<(RunId, Rerun), EngineError> {
    let RerunFrom::Unknown(text) = &rerun.from else { return Ok((id, rerun)) };
    let Ok(task) = text.parse::<TaskId>() else { return Ok((id, rerun)) };
    let Some(top) = read::run(shared, id).await? else { return Ok((id, rerun)) };
    let Some(found) = read::run(shared, task.run()).await? else { return Ok((id, rerun)) };
    if !top.run.head.status.is_terminal() || found.run.tasks.get(task.no()).is_none() {
        return Ok((id, rerun));
    }
    let mut above = found.run.head.extra.parent;
    for _ in 0..LEVELS {
        let Some(parent) = above else { break };
        if parent.run == id {
            let from = RerunFrom::Task(task.no());
            let below = Rerun { from, input: None, correlation_id: None, asked_above: true, ..rerun };
            return Ok((task.run(), below));
        }
        above = read::run(shared, parent.run).await?.and_then(|found| found.run.head.extra.parent);
    }
    Ok((id, rerun))
}

//! What a verb would do: the same decision on a copy of the run, of which nothing is kept.

use std::sync::Arc;

use podium_core::{
    Cx, Decision, Effect, Event, InboxMessage, Operation, RunId, RunState, RunStatus, TaskState, TaskStatus,
    decide,
};

use crate::engine::Engine;
use crate::entropy::random;
use crate::loading;
use crate::messages::{EngineError, RunView};
use crate::plans::Answers;
use crate::script::rehearse;
use crate::services::operate::{Verb, aimed, refused};
use crate::services::read;
use crate::settle::no_run;
use crate::shared::Shared;
use crate::turn::Informed;

/// A decision asks for something new each time; one that goes on asking will not be made.
const TRIES: usize = 100;

/// What a verb would change. Rows are as they are now, those of `again` as they would be.
#[derive(Clone, Debug)]
pub struct Preview {
    /// The run that it is about, which may be one below the run that was named.
    pub run: RunId,
    pub before: RunStatus,
    /// Right after the verb; tasks that the engine runs itself have then been passed.
    pub after: RunStatus,
    /// Ended rows whose results go on counting.
    pub kept: Vec<Arc<TaskState>>,
    /// Ended rows whose results count no more: opened again, replaced by another attempt, or taken away.
    pub reset: Vec<Arc<TaskState>>,
    /// Rows that are open afterwards and were not, or that were passed anew.
    pub again: Vec<Arc<TaskState>>,
    /// Open rows that would be cancelled.
    pub cancelled: Vec<Arc<TaskState>>,
    /// Other runs that hear of it.
    pub others: Vec<(RunId, OtherRun)>,
}

/// What happens to another run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OtherRun {
    /// It is made.
    Started,
    /// It goes on where it failed.
    Retried,
    /// It is open again, because a run below it is.
    Reopened,
    /// It is ended.
    Ended,
}

impl Engine {
    /// What the verb would do now. Nothing is written; what happens meanwhile may change the answer. Errors: those of the
    /// verb itself.
    pub async fn preview(&self, id: RunId, verb: Verb) -> Result<Preview, EngineError> {
        let shared = self.shared();
        let (id, operation) = aimed(shared, id, verb).await?;
        let found = read::run(shared, id).await?.ok_or_else(|| no_run(id))?;
        let (after, effects) = decided(shared, &found, operation).await?;
        Ok(compared(&found.run, &after, &effects))
    }
}

async fn decided(
    shared: &Arc<Shared>,
    found: &RunView,
    operation: Operation,
) -> Result<(RunState, Vec<Effect>), EngineError> {
    let event = Event::Operate(operation);
    let mut answers = Answers::default();
    for _ in 0..TRIES {
        let needs = {
            let mut run = found.run.clone();
            let outside = shared.outside();
            let informed = Informed { outside: &outside, answers: &answers };
            let cx = Cx {
                now: shared.clock.now(),
                random: random(),
                settings: outside.settings,
                world: &informed,
            };
            match decide(&found.plan, &mut run, &event, &cx) {
                Decision::Done(effects) => return Ok((run, effects)),
                Decision::Refused(refusal) | Decision::RefusedOnRecord(refusal, _) => {
                    // what has happened already changes nothing
                    return refused(refusal).map(|()| (found.run.clone(), Vec::new()));
                }
                Decision::Needs(needs) => needs,
            }
        };
        loading::answer(shared, &needs, &mut answers).await?;
        if needs.scripts {
            let events = vec![event.clone()];
            answers = rehearse(shared, found.run.clone(), found.plan.clone(), events, answers).await;
        }
    }
    Err(EngineError::Unavailable("the decision asks for more and more; try again".to_owned()))
}

fn compared(before: &RunState, after: &RunState, effects: &[Effect]) -> Preview {
    let mut preview = Preview {
        run: before.head.id,
        before: before.head.status,
        after: after.head.status,
        kept: Vec::new(),
        reset: Vec::new(),
        again: Vec::new(),
        cancelled: Vec::new(),
        others: effects.iter().filter_map(other).collect(),
    };
    for row in before.tasks.in_order() {
        let now = after.tasks.get(row.no);
        match now {
            Some(now) if !row.status.is_terminal() => {
                if now.status == TaskStatus::Canceled {
                    preview.cancelled.push(row.clone());
                }
            }
            Some(now) if now.status.is_terminal() && (row.retried || !now.retried) => {
                preview.kept.push(row.clone());
            }
            Some(now) => {
                if !now.status.is_terminal() {
                    preview.again.push(now.clone());
                }
                preview.reset.push(row.clone());
            }
            None if row.status.is_terminal() => preview.reset.push(row.clone()),
            None => preview.cancelled.push(row.clone()),
        }
    }
    let new = after.tasks.in_order().into_iter().filter(|row| before.tasks.get(row.no).is_none());
    preview.again.extend(new.cloned());
    preview
}

fn other(effect: &Effect) -> Option<(RunId, OtherRun)> {
    match effect {
        Effect::RunWanted(wanted) => Some((wanted.id, OtherRun::Started)),
        Effect::Told(told) => {
            let what = match &told.message {
                InboxMessage::RetryWanted => OtherRun::Retried,
                InboxMessage::ChildReopened(_) => OtherRun::Reopened,
                InboxMessage::ParentEnded(_) => OtherRun::Ended,
                InboxMessage::Completion(_)
                | InboxMessage::ChildEnded(_)
                | InboxMessage::Action(_)
                | InboxMessage::SlotGranted { .. }
                | InboxMessage::SlotRefused { .. } => return None,
            };
            Some((told.to, what))
        }
        _ => None,
    }
}

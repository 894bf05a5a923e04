//! Starts runs.

use std::sync::Arc;

use podium_core::{Event, NewRun, Payload, RunExtra, RunId};
use tokio::sync::oneshot;

use crate::entropy::random;
use crate::errors::storage;
use crate::mailbox::{Began, Reply, Start, Work, stopped};
use crate::messages::{Definition, EngineError, StartRequest};
use crate::plans::{Answers, Resolved};
use crate::services::external::given_or_stored;
use crate::services::operate::operate;
use crate::shared::Shared;

/// All runs live in one shard until there are several.
pub(crate) const SHARD: u16 = 0;
/// Answers with the run's id once its first turn is durable. A crash before that leaves nothing, one between commit
/// and answer leaves the run.
pub(crate) async fn start(shared: &Shared, request: StartRequest) -> Result<RunId, EngineError> {
    let id = RunId::new(shared.clock.now(), random(), SHARD);
    start_as(shared, &request, id, Purpose::Real).await?;
    Ok(id)
}

/// The same for a run that is only played.
pub(crate) async fn start_rehearsal(shared: &Shared, request: StartRequest) -> Result<RunId, EngineError> {
    let id = RunId::new(shared.clock.now(), random(), SHARD);
    start_as(shared, &request, id, Purpose::Rehearsal).await?;
    Ok(id)
}

/// Starts a run under an id that follows from what asks for it, so that asking again is the same run. True if there
/// was no such run before. A crash leaves the run or nothing; then ask again.
pub(crate) async fn start_once(
    shared: &Shared,
    request: &StartRequest,
    id: RunId,
) -> Result<bool, EngineError> {
    if shared.store.has_run(id).await.map_err(storage)? {
        return Ok(false);
    }
    match start_as(shared, request, id, Purpose::Real).await {
        Ok(()) => Ok(true),
        // another node that was asked the same may have been faster
        Err(EngineError::Unavailable(why)) => {
            if shared.store.has_run(id).await.map_err(storage)? {
                Ok(false)
            } else {
                Err(EngineError::Unavailable(why))
            }
        }
        Err(error) => Err(error),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Real,
    Rehearsal,
}

async fn start_as(
    shared: &Shared,
    request: &StartRequest,
    id: RunId,
    purpose: Purpose,
) -> Result<(), EngineError> {
    shared.refuse_when_stopping()?;
    if shared.mailboxes.full() {
        shared.stats.refused_overload.one();
    }
    let input = given_or_stored(shared, &request.input, request.external_input.as_deref()).await?;
    for checked in [true, false] {
        let resolved = resolve(shared, &request.definition).await?;
        let (tx, answer) = oneshot::channel();
        let start = new_run(shared, request, input.clone(), &resolved, id, checked, purpose);
        shared.mailboxes.send(id, Work::Start(Box::new(start)), Reply::Start(tx))?;
        match answer.await.map_err(|_| stopped())?? {
            Began::Stored if resolved.plan.def().rate_limit_config.is_some() => {
                return first_task(shared, id).await;
            }
            Began::Stored => return Ok(()),
            // the metadata version that refused it has emptied the memory: what is found now was read after this start
            // was asked for, and may begin whatever is registered meanwhile
            Began::MetadataMoved => {}
        }
    }
    Err(EngineError::Internal("a start was refused for a reason that it did not give".to_owned()))
}

/// A run under a rate limit asks for its slot in its first commit. If it got one, its first task is there when this returns,
/// as for every other start; if not, it waits, and this does not.
async fn first_task(shared: &Shared, id: RunId) -> Result<(), EngineError> {
    // the run is stored: whatever becomes of the look, its start is no failure
    match operate(shared, id, Event::Look).await {
        Ok(()) => {}
        Err(error) => tracing::debug!(run_id = %id, %error, "a start was not looked at again"),
    }
    Ok(())
}

async fn resolve(shared: &Shared, definition: &Definition) -> Result<Arc<Resolved>, EngineError> {
    let Shared { definitions, store, plans, .. } = shared;
    match definition {
        Definition::Registered { name, version } => {
            let found = definitions.find(store, plans, name, *version).await?;
            found.ok_or_else(|| EngineError::UnknownDefinition { name: name.clone(), version: *version })
        }
        Definition::Inline(def) => Ok(Arc::new(definitions.inline(store, plans, def).await?)),
    }
}

/// `checked`: it begins only if no definition has been registered since this one was read.
fn new_run(
    shared: &Shared,
    request: &StartRequest,
    input: Payload,
    resolved: &Resolved,
    id: RunId,
    checked: bool,
    purpose: Purpose,
) -> Start {
    let now = shared.clock.now();
    let new = NewRun {
        id,
        snapshot: resolved.plan.hash,
        name: resolved.name.clone(),
        def_version: resolved.version,
        variables: resolved.variables.clone(),
        input: resolved.input(input),
        correlation_id: request.correlation_id.as_deref().map(Into::into),
        priority: request.priority,
        extra: RunExtra {
            task_to_domain: request.task_to_domain.clone(),
            event: request.event.clone(),
            external_input: request.external_input.clone(),
            rehearsed: purpose == Purpose::Rehearsal,
            ..RunExtra::default()
        },
        now,
    };
    Start {
        new,
        plan: resolved.plan.clone(),
        metadata_version: checked.then_some(resolved.metadata_version),
        answers: Answers::default(),
    }
}

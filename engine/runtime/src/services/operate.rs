//! What an operator may do to a run.

use podium_core::{Event, RunId};
use tokio::sync::oneshot;

use crate::mailbox::{Reply, Work, stopped};
use crate::messages::EngineError;
use crate::shared::Shared;

/// Gives the run this event and answers once what follows from it is durable.
pub(crate) async fn operate(shared: &Shared, run: RunId, event: Event) -> Result<(), EngineError> {
    let (tx, answer) = oneshot::channel();
    shared.mailboxes.send(run, Work::Event(event), Reply::Done(tx))?;
    answer.await.map_err(|_| stopped())?
}

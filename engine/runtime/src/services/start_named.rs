//! Starts a run under an id that the caller chose, so that asking again starts nothing more.

use podium_core::{RunId, Span};

use crate::engine::Engine;
use crate::messages::{Definition, EngineError, StartRequest};
use crate::services::start::{SHARD, start_once};

/// How far from now the time in such an id may lie. Rows are kept by the time in their id, so it must be about now.
const AROUND: Span = Span::from_secs(24 * 60 * 60);

impl Engine {
    /// Starts a run with this id, once its first turn is durable. A run of that id that was started by the same name and
    /// correlation id is the same start, and is answered as if it had been made now. A crash leaves the run or nothing;
    /// then ask again.
    ///
    /// Errors: as for [`Engine::start`]; `Invalid` if the time in the id is not about now; `Conflict` if the id is
    /// another run's.
    pub async fn start_named(&self, request: StartRequest, id: RunId) -> Result<(), EngineError> {
        let shared = self.shared();
        let now = shared.clock.now();
        let age = if now > id.made_at() { now - id.made_at() } else { id.made_at() - now };
        if age > AROUND || u16::try_from(id.shard()) != Ok(SHARD) {
            return Err(EngineError::Invalid(format!(
                "{id} cannot be the id of a new workflow: its time is not within a day of now"
            )));
        }
        if start_once(shared, &request, id).await? {
            return Ok(());
        }
        let taken = || EngineError::Conflict(format!("{id} is the id of another workflow"));
        let found = self.run(id).await?.ok_or_else(taken)?;
        let head = &found.run.head;
        let name = match &request.definition {
            Definition::Registered { name, .. } => name.as_str(),
            Definition::Inline(def) => def.name.as_deref().unwrap_or_default(),
        };
        let same_name = *name == *head.name;
        let same_cause = request.correlation_id.as_deref() == head.correlation_id.as_deref();
        if same_name && same_cause { Ok(()) } else { Err(taken()) }
    }
}

//! What became of events: what handlers did with them, and which wait for a task. Reads only.

use podium_core::{ParkedEvent, RunId};
use podium_store::EventExecution;

use super::search::searched;
use crate::engine::Engine;
use crate::messages::EngineError;

impl Engine {
    /// What handlers did with messages, the latest first, and how many such notes there are; of one handler or event, or
    /// of all. Those of the last tenth of a second may be missing; at most 30,000 are kept, for a month.
    pub async fn event_executions(
        &self,
        handler: Option<&str>,
        event: Option<&str>,
        start: i64,
        size: i64,
    ) -> Result<(Vec<EventExecution>, i64), EngineError> {
        self.shared().store.event_executions(handler, event, start, size).await.map_err(searched)
    }

    /// Events that are kept for tasks which do not wait yet, those of the newest runs first.
    pub async fn kept_events(&self, start: i64, size: i64) -> Result<Vec<(RunId, ParkedEvent)>, EngineError> {
        self.shared().store.kept_events(start, size).await.map_err(searched)
    }
}

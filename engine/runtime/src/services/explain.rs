//! Why a run does not go on: gathers what is known about its surroundings and lets the core say it.

use std::collections::BTreeSet;

use podium_core::explain::{Explanation, Known, Polled, explain};
use podium_core::{RunId, RunSlot, RunState, RunStatus, view};

use crate::engine::Engine;
use crate::errors::storage;
use crate::messages::{EngineError, RunView};
use crate::services::read;

/// Limits of task definitions that are looked at for one run.
const LIMITS_AT_MOST: usize = 50;

/// A run with what it waits for.
#[derive(Clone, Debug)]
pub struct Explained {
    pub run: RunView,
    pub explanation: Explanation,
}

impl Engine {
    /// Says what a run waits for, since when, and what would make it go on; `None` if there is no such run. Reads only.
    pub async fn explain(&self, id: RunId) -> Result<Option<Explained>, EngineError> {
        let Some(mut run) = read::run(self.shared(), id).await? else { return Ok(None) };
        let known = self.known(&run.run).await?;
        // sentences say no more than people may see
        if let Some(masked) = view::masked_run(&run.plan, &run.run) {
            run.run = masked;
        }
        let explanation = explain(&run.plan, &run.run, &known);
        Ok(Some(Explained { run, explanation }))
    }

    async fn known(&self, run: &RunState) -> Result<Known, EngineError> {
        let (shared, id) = (self.shared(), run.head.id);
        let mut known = Known {
            now: shared.clock.now(),
            event_references: shared.config.settings.event_references.clone(),
            ..Known::default()
        };
        if run.head.status.is_terminal() {
            return Ok(known);
        }
        let queued: Vec<_> = run.tasks.open().filter(|row| row.ready).collect();
        let types: BTreeSet<&str> = queued.iter().map(|row| &*row.task_type).collect();
        let only = types.first().copied().filter(|_| types.len() == 1);
        if !types.is_empty() {
            let polls = self.last_polls(only).await?;
            known.polls = polls
                .into_iter()
                .filter(|poll| types.contains(poll.task_type.as_str()))
                .map(|poll| Polled {
                    task_type: poll.task_type,
                    domain: poll.domain,
                    worker: poll.worker,
                    at: poll.at,
                })
                .collect();
        }
        let limited: BTreeSet<&str> = queued.iter().map(|row| &*row.def_name).collect();
        for name in
            limited.into_iter().filter(|name| shared.definitions.limits.covers(name)).take(LIMITS_AT_MOST)
        {
            if let Some(room) = shared.store.limit_room(name, known.now).await.map_err(storage)? {
                known.room.insert(name.to_owned(), room);
            }
        }
        let children: Vec<RunId> = run.tasks.open().filter_map(|row| row.child).collect();
        if !children.is_empty() {
            known.children = shared.store.statuses(&children).await.map_err(storage)?.into_iter().collect();
        }
        if run.tasks.open().any(|row| matches!(&*row.task_type, "EVENT" | "KAFKA_PUBLISH")) {
            known.unsent = shared.store.unsent(id).await.map_err(storage)?.into_iter().collect();
        }
        let waits_in_line = run.head.extra.slot.as_deref().is_some_and(RunSlot::holds_back);
        if waits_in_line && run.head.status == RunStatus::Running {
            known.before = shared.store.before_in_line(id).await.map_err(storage)?;
        }
        Ok(known)
    }
}

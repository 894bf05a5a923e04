//! Reads what turns need and the cache does not have.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::{self, BoxStream};
use podium_core::decide::KnownPayload;
use podium_core::{Event, InboxId, InboxMessage, Needs, RunId, RunState};

use crate::cache::{CachedRun, LIKELY};
use crate::errors::storage;
use crate::mailbox::{Envelope, Start, Work};
use crate::messages::EngineError;
use crate::plans::{Answers, Looked};
use crate::script::{Part, rehearse};
use crate::services::external::stored;
use crate::shared::Shared;

/// A connection whose other end vanished without a word never answers; the runs must not wait with it.
const AT_MOST: Duration = Duration::from_secs(20);

/// Definitions and inboxes read at the same time.
const AT_ONCE: usize = 16;

/// What one run's turn waits for.
pub(crate) struct Wanted {
    pub(crate) run: RunId,
    /// The run itself is here already.
    pub(crate) have: Option<Box<CachedRun>>,
    /// It is not stored yet: its start is decided again.
    pub(crate) fresh: bool,
    /// Its inbox rows too, read after the run: a row that is gone by then was taken in a later version, which
    /// the version guard would notice.
    pub(crate) inbox: bool,
    /// What its decision asked for.
    pub(crate) needs: Needs,
    /// What it was told before.
    pub(crate) answers: Answers,
    /// The work that waits for it, where scripts are needed, and the run if it is not stored yet.
    pub(crate) parts: Vec<Part>,
    pub(crate) start: Option<Box<Start>>,
}

impl Wanted {
    pub(crate) fn run(run: RunId) -> Self {
        Wanted {
            run,
            have: None,
            fresh: false,
            inbox: false,
            needs: Needs::default(),
            answers: Answers::default(),
            parts: Vec::new(),
            start: None,
        }
    }
}

impl Wanted {
    /// The scripts that this work will ask for are to be run too.
    pub(crate) fn rehearse(&mut self, work: &[Envelope]) {
        for envelope in work {
            self.parts.push(match &envelope.work {
                Work::Start(start) => {
                    self.start = Some(start.clone());
                    Part::Event(Box::new(Event::Started))
                }
                Work::Event(event) => Part::Event(Box::new(event.clone())),
                Work::Inbox => Part::Inbox,
            });
        }
    }
}

pub(crate) struct Loaded {
    pub(crate) run: RunId,
    pub(crate) found: Result<Found, EngineError>,
}

pub(crate) enum Found {
    Run {
        run: Box<CachedRun>,
        inbox: Vec<(InboxId, InboxMessage)>,
        answers: Answers,
    },
    /// Begin the run's first turn again.
    Fresh(Answers),
    Gone,
}

/// Reads all of it; runs in one statement. Answers for every run in bounded time: first for those that need nothing
/// else, so that they do not wait while the definition or the inbox of another is read.
pub(crate) fn load(shared: Arc<Shared>, wanted: Vec<Wanted>) -> BoxStream<'static, Vec<Loaded>> {
    stream::once(begin(shared.clone(), wanted))
        .flat_map(move |(done, rest)| {
            let shared = shared.clone();
            let rest = stream::iter(rest)
                .map(move |rest| finish(shared.clone(), rest))
                .buffer_unordered(AT_ONCE)
                .map(|loaded| vec![loaded]);
            stream::iter((!done.is_empty()).then_some(done)).chain(rest)
        })
        .boxed()
}

/// What a run still needs.
struct Rest {
    wanted: Wanted,
    row: Row,
}

enum Row {
    Read(Option<RunState>),
    /// To be read alone: another one of the batch could not be read.
    Alone,
}

async fn begin(shared: Arc<Shared>, wanted: Vec<Wanted>) -> (Vec<Loaded>, Vec<Rest>) {
    let ids: Vec<RunId> = wanted.iter().filter(|w| w.have.is_none() && !w.fresh).map(|w| w.run).collect();
    let mut states: HashMap<RunId, RunState> = match in_time(read_runs(&shared, &ids)).await {
        Ok(states) => states.into_iter().map(|s| (s.head.id, s)).collect(),
        Err(error) if ids.len() > 1 && !matches!(error, EngineError::Unavailable(_)) => {
            let alone = |wanted| Rest { wanted, row: Row::Alone };
            return (Vec::new(), wanted.into_iter().map(alone).collect());
        }
        Err(error) => {
            let failed = |w: Wanted| Loaded { run: w.run, found: Err(error.clone()) };
            return (wanted.into_iter().map(failed).collect(), Vec::new());
        }
    };
    let (mut done, mut rest) = (Vec::with_capacity(wanted.len()), Vec::new());
    for one in wanted {
        let state = states.remove(&one.run);
        let known = state.as_ref().is_none_or(|s| shared.plans.get(&s.head.snapshot).is_some());
        if one.needs.is_empty() && !one.inbox && known {
            // nothing is left to wait for
            done.push(Loaded { run: one.run, found: complete(&shared, one, state).await });
        } else {
            rest.push(Rest { wanted: one, row: Row::Read(state) });
        }
    }
    (done, rest)
}

async fn finish(shared: Arc<Shared>, rest: Rest) -> Loaded {
    let Rest { wanted, row } = rest;
    let run = wanted.run;
    let found = in_time(async {
        let state = match row {
            Row::Read(state) => state,
            Row::Alone if wanted.have.is_some() || wanted.fresh => None,
            Row::Alone => read_runs(&shared, &[run]).await?.pop(),
        };
        complete(&shared, wanted, state).await
    })
    .await;
    Loaded { run, found }
}

async fn in_time<T>(read: impl Future<Output = Result<T, EngineError>>) -> Result<T, EngineError> {
    let late = |_| EngineError::Unavailable("the database is not available".to_owned());
    tokio::time::timeout(AT_MOST, read).await.map_err(late)?
}

async fn read_runs(shared: &Shared, ids: &[RunId]) -> Result<Vec<RunState>, EngineError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    shared.store.load_many(ids).await.map_err(storage)
}

/// Reads what a decision asked for, but for its scripts.
pub(crate) async fn answer(shared: &Shared, needs: &Needs, answers: &mut Answers) -> Result<(), EngineError> {
    for (name, version) in &needs.definitions {
        let read = shared.definitions.load(&shared.store, &shared.plans, name, *version).await;
        answers.note(name, *version, Looked::of(read)?);
    }
    for definition in &needs.inline {
        let looked = shared.definitions.load_inline(&shared.store, &shared.plans, definition).await?;
        answers.note_inline(definition, looked);
    }
    for path in &needs.payloads {
        let known = match stored(shared, path).await {
            Ok(found) => found.map_or(KnownPayload::Absent, KnownPayload::Found),
            Err(error @ EngineError::Unavailable(_)) => return Err(error),
            Err(error) => KnownPayload::Unusable(error.to_string()),
        };
        answers.note_payload(path, known);
    }
    if !needs.cached.is_empty() {
        let found = shared.store.cached_outputs(&needs.cached).await.map_err(storage)?;
        answers.note_cached(&needs.cached, found);
    }
    if !needs.task_definitions.is_empty() {
        answers.note_task_defs(shared.definitions.load_task_defs(&shared.store).await?);
    }
    Ok(())
}

async fn complete(
    shared: &Arc<Shared>,
    wanted: Wanted,
    state: Option<RunState>,
) -> Result<Found, EngineError> {
    let mut answers = wanted.answers;
    answer(shared, &wanted.needs, &mut answers).await?;
    if wanted.fresh {
        if let Some(start) = wanted.start.filter(|_| wanted.needs.scripts) {
            let events = events(wanted.parts, &[]);
            answers = rehearse(shared, RunState::new(start.new), start.plan, events, answers).await;
        }
        return Ok(Found::Fresh(answers));
    }
    let mut run = match (wanted.have, state) {
        (Some(have), _) => have,
        (None, Some(state)) => {
            let plan = shared.plans.load(&shared.store, state.head.snapshot).await?;
            Box::new(CachedRun { state, plan, own: false, keeps_copy: 0 })
        }
        (None, None) => return Ok(Found::Gone),
    };
    if !wanted.needs.is_empty() {
        run.keeps_copy = LIKELY;
    }
    let inbox = if wanted.inbox {
        let rows = shared.store.load_inbox(wanted.run).await.map_err(storage)?;
        rows.into_iter().map(|row| (row.id, row.message)).collect()
    } else {
        Vec::new()
    };
    if wanted.needs.scripts {
        let events = events(wanted.parts, &inbox);
        answers = rehearse(shared, run.state.clone(), run.plan.clone(), events, answers).await;
    }
    Ok(Found::Run { run, inbox, answers })
}

/// The events that the writer will decide, in its order.
fn events(parts: Vec<Part>, inbox: &[(InboxId, InboxMessage)]) -> Vec<Event> {
    let mut rows = Some(inbox);
    let mut events = Vec::new();
    for part in parts {
        match part {
            Part::Event(event) => events.push(*event),
            Part::Inbox => {
                let arrived = |(inbox, message): &(InboxId, InboxMessage)| Event::Arrived {
                    inbox: *inbox,
                    message: message.clone(),
                };
                events.extend(rows.take().unwrap_or_default().iter().map(arrived));
            }
        }
    }
    events
}

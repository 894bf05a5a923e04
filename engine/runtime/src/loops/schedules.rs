//! Starts what the clock says.
//!
//! The pulse brings the instant at which the next schedule fires; nothing is read before. The node that holds the first
//! lane fires it: the firing is a row with the id of its run, made in the statement that moves the schedule on,
//! so there is one for each instant whoever else tries. The run is started after that. Where it could not be (a
//! crash, an outage), the row says so and the run is started again, under the same id.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use futures::StreamExt;
use podium_core::def::parse_workflow;
use podium_core::def::schedule::{Schedule, ScheduledStart};
use podium_core::{Payload, RunId, Span, Timestamp};
use podium_store::{FiringRow, FiringState, StoredSchedule};
use serde_json::{Value, json};
use tokio::sync::Notify;
use uuid::Uuid;

use crate::entropy::random;
use crate::errors::{chain, storage};
use crate::messages::{Definition, EngineError, StartRequest};
use crate::services::schedules::read;
use crate::services::start::{SHARD, start_once};
use crate::shared::Shared;

/// Schedules read at once.
const AT_ONCE: usize = 100;
/// Starts under way at once.
const STARTS: usize = 16;
/// How often firings are looked for whose run was not started.
const LOOK_BACK_EVERY: Duration = Duration::from_secs(30);
/// A start that takes longer is not under way any more.
const START_AT_MOST: Span = Span::from_secs(20);
/// After a read that failed.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// When the next schedule fires, as far as this node knows.
pub(crate) struct NextFiring {
    at_us: AtomicI64,
    changed: Notify,
}

impl Default for NextFiring {
    fn default() -> Self {
        NextFiring { at_us: AtomicI64::new(i64::MAX), changed: Notify::new() }
    }
}

impl NextFiring {
    /// A pulse says so.
    pub(crate) fn is(&self, at: Option<Timestamp>) {
        let at = at.map_or(i64::MAX, Timestamp::as_micros);
        if self.at_us.swap(at, Ordering::Relaxed) != at {
            self.changed.notify_one();
        }
    }

    fn get(&self) -> Option<Timestamp> {
        let at = self.at_us.load(Ordering::Relaxed);
        (at != i64::MAX).then_some(Timestamp::from_micros(at))
    }
}

pub(crate) async fn run(shared: Arc<Shared>) {
    let mut look_back = Instant::now();
    loop {
        let wait = shared.schedules.get().map(|next| {
            let us = (next - shared.clock.now()).as_micros().max(0);
            Duration::from_micros(us.unsigned_abs())
        });
        // cancel-safe: all branches only wait
        tokio::select! {
            () = shared.schedules.changed.notified() => {}
            () = tokio::time::sleep(wait.unwrap_or_default()), if wait.is_some() => {}
            () = tokio::time::sleep_until((look_back + LOOK_BACK_EVERY).into()) => {}
        }
        if !shared.holds_first_lane() || shared.mailboxes.stopping() {
            // another node does it; do not look at an instant that has passed again and again
            shared.schedules.is(None);
            look_back = Instant::now();
            continue;
        }
        if look_back.elapsed() >= LOOK_BACK_EVERY {
            look_back = Instant::now();
            start_open(&shared).await;
        }
        if shared.schedules.get().is_some_and(|next| next <= shared.clock.now()) {
            fire_due(&shared).await;
        }
    }
}

/// Fires what is due, and remembers what comes next of it until the pulse knows.
async fn fire_due(shared: &Shared) {
    let mut next = None;
    loop {
        let due = match shared.store.due_schedules(AT_ONCE as i64).await {
            Ok(due) => due,
            Err(error) => {
                tracing::warn!(error = chain(&error), "could not read the schedules that are due");
                return tokio::time::sleep(AGAIN_AFTER).await;
            }
        };
        let all = due.len() < AT_ONCE;
        let mut fired = futures::stream::iter(due).map(|due| fire(shared, due)).buffer_unordered(STARTS);
        while let Some(then) = fired.next().await {
            next = match (next, then) {
                (Some(one), Some(other)) => Some(std::cmp::min::<Timestamp>(one, other)),
                (one, other) => one.or(other),
            };
        }
        if all {
            break;
        }
    }
    shared.schedules.is(next);
}

/// Fires one schedule for one instant; says when it fires next.
async fn fire(shared: &Shared, due: StoredSchedule) -> Option<Timestamp> {
    let at = due.next_at?;
    let schedule = match read(&due) {
        Ok(schedule) => schedule,
        Err(error) => {
            tracing::error!(schedule = due.name, %error, "a schedule cannot be read");
            return None;
        }
    };
    let now = shared.clock.now();
    let after = if schedule.run_catchup_schedule_instances { at } else { at.max(now) };
    let next = schedule.next(after).map(|firing| firing.at);
    let firing = match firing(&due, &schedule, at, now) {
        Ok(firing) => firing,
        Err(error) => {
            tracing::error!(schedule = due.name, error, "a schedule cannot be fired");
            return None;
        }
    };
    match shared.store.fire_schedule(&due, &firing, next).await {
        Ok(true) => start(shared, &firing).await,
        // another node was faster, or somebody changed it meanwhile: the pulse knows
        Ok(false) => {}
        Err(error) => {
            tracing::warn!(schedule = due.name, error = chain(&error), "could not fire a schedule");
            tokio::time::sleep(AGAIN_AFTER).await;
            return Some(at);
        }
    }
    next
}

fn firing(
    due: &StoredSchedule,
    schedule: &Schedule,
    at: Timestamp,
    now: Timestamp,
) -> Result<FiringRow, String> {
    let request = serde_json::to_string(&schedule.start_workflow_request).map_err(|e| e.to_string())?;
    let why = schedule.next(at + Span::from_micros(-1));
    let zone = schedule.zone_id.clone().unwrap_or_else(|| "UTC".to_owned());
    Ok(FiringRow {
        id: Uuid::now_v7(),
        schedule: due.name.clone(),
        scheduled_at: at,
        executed_at: now,
        workflow: due.workflow.clone(),
        state: FiringState::Polled,
        run: RunId::new(now, random(), SHARD),
        reason: None,
        cron: why.map(|why| format!("{} {}", why.cron, why.zone)).unwrap_or_default(),
        zone,
        request,
    })
}

/// Firings whose run was not started, by whatever accident.
async fn start_open(shared: &Shared) {
    match shared.store.open_firings(START_AT_MOST, AT_ONCE as i64).await {
        Ok(open) => {
            for firing in &open {
                start(shared, firing).await;
            }
        }
        Err(error) => tracing::warn!(error = chain(&error), "could not look for runs that were not started"),
    }
}

/// Starts the run of a firing and notes what became of it. If the database is away the row stays as it is, to be
/// started later.
async fn start(shared: &Shared, firing: &FiringRow) {
    let started = match request(firing) {
        Ok(request) => start_once(shared, &request, firing.run).await.map(drop),
        Err(why) => Err(EngineError::Invalid(why)),
    };
    let (state, reason) = match started {
        Ok(()) => (FiringState::Executed, None),
        Err(EngineError::Unavailable(why)) => {
            tracing::warn!(schedule = firing.schedule, why, "a scheduled run could not be started yet");
            return;
        }
        Err(EngineError::UnknownDefinition { name, version }) => {
            let version = version.map_or("null".to_owned(), |version| version.to_string());
            let reason = format!("No such workflow defined. name={name}, version={version}");
            (FiringState::Failed, Some(reason))
        }
        Err(error) => (FiringState::Failed, Some(error.to_string())),
    };
    let settled = shared.store.settle_firing(firing.id, state, reason.as_deref()).await.map_err(storage);
    if let Err(error) = settled {
        tracing::warn!(schedule = firing.schedule, %error, "could not note what became of a scheduled run");
    }
}

fn request(firing: &FiringRow) -> Result<StartRequest, String> {
    let wanted: Option<ScheduledStart> = serde_json::from_str(&firing.request).map_err(|e| e.to_string())?;
    let wanted = wanted.unwrap_or_default();
    let mut input = wanted.input;
    let mut set = |name: &str, value: Value| input.insert(name.to_owned(), value);
    set("_startedByScheduler", json!(firing.schedule));
    set("_scheduledTime", json!(firing.scheduled_at.as_millis()));
    set("_executedTime", json!(firing.executed_at.as_millis()));
    set("_executionId", json!(firing.id.to_string()));
    set("_schedulerCron", json!(firing.cron));
    let definition = match wanted.workflow_def.filter(|def| !def.is_null()) {
        Some(def) => Definition::Inline(Box::new(parse_workflow(&def)?)),
        None => Definition::Registered { name: wanted.name.unwrap_or_default(), version: wanted.version },
    };
    Ok(StartRequest {
        definition,
        input: Payload::from_map(input),
        correlation_id: wanted.correlation_id,
        priority: i16::try_from(wanted.priority).unwrap_or_default(),
        task_to_domain: wanted.task_to_domain,
        event: None,
        external_input: wanted.external_input_payload_storage_path,
    })
}

//! Schedules: what is registered, and what they have started.

use podium_core::Timestamp;
use podium_core::def::Schedule;
use podium_store::StoredSchedule;

use crate::engine::Engine;
use crate::errors::storage;
use crate::messages::{EngineError, FiringQuery, FiringRow, ScheduleQuery};

/// Changes that run into each other this often are somebody's mistake.
const TRIES: usize = 20;

impl Engine {
    /// Stores a schedule in the place of any other of its name, whose time of creation it keeps, and answers with it as
    /// stored. It fires from its next instant on.
    ///
    /// Errors: `Invalid` if it has no name, no expression, nothing to start, or an unknown zone.
    pub async fn put_schedule(&self, mut schedule: Schedule) -> Result<Schedule, EngineError> {
        schedule.check().map_err(EngineError::Invalid)?;
        let shared = self.shared();
        let name = schedule.name.clone().unwrap_or_default();
        let old = shared.store.get_schedule(&name).await.map_err(storage)?;
        let old = old.map(|old| read(&old)).transpose()?;
        let now = shared.clock.now();
        schedule.create_time = old.and_then(|old| old.create_time).or(Some(now.as_millis()));
        schedule.updated_time = Some(now.as_millis());
        schedule.created_by = Some(String::new());
        schedule.updated_by = Some(String::new());
        shared.store.put_schedule(&stored(&schedule, now)?).await.map_err(storage)?;
        self.schedules_changed();
        Ok(schedule)
    }

    /// A schedule by name.
    pub async fn schedule(&self, name: &str) -> Result<Option<Schedule>, EngineError> {
        let found = self.shared().store.get_schedule(name).await.map_err(storage)?;
        found.map(|found| read(&found)).transpose()
    }

    /// Schedules by name, and how many there are in all.
    pub async fn schedules(&self, query: &ScheduleQuery) -> Result<(i64, Vec<Schedule>), EngineError> {
        let (total, found) = self.shared().store.find_schedules(query).await.map_err(storage)?;
        Ok((total, found.iter().map(read).collect::<Result<_, _>>()?))
    }

    /// Removes a schedule; false if there was none. What it has started goes on, and can still be looked up.
    pub async fn delete_schedule(&self, name: &str) -> Result<bool, EngineError> {
        self.shared().store.delete_schedule(name).await.map_err(storage)
    }

    /// Stops a schedule. `NotFound` if there is none of that name.
    pub async fn pause_schedule(&self, name: &str, reason: Option<&str>) -> Result<(), EngineError> {
        self.change_schedule(name, |schedule| {
            schedule.paused = true;
            schedule.paused_reason = reason.map(str::to_owned);
            true
        })
        .await
    }

    /// Lets a paused schedule go on with its next instant; what it missed meanwhile stays missed. `NotFound` if
    /// there is none of that name or it is not paused.
    pub async fn resume_schedule(&self, name: &str) -> Result<(), EngineError> {
        self.change_schedule(name, |schedule| {
            schedule.paused_reason = None;
            std::mem::replace(&mut schedule.paused, false)
        })
        .await
    }

    /// Stops all schedules of all nodes, or lets them go on: then each fires once if it missed an instant, and for
    /// each one if it makes up for them.
    pub async fn pause_all_schedules(&self, paused: bool) -> Result<(), EngineError> {
        self.shared().store.pause_scheduler(paused).await.map_err(storage)?;
        self.schedules_changed();
        Ok(())
    }

    /// Works out anew when each schedule fires next that is neither paused nor about to fire; answers with their names.
    pub async fn requeue_schedules(&self) -> Result<Vec<String>, EngineError> {
        let shared = self.shared();
        let active = ScheduleQuery { paused: Some(false), limit: i64::MAX, ..ScheduleQuery::default() };
        let (_, found) = shared.store.find_schedules(&active).await.map_err(storage)?;
        let mut names = Vec::new();
        for old in found.into_iter().filter(|old| old.next_at.is_none()) {
            let new = stored(&read(&old)?, shared.clock.now())?;
            if new.next_at.is_some() && shared.store.replace_schedule(&old, &new).await.map_err(storage)? {
                names.push(old.name);
            }
        }
        self.schedules_changed();
        Ok(names)
    }

    /// What schedules have started, and how many there are in all.
    pub async fn firings(&self, query: &FiringQuery) -> Result<(i64, Vec<FiringRow>), EngineError> {
        self.shared().store.find_firings(query).await.map_err(storage)
    }

    /// Applies a change unless it says that there is nothing to do, which is `NotFound` as well.
    async fn change_schedule(
        &self,
        name: &str,
        change: impl Fn(&mut Schedule) -> bool,
    ) -> Result<(), EngineError> {
        let shared = self.shared();
        for _ in 0..TRIES {
            let Some(old) = shared.store.get_schedule(name).await.map_err(storage)? else { break };
            let mut schedule = read(&old)?;
            if !change(&mut schedule) {
                break;
            }
            let now = shared.clock.now();
            schedule.updated_time = Some(now.as_millis());
            if shared.store.replace_schedule(&old, &stored(&schedule, now)?).await.map_err(storage)? {
                self.schedules_changed();
                return Ok(());
            }
        }
        Err(EngineError::NotFound(format!("Schedule '{name}' not found")))
    }

    /// The next instant may be another one: the pulse finds out.
    fn schedules_changed(&self) {
        self.shared().pulse_now.notify_one();
    }
}

pub(crate) fn read(stored: &StoredSchedule) -> Result<Schedule, EngineError> {
    let unreadable = |why: String| EngineError::Internal(format!("the schedule \"{}\": {why}", stored.name));
    let raw = serde_json::from_str(&stored.text).map_err(|e| unreadable(e.to_string()))?;
    Schedule::parse(&raw).map_err(unreadable)
}

fn stored(schedule: &Schedule, now: Timestamp) -> Result<StoredSchedule, EngineError> {
    let text = serde_json::to_string(schedule)
        .map_err(|e| EngineError::Invalid(format!("the schedule has no JSON text: {e}")))?;
    let start = schedule.start_workflow_request.as_ref();
    Ok(StoredSchedule {
        name: schedule.name.clone().unwrap_or_default(),
        workflow: start.and_then(|start| start.name.clone()).unwrap_or_default(),
        paused: schedule.paused,
        next_at: schedule.next(now).map(|firing| firing.at),
        text,
    })
}

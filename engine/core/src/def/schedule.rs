//! Schedules: workflows that start by the clock (spec: contract §2.9, §5.22).

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::lenient;
use crate::cron::{Cron, Zone};
use crate::time::{Span, Timestamp};

const UTC: &str = "UTC";

/// When to start what.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Schedule {
    #[serde(deserialize_with = "lenient::opt_text", skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// With seconds; counts only while `cron_schedules` is empty. One that cannot be read never fires.
    #[serde(deserialize_with = "lenient::opt_text", skip_serializing_if = "Option::is_none")]
    pub cron_expression: Option<String>,
    /// Instants that were missed while nobody could start them are made up for, each one.
    #[serde(deserialize_with = "lenient::bool")]
    pub run_catchup_schedule_instances: bool,
    #[serde(deserialize_with = "lenient::bool")]
    pub paused: bool,
    #[serde(deserialize_with = "lenient::opt_text", skip_serializing_if = "Option::is_none")]
    pub paused_reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_workflow_request: Option<ScheduledStart>,
    /// The zone of `cron_expression`.
    #[serde(deserialize_with = "lenient::opt_text", skip_serializing_if = "Option::is_none")]
    pub zone_id: Option<String>,
    /// Several expressions, each with a zone; the schedule fires when any of them does.
    #[serde(deserialize_with = "lenient::or_default")]
    pub cron_schedules: Vec<CronSchedule>,
    /// Milliseconds since 1970; nothing fires before.
    #[serde(deserialize_with = "lenient::opt_i64", skip_serializing_if = "Option::is_none")]
    pub schedule_start_time: Option<i64>,
    /// Milliseconds since 1970; nothing fires after.
    #[serde(deserialize_with = "lenient::opt_i64", skip_serializing_if = "Option::is_none")]
    pub schedule_end_time: Option<i64>,
    #[serde(deserialize_with = "lenient::opt_i64", skip_serializing_if = "Option::is_none")]
    pub create_time: Option<i64>,
    #[serde(deserialize_with = "lenient::opt_i64", skip_serializing_if = "Option::is_none")]
    pub updated_time: Option<i64>,
    #[serde(deserialize_with = "lenient::opt_text", skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
    #[serde(deserialize_with = "lenient::opt_text", skip_serializing_if = "Option::is_none")]
    pub updated_by: Option<String>,
    #[serde(deserialize_with = "lenient::opt_text", skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

impl Default for Schedule {
    fn default() -> Self {
        Schedule {
            name: None,
            cron_expression: None,
            run_catchup_schedule_instances: false,
            paused: false,
            paused_reason: None,
            start_workflow_request: None,
            zone_id: Some(UTC.to_owned()),
            cron_schedules: Vec::new(),
            schedule_start_time: None,
            schedule_end_time: None,
            create_time: None,
            updated_time: None,
            created_by: None,
            updated_by: None,
            description: None,
        }
    }
}

/// One of several expressions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CronSchedule {
    #[serde(deserialize_with = "lenient::opt_text", skip_serializing_if = "Option::is_none")]
    pub cron_expression: Option<String>,
    #[serde(deserialize_with = "lenient::opt_text", skip_serializing_if = "Option::is_none")]
    pub zone_id: Option<String>,
}

impl Default for CronSchedule {
    fn default() -> Self {
        CronSchedule { cron_expression: None, zone_id: Some(UTC.to_owned()) }
    }
}

/// What a schedule starts: a start request, kept until its time comes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ScheduledStart {
    #[serde(deserialize_with = "lenient::opt_text", skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(deserialize_with = "lenient::opt_i32", skip_serializing_if = "Option::is_none")]
    pub version: Option<i32>,
    #[serde(deserialize_with = "lenient::opt_text", skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
    #[serde(deserialize_with = "lenient::or_default")]
    pub input: Map<String, Value>,
    #[serde(deserialize_with = "lenient::or_default")]
    pub task_to_domain: IndexMap<String, String>,
    /// A definition to use instead of a registered one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workflow_def: Option<Value>,
    #[serde(deserialize_with = "lenient::opt_text", skip_serializing_if = "Option::is_none")]
    pub external_input_payload_storage_path: Option<String>,
    /// 0 to 99.
    #[serde(deserialize_with = "lenient::i32")]
    pub priority: i32,
}

/// When a schedule fires next, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Firing {
    pub at: Timestamp,
    pub cron: String,
    pub zone: String,
}

impl Schedule {
    /// Reads a schedule.
    pub fn parse(raw: &Value) -> Result<Schedule, String> {
        if !raw.is_object() {
            return Err("The schedule: a JSON object was expected".to_owned());
        }
        Schedule::deserialize(raw).map_err(|e| format!("The schedule: {e}"))
    }

    /// What keeps it from being stored. An expression that cannot be read does not: it is stored and never fires.
    pub fn check(&self) -> Result<(), String> {
        let missing = |text: &Option<String>| text.as_deref().is_none_or(|text| text.trim().is_empty());
        if missing(&self.name) {
            return Err("Schedule name is required".to_owned());
        }
        if self.cron_schedules.is_empty() && missing(&self.cron_expression) {
            return Err("Cron expression is required".to_owned());
        }
        let Some(start) = &self.start_workflow_request else {
            return Err("startWorkflowRequest is required".to_owned());
        };
        if missing(&start.name) {
            return Err("The name of the workflow to start is required".to_owned());
        }
        if !(0..=99).contains(&start.priority) {
            return Err(format!("priority: {} should be 0 to 99", start.priority));
        }
        let zones = self.cron_schedules.iter().map(|one| &one.zone_id).chain([&self.zone_id]);
        zones.flatten().try_for_each(|zone| Zone::parse(zone).map(drop))
    }

    /// The first instant after `after` at which it fires; `None` if there is none.
    pub fn next(&self, after: Timestamp) -> Option<Firing> {
        if self.paused {
            return None;
        }
        let begins = self.schedule_start_time.map(Timestamp::from_millis);
        // the beginning itself is in time
        let after = begins.map_or(after, |begins| after.max(begins + Span::from_micros(-1)));
        let first = self.expressions().filter_map(|(cron, zone)| {
            let at = Cron::parse(cron).ok()?.next(after, &Zone::parse(zone).ok()?)?;
            Some(Firing { at, cron: cron.to_owned(), zone: zone.to_owned() })
        });
        let first = first.min_by_key(|firing| firing.at)?;
        let ends = self.schedule_end_time.map(Timestamp::from_millis);
        ends.is_none_or(|ends| first.at <= ends).then_some(first)
    }

    fn expressions(&self) -> impl Iterator<Item = (&str, &str)> {
        let alone = self.cron_schedules.is_empty().then_some((&self.cron_expression, &self.zone_id));
        let all = self.cron_schedules.iter().map(|one| (&one.cron_expression, &one.zone_id)).chain(alone);
        all.filter_map(|(cron, zone)| Some((cron.as_deref()?, zone.as_deref().unwrap_or(UTC))))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schedule(more: Value) -> Schedule {
        let mut raw = json!({
            "name": "s", "cronExpression": "0 0 0 * * *", "startWorkflowRequest": {"name": "w"},
        });
        for (key, value) in more.as_object().expect("an object") {
            raw[key] = value.clone();
        }
        Schedule::parse(&raw).expect("readable")
    }

    #[test]
    fn it_reads_back_with_its_defaults() {
        let expected = json!({
            "name": "s", "cronExpression": "0 0 0 * * *", "runCatchupScheduleInstances": false, "paused": false,
            "startWorkflowRequest": {"name": "w", "input": {}, "taskToDomain": {}, "priority": 0}, "zoneId": "UTC",
            "cronSchedules": [],
        });
        assert_eq!(serde_json::to_value(schedule(json!({}))).expect("JSON"), expected);
    }

    #[test]
    fn what_is_missing_is_refused() {
        assert_eq!(schedule(json!({})).check(), Ok(()));
        assert_eq!(schedule(json!({"cronExpression": "not cron"})).check(), Ok(()));
        for wrong in [
            json!({"name": null}),
            json!({"cronExpression": ""}),
            json!({"startWorkflowRequest": null}),
            json!({"startWorkflowRequest": {}}),
            json!({"startWorkflowRequest": {"name": "w", "priority": 100}}),
            json!({"zoneId": "Mars/Base"}),
            json!({"cronSchedules": [{"cronExpression": "0 0 0 * * *", "zoneId": "Mars/Base"}]}),
        ] {
            assert!(schedule(wrong.clone()).check().is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_next_instant_is_the_first_of_all_expressions_within_its_time() {
        let day = 86_400_000;
        let next = |more: Value| {
            schedule(more).next(Timestamp::from_millis(10 * day)).map(|f| (f.at.as_millis(), f.zone))
        };
        let utc = |at: i64| Some((at, "UTC".to_owned()));
        assert_eq!(next(json!({})), utc(11 * day));
        assert_eq!(next(json!({"paused": true})), None);
        assert_eq!(next(json!({"cronExpression": "nope"})), None);
        assert_eq!(next(json!({"scheduleStartTime": 20 * day})), utc(20 * day));
        assert_eq!(next(json!({"scheduleEndTime": 10 * day})), None);
        assert_eq!(next(json!({"scheduleEndTime": 11 * day})), utc(11 * day));
        let two = json!({"cronSchedules": [
            {"cronExpression": "0 0 0 29 2 ?"}, {"cronExpression": "0 0 2 * * *", "zoneId": "Asia/Tokyo"},
        ]});
        assert_eq!(next(two), Some((10 * day + 17 * 3_600_000, "Asia/Tokyo".to_owned())));
    }
}

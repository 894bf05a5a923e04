//! Writes what searches answer with (contract §5.12 to §5.14).

use podium_core::def::WorkflowDef;
use podium_core::expr::java;
use podium_core::{Payload, Timestamp};
use podium_runtime::{RunView, TaskView};
use serde_json::Value;

use super::external;
use super::mask::{shown_run, shown_task};
use crate::json::write::{Object, write_int, write_list};

/// A page: `write` appends one row.
pub(crate) fn search_result<T>(hits: i64, rows: &[T], write: impl FnMut(&mut Vec<u8>, &T)) -> Vec<u8> {
    let mut out = Vec::with_capacity(64 + rows.len() * 1_024);
    out.extend_from_slice(b"{\"totalHits\":");
    write_int(&mut out, hits);
    out.extend_from_slice(b",\"results\":");
    write_list(&mut out, rows, write);
    out.push(b'}');
    out
}

/// Appends a `WorkflowSummary`.
pub(crate) fn workflow_summary(out: &mut Vec<u8>, shown: &RunView) {
    let shown = &*shown_run(shown);
    let head = &shown.run.head;
    let mut json = Object::begin(out, "workflowType", &head.name);
    json.int("version", head.def_version.into());
    json.id("workflowId", head.id.uuid());
    json.text_if("correlationId", head.correlation_id.as_deref());
    json.text("startTime", &iso(head.created_at));
    // a run that nothing has happened to since is as old as its start
    json.text("updateTime", &iso(head.updated_at.max(head.created_at)));
    json.text_if("endTime", head.ended_at.map(iso).as_deref());
    json.text("status", head.status.as_str());
    let (shown_input, shown_output) = (external::input(head), external::output(head));
    let (input, output) = (java_text(shown_input.payload), java_text(shown_output.payload));
    json.text("input", &input);
    json.text("output", &output);
    let reason = head.extra.fault.as_deref().or(head.reason.as_deref());
    json.text_if("reasonForIncompletion", reason);
    json.int("executionTime", span_ms(Some(head.created_at), head.ended_at));
    json.text_if("event", head.extra.event.as_deref());
    json.text("failedReferenceTaskNames", &head.extra.failed_refs.join(","));
    json.text_if("externalInputPayloadStoragePath", shown_input.path.as_deref());
    json.text_if("externalOutputPayloadStoragePath", shown_output.path.as_deref());
    json.int("priority", head.priority.into());
    json.texts("failedTaskNames", &head.extra.failed_names);
    let domains = serde_json::to_string(&head.extra.task_to_domain).expect("texts always have a JSON text");
    json.raw("taskToDomain", &domains);
    match head.extra.parent {
        Some(parent) => json.id("parentWorkflowId", parent.run.uuid()),
        None => json.text("parentWorkflowId", ""),
    }
    json.text("classifier", classifier(shown.plan.def()));
    json.int("inputSize", java_length(&input));
    json.int("outputSize", java_length(&output));
    json.end();
}

/// Appends a `TaskSummary`.
pub(crate) fn task_summary(out: &mut Vec<u8>, view: &TaskView) {
    let view = &*shown_task(view);
    let (run, task) = (&view.run, &view.task);
    let mut json = Object::begin(out, "workflowId", &run.id.to_string());
    json.text("workflowType", &run.name);
    json.text_if("correlationId", run.correlation_id.as_deref());
    json.text("scheduledTime", &iso(task.scheduled_at));
    json.text("startTime", &iso(task.started_at.unwrap_or_default()));
    json.text("updateTime", &iso(task.updated_at));
    json.text("endTime", &iso(task.ended_at.unwrap_or_default()));
    json.text("status", super::task::shown_status(task).as_str());
    json.text_if("reasonForIncompletion", task.reason.as_deref().map(super::task::shortened));
    json.int("executionTime", span_ms(task.started_at, task.ended_at));
    json.int("queueWaitTime", span_ms(Some(task.scheduled_at), task.started_at));
    json.text("taskDefName", if task.def_name.is_empty() { &task.task_type } else { &task.def_name });
    json.text("taskType", &task.task_type);
    json.text("input", &java_text(&task.input));
    json.text("output", &java_text(&task.output));
    json.id("taskId", run.id.task(task.no).uuid());
    json.int("workflowPriority", run.priority.into());
    json.text_if("domain", super::task::shown_domain(task));
    json.end();
}

/// What kind of definition this is: its own word, else a guess from its metadata (contract §5.1).
pub(crate) fn classifier(def: &WorkflowDef) -> &str {
    match def.metadata.get("classifier").and_then(Value::as_str) {
        Some(word) if !word.trim().is_empty() => word,
        _ if def.metadata.contains_key("agent_sdk") || def.metadata.contains_key("agentDef") => "agent",
        _ => "workflow",
    }
}

/// A payload as a Java program shows a map.
fn java_text(payload: &Payload) -> String {
    java::map_text(payload.map())
}

/// Java counts UTF-16 units.
fn java_length(text: &str) -> i64 {
    i64::try_from(text.encode_utf16().count()).unwrap_or(i64::MAX)
}

/// Milliseconds between two instants, 0 until both have come.
fn span_ms(from: Option<Timestamp>, to: Option<Timestamp>) -> i64 {
    from.zip(to).map_or(0, |(from, to)| to.as_millis() - from.as_millis())
}

/// `yyyy-MM-dd'T'HH:mm:ss.SSS'Z'` in UTC.
fn iso(at: Timestamp) -> String {
    let ms = at.as_millis();
    let (days, ms) = (ms.div_euclid(86_400_000), ms.rem_euclid(86_400_000));
    // the calendar in eras of 400 years that begin in March, so that the leap day is the last one
    let from_march = days + 719_468;
    let (era, day_of_era) = (from_march.div_euclid(146_097), from_march.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1_000 % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", ms % 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_shown_in_utc_with_milliseconds() {
        for (ms, expected) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_001, "2000-02-29T00:00:00.001Z"),
            (1_709_251_199_999, "2024-02-29T23:59:59.999Z"),
            (1_767_225_600_000, "2026-01-01T00:00:00.000Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(iso(Timestamp::from_millis(ms)), expected);
        }
    }
}

//! All schedules at once, and what they have started (contract §2.9).

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use podium_core::Timestamp;
use podium_runtime::{FiringQuery, FiringState};
use serde_json::Value;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::answer;
use super::closed::closed;
use super::scheduler::{done, free_text, given, page};
use crate::dto::{BulkResponse, ErrorResponse, FoundExecutions, Requeued, schema};
use crate::error::ApiError;
use crate::extract::{JsonBody, Query};
use crate::state::Api;

/// Names in one call at most.
const NAMES_AT_MOST: usize = 1000;
/// Names that are shown of those that were given a next instant.
const SAMPLE: usize = 10;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(closed(routes!(search_executions)))
        .routes(closed(routes!(requeue_schedules)))
        .routes(closed(routes!(pause_all_schedules)))
        .routes(closed(routes!(resume_all_schedules)))
        .routes(closed(routes!(pause_schedules)))
        .routes(closed(routes!(resume_schedules)))
}

/// Search what schedules have started.
#[utoipa::path(
    get, path = "/api/scheduler/search/executions", operation_id = "searchV22", tag = "scheduler",
    params(
        ("query" = Option<String>, Query, description = "`scheduleName IN (a,b)`, `state IN (POLLED,EXECUTED,FAILED)`, `scheduledTime>ms`, `scheduledTime<ms`, `workflowName=x`, `executionId=x`, joined by ` AND `; anything else is the name of a schedule"),
        ("freeText" = Option<String>, Query, description = "Part of the name of the schedule or the workflow; `*` = any"),
        ("start" = Option<i32>, Query, description = "How many to leave out; 0 if absent"),
        ("size" = Option<i32>, Query, description = "How many at most; 100 if absent"),
        ("sort" = Option<String>, Query, description = "`scheduledTime:ASC` or `scheduledTime:DESC`, the latter if absent"),
    ),
    responses(
        (status = 200, description = "One page, and how many there are in all", body = FoundExecutions),
        (status = 400, description = "A parameter cannot be read", body = ErrorResponse),
    )
)]
async fn search_executions(State(api): State<Api>, uri: Uri) -> Result<Response, ApiError> {
    let query = Query::of(&uri);
    let (offset, limit) = page(query)?;
    let oldest_first =
        query.list("sort")?.first().is_some_and(|sort| sort.to_ascii_uppercase().ends_with(":ASC"));
    let clauses = given(query, "query")?.unwrap_or_default();
    let Some(wanted) = clauses_of(&clauses)? else {
        return Ok(answer::json(&FoundExecutions { total_hits: 0, results: Vec::new() }));
    };
    let wanted = FiringQuery { text: free_text(query)?, oldest_first, offset, limit, ..wanted };
    let (total_hits, rows) = api.engine().firings(&wanted).await?;
    Ok(answer::json(&FoundExecutions { total_hits, results: rows.into_iter().map(Into::into).collect() }))
}

/// Reads the clauses of a query; `None` if they name something that cannot be there.
fn clauses_of(text: &str) -> Result<Option<FiringQuery>, ApiError> {
    let mut wanted = FiringQuery::default();
    for clause in text.split(" AND ").map(str::trim).filter(|clause| !clause.is_empty()) {
        let unquoted = |text: &str| text.trim().trim_matches(['"', '\'']).to_owned();
        let time = |text: &str| match text.trim().parse() {
            Ok(ms) => Ok(Some(Timestamp::from_millis(ms))),
            Err(_) => {
                Err(ApiError::bad_request(format!("scheduledTime is compared with milliseconds, not {text}")))
            }
        };
        let list = |rest: &str| -> Option<Vec<String>> {
            let inside = rest.trim().strip_prefix("IN")?.trim().strip_prefix('(')?.strip_suffix(')')?;
            Some(inside.split(',').map(unquoted).filter(|item| !item.is_empty()).collect())
        };
        if let Some(names) = clause.strip_prefix("scheduleName").and_then(list) {
            wanted.schedules.extend(names);
        } else if let Some(states) = clause.strip_prefix("state").and_then(list) {
            for state in states {
                wanted.states.push(match state.as_str() {
                    "POLLED" => FiringState::Polled,
                    "EXECUTED" => FiringState::Executed,
                    "FAILED" => FiringState::Failed,
                    _ => {
                        return Err(ApiError::bad_request(format!(
                            "a state is POLLED, EXECUTED or FAILED, not {state}"
                        )));
                    }
                });
            }
        } else if let Some(ms) = clause.strip_prefix("scheduledTime>") {
            wanted.after = time(ms)?;
        } else if let Some(ms) = clause.strip_prefix("scheduledTime<") {
            wanted.before = time(ms)?;
        } else if let Some(name) = clause.strip_prefix("workflowName=") {
            wanted.workflow = Some(unquoted(name));
        } else if let Some(id) = clause.strip_prefix("executionId=") {
            match unquoted(id).parse() {
                Ok(id) => wanted.id = Some(id),
                Err(_) => return Ok(None),
            }
        } else {
            wanted.schedules.push(unquoted(clause));
        }
    }
    Ok(Some(wanted))
}

/// Work out anew when schedules fire.
///
/// Only needed for schedules that have no next instant although they should have one.
#[utoipa::path(
    get, path = "/api/scheduler/admin/requeue", operation_id = "requeueAllExecutionRecords", tag = "scheduler",
    responses((status = 200, description = "Which schedules got a next instant", body = Requeued))
)]
async fn requeue_schedules(State(api): State<Api>) -> Result<Response, ApiError> {
    let mut names = api.engine().requeue_schedules().await?;
    let count = names.len();
    names.truncate(SAMPLE);
    Ok(answer::json(&Requeued { count, names }))
}

/// Stop all schedules on all nodes.
#[utoipa::path(
    get, path = "/api/scheduler/admin/pause", operation_id = "pauseAllSchedules", tag = "scheduler",
    responses((status = 200, description = "None fires from now on", body = schema::JsonObject))
)]
async fn pause_all_schedules(State(api): State<Api>) -> Result<Response, ApiError> {
    api.engine().pause_all_schedules(true).await?;
    Ok(done())
}

/// Let all schedules go on that are not paused themselves.
#[utoipa::path(
    get, path = "/api/scheduler/admin/resume", operation_id = "resumeAllSchedules", tag = "scheduler",
    responses((status = 200, description = "They fire again", body = schema::JsonObject))
)]
async fn resume_all_schedules(State(api): State<Api>) -> Result<Response, ApiError> {
    api.engine().pause_all_schedules(false).await?;
    Ok(done())
}

/// Pause several schedules.
#[utoipa::path(
    put, path = "/api/scheduler/bulk/pause", operation_id = "pauseSchedules", tag = "scheduler",
    request_body = Vec<String>,
    responses(
        (status = 200, description = "What became of each", body = BulkResponse),
        (status = 400, description = "No names, or more than 1000", body = ErrorResponse),
    )
)]
async fn pause_schedules(State(api): State<Api>, body: JsonBody) -> Result<Response, ApiError> {
    let mut answer = BulkResponse::default();
    for name in names(&body, "pauseSchedules.arg0")? {
        match api.engine().pause_schedule(&name, None).await {
            Ok(()) => answer.bulk_successful_results.push(name),
            Err(error) => answer.failed(Some(name), &error.to_string()),
        }
    }
    Ok(answer::json(&answer))
}

/// Let several paused schedules go on.
#[utoipa::path(
    put, path = "/api/scheduler/bulk/resume", operation_id = "resumeSchedules", tag = "scheduler",
    request_body = Vec<String>,
    responses(
        (status = 200, description = "What became of each", body = BulkResponse),
        (status = 400, description = "No names, or more than 1000", body = ErrorResponse),
    )
)]
async fn resume_schedules(State(api): State<Api>, body: JsonBody) -> Result<Response, ApiError> {
    let mut answer = BulkResponse::default();
    for name in names(&body, "resumeSchedules.arg0")? {
        match api.engine().resume_schedule(&name).await {
            Ok(()) => answer.bulk_successful_results.push(name),
            Err(error) => answer.failed(Some(name), &error.to_string()),
        }
    }
    Ok(answer::json(&answer))
}

fn names(body: &JsonBody, path: &str) -> Result<Vec<String>, ApiError> {
    let Value::Array(items) = body.value()? else {
        return Err(ApiError::unreadable("a list of names was expected"));
    };
    if items.is_empty() {
        return Err(ApiError::violation(path, "Schedule names list cannot be null.", None));
    }
    if items.len() > NAMES_AT_MOST {
        let message = "Cannot process more than 1000 schedules. Please use multiple requests.";
        return Err(ApiError::violation(path, message, None));
    }
    let name = |item| match item {
        Value::String(name) if !name.contains('\0') => Ok(name),
        other => Err(ApiError::unreadable(format!("a name was expected, not {other}"))),
    };
    items.into_iter().map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clauses_are_read() {
        let query = "scheduleName IN (a, b) AND state IN (EXECUTED,FAILED) AND scheduledTime>5 AND workflowName=w AND c";
        let wanted = clauses_of(query).expect("readable").expect("possible");
        assert_eq!(wanted.schedules, ["a", "b", "c"]);
        assert_eq!(wanted.states, [FiringState::Executed, FiringState::Failed]);
        assert_eq!((wanted.after, wanted.before), (Some(Timestamp::from_millis(5)), None));
        assert_eq!(wanted.workflow.as_deref(), Some("w"));
        assert!(clauses_of("executionId=nope").expect("readable").is_none());
        assert!(clauses_of("state IN (DONE)").is_err());
        assert!(clauses_of("scheduledTime<soon").is_err());
    }
}

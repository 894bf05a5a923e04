//! Workflows that start by the clock (contract §2.9).

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use podium_core::Timestamp;
use podium_core::cron::{Cron, Zone};
use podium_core::def::Schedule;
use podium_runtime::ScheduleQuery;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::answer;
use super::closed::closed;
use crate::convert::{self, Clock};
use crate::dto::event_schema::WorkflowSchedule;
use crate::dto::{ErrorResponse, FoundSchedules};
use crate::error::ApiError;
use crate::extract::{JsonBody, Query, Segments};
use crate::state::Api;

/// Instants that are worked out at most.
const NEXT_AT_MOST: i32 = 5;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(closed(routes!(list_schedules, save_schedule)))
        .routes(closed(routes!(search_schedules)))
        .routes(closed(routes!(get_schedule, delete_schedule)))
        .routes(closed(routes!(pause_schedule)))
        .routes(closed(routes!(resume_schedule)))
        .routes(closed(routes!(next_few_schedules)))
}

/// Create or replace a schedule.
///
/// An expression that cannot be read is kept and never fires.
#[utoipa::path(
    post, path = "/api/scheduler/schedules", operation_id = "saveSchedule", tag = "scheduler",
    request_body = WorkflowSchedule,
    responses(
        (status = 200, description = "As it was stored", body = WorkflowSchedule),
        (status = 400, description = "A name, an expression, something to start or a known zone is missing", body = ErrorResponse),
    )
)]
async fn save_schedule(State(api): State<Api>, body: JsonBody) -> Result<Response, ApiError> {
    let schedule = Schedule::parse(&body.value()?).map_err(ApiError::unreadable)?;
    convert::check_stored_key("the name of the schedule", schedule.name.as_deref().unwrap_or_default())?;
    if let Some(start) = &schedule.start_workflow_request {
        let name = start.name.as_deref().unwrap_or_default();
        convert::check_stored_key("the name of the workflow", name)?;
        let mut domains = start.task_to_domain.values().flat_map(|list| list.split(','));
        domains.try_for_each(|domain| convert::check_key("a domain", domain))?;
    }
    Ok(answer::json(&api.engine().put_schedule(schedule).await?))
}

/// List schedules.
#[utoipa::path(
    get, path = "/api/scheduler/schedules", operation_id = "getAllSchedules", tag = "scheduler",
    params(("workflowName" = Option<String>, Query, description = "Only those that start this workflow")),
    responses((status = 200, description = "By name", body = Vec<WorkflowSchedule>))
)]
async fn list_schedules(State(api): State<Api>, uri: Uri) -> Result<Response, ApiError> {
    let workflow = given(Query::of(&uri), "workflowName")?;
    let query = ScheduleQuery { workflow, limit: i64::MAX, ..ScheduleQuery::default() };
    Ok(answer::json(&api.engine().schedules(&query).await?.1))
}

/// Search schedules.
#[utoipa::path(
    get, path = "/api/scheduler/schedules/search", operation_id = "searchSchedules", tag = "scheduler",
    params(
        ("workflowName" = Option<String>, Query),
        ("scheduleName" = Option<String>, Query),
        ("paused" = Option<bool>, Query),
        ("freeText" = Option<String>, Query, description = "Part of the name of the schedule or the workflow; `*` = any"),
        ("start" = Option<i32>, Query, description = "How many to leave out; 0 if absent"),
        ("size" = Option<i32>, Query, description = "How many at most; 100 if absent"),
        ("sort" = Option<String>, Query, description = "`name:ASC` or `name:DESC`"),
    ),
    responses(
        (status = 200, description = "One page, and how many there are in all", body = FoundSchedules),
        (status = 400, description = "A parameter cannot be read", body = ErrorResponse),
    )
)]
async fn search_schedules(State(api): State<Api>, uri: Uri) -> Result<Response, ApiError> {
    let query = Query::of(&uri);
    let paused = given(query, "paused")?.map(|_| query.bool("paused", false)).transpose()?;
    let (offset, limit) = page(query)?;
    let wanted = ScheduleQuery {
        workflow: given(query, "workflowName")?,
        name: given(query, "scheduleName")?,
        paused,
        text: free_text(query)?,
        descending: query.list("sort")?.iter().any(|sort| sort.to_ascii_uppercase().ends_with(":DESC")),
        offset,
        limit,
    };
    let (total_hits, results) = api.engine().schedules(&wanted).await?;
    Ok(answer::json(&FoundSchedules { total_hits, results }))
}

/// Get a schedule.
#[utoipa::path(
    get, path = "/api/scheduler/schedules/{name}", operation_id = "getSchedule", tag = "scheduler",
    params(("name" = String, Path)),
    responses(
        (status = 200, description = "The schedule", body = WorkflowSchedule),
        (status = 404, description = "There is none of that name", body = ErrorResponse),
    )
)]
async fn get_schedule(State(api): State<Api>, path: Segments<1>) -> Result<Response, ApiError> {
    let [name] = path.0;
    match api.engine().schedule(&name).await? {
        Some(schedule) => Ok(answer::json(&schedule)),
        None => Err(ApiError::not_found(format!("Schedule '{name}' not found"))),
    }
}

/// Remove a schedule.
///
/// One that is not there is no error. What it has started goes on.
#[utoipa::path(
    delete, path = "/api/scheduler/schedules/{name}", operation_id = "deleteSchedule", tag = "scheduler",
    params(("name" = String, Path)),
    responses((status = 200, description = "There is none of that name now"))
)]
async fn delete_schedule(State(api): State<Api>, path: Segments<1>) -> Result<Response, ApiError> {
    let [name] = path.0;
    api.engine().delete_schedule(&name).await?;
    Ok(answer::empty())
}

/// Pause a schedule.
#[utoipa::path(
    put, path = "/api/scheduler/schedules/{name}/pause", operation_id = "pauseSchedule", tag = "scheduler",
    params(("name" = String, Path), ("reason" = Option<String>, Query, description = "Shown with the schedule")),
    responses(
        (status = 200, description = "It fires no more"),
        (status = 404, description = "There is none of that name", body = ErrorResponse),
    )
)]
async fn pause_schedule(State(api): State<Api>, path: Segments<1>, uri: Uri) -> Result<Response, ApiError> {
    let [name] = path.0;
    let reason = Query::of(&uri).text("reason")?;
    api.engine().pause_schedule(&name, reason.as_deref()).await?;
    Ok(answer::empty())
}

/// Let a paused schedule go on.
#[utoipa::path(
    put, path = "/api/scheduler/schedules/{name}/resume", operation_id = "resumeSchedule", tag = "scheduler",
    params(("name" = String, Path)),
    responses(
        (status = 200, description = "It fires again"),
        (status = 404, description = "There is none of that name that is paused", body = ErrorResponse),
    )
)]
async fn resume_schedule(State(api): State<Api>, path: Segments<1>) -> Result<Response, ApiError> {
    let [name] = path.0;
    api.engine().resume_schedule(&name).await?;
    Ok(answer::empty())
}

/// Work out when an expression fires next.
#[utoipa::path(
    get, path = "/api/scheduler/nextFewSchedules", operation_id = "getNextFewSchedules", tag = "scheduler",
    params(
        ("cronExpression" = String, Query, description = "Six fields, seconds first, or a macro"),
        ("scheduleStartTime" = Option<i64>, Query, description = "Milliseconds since 1970; now if absent or past"),
        ("scheduleEndTime" = Option<i64>, Query, description = "Milliseconds since 1970; none if absent"),
        ("limit" = Option<i32>, Query, description = "5 if absent or more"),
        ("zoneId" = Option<String>, Query, description = "Zone of the expression; UTC if absent"),
    ),
    responses(
        (status = 200, description = "Instants in milliseconds since 1970", body = Vec<i64>),
        (status = 400, description = "A parameter cannot be read", body = ErrorResponse),
    )
)]
async fn next_few_schedules(uri: Uri) -> Result<Response, ApiError> {
    let query = Query::of(&uri);
    let missing =
        "Required request parameter 'cronExpression' for method parameter type String is not present";
    let text = query.text("cronExpression")?.ok_or_else(|| ApiError::bad_request(missing))?;
    let limit = query.int("limit")?.unwrap_or(NEXT_AT_MOST).clamp(0, NEXT_AT_MOST);
    let (begin, end) = (query.long("scheduleStartTime")?, query.long("scheduleEndTime")?);
    let unreadable = |why| ApiError::bad_request(format!("Invalid cron expression: {why}"));
    let cron = Cron::parse(&text).map_err(unreadable)?;
    let named = query.text("zoneId")?;
    let zone = Zone::parse(named.as_deref().unwrap_or("UTC")).map_err(ApiError::bad_request)?;
    let mut at = Clock.now().max(Timestamp::from_millis(begin.unwrap_or(0)));
    let mut found = Vec::new();
    for _ in 0..limit {
        match cron.next(at, &zone) {
            Some(next) if end.is_none_or(|end| next.as_millis() <= end) => {
                found.push(next.as_millis());
                at = next;
            }
            Some(_) | None => break,
        }
    }
    Ok(answer::json(&found))
}

/// A parameter that says something.
pub(super) fn given(query: Query<'_>, name: &'static str) -> Result<Option<String>, ApiError> {
    Ok(query.text(name)?.map(|text| text.into_owned()).filter(|text| !text.is_empty()))
}

/// What to look for in names; `*` is anything.
pub(super) fn free_text(query: Query<'_>) -> Result<Option<String>, ApiError> {
    Ok(given(query, "freeText")?
        .map(|text| text.trim_matches('*').to_owned())
        .filter(|text| !text.is_empty()))
}

/// Where a page begins, and how long it is.
pub(super) fn page(query: Query<'_>) -> Result<(i64, i64), ApiError> {
    let (start, size) = (query.int("start")?.unwrap_or(0), query.int("size")?.unwrap_or(100));
    if start < 0 || size < 0 {
        return Err(ApiError::bad_request("start and size are 0 or more"));
    }
    Ok((i64::from(start), i64::from(size)))
}

/// The answer to stopping all schedules.
pub(super) fn done() -> Response {
    answer::json(&BTreeMap::from([("status", "done")]))
}

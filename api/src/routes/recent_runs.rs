//! The last workflows of a definition, as a grid of tasks by workflows.

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use podium_core::{RunStatus, TaskStatus, Timestamp};
use podium_runtime::{BriefRun, RecentRuns};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::answer;
use super::closed::closed;
use crate::dto::{ErrorResponse, RecentTaskName, RecentWorkflow, RecentWorkflows};
use crate::error::ApiError;
use crate::extract::{Query, Segments};
use crate::state::Api;

/// Workflows at once.
const AT_MOST: i32 = 100;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(closed(routes!(recent)))
}

/// Get the last workflows of a definition and how each task went in them.
#[utoipa::path(
    get, path = "/api/podium/definitions/{name}/recent", operation_id = "getRecentWorkflows", tag = "podium",
    params(
        ("name" = String, Path, description = "Name of the definition"),
        ("version" = Option<i32>, Query, description = "Only workflows of this version"),
        ("limit" = Option<i32>, Query, description = "Workflows, at most 100; 25 if absent"),
    ),
    responses(
        (status = 200, description = "The grid", body = RecentWorkflows),
        (status = 400, description = "The limit is out of range, or finding the workflows of the version took too long", body = ErrorResponse),
        (status = 404, description = "No workflow of this name, and no definition", body = ErrorResponse),
    )
)]
async fn recent(State(api): State<Api>, path: Segments<1>, uri: Uri) -> Result<Response, ApiError> {
    let [name] = path.0;
    let query = Query::of(&uri);
    let limit = query.int("limit")?.unwrap_or(25);
    if !(1..=AT_MOST).contains(&limit) {
        return Err(ApiError::bad_request(format!("limit is {limit}, it must be from 1 to {AT_MOST}")));
    }
    let recent = api.engine().recent_runs(&name, query.int("version")?, limit.into()).await?;
    Ok(answer::json(&grid(recent)))
}

fn grid(recent: RecentRuns) -> RecentWorkflows {
    let run = |run: &BriefRun| RecentWorkflow {
        workflow_id: run.id.to_string(),
        workflow_version: run.def_version,
        status: RunStatus::as_str(run.status),
        start_time: run.created_at.as_millis(),
        end_time: run.ended_at.map(Timestamp::as_millis),
    };
    let task = |(reference_task_name, task_type)| RecentTaskName { reference_task_name, task_type };
    let cell = |cell: Option<podium_runtime::RecentTask>| match cell {
        Some(task) => (Some(TaskStatus::as_str(task.status)), task.took_ms, task.attempts),
        None => (None, None, 0),
    };
    RecentWorkflows {
        runs: recent.runs.iter().map(run).collect(),
        tasks: recent.tasks.into_iter().map(task).collect(),
        cells: recent.cells.into_iter().map(|row| row.into_iter().map(cell).collect()).collect(),
        truncated: recent.truncated,
    }
}

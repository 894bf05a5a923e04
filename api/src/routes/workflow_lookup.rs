//! Finding workflows by name and correlation id (contract §2.1, §9).

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use podium_core::Timestamp;
use podium_runtime::{CreatedIn, RunView};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::answer;
use super::closed::closed;
use crate::convert;
use crate::dto::{ErrorResponse, schema};
use crate::error::ApiError;
use crate::extract::{JsonBody, Query, Segments};
use crate::json::write::{write_list, write_text};
use crate::state::Api;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(closed(routes!(running)))
        .routes(closed(routes!(correlated)))
        .routes(closed(routes!(correlated_many)))
}

/// List the ids of the running and paused workflows of a name.
///
/// With both times the ids of the workflows of exactly that version created between them, whatever their status.
#[utoipa::path(
    get, path = "/api/workflow/running/{name}", operation_id = "getRunningWorkflow", tag = "workflow",
    params(
        ("name" = String, Path),
        ("version" = Option<i32>, Query, description = "Counts only with both times; 1 if absent"),
        ("startTime" = Option<i64>, Query, description = "Milliseconds"),
        ("endTime" = Option<i64>, Query, description = "Milliseconds"),
    ),
    responses(
        (status = 200, description = "Their ids, oldest first", body = Vec<String>),
        (status = 400, description = "A parameter cannot be read", body = ErrorResponse),
    )
)]
async fn running(State(api): State<Api>, path: Segments<1>, uri: Uri) -> Result<Response, ApiError> {
    let [name] = path.0;
    let query = Query::of(&uri);
    let version = query.int("version")?.unwrap_or(1);
    let times = (query.long("startTime")?.unwrap_or(0), query.long("endTime")?.unwrap_or(0));
    let created_in = match times {
        (0, _) | (_, 0) => None,
        (from, to) => {
            let (from, to) = (Timestamp::from_millis(from), Timestamp::from_millis(to));
            Some(CreatedIn { version, from, to })
        }
    };
    let ids = api.engine().runs_of(&name, created_in).await?;
    Ok(answer::json(&ids.iter().map(ToString::to_string).collect::<Vec<_>>()))
}

/// Get the workflows of a name that have a correlation id.
#[utoipa::path(
    get, path = "/api/workflow/{workflowId}/correlated/{correlationId}", operation_id = "getWorkflows2", tag = "workflow",
    params(
        ("workflowId" = String, Path, description = "Here: the name of the definition"),
        ("correlationId" = String, Path),
        ("includeClosed" = Option<bool>, Query, description = "Not only running ones; false if absent"),
        ("includeTasks" = Option<bool>, Query, description = "False if absent"),
    ),
    responses((status = 200, description = "The workflows, oldest first", body = Vec<schema::Workflow>))
)]
async fn correlated(State(api): State<Api>, path: Segments<2>, uri: Uri) -> Result<Response, ApiError> {
    let [name, id] = path.0;
    let query = Query::of(&uri);
    let (closed, tasks) = (query.bool("includeClosed", false)?, query.bool("includeTasks", false)?);
    let found = api.engine().correlated(&name, &[id], closed).await?;
    let mut out = Vec::new();
    write_runs(&mut out, &found.iter().collect::<Vec<_>>(), tasks);
    Ok(answer::json_text(out))
}

/// Get the workflows of a name that have one of some correlation ids.
#[utoipa::path(
    post, path = "/api/workflow/{workflowId}/correlated", operation_id = "getWorkflows", tag = "workflow",
    params(
        ("workflowId" = String, Path, description = "Here: the name of the definition"),
        ("includeClosed" = Option<bool>, Query, description = "Not only running ones; false if absent"),
        ("includeTasks" = Option<bool>, Query, description = "False if absent"),
    ),
    request_body = Vec<String>,
    responses(
        (status = 200, description = "The workflows of each id; every id asked for is there", body = schema::JsonObject),
        (status = 400, description = "The body is no list of ids", body = ErrorResponse),
    )
)]
async fn correlated_many(
    State(api): State<Api>,
    path: Segments<1>,
    uri: Uri,
    body: JsonBody,
) -> Result<Response, ApiError> {
    let [name] = path.0;
    let query = Query::of(&uri);
    let (closed, tasks) = (query.bool("includeClosed", false)?, query.bool("includeTasks", false)?);
    let mut ids = super::texts(&body)?;
    ids.sort_unstable();
    ids.dedup();
    let found = api.engine().correlated(&name, &ids, closed).await?;
    let mut out = Vec::from(b"{");
    for (index, id) in ids.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write_text(&mut out, id);
        out.push(b':');
        let has = |view: &&RunView| view.run.head.correlation_id.as_deref() == Some(id);
        write_runs(&mut out, &found.iter().filter(has).collect::<Vec<_>>(), tasks);
    }
    out.push(b'}');
    Ok(answer::json_text(out))
}

fn write_runs(out: &mut Vec<u8>, runs: &[&RunView], with_tasks: bool) {
    write_list(out, runs, |out, run| out.extend_from_slice(&convert::workflow_json(run, with_tasks)));
}

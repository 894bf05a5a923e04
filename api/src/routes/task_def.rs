//! Task definitions (contract §2.3, §7).

use axum::extract::State;
use axum::response::Response;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::answer;
use super::closed::closed;
use crate::convert;
use crate::dto::{self, ErrorResponse, schema};
use crate::error::ApiError;
use crate::extract::{JsonBody, Segments};
use crate::state::Api;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(closed(routes!(list_task_defs, update_task_def, register_task_defs)))
        .routes(closed(routes!(get_task_def, delete_task_def)))
}

/// Register or replace task definitions.
#[utoipa::path(
    post, path = "/api/metadata/taskdefs", operation_id = "registerTaskDef", tag = "metadata",
    request_body = Vec<schema::TaskDef>,
    responses(
        (status = 200, description = "Registered"),
        (status = 400, description = "One of them breaks a rule; none was registered", body = ErrorResponse),
    )
)]
async fn register_task_defs(State(api): State<Api>, body: JsonBody) -> Result<Response, ApiError> {
    let defs = dto::task_defs(&body.value()?)?;
    if defs.is_empty() {
        return Err(ApiError::violation("registerTaskDef.arg0", "TaskDefList is empty", None));
    }
    let violations = defs.iter().enumerate();
    let violations = violations
        .flat_map(|(index, def)| convert::validate_task_def(def, &format!("registerTaskDef.arg0[{index}]")));
    convert::refuse_if_any(violations.collect())?;
    let mut names = defs.iter().filter_map(|def| def.name.as_deref());
    names.try_for_each(|name| convert::check_key("the name of the task definition", name))?;
    api.engine().put_task_defs(defs.into_iter().map(convert::stamped_task_def).collect()).await?;
    Ok(answer::empty())
}

/// Replace a task definition.
#[utoipa::path(
    put, path = "/api/metadata/taskdefs", operation_id = "updateTaskDef", tag = "metadata",
    request_body = schema::TaskDef,
    responses(
        (status = 200, description = "Replaced"),
        (status = 400, description = "It breaks a rule", body = ErrorResponse),
        (status = 404, description = "No such definition", body = ErrorResponse),
    )
)]
async fn update_task_def(State(api): State<Api>, body: JsonBody) -> Result<Response, ApiError> {
    let def = dto::task_def(&body.value()?)?;
    convert::refuse_if_any(convert::validate_task_def(&def, "updateTaskDef.arg0"))?;
    let name = def.name.clone().unwrap_or_default();
    let unknown = || ApiError::not_found(format!("No such task by name {name}"));
    let old = api.engine().task_def(&name).await?.ok_or_else(unknown)?;
    if api.engine().update_task_def(convert::updated_task_def(def, &old)).await? {
        Ok(answer::empty())
    } else {
        Err(unknown())
    }
}

/// List all task definitions.
#[utoipa::path(
    get, path = "/api/metadata/taskdefs", operation_id = "getTaskDefs", tag = "metadata",
    responses((status = 200, description = "By name", body = Vec<schema::TaskDef>))
)]
async fn list_task_defs(State(api): State<Api>) -> Result<Response, ApiError> {
    Ok(answer::json(&api.engine().task_defs().await?))
}

/// Get a task definition.
#[utoipa::path(
    get, path = "/api/metadata/taskdefs/{tasktype}", operation_id = "getTaskDef", tag = "metadata",
    params(("tasktype" = String, Path)),
    responses(
        (status = 200, description = "The definition", body = schema::TaskDef),
        (status = 404, description = "No such definition", body = ErrorResponse),
    )
)]
async fn get_task_def(State(api): State<Api>, path: Segments<1>) -> Result<Response, ApiError> {
    let [name] = path.0;
    match api.engine().task_def(&name).await? {
        Some(def) => Ok(answer::json(&def)),
        None => Err(ApiError::not_found(format!("No such taskType found by name: {name}"))),
    }
}

/// Remove a task definition.
///
/// Workflows that run keep their copy.
#[utoipa::path(
    delete, path = "/api/metadata/taskdefs/{tasktype}", operation_id = "unregisterTaskDef", tag = "metadata",
    params(("tasktype" = String, Path)),
    responses(
        (status = 200, description = "Removed"),
        (status = 404, description = "No such definition", body = ErrorResponse),
    )
)]
async fn delete_task_def(State(api): State<Api>, path: Segments<1>) -> Result<Response, ApiError> {
    let [name] = path.0;
    if api.engine().delete_task_def(&name).await? {
        Ok(answer::empty())
    } else {
        Err(ApiError::not_found("No such task definition"))
    }
}

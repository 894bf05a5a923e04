//! Lists of workflow definitions: names and versions (contract §2.3).

use std::collections::BTreeMap;

use axum::extract::State;
use axum::response::Response;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::answer;
use super::closed::closed;
use crate::dto::{WorkflowDefSummary, schema};
use crate::error::ApiError;
use crate::extract::Segments;
use crate::state::Api;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(closed(routes!(names_and_versions)))
        .routes(closed(routes!(names)))
        .routes(closed(routes!(versions)))
        .routes(closed(routes!(latest_versions)))
}

/// List the names of all workflow definitions with their versions.
#[utoipa::path(
    get, path = "/api/metadata/workflow/names-and-versions", operation_id = "getWorkflowNamesAndVersions",
    tag = "metadata",
    responses((
        status = 200, description = "Name → its versions, lowest first",
        body = BTreeMap<String, Vec<WorkflowDefSummary>>
    ))
)]
async fn names_and_versions(State(api): State<Api>) -> Result<Response, ApiError> {
    let mut by_name: BTreeMap<String, Vec<WorkflowDefSummary>> = BTreeMap::new();
    for def in api.engine().workflow_defs().await? {
        let name = def.name.unwrap_or_default();
        let (version, create_time, update_time) = (def.version, def.create_time, Some(def.update_time));
        let summary = WorkflowDefSummary { name: name.clone(), version, create_time, update_time };
        by_name.entry(name).or_default().push(summary);
    }
    Ok(answer::json(&by_name))
}

/// List the names of all workflow definitions.
#[utoipa::path(
    get, path = "/api/metadata/workflow/names", operation_id = "getWorkflowNames", tag = "metadata",
    responses((status = 200, description = "In order, each once", body = Vec<String>))
)]
async fn names(State(api): State<Api>) -> Result<Response, ApiError> {
    Ok(answer::json(&api.engine().workflow_names().await?))
}

/// List the versions of a workflow definition.
#[utoipa::path(
    get, path = "/api/metadata/workflow/{name}/versions", operation_id = "getWorkflowVersions", tag = "metadata",
    params(("name" = String, Path)),
    responses((
        status = 200, description = "Lowest first, with the time of their first registration; often none",
        body = Vec<WorkflowDefSummary>
    ))
)]
async fn versions(State(api): State<Api>, path: Segments<1>) -> Result<Response, ApiError> {
    let [name] = path.0;
    let versions = api.engine().workflow_versions(&name).await?;
    let summary = |(version, at): (i32, podium_core::Timestamp)| WorkflowDefSummary {
        name: name.clone(),
        version,
        create_time: at.as_millis(),
        update_time: None,
    };
    Ok(answer::json(&versions.into_iter().map(summary).collect::<Vec<_>>()))
}

/// List the highest version of each workflow definition.
#[utoipa::path(
    get, path = "/api/metadata/workflow/latest-versions", operation_id = "getAllWorkflowsWithLatestVersions",
    tag = "metadata",
    responses((status = 200, description = "By name", body = Vec<schema::WorkflowDef>))
)]
async fn latest_versions(State(api): State<Api>) -> Result<Response, ApiError> {
    Ok(answer::json(&api.engine().latest_workflow_defs().await?))
}

//! Workflow definitions (contract §2.3, §7).

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use podium_core::def::WorkflowDef;
use serde_json::Value;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::answer;
use super::closed::{closed, closed_but_get};
use crate::convert;
use crate::dto::{self, BulkResponse, ErrorResponse, ValidationError, schema};
use crate::error::ApiError;
use crate::extract::{JsonBody, Query, Segments, parse_int};
use crate::state::Api;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(closed(routes!(list_workflow_defs, put_workflow_defs, create_workflow_def)))
        .routes(closed_but_get(routes!(validate_workflow_def), get_workflow_def_named_validate))
        .routes(closed(routes!(get_workflow_def)))
        .routes(closed(routes!(delete_workflow_def)))
}

/// Register a workflow definition.
#[utoipa::path(
    post, path = "/api/metadata/workflow", operation_id = "create", tag = "metadata",
    params(("overwrite" = Option<bool>, Query, description = "Replace one of the same name and version; false if absent")),
    request_body = schema::WorkflowDef,
    responses(
        (status = 200, description = "Registered"),
        (status = 400, description = "The definition breaks a rule", body = ErrorResponse),
        (status = 409, description = "Name and version exist already", body = ErrorResponse),
    )
)]
async fn create_workflow_def(State(api): State<Api>, uri: Uri, body: JsonBody) -> Result<Response, ApiError> {
    let overwrite = Query::of(&uri).bool("overwrite", false)?;
    let raw = body.value()?;
    let def = dto::workflow_def(&raw)?;
    let exists = exists(&api, &def).await?;
    // a conflict is told before anything else that is wrong
    if exists && !overwrite {
        let name = def.name.as_deref().unwrap_or_default();
        let message = format!("Workflow with {name}.{} already exists!", def.version);
        return Err(ApiError::new(axum::http::StatusCode::CONFLICT, message));
    }
    let prefix = if exists { "updateWorkflowDef.arg0" } else { "registerWorkflowDef.arg0" };
    convert::refuse_if_any(convert::validate_workflow_def(api.engine(), &def, &raw, prefix).await?)?;
    convert::check_names(&def)?;
    let def = if exists { convert::replaced(def) } else { convert::created(def) };
    api.engine().create_workflow_def(def, overwrite).await?;
    Ok(answer::empty())
}

async fn exists(api: &Api, def: &WorkflowDef) -> Result<bool, ApiError> {
    match def.name.as_deref() {
        Some(name) if !name.trim().is_empty() => {
            Ok(api.engine().workflow_def(name, Some(def.version)).await?.is_some())
        }
        Some(_) | None => Ok(false),
    }
}

/// Check a workflow definition without registering it.
#[utoipa::path(
    post, path = "/api/metadata/workflow/validate", operation_id = "validate", tag = "metadata",
    request_body = schema::WorkflowDef,
    responses(
        (status = 200, description = "It could be registered"),
        (status = 400, description = "The definition breaks a rule", body = ErrorResponse),
    )
)]
async fn validate_workflow_def(State(api): State<Api>, body: JsonBody) -> Result<Response, ApiError> {
    let raw = body.value()?;
    let def = dto::workflow_def(&raw)?;
    let violations =
        convert::validate_workflow_def(api.engine(), &def, &raw, "validateWorkflowDef.arg0").await?;
    convert::refuse_if_any(violations)?;
    Ok(answer::empty())
}

/// Register or replace workflow definitions.
///
/// All of them or none are looked at; then each is stored on its own.
#[utoipa::path(
    put, path = "/api/metadata/workflow", operation_id = "update", tag = "metadata",
    request_body = Vec<schema::WorkflowDef>,
    responses(
        (status = 200, description = "What became of each, by name", body = BulkResponse),
        (status = 400, description = "One of them breaks a rule", body = ErrorResponse),
    )
)]
async fn put_workflow_defs(State(api): State<Api>, body: JsonBody) -> Result<Response, ApiError> {
    let Value::Array(items) = body.value()? else {
        return Err(ApiError::unreadable("a list of workflow definitions was expected"));
    };
    if items.is_empty() {
        return Err(ApiError::violation("updateWorkflowDef.arg0", "WorkflowDefList is empty", None));
    }
    let mut defs = Vec::with_capacity(items.len());
    let mut violations = Vec::new();
    for (index, raw) in items.into_iter().enumerate() {
        let prefix = format!("updateWorkflowDef.arg0[{index}]");
        if raw.is_null() {
            violations.push(ValidationError {
                path: format!("{prefix}.<list element>"),
                message: "WorkflowDef cannot be null".to_owned(),
                invalid_value: None,
            });
            continue;
        }
        let def = dto::workflow_def(&raw)?;
        violations.extend(convert::validate_workflow_def(api.engine(), &def, &raw, &prefix).await?);
        defs.push(convert::replaced(def));
    }
    convert::refuse_if_any(violations)?;

    let mut answer = BulkResponse::default();
    let mut fitting = Vec::with_capacity(defs.len());
    for def in defs {
        match convert::check_names(&def) {
            Ok(()) => fitting.push(def),
            Err(error) => answer.failed(def.name, error.message()),
        }
    }
    let names: Vec<_> = fitting.iter().map(|def| def.name.clone()).collect();
    for (name, outcome) in names.into_iter().zip(api.engine().put_workflow_defs(fitting).await?) {
        match outcome {
            Ok(()) => answer.bulk_successful_results.push(name.unwrap_or_default()),
            Err(error) => answer.failed(name, &error.to_string()),
        }
    }
    Ok(answer::json(&answer))
}

/// List all versions of all workflow definitions.
#[utoipa::path(
    get, path = "/api/metadata/workflow", operation_id = "getWorkflowDefs", tag = "metadata",
    params(("classifier" = Option<String>, Query, description = "Only those of this kind: `workflow`, `agent` or an own word")),
    responses((status = 200, description = "By name and version", body = Vec<schema::WorkflowDef>))
)]
async fn list_workflow_defs(State(api): State<Api>, uri: Uri) -> Result<Response, ApiError> {
    let classifier = Query::of(&uri).text("classifier")?.filter(|wanted| !wanted.trim().is_empty());
    let mut defs = api.engine().workflow_defs().await?;
    if let Some(wanted) = classifier {
        defs.retain(|def| convert::classifier(def).eq_ignore_ascii_case(wanted.trim()));
    }
    Ok(answer::json(&defs))
}

/// Get a workflow definition.
#[utoipa::path(
    get, path = "/api/metadata/workflow/{name}", operation_id = "get1", tag = "metadata",
    params(
        ("name" = String, Path),
        ("version" = Option<i32>, Query, description = "Version; the latest if absent"),
    ),
    responses(
        (status = 200, description = "The definition", body = schema::WorkflowDef),
        (status = 404, description = "No such definition", body = ErrorResponse),
    )
)]
async fn get_workflow_def(State(api): State<Api>, path: Segments<1>, uri: Uri) -> Result<Response, ApiError> {
    let [name] = path.0;
    workflow_def_body(&api, &name, &uri).await
}

/// `validate` is a name like any other.
async fn get_workflow_def_named_validate(State(api): State<Api>, uri: Uri) -> Result<Response, ApiError> {
    workflow_def_body(&api, "validate", &uri).await
}

async fn workflow_def_body(api: &Api, name: &str, uri: &Uri) -> Result<Response, ApiError> {
    let version = Query::of(uri).int("version")?;
    match api.engine().workflow_def(name, version).await? {
        Some(def) => Ok(answer::json(&def)),
        None => {
            let version = version.map_or("null".to_owned(), |version| version.to_string());
            Err(ApiError::not_found(format!("No such workflow found by name: {name}, version: {version}")))
        }
    }
}

/// Remove one version of a workflow definition.
///
/// Workflows that run keep their copy.
#[utoipa::path(
    delete, path = "/api/metadata/workflow/{name}/{version}", operation_id = "unregisterWorkflowDef", tag = "metadata",
    params(("name" = String, Path), ("version" = i32, Path)),
    responses(
        (status = 200, description = "Removed"),
        (status = 404, description = "No such definition", body = ErrorResponse),
    )
)]
async fn delete_workflow_def(State(api): State<Api>, path: Segments<2>) -> Result<Response, ApiError> {
    let [name, version] = path.0;
    let number = parse_int(&version).ok_or_else(|| crate::extract::mismatch("version", "int", &version))?;
    if api.engine().delete_workflow_def(&name, number).await? {
        Ok(answer::empty())
    } else {
        Err(ApiError::not_found(format!("No such workflow definition: {name} version: {number}")))
    }
}

//! What operators do to a workflow (contract §2.1, §9).

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use podium_core::{Asker, RunId};
use podium_runtime::Verb;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::answer;
use super::closed::closed;
use super::workflow::{named, parsed};
use crate::convert;
use crate::dto::{ErrorResponse, OperationPreview, RerunWorkflowRequest};
use crate::error::ApiError;
use crate::extract::{By, JsonBody, Query, Segments};
use crate::state::Api;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(closed(routes!(pause)))
        .routes(closed(routes!(resume)))
        .routes(closed(routes!(retry)))
        .routes(closed(routes!(restart)))
        .routes(closed(routes!(rerun)))
        .routes(closed(routes!(skip_task)))
        .routes(closed(routes!(reset_callbacks)))
        .routes(closed(routes!(remove)))
        .routes(closed(routes!(terminate_remove)))
}

/// Pause a workflow.
///
/// Tasks that workers hold may still be reported; nothing new begins. Pausing twice is no error.
#[utoipa::path(
    put, path = "/api/workflow/{workflowId}/pause", operation_id = "pauseWorkflow", tag = "workflow",
    params(("workflowId" = String, Path)),
    responses(
        (status = 200, description = "Paused, or it was already"),
        (status = 404, description = "No such workflow", body = ErrorResponse),
        (status = 409, description = "It has ended", body = ErrorResponse),
    )
)]
async fn pause(State(api): State<Api>, By(by): By, path: Segments<1>) -> Result<Response, ApiError> {
    let [id] = path.0;
    api.engine().by(by).pause(parsed(&id)?).await.map_err(|error| named(error, &id))?;
    Ok(answer::empty())
}

/// Resume a workflow.
#[utoipa::path(
    put, path = "/api/workflow/{workflowId}/resume", operation_id = "resumeWorkflow", tag = "workflow",
    params(("workflowId" = String, Path)),
    responses(
        (status = 200, description = "Running again"),
        (status = 404, description = "No such workflow", body = ErrorResponse),
        (status = 409, description = "It is not paused", body = ErrorResponse),
    )
)]
async fn resume(State(api): State<Api>, By(by): By, path: Segments<1>) -> Result<Response, ApiError> {
    let [id] = path.0;
    api.engine().by(by).resume(parsed(&id)?).await.map_err(|error| named(error, &id))?;
    Ok(answer::empty())
}

/// Retry the failed tasks of a workflow.
///
/// Each task whose last attempt failed or was cancelled gets a new one.
#[utoipa::path(
    post, path = "/api/workflow/{workflowId}/retry", operation_id = "retry", tag = "workflow",
    params(
        ("workflowId" = String, Path),
        ("resumeSubworkflowTasks" = Option<bool>, Query,
            description = "The first failed task's sub-workflow goes on instead of being started anew; false if absent"),
        ("dryRun" = Option<bool>, Query, description = "Only say what it would do; false if absent"),
    ),
    responses(
        (status = 200, description = "Asked with `dryRun`: what it would do", body = OperationPreview),
        (status = 204, description = "Running again"),
        (status = 404, description = "No such workflow, or it has not ended", body = ErrorResponse),
        (status = 409, description = "There is nothing to retry", body = ErrorResponse),
    )
)]
async fn retry(
    State(api): State<Api>,
    By(by): By,
    path: Segments<1>,
    uri: Uri,
) -> Result<Response, ApiError> {
    let [id] = path.0;
    let query = Query::of(&uri);
    let resume_children = query.bool("resumeSubworkflowTasks", false)?;
    let dry = query.bool("dryRun", false)?;
    done(&api, by, &id, Verb::Retry { resume_children }, dry, |_| answer::no_content()).await
}

/// Restart a workflow from its first task.
///
/// It keeps its id, input, correlation id and variables; all of its tasks are made anew.
#[utoipa::path(
    post, path = "/api/workflow/{workflowId}/restart", operation_id = "restart", tag = "workflow",
    params(
        ("workflowId" = String, Path),
        ("useLatestDefinitions" = Option<bool>, Query,
            description = "With the latest version of its definition as it is now; false if absent"),
        ("dryRun" = Option<bool>, Query, description = "Only say what it would do; false if absent"),
    ),
    responses(
        (status = 200, description = "Asked with `dryRun`: what it would do", body = OperationPreview),
        (status = 204, description = "Running again"),
        (status = 404, description = "No such workflow or definition, or it is completed and not restartable", body = ErrorResponse),
        (status = 409, description = "It has not ended", body = ErrorResponse),
    )
)]
async fn restart(
    State(api): State<Api>,
    By(by): By,
    path: Segments<1>,
    uri: Uri,
) -> Result<Response, ApiError> {
    let [id] = path.0;
    let query = Query::of(&uri);
    let latest = query.bool("useLatestDefinitions", false)?;
    let dry = query.bool("dryRun", false)?;
    done(&api, by, &id, Verb::Restart { latest }, dry, |_| answer::no_content()).await
}

/// Run a workflow again from one of its tasks.
///
/// Without a task it begins with the first one. With `dryRun` the answer is JSON, an `OperationPreview`, and nothing is
/// done.
#[utoipa::path(
    post, path = "/api/workflow/{workflowId}/rerun", operation_id = "rerun", tag = "workflow",
    params(
        ("workflowId" = String, Path),
        ("dryRun" = Option<bool>, Query, description = "Only say what it would do; false if absent"),
    ),
    request_body = RerunWorkflowRequest,
    responses(
        (status = 200, description = "The workflow's id", body = String, content_type = "text/plain"),
        (status = 400, description = "No such task", body = ErrorResponse),
        (status = 404, description = "No such workflow", body = ErrorResponse),
        (status = 409, description = "It has not ended", body = ErrorResponse),
    )
)]
async fn rerun(
    State(api): State<Api>,
    By(by): By,
    path: Segments<1>,
    uri: Uri,
    body: JsonBody,
) -> Result<Response, ApiError> {
    let [id] = path.0;
    let dry = Query::of(&uri).bool("dryRun", false)?;
    let request: RerunWorkflowRequest = body.parse()?;
    let verb = Verb::Rerun(convert::rerun(parsed(&id)?, request));
    done(&api, by, &id, verb, dry, |run| answer::text(run.to_string())).await
}

/// Skip a task that the workflow has not reached yet.
///
/// A JSON body is ignored.
#[utoipa::path(
    put, path = "/api/workflow/{workflowId}/skiptask/{taskReferenceName}", operation_id = "skipTaskFromWorkflow", tag = "workflow",
    params(
        ("workflowId" = String, Path),
        ("taskReferenceName" = String, Path),
        ("taskInput[name]" = Option<String>, Query, description = "A member of the input that the skipped task shows"),
        ("taskOutput[name]" = Option<String>, Query, description = "A member of the output that later tasks read"),
        ("dryRun" = Option<bool>, Query, description = "Only say what it would do; false if absent"),
    ),
    responses(
        (status = 200, description = "It will be passed over; an `OperationPreview` if asked with `dryRun`"),
        (status = 400, description = "The definition has no such task", body = ErrorResponse),
        (status = 404, description = "No such workflow", body = ErrorResponse),
        (status = 409, description = "The workflow is not running, or has reached the task", body = ErrorResponse),
    )
)]
async fn skip_task(
    State(api): State<Api>,
    By(by): By,
    path: Segments<2>,
    uri: Uri,
) -> Result<Response, ApiError> {
    let [id, ref_name] = path.0;
    let query = Query::of(&uri);
    let (input, output) = (query.members("taskInput")?, query.members("taskOutput")?);
    let dry = query.bool("dryRun", false)?;
    let verb = Verb::Skip { ref_name, input: input.into(), output: output.into() };
    done(&api, by, &id, verb, dry, |_| answer::empty()).await
}

/// Does it and answers as `said`, or answers with what it would do.
async fn done(
    api: &Api,
    by: Asker,
    id: &str,
    verb: Verb,
    dry: bool,
    said: impl FnOnce(RunId) -> Response + Send,
) -> Result<Response, ApiError> {
    let run = parsed(id)?;
    if dry {
        let preview = api.engine().preview(run, verb).await.map_err(|error| named(error, id))?;
        return Ok(answer::json(&convert::preview(&preview)));
    }
    api.engine().by(by).operate(run, verb).await.map_err(|error| named(error, id))?;
    Ok(said(run))
}

/// Make delayed tasks available at once.
#[utoipa::path(
    post, path = "/api/workflow/{workflowId}/resetcallbacks", operation_id = "resetWorkflow", tag = "workflow",
    params(("workflowId" = String, Path)),
    responses(
        (status = 204, description = "No scheduled task waits for a delay any more"),
        (status = 404, description = "No such workflow", body = ErrorResponse),
        (status = 409, description = "It has ended", body = ErrorResponse),
    )
)]
async fn reset_callbacks(
    State(api): State<Api>,
    By(by): By,
    path: Segments<1>,
) -> Result<Response, ApiError> {
    let [id] = path.0;
    api.engine().by(by).reset_callbacks(parsed(&id)?).await.map_err(|error| named(error, &id))?;
    Ok(answer::no_content())
}

/// Remove a workflow.
#[utoipa::path(
    delete, path = "/api/workflow/{workflowId}/remove", operation_id = "delete1", tag = "workflow",
    params(
        ("workflowId" = String, Path),
        ("archiveWorkflow" = Option<bool>, Query,
            description = "Searches still find it, and it must have ended; true if absent. Else it is deleted in any state"),
    ),
    responses(
        (status = 200, description = "Removed"),
        (status = 400, description = "It has not ended and cannot be archived", body = ErrorResponse),
        (status = 404, description = "No such workflow", body = ErrorResponse),
    )
)]
async fn remove(
    State(api): State<Api>,
    By(by): By,
    path: Segments<1>,
    uri: Uri,
) -> Result<Response, ApiError> {
    let [id] = path.0;
    let archive = Query::of(&uri).bool("archiveWorkflow", true)?;
    api.engine().by(by).remove(parsed(&id)?, archive).await.map_err(|error| named(error, &id))?;
    Ok(answer::empty())
}

/// Terminate a workflow and remove it.
///
/// After a crash between the two it is terminated and still there.
#[utoipa::path(
    delete, path = "/api/workflow/{workflowId}/terminate-remove", operation_id = "terminateRemove1", tag = "workflow",
    params(
        ("workflowId" = String, Path),
        ("reason" = Option<String>, Query),
        ("archiveWorkflow" = Option<bool>, Query, description = "Searches still find it; true if absent"),
    ),
    responses(
        (status = 200, description = "Removed"),
        (status = 404, description = "No such workflow", body = ErrorResponse),
        (status = 409, description = "It is completed", body = ErrorResponse),
    )
)]
async fn terminate_remove(
    State(api): State<Api>,
    By(by): By,
    path: Segments<1>,
    uri: Uri,
) -> Result<Response, ApiError> {
    let [id] = path.0;
    let query = Query::of(&uri);
    let reason = query.text("reason")?.map(std::borrow::Cow::into_owned);
    let archive = query.bool("archiveWorkflow", true)?;
    let run = parsed(&id)?;
    let engine = api.engine().by(by);
    engine.terminate(run, reason).await.map_err(|error| named(error, &id))?;
    engine.remove(run, archive).await.map_err(|error| named(error, &id))?;
    Ok(answer::empty())
}

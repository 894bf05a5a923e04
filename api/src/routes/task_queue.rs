//! Queues of tasks: how full they are, who polls them, and offering leased tasks again (contract §2.4, §8.7).
//!
//! There is no queue table: what is counted are the tasks that are ready, due or not.

use std::borrow::Cow;
use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use podium_core::http::group_of;
use podium_runtime::QueueSize;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::answer;
use super::closed::closed;
use crate::dto::{ErrorResponse, PollData, ShardSize, kept_as};
use crate::error::ApiError;
use crate::extract::{By, Query, Segments};
use crate::state::Api;

/// The only shard that the verbose form names.
const SHARD: &str = "a";

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(closed(routes!(sizes)))
        .routes(closed(routes!(size)))
        .routes(closed(routes!(all_verbose)))
        .routes(closed(routes!(all)))
        .routes(closed(routes!(poll_data)))
        .routes(closed(routes!(all_poll_data)))
        .routes(closed(routes!(requeue)))
}

/// Get the sizes of several queues.
#[utoipa::path(
    get, path = "/api/tasks/queue/sizes", operation_id = "size", tag = "task",
    params(("taskType" = Vec<String>, Query, description = "Queues by name; repeated or separated by commas")),
    responses(
        (status = 200, description = "Queue → ready tasks", body = BTreeMap<String, i64>),
        (status = 400, description = "No task type is given", body = ErrorResponse),
    )
)]
async fn sizes(State(api): State<Api>, uri: Uri) -> Result<Response, ApiError> {
    let query = Query::of(&uri);
    query.required("taskType")?;
    let mut sizes = BTreeMap::new();
    for name in query.list("taskType")? {
        let size = size_of(&api, &name).await?;
        sizes.insert(name, size);
    }
    Ok(answer::json(&sizes))
}

/// Get the size of a queue.
#[utoipa::path(
    get, path = "/api/tasks/queue/size", operation_id = "taskDepth", tag = "task",
    params(
        ("taskType" = String, Query),
        ("domain" = Option<String>, Query),
        ("isolationGroupId" = Option<String>, Query),
        ("executionNamespace" = Option<String>, Query),
    ),
    responses(
        (status = 200, description = "Ready tasks, due or not; at most a million are counted", body = i64, content_type = "application/json"),
        (status = 400, description = "No task type is given", body = ErrorResponse),
    )
)]
async fn size(State(api): State<Api>, uri: Uri) -> Result<Response, ApiError> {
    let query = Query::of(&uri);
    let mut queue = query.required("taskType")?.into_owned();
    // the two trade places on the way to the name, as they do in Conductor
    for (mark, part) in [('@', "isolationGroupId"), ('-', "executionNamespace")] {
        if let Some(part) = query.text(part)?.filter(|part| !part.trim().is_empty()) {
            queue.push(mark);
            queue.push_str(&part);
        }
    }
    let domain = query.text("domain")?;
    let events = if domain.is_none() { events_of(&api, &queue).await? } else { 0 };
    Ok(answer::json(&(events + size_kept(&api, &queue, domain.as_deref()).await?)))
}

async fn size_kept(api: &Api, name: &str, domain: Option<&str>) -> Result<i64, ApiError> {
    let (task_type, domain) = kept_as(name, domain);
    Ok(api.engine().queue_size(task_type, domain).await?)
}

/// Events of EVENT tasks that wait for a handler; `name` is their queue without `conductor:` .
async fn events_of(api: &Api, name: &str) -> Result<i64, ApiError> {
    if !name.contains(':') {
        return Ok(0);
    }
    Ok(api.engine().waiting_events(&format!("conductor:{name}")).await?)
}

/// The size of a queue by its whole name: `[domain:]type`, or `workflow:event`. A type may have a colon of its own, so both are looked at.
async fn size_of(api: &Api, name: &str) -> Result<i64, ApiError> {
    let mut size = size_kept(api, name, None).await?;
    if let Some((domain, task_type)) = name.split_once(':') {
        size += api.engine().queue_size(task_type, Some(domain)).await?;
    }
    Ok(size + events_of(api, name).await?)
}

/// List the sizes of all queues in the form of their shards.
#[utoipa::path(
    get, path = "/api/tasks/queue/all/verbose", operation_id = "allVerbose", tag = "task",
    responses((
        status = 200, description = "Queue → shard → size",
        body = BTreeMap<String, BTreeMap<String, ShardSize>>
    ))
)]
async fn all_verbose(State(api): State<Api>) -> Result<Response, ApiError> {
    let sizes = api.engine().queue_sizes().await?;
    let shards = |queue: &QueueSize| BTreeMap::from([(SHARD, ShardSize { size: queue.size, uacked: 0 })]);
    let queues: BTreeMap<_, _> = sizes.iter().map(|queue| (name_of(queue), shards(queue))).collect();
    Ok(answer::json(&queues))
}

/// List the sizes of all queues that have tasks.
#[utoipa::path(
    get, path = "/api/tasks/queue/all", operation_id = "all", tag = "task",
    responses((status = 200, description = "Queue → ready tasks", body = BTreeMap<String, i64>))
)]
async fn all(State(api): State<Api>) -> Result<Response, ApiError> {
    let sizes = api.engine().queue_sizes().await?;
    let queues: BTreeMap<_, _> = sizes.iter().map(|queue| (name_of(queue), queue.size)).collect();
    Ok(answer::json(&queues))
}

/// The name of a queue as Conductor writes it.
fn name_of(queue: &QueueSize) -> Cow<'_, str> {
    let domain = queue.domain.as_deref();
    if let Some(group) = group_of(&queue.task_type, domain) {
        return Cow::Owned(format!("{}{group}", queue.task_type));
    }
    match domain {
        Some(domain) => Cow::Owned(format!("{domain}:{}", queue.task_type)),
        None => Cow::Borrowed(&queue.task_type),
    }
}

/// Get the last polls for a task type.
#[utoipa::path(
    get, path = "/api/tasks/queue/polldata", operation_id = "getPollData", tag = "task",
    params(("taskType" = String, Query)),
    responses(
        (status = 200, description = "One for each domain", body = Vec<PollData>),
        (status = 400, description = "No task type is given", body = ErrorResponse),
    )
)]
async fn poll_data(State(api): State<Api>, uri: Uri) -> Result<Response, ApiError> {
    let task_type = Query::of(&uri).required("taskType")?;
    if task_type.trim().is_empty() {
        let given = Some(task_type.into_owned());
        return Err(ApiError::violation("getPollData.arg0", "TaskType cannot be null or empty.", given));
    }
    polls_of(&api, Some(&task_type)).await
}

/// Get the last polls for all task types.
#[utoipa::path(
    get, path = "/api/tasks/queue/polldata/all", operation_id = "getAllPollData", tag = "task",
    responses((status = 200, description = "One for each task type and domain, by type", body = Vec<PollData>))
)]
async fn all_poll_data(State(api): State<Api>) -> Result<Response, ApiError> {
    polls_of(&api, None).await
}

async fn polls_of(api: &Api, task_type: Option<&str>) -> Result<Response, ApiError> {
    let polls = api.engine().last_polls(task_type).await?;
    Ok(answer::json(&polls.into_iter().map(PollData::from).collect::<Vec<_>>()))
}

/// Offer the open tasks of a definition to workers again.
///
/// A task that a worker holds may be taken by another one from then on; whoever reports first counts.
#[utoipa::path(
    post, path = "/api/tasks/queue/requeue/{taskType}", operation_id = "requeuePendingTask", tag = "task",
    params(("taskType" = String, Path, description = "Name of the task definition")),
    responses((status = 200, description = "How many tasks wait for workers now", body = String, content_type = "text/plain"))
)]
async fn requeue(State(api): State<Api>, By(by): By, path: Segments<1>) -> Result<Response, ApiError> {
    let [def_name] = path.0;
    Ok(answer::text(api.engine().by(by).requeue(&def_name).await?.to_string()))
}

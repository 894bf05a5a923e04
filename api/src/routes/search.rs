//! Searching workflows and tasks (contract §6).

use axum::extract::State;
use axum::http::{HeaderValue, Uri};
use axum::response::Response;
use podium_core::search::{
    Expr, Field, Scope, Test, Value, parse, parse_json_words, parse_sort, parse_words,
};
use podium_runtime::{Found, RunView, SearchQuery, TaskView};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::answer;
use super::closed::closed;
use crate::convert;
use crate::dto::{ErrorResponse, schema};
use crate::error::ApiError;
use crate::extract::Query;
use crate::state::Api;

/// Says whether `totalHits` is exact (`eq`) or a lower bound (`gte`).
const RELATION: &str = "x-total-hits-relation";
/// Only in answers to free text: how many milliseconds the words are behind.
const LAG: &str = "x-search-lag-ms";
/// Only in answers to free text: `true` while all runs are looked through for missing words.
const SWEEP: &str = "x-search-sweep";

const ROWS_AT_MOST: i32 = 5_000;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(closed(routes!(search)))
        .routes(closed(routes!(search_v2)))
        .routes(closed(routes!(search_by_tasks)))
        .routes(closed(routes!(search_by_tasks_v2)))
        .routes(closed(routes!(search_tasks)))
        .routes(closed(routes!(search_tasks_v2)))
}

/// Search for workflows.
///
/// `query` is `field op value`, joined by AND and OR and grouped by parentheses: `=`, `!=`, `>`, `>=`, `<`, `<=`, `IN (…)`,
/// `BETWEEN … AND …`, `IS null`, `STARTS_WITH`; fields are the members of the answer, times in milliseconds. What was
/// acknowledged is found at once, free text within a second.
#[utoipa::path(
    get, path = "/api/workflow/search", operation_id = "search1", tag = "workflow",
    params(
        ("start" = Option<i32>, Query, description = "First row; 0 if absent"),
        ("size" = Option<i32>, Query, description = "Rows, at most 5000; 100 if absent"),
        ("sort" = Option<String>, Query, description = "`field:ASC` or `field:DESC`, several joined by `|`; newest first if absent"),
        ("freeText" = Option<String>, Query, description = "Words joined by & and |, excluded by !; or a JSON object that the summary must contain"),
        ("query" = Option<String>, Query),
        ("classifier" = Option<String>, Query, description = "Kinds of definitions, by comma"),
        ("topLevelOnly" = Option<bool>, Query, description = "No sub-workflows"),
        ("totalHits" = Option<bool>, Query, description = "false: do not count all that match; then `totalHits` is a lower bound"),
    ),
    responses(
        (status = 200, description = "A page. Header X-Total-Hits-Relation: `eq`, or `gte` if there are at least `totalHits`; with free text X-Search-Lag-Ms", body = schema::SearchResultWorkflowSummary),
        (status = 400, description = "No query, too many rows, or it took too long", body = ErrorResponse),
        (status = 413, description = "The page is too large", body = ErrorResponse),
    )
)]
async fn search(State(api): State<Api>, uri: Uri) -> Result<Response, ApiError> {
    let query = asked(&uri, Scope::Runs, Some("searchWorkflows"))?;
    let found = api.engine().search_runs(query).await?;
    Ok(page(&found, convert::workflow_summary))
}

/// Search for workflows; answers with whole workflows, without their tasks.
#[utoipa::path(
    get, path = "/api/workflow/search-v2", operation_id = "searchV2", tag = "workflow",
    params(
        ("start" = Option<i32>, Query), ("size" = Option<i32>, Query), ("sort" = Option<String>, Query),
        ("freeText" = Option<String>, Query), ("query" = Option<String>, Query),
        ("classifier" = Option<String>, Query), ("topLevelOnly" = Option<bool>, Query),
        ("totalHits" = Option<bool>, Query),
    ),
    responses(
        (status = 200, description = "A page", body = schema::SearchResultWorkflow),
        (status = 400, description = "No query, too many rows, or it took too long", body = ErrorResponse),
        (status = 413, description = "The page is too large", body = ErrorResponse),
    )
)]
async fn search_v2(State(api): State<Api>, uri: Uri) -> Result<Response, ApiError> {
    let query = asked(&uri, Scope::Runs, Some("searchWorkflowsV2"))?;
    let found = api.engine().search_runs(query).await?;
    Ok(page(&found, whole))
}

/// Search for workflows by their tasks.
#[utoipa::path(
    get, path = "/api/workflow/search-by-tasks", operation_id = "searchWorkflowsByTasks", tag = "workflow",
    params(
        ("start" = Option<i32>, Query), ("size" = Option<i32>, Query), ("sort" = Option<String>, Query),
        ("freeText" = Option<String>, Query),
        ("query" = Option<String>, Query, description = "As in the search for tasks"),
        ("totalHits" = Option<bool>, Query),
    ),
    responses(
        (status = 200, description = "A page of tasks, as their workflows, each once", body = schema::SearchResultWorkflowSummary),
        (status = 400, description = "No query, or it took too long", body = ErrorResponse),
        (status = 413, description = "The page is too large", body = ErrorResponse),
    )
)]
async fn search_by_tasks(State(api): State<Api>, uri: Uri) -> Result<Response, ApiError> {
    let query = asked(&uri, Scope::Tasks, None)?;
    let found = api.engine().search_runs_by_tasks(query).await?;
    Ok(page(&found, convert::workflow_summary))
}

/// Search for workflows by their tasks; answers with whole workflows, without their tasks.
#[utoipa::path(
    get, path = "/api/workflow/search-by-tasks-v2", operation_id = "searchWorkflowsByTasksV2", tag = "workflow",
    params(
        ("start" = Option<i32>, Query), ("size" = Option<i32>, Query), ("sort" = Option<String>, Query),
        ("freeText" = Option<String>, Query), ("query" = Option<String>, Query), ("totalHits" = Option<bool>, Query),
    ),
    responses(
        (status = 200, description = "A page of tasks, as their workflows, each once", body = schema::SearchResultWorkflow),
        (status = 400, description = "No query, or it took too long", body = ErrorResponse),
        (status = 413, description = "The page is too large", body = ErrorResponse),
    )
)]
async fn search_by_tasks_v2(State(api): State<Api>, uri: Uri) -> Result<Response, ApiError> {
    let query = asked(&uri, Scope::Tasks, None)?;
    let found = api.engine().search_runs_by_tasks(query).await?;
    Ok(page(&found, whole))
}

/// Search for tasks.
///
/// A task that no worker has touched yet is found only if the query names `status`.
#[utoipa::path(
    get, path = "/api/tasks/search", operation_id = "search2", tag = "task",
    params(
        ("start" = Option<i32>, Query), ("size" = Option<i32>, Query), ("sort" = Option<String>, Query),
        ("freeText" = Option<String>, Query), ("query" = Option<String>, Query), ("totalHits" = Option<bool>, Query),
    ),
    responses(
        (status = 200, description = "A page", body = schema::SearchResultTaskSummary),
        (status = 400, description = "No query, or it took too long", body = ErrorResponse),
        (status = 413, description = "The page is too large", body = ErrorResponse),
    )
)]
async fn search_tasks(State(api): State<Api>, uri: Uri) -> Result<Response, ApiError> {
    let query = asked(&uri, Scope::Tasks, None)?;
    let found = api.engine().search_tasks(query).await?;
    Ok(page(&found, convert::task_summary))
}

/// Search for tasks; answers with whole tasks.
#[utoipa::path(
    get, path = "/api/tasks/search-v2", operation_id = "searchV21", tag = "task",
    params(
        ("start" = Option<i32>, Query), ("size" = Option<i32>, Query), ("sort" = Option<String>, Query),
        ("freeText" = Option<String>, Query), ("query" = Option<String>, Query), ("totalHits" = Option<bool>, Query),
    ),
    responses(
        (status = 200, description = "A page", body = schema::SearchResultTask),
        (status = 400, description = "No query, or it took too long", body = ErrorResponse),
        (status = 413, description = "The page is too large", body = ErrorResponse),
    )
)]
async fn search_tasks_v2(State(api): State<Api>, uri: Uri) -> Result<Response, ApiError> {
    let query = asked(&uri, Scope::Tasks, None)?;
    let found = api.engine().search_tasks(query).await?;
    Ok(page(&found, |out, view: &TaskView| {
        out.extend_from_slice(&convert::task_json(&convert::shown_task(view)))
    }))
}

fn whole(out: &mut Vec<u8>, view: &RunView) {
    out.extend_from_slice(&convert::workflow_json(view, false));
}

/// What a query and free text ask for together.
pub(super) fn filter(scope: Scope, text: &str, words: &str) -> Result<Expr, ApiError> {
    let refused = |e: podium_core::search::BadSearch| ApiError::bad_request(e.to_string());
    let filter = parse(scope, text).map_err(refused)?;
    if words.trim_start().starts_with('{') {
        return Ok(filter.and(parse_json_words(scope, words).map_err(refused)?));
    }
    Ok(match parse_words(words).map_err(refused)? {
        Some(words) => filter.and(Expr::Words(words)),
        None => filter,
    })
}

/// A page begins at its first row or later, and has no less than none.
pub(super) fn refuse_negative(start: i32, size: i32) -> Result<(), ApiError> {
    match [("start", start), ("size", size)].into_iter().find(|(_, value)| *value < 0) {
        Some((name, value)) => {
            Err(ApiError::bad_request(format!("{name} is {value}, it must not be negative")))
        }
        None => Ok(()),
    }
}

/// What a request asks for. `capped` names the method in the message about too many rows.
fn asked(uri: &Uri, scope: Scope, capped: Option<&str>) -> Result<SearchQuery, ApiError> {
    let query = Query::of(uri);
    let start = query.int("start")?.unwrap_or(0);
    let size = query.int("size")?.unwrap_or(100);
    if let Some(method) = capped.filter(|_| size > ROWS_AT_MOST) {
        let path = format!("{method}.arg1");
        let message = "Cannot return more than 5000 workflows. Please use pagination.";
        return Err(ApiError::violation(&path, message, Some(size.to_string())));
    }
    refuse_negative(start, size)?;
    let text = query.text("query")?.unwrap_or_default();
    let mut filter = filter(scope, &text, &query.text("freeText")?.unwrap_or_default())?;
    if scope == Scope::Runs {
        let kinds: Vec<Value> = query.list("classifier")?.into_iter().map(Value::Text).collect();
        if !kinds.is_empty() {
            filter = filter.and(Expr::Clause(Field::Classifier, Test::In(kinds)));
        }
        if query.bool("topLevelOnly", false)? {
            filter = filter.and(Expr::Clause(Field::ParentId, Test::Null));
        }
    }
    let sort = parse_sort(scope, &query.text("sort")?.unwrap_or_default());
    let count = query.bool("totalHits", true)?;
    Ok(SearchQuery { filter, sort, start: start.into(), size: size.into(), count })
}

fn page<T>(found: &Found<T>, write: impl FnMut(&mut Vec<u8>, &T)) -> Response {
    let mut response = answer::json_text(convert::search_result(found.hits, &found.rows, write));
    let headers = response.headers_mut();
    headers.insert(RELATION, HeaderValue::from_static(if found.exact { "eq" } else { "gte" }));
    if let Some((ms, sweeping)) = found.lag {
        headers.insert(LAG, HeaderValue::from(ms));
        headers.insert(SWEEP, HeaderValue::from_static(if sweeping { "true" } else { "false" }));
    }
    response
}

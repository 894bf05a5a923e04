//! How many workflows a query finds, by status.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use podium_core::search::Scope;
use podium_runtime::StatusCount;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::answer;
use super::closed::closed;
use super::search::filter;
use crate::dto::{CountRelation, ErrorResponse, WorkflowCounts};
use crate::error::ApiError;
use crate::extract::Query;
use crate::state::Api;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(closed(routes!(counts)))
}

/// Count the workflows of a query by their status.
///
/// The query is that of `GET /api/workflow/search`; one that names statuses counts only those. 10,000 of each status are
/// always counted, further ones if it is quick.
#[utoipa::path(
    get, path = "/api/podium/workflows/counts", operation_id = "getWorkflowCounts", tag = "podium",
    params(
        ("query" = Option<String>, Query, description = "As in the search for workflows; absent: all"),
        ("freeText" = Option<String>, Query, description = "As in the search for workflows"),
    ),
    responses(
        (status = 200, description = "The numbers. After five seconds without an answer of the database, each is a lower bound of 0", body = WorkflowCounts),
        (status = 400, description = "The query cannot be read", body = ErrorResponse),
    )
)]
async fn counts(State(api): State<Api>, uri: Uri) -> Result<Response, ApiError> {
    let query = Query::of(&uri);
    let text = query.text("query")?.unwrap_or_default();
    let filter = filter(Scope::Runs, &text, &query.text("freeText")?.unwrap_or_default())?;
    let counts = api.engine().count_statuses(&filter).await?;
    let bounds = counts.iter().filter(|count| !count.exact);
    let lower_bounds: Vec<&'static str> = bounds.map(|count| count.status.as_str()).collect();
    let number = |count: &StatusCount| (count.status.as_str(), count.count);
    Ok(answer::json(&WorkflowCounts {
        counts: counts.iter().map(number).collect::<BTreeMap<_, _>>(),
        relation: if lower_bounds.is_empty() { CountRelation::Eq } else { CountRelation::Gte },
        lower_bounds,
    }))
}

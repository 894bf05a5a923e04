//! Workflows over time.

use std::time::{SystemTime, UNIX_EPOCH};

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use podium_core::{Span, Timestamp};
use podium_runtime::PlotBucket;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::answer;
use super::closed::closed;
use crate::dto::{ErrorResponse, PlottedWorkflows, WorkflowPlot};
use crate::error::ApiError;
use crate::extract::Query;
use crate::state::Api;

const BUCKETS: i32 = 60;
const BUCKETS_AT_MOST: i32 = 1_000;
const AN_HOUR: Span = Span::from_secs(3_600);
/// The database keeps instants from 1900 to 9900; what lies outside is no wish but an error of the caller.
const EARLIEST_MS: i64 = -2_208_988_800_000;
const LATEST_MS: i64 = 250_000_000_000_000;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(closed(routes!(plot)))
}

/// Count the workflows that were started over a stretch of time, and how long they took.
#[utoipa::path(
    get, path = "/api/podium/workflows/plot", operation_id = "getWorkflowPlot", tag = "podium",
    params(
        ("from" = Option<i64>, Query, description = "Milliseconds since 1970; an hour before `to` if absent"),
        ("to" = Option<i64>, Query, description = "Milliseconds since 1970; now if absent"),
        ("buckets" = Option<i32>, Query, description = "Stretches of the same length, at most 1000; 60 if absent. There are fewer if they would be shorter than a millisecond"),
        ("workflowType" = Option<String>, Query, description = "Only workflows of this name"),
    ),
    responses(
        (status = 200, description = "The buckets", body = WorkflowPlot),
        (status = 400, description = "`from` is not before `to`, or it took too long", body = ErrorResponse),
    )
)]
async fn plot(State(api): State<Api>, uri: Uri) -> Result<Response, ApiError> {
    let query = Query::of(&uri);
    let to = instant(query, "to")?.unwrap_or_else(now);
    let from = instant(query, "from")?.unwrap_or(to + Span::from_secs(-AN_HOUR.as_secs()));
    let buckets = query.int("buckets")?.unwrap_or(BUCKETS);
    if !(1..=BUCKETS_AT_MOST).contains(&buckets) {
        return Err(ApiError::bad_request(format!(
            "buckets is {buckets}, it must be from 1 to {BUCKETS_AT_MOST}"
        )));
    }
    let name = query.text("workflowType")?.filter(|name| !name.is_empty());
    let plot = api.engine().plot_runs(from, to, buckets.into(), name.as_deref()).await?;
    let step = plot.step.as_millis();
    let bucket = |bucket: PlotBucket| PlottedWorkflows {
        at: from.as_millis() + bucket.place * step,
        started: bucket.started,
        completed: bucket.completed,
        failed: bucket.failed,
        timed_out: bucket.timed_out,
        terminated: bucket.terminated,
        running: bucket.running,
        p50: bucket.took_ms.map(|took| took[0]),
        p95: bucket.took_ms.map(|took| took[1]),
        p99: bucket.took_ms.map(|took| took[2]),
    };
    Ok(answer::json(&WorkflowPlot {
        from: from.as_millis(),
        to: to.as_millis(),
        step,
        truncated: plot.truncated,
        buckets: plot.buckets.into_iter().map(bucket).collect(),
    }))
}

fn instant(query: Query<'_>, name: &'static str) -> Result<Option<Timestamp>, ApiError> {
    match query.long(name)? {
        Some(ms) if !(EARLIEST_MS..=LATEST_MS).contains(&ms) => Err(ApiError::bad_request(format!(
            "{name} is {ms}, it must be an instant in milliseconds since 1970"
        ))),
        other => Ok(other.map(Timestamp::from_millis)),
    }
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or_default())
}

//! News as they happen: server-sent events that say that something has changed, never what.

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderValue, Uri, header};
use axum::response::Response;
use futures::Stream;
use futures::stream::unfold;
use podium_core::{RunId, RunStatus};
use podium_runtime::{RunFeed, RunNews, RunsFeed, RunsNews};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::closed::closed;
use super::workflow::{named, parsed};
use crate::convert::Clock;
use crate::dto::ErrorResponse;
use crate::error::ApiError;
use crate::extract::Query;
use crate::state::Api;

/// The first line: how long a client waits before it connects again. A node that restarts is back soon.
const HELLO: &str = "retry: 2000\n";
/// Whoever hears nothing for much longer than ten seconds has lost the connection. An event and no comment: browsers do not show
/// comments to their pages.
const STILL_HERE: &str = "event: heartbeat\ndata: {}\n\n";

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(closed(routes!(live)))
}

/// Hear of changes.
///
/// Server-sent events. With `workflowId` an event `run` with `{"workflowId", "version", "status"}` and the version as its id, at
/// once and after each change, and an event `gone` after the workflow was removed, which ends the stream. Changes by other nodes are
/// told within half a second. Without it an event `runs` with `{"changed", "at"}`, twice a second at most: how many times the
/// answering node has committed a change of a workflow since the last one; what other nodes commit is not told, so lists are read
/// anew every few seconds too. Every ten seconds without an event there is one called `heartbeat`. Whoever reads slowly or comes back misses no
/// more than steps between: each event says how things are when it is sent.
#[utoipa::path(
    get, path = "/api/podium/live", operation_id = "followChanges", tag = "podium",
    params(("workflowId" = Option<String>, Query, description = "Only this workflow")),
    responses(
        (status = 200, description = "Events, without an end", body = String, content_type = "text/event-stream"),
        (status = 404, description = "No such workflow", body = ErrorResponse),
        (status = 503, description = "Too many follow already, or the server is stopping: ask for the workflow itself every few seconds", body = ErrorResponse),
    )
)]
async fn live(State(api): State<Api>, uri: Uri) -> Result<Response, ApiError> {
    let id = Query::of(&uri).text("workflowId")?;
    let body = match id.as_deref().filter(|id| !id.is_empty()) {
        Some(id) => {
            let run = parsed(id)?;
            let feed = api.engine().follow_run(run).await.map_err(|error| named(error, id))?;
            Body::from_stream(events_of(run, feed))
        }
        None => Body::from_stream(events_of_all(api.engine().follow_runs()?)),
    };
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // proxies that gather answers before they pass them on are asked not to
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

/// A piece of a stream that cannot fail.
type Piece = Result<Bytes, std::convert::Infallible>;

fn events_of(run: RunId, feed: RunFeed) -> impl Stream<Item = Piece> + Send {
    // the first event comes at once, and with it what comes before all of them
    unfold((Some(feed), HELLO), move |(feed, hello)| async move {
        let mut feed = feed?;
        let (event, feed) = match feed.next().await? {
            RunNews::Now { version, status } => (now(run, version, status), Some(feed)),
            RunNews::Quiet => (STILL_HERE.to_owned(), Some(feed)),
            RunNews::Gone => (gone(run), None),
        };
        Some((Ok(Bytes::from(format!("{hello}{event}"))), (feed, "")))
    })
}

fn events_of_all(feed: RunsFeed) -> impl Stream<Item = Piece> + Send {
    unfold((feed, true), |(mut feed, first)| async move {
        let text = if first {
            format!("{HELLO}\n")
        } else {
            match feed.next().await? {
                RunsNews::Changed(changed) => {
                    let at = Clock.now().as_millis();
                    format!("event: runs\ndata: {{\"changed\":{changed},\"at\":{at}}}\n\n")
                }
                RunsNews::Quiet => STILL_HERE.to_owned(),
            }
        };
        Some((Ok(Bytes::from(text)), (feed, false)))
    })
}

fn now(run: RunId, version: i64, status: RunStatus) -> String {
    let status = status.as_str();
    format!(
        "event: run\nid: {version}\ndata: {{\"workflowId\":\"{run}\",\"version\":{version},\"status\":\"{status}\"}}\n\n"
    )
}

fn gone(run: RunId) -> String {
    format!("event: gone\ndata: {{\"workflowId\":\"{run}\"}}\n\n")
}

//! Whether a worker takes requests, for whoever looks after its process.

use std::future::Future;
use std::net::SocketAddr;

use anyhow::Context;
use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// Answers `GET /health` with 200, and `GET /health/ready` with 200 as soon as the worker takes requests, before with 503.
/// Serves until the returned future is dropped.
pub(super) async fn serve(
    listen: SocketAddr,
    ready: watch::Receiver<bool>,
) -> anyhow::Result<impl Future<Output = ()>> {
    let listener =
        TcpListener::bind(listen).await.with_context(|| format!("workers.health_listen: {listen}"))?;
    let is_ready = move || {
        let ready = *ready.borrow();
        async move { if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE } }
    };
    let router =
        Router::new().route("/health", get(async || StatusCode::OK)).route("/health/ready", get(is_ready));
    Ok(async move {
        // it only ends with an error of the listener; a worker without an answer for its keeper works on
        if let Err(error) = axum::serve(listener, router).await {
            tracing::warn!("nobody can ask for this worker's health any more: {error}");
        }
    })
}

//! Serves the API over HTTP/1.1.

use std::io;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use podium_runtime::LeaseGuard;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tower::Service;

use crate::config::ApiConfig;
use crate::delivery::{Connection, WatchedStream};
use crate::error::ApiError;

/// After how long without an acknowledgement a connection is given up: a worker that is cut off must not
/// keep its tasks waiting for their response time-out.
const UNACKNOWLEDGED_LIMIT: Duration = Duration::from_secs(10);
const KEEPALIVE_AFTER: Duration = Duration::from_secs(15);
/// Pause after the system had no room for another connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves `router` on `listener` until `shutdown` is ready, then lets open requests finish for
/// `shutdown_grace` and closes what is left.
///
/// A request whose client goes away is dropped; tasks that were leased for it go back.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    config: &ApiConfig,
    shutdown: impl Future<Output = ()> + Send,
) -> io::Result<()> {
    let (stop, stopped) = watch::channel(false);
    let room = Arc::new(Semaphore::new(config.max_connections));
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut shutdown => break,
            // finished connections are let go of as they end
            Some(_) = connections.join_next() => continue,
            accepted = accept(&listener, &room) => accepted,
        };
        let (stream, permit) = match accepted {
            Ok(accepted) => accepted,
            Err(error) if concerns_one_connection(&error) => continue,
            Err(error) => {
                tracing::warn!(%error, "could not accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let served = serve_connection(stream, router.clone(), config.header_read_timeout, stopped.clone());
        connections.spawn(async move {
            served.await;
            drop(permit);
        });
    }
    drop(listener);
    // nobody listens any more if all connections are gone
    let _ = stop.send(true);
    let all_ended = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(config.shutdown_grace, all_ended).await.is_err() {
        connections.shutdown().await;
    }
    Ok(())
}

type Permit = tokio::sync::OwnedSemaphorePermit;

/// The next connection, once there is room for it. Cancel-safe: a permit that is dropped is free again.
async fn accept(listener: &TcpListener, room: &Arc<Semaphore>) -> io::Result<(TcpStream, Permit)> {
    let permit = room.clone().acquire_owned().await.map_err(io::Error::other)?;
    let (stream, _peer): (TcpStream, SocketAddr) = listener.accept().await?;
    Ok((stream, permit))
}

fn concerns_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused
    )
}

async fn serve_connection(
    stream: TcpStream,
    router: Router,
    header_read_timeout: Duration,
    mut stopped: watch::Receiver<bool>,
) {
    if let Err(error) = tune(&stream) {
        tracing::debug!(%error, "could not tune a connection");
    }
    let connection =
        Connection::<LeaseGuard>::new(stream.peer_addr().ok().map(|peer| peer.ip().to_canonical()));
    let io = TokioIo::new(WatchedStream::new(stream, connection.clone()));
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(connection.clone());
        let answer = AssertUnwindSafe(router.clone().call(request)).catch_unwind();
        async move {
            match answer.await {
                Ok(answer) => answer,
                Err(_) => Ok(panicked()),
            }
        }
    });
    let mut served = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(header_read_timeout)
            .serve_connection(io, service)
    );
    let told_to_stop = async {
        // an error means that the server is gone, which is the same
        let _ = stopped.wait_for(|stop| *stop).await;
    };
    let ended = tokio::select! {
        ended = &mut served => ended,
        () = told_to_stop => {
            served.as_mut().graceful_shutdown();
            served.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection broke");
    }
}

/// Answers go out at once, and a dead peer is noticed.
fn tune(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = socket2::SockRef::from(stream);
    socket.set_tcp_keepalive(&socket2::TcpKeepalive::new().with_time(KEEPALIVE_AFTER))?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED_LIMIT))?;
    Ok(())
}

fn panicked() -> Response {
    tracing::error!("a request handler panicked");
    ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "the request could not be handled").into_response()
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::sync::{Notify, oneshot};
    use tokio::task::JoinHandle;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(30);

    struct Running {
        address: SocketAddr,
        stop: oneshot::Sender<()>,
        served: JoinHandle<io::Result<()>>,
    }

    async fn running(router: Router, config: ApiConfig) -> Running {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (stop, stopped) = oneshot::channel();
        let served = tokio::spawn(async move {
            let until = async {
                let _ = stopped.await;
            };
            serve(listener, router, &config, until).await
        });
        Running { address, stop, served }
    }

    /// Sends a request for `path` and returns the connection.
    async fn asked(address: SocketAddr, path: &str) -> TcpStream {
        let mut stream = TcpStream::connect(address).await.expect("connected");
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("sent");
        stream
    }

    async fn answer(mut stream: TcpStream) -> String {
        let mut text = String::new();
        let read = stream.read_to_string(&mut text);
        tokio::time::timeout(PATIENCE, read).await.expect("in time").expect("read");
        text
    }

    #[tokio::test]
    async fn a_panic_answers_500_and_the_server_goes_on() {
        async fn broken() {
            panic!("on purpose");
        }
        let router = Router::new().route("/broken", get(broken)).route("/fine", get(|| async { "fine" }));
        let server = running(router, ApiConfig::default()).await;
        let text = answer(asked(server.address, "/broken").await).await;
        assert!(text.starts_with("HTTP/1.1 500 ") && text.contains("\"retryable\":false"), "{text}");
        let text = answer(asked(server.address, "/fine").await).await;
        assert!(text.starts_with("HTTP/1.1 200 ") && text.ends_with("fine"), "{text}");
        server.stop.send(()).expect("it runs");
        server.served.await.expect("no panic").expect("no error");
    }

    #[tokio::test]
    async fn open_requests_are_finished_at_the_end() {
        let (begun, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (began, goes) = (begun.clone(), go.clone());
        let slow = move || {
            let (began, goes) = (began.clone(), goes.clone());
            async move {
                began.notify_one();
                goes.notified().await;
                "finished"
            }
        };
        let server = running(Router::new().route("/slow", get(slow)), ApiConfig::default()).await;
        let stream = asked(server.address, "/slow").await;
        begun.notified().await;
        server.stop.send(()).expect("it runs");
        go.notify_one();
        assert!(answer(stream).await.ends_with("finished"));
        tokio::time::timeout(PATIENCE, server.served)
            .await
            .expect("in time")
            .expect("no panic")
            .expect("no error");
        assert!(TcpStream::connect(server.address).await.is_err(), "nobody listens any more");
    }

    #[tokio::test]
    async fn what_does_not_end_is_cut_off_after_the_grace() {
        let begun = Arc::new(Notify::new());
        let began = begun.clone();
        let stuck = move || {
            began.notify_one();
            std::future::pending::<()>()
        };
        let router = Router::new().route("/stuck", get(stuck));
        let config = ApiConfig { shutdown_grace: Duration::from_millis(10), ..ApiConfig::default() };
        let server = running(router, config).await;
        let stream = asked(server.address, "/stuck").await;
        begun.notified().await;
        server.stop.send(()).expect("it runs");
        tokio::time::timeout(PATIENCE, server.served)
            .await
            .expect("in time")
            .expect("no panic")
            .expect("no error");
        assert_eq!(answer(stream).await, "");
    }

    #[tokio::test]
    async fn a_client_that_sends_nothing_is_let_go() {
        let config = ApiConfig { header_read_timeout: Duration::from_millis(10), ..ApiConfig::default() };
        let server = running(Router::new(), config).await;
        let silent = TcpStream::connect(server.address).await.expect("connected");
        answer(silent).await;
        server.stop.send(()).expect("it runs");
        server.served.await.expect("no panic").expect("no error");
    }
}

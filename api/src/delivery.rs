//! Knows when an answer with leased tasks has reached the client's socket.
//!
//! ```text
//! poll -> tasks + guard -> body -> (its bytes are taken) -> the connection keeps the guard
//!                                                             | flushed: all bytes are in the socket -> disarm
//!                                                             | broken: dropped with the connection  -> leases go back
//! ```
//!
//! A body that is dropped before its bytes were taken drops its guard armed. What the network loses after
//! the flush ends by the task's response time-out.

use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use axum::body::{Body, HttpBody};
use axum::extract::Extension;
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use parking_lot::Mutex;
use podium_runtime::LeaseGuard;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The connection that a request came on. Requests called in process have none.
#[derive(Debug)]
pub(crate) struct Connection<G = LeaseGuard>(Arc<Unflushed<G>>);

#[derive(Debug)]
struct Unflushed<G> {
    /// Who is at its other end.
    peer: Option<IpAddr>,
    any: AtomicBool,
    guards: Mutex<Vec<G>>,
}

/// Something that must hear of a delivery; dropped without, it knows that there was none.
pub(crate) trait Guard: Send + 'static {
    fn delivered(self);
}

impl Guard for LeaseGuard {
    fn delivered(self) {
        self.disarm();
    }
}

impl<G> Clone for Connection<G> {
    fn clone(&self) -> Self {
        Connection(self.0.clone())
    }
}

impl<G: Guard> Connection<G> {
    pub(crate) fn new(peer: Option<IpAddr>) -> Self {
        Connection(Arc::new(Unflushed { peer, any: AtomicBool::new(false), guards: Mutex::new(Vec::new()) }))
    }

    pub(crate) fn peer(&self) -> Option<IpAddr> {
        self.0.peer
    }

    fn keep(&self, guard: G) {
        self.0.guards.lock().push(guard);
        self.0.any.store(true, Ordering::Release);
    }

    /// Everything written so far is in the socket.
    fn flushed(&self) {
        if self.0.any.swap(false, Ordering::AcqRel) {
            let delivered = std::mem::take(&mut *self.0.guards.lock());
            delivered.into_iter().for_each(G::delivered);
        }
    }
}

/// A body whose delivery decides about the guard.
pub(crate) fn delivered<G: Guard>(
    body: Vec<u8>,
    guard: G,
    connection: Option<Extension<Connection<G>>>,
) -> Body {
    let connection = connection.map(|Extension(connection)| connection);
    Body::new(GuardedBody { body: Bytes::from(body), guard: Some(guard), connection })
}

struct GuardedBody<G> {
    body: Bytes,
    guard: Option<G>,
    connection: Option<Connection<G>>,
}

// nothing in it is ever pinned in place
impl<G> Unpin for GuardedBody<G> {}

impl<G: Guard> HttpBody for GuardedBody<G> {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::convert::Infallible>>> {
        let Some(guard) = self.guard.take() else { return Poll::Ready(None) };
        match &self.connection {
            Some(connection) => connection.keep(guard),
            // in process, whoever takes the bytes has them
            None => guard.delivered(),
        }
        Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut self.body)))))
    }

    fn is_end_stream(&self) -> bool {
        self.guard.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.body.len() as u64)
    }
}

/// The stream of a connection; tells the connection when everything was flushed.
pub(crate) struct WatchedStream<S, G = LeaseGuard> {
    stream: S,
    connection: Connection<G>,
}

impl<S, G> WatchedStream<S, G> {
    pub(crate) fn new(stream: S, connection: Connection<G>) -> Self {
        WatchedStream { stream, connection }
    }
}

impl<S: AsyncRead + Unpin, G: Guard> AsyncRead for WatchedStream<S, G> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin, G: Guard> AsyncWrite for WatchedStream<S, G> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// The server flushes the stream only once its own buffer has been written out completely.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = std::task::ready!(Pin::new(&mut self.stream).poll_flush(cx));
        if flushed.is_ok() {
            self.connection.flushed();
        }
        Poll::Ready(flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU8;

    use hyper::server::conn::http1;
    use hyper::service::service_fn;
    use hyper_util::rt::TokioIo;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    const WAITS: u8 = 0;
    const DELIVERED: u8 = 1;
    const DROPPED: u8 = 2;
    const BODY_BYTES: usize = 200_000;

    /// Remembers which of the two ends came first.
    struct Probe(Arc<AtomicU8>);

    impl Guard for Probe {
        fn delivered(self) {
            self.0.store(DELIVERED, Ordering::SeqCst);
        }
    }

    impl Drop for Probe {
        fn drop(&mut self) {
            let _ = self.0.compare_exchange(WAITS, DROPPED, Ordering::SeqCst, Ordering::SeqCst);
        }
    }

    /// Serves one connection through a pipe that holds 1 KiB; returns the client's end and the outcome.
    fn server() -> (tokio::io::DuplexStream, Arc<AtomicU8>, tokio::task::JoinHandle<()>) {
        let (client, stream) = tokio::io::duplex(1024);
        let outcome = Arc::new(AtomicU8::new(WAITS));
        let probe = outcome.clone();
        let connection = Connection::<Probe>::new(None);
        let io = TokioIo::new(WatchedStream::new(stream, connection.clone()));
        let service = service_fn(move |_request| {
            let extension = Some(Extension(connection.clone()));
            let body = delivered(vec![b'x'; BODY_BYTES], Probe(probe.clone()), extension);
            std::future::ready(Ok::<_, std::convert::Infallible>(hyper::Response::new(body)))
        });
        let served = tokio::spawn(async move {
            let _ = http1::Builder::new().serve_connection(io, service).await;
        });
        (client, outcome, served)
    }

    #[tokio::test]
    async fn delivered_once_the_last_byte_was_read_from_the_buffer() {
        let (mut client, outcome, served) = server();
        let request = b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
        client.write_all(request).await.expect("written");
        let mut first = vec![0; BODY_BYTES / 2];
        client.read_exact(&mut first).await.expect("half of the body");
        assert_eq!(outcome.load(Ordering::SeqCst), WAITS, "half of the body is still in the server");
        let mut rest = Vec::new();
        client.read_to_end(&mut rest).await.expect("the rest");
        assert!(first.len() + rest.len() > BODY_BYTES);
        served.await.expect("served");
        assert_eq!(outcome.load(Ordering::SeqCst), DELIVERED);
    }

    #[tokio::test]
    async fn dropped_when_the_client_goes_away_in_between() {
        let (mut client, outcome, served) = server();
        client.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("written");
        let mut first = vec![0; BODY_BYTES / 2];
        client.read_exact(&mut first).await.expect("half of the body");
        drop(client);
        served.await.expect("served");
        assert_eq!(outcome.load(Ordering::SeqCst), DROPPED);
    }

    #[tokio::test]
    async fn in_process_whoever_takes_the_bytes_has_them() {
        let outcome = Arc::new(AtomicU8::new(WAITS));
        let body = delivered(b"[]".to_vec(), Probe(outcome.clone()), None);
        drop(body);
        assert_eq!(outcome.swap(WAITS, Ordering::SeqCst), DROPPED);
        let body = delivered(b"[]".to_vec(), Probe(outcome.clone()), None);
        assert_eq!(axum::body::to_bytes(body, 10).await.expect("in memory"), "[]");
        assert_eq!(outcome.load(Ordering::SeqCst), DELIVERED);
    }
}

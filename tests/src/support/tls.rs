//! An HTTPS server with a certificate of its own making. It speaks HTTP/2 and HTTP/1.1, answers
//! `{"version", "path", "body"}`, compressed, and counts connections.

use std::convert::Infallible;
use std::io::Write;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Context;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::json;
use tokio_rustls::TlsAcceptor;

/// The running server; it lives as long as the process.
pub struct TlsServer {
    url: String,
    root: String,
    connections: Arc<AtomicUsize>,
}

impl TlsServer {
    /// Listens on a free port, as `localhost`.
    pub fn start() -> anyhow::Result<TlsServer> {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()])?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let listener = TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let url = format!("https://localhost:{}", listener.local_addr()?.port());
        let connections = Arc::new(AtomicUsize::new(0));
        let count = connections.clone();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let acceptor = TlsAcceptor::from(Arc::new(config));
        std::thread::spawn(move || {
            runtime.block_on(async move {
                // who hangs up early, or does not trust it, is no failure of the server
                drop(accept(listener, acceptor, count).await);
            });
        });
        Ok(TlsServer { url, root: made.cert.pem(), connections })
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// The certificate that vouches for it, as PEM.
    pub fn root(&self) -> &str {
        &self.root
    }

    /// Connections that were made so far.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

async fn accept(listener: TcpListener, acceptor: TlsAcceptor, count: Arc<AtomicUsize>) -> anyhow::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    loop {
        let (socket, _) = listener.accept().await.context("a connection")?;
        count.fetch_add(1, Ordering::Relaxed);
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            let Ok(stream) = acceptor.accept(socket).await else { return };
            if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
                let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                drop(server.serve_connection(TokioIo::new(stream), service_fn(echo)).await);
            } else {
                let server = hyper::server::conn::http1::Builder::new();
                drop(server.serve_connection(TokioIo::new(stream), service_fn(echo)).await);
            }
        });
    }
}

async fn echo(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (version, path) =
        (format!("{:?}", request.version()), request.uri().path_and_query().map(ToString::to_string));
    let body = request.into_body().collect().await.map(|b| b.to_bytes()).unwrap_or_default();
    let said = json!({"version": version, "path": path, "body": String::from_utf8_lossy(&body)}).to_string();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(said.as_bytes()).expect("memory takes everything");
    let compressed = gzip.finish().expect("memory takes everything");
    let answer = Response::builder()
        .header("content-encoding", "gzip")
        .header("x-custom", "one")
        .header("x-custom", "two")
        .body(Full::new(Bytes::from(compressed)));
    Ok(answer.expect("headers that are allowed"))
}

//! Connections: look up, ask the rules, connect, encrypt, speak.

use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::{TrySendError, http1, http2};
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::client::Fault;
use super::egress::{Denied, Egress};
use super::names::Names;

/// Look-ups under way at once. Each holds a thread until the resolver answers, also when nobody waits any more: a slow
/// resolver must not use up the threads of everything else.
const LOOKUPS: usize = 64;
/// Bytes of the head of an answer.
const HEAD_LIMIT: usize = 64 << 10;
const HEADERS_LIMIT: usize = 256;

/// Where a connection goes, as written.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Origin {
    pub(super) encrypted: bool,
    /// IPv6 in brackets.
    pub(super) host: String,
    pub(super) port: u16,
}

impl Origin {
    /// `host:port`, without the port that the scheme implies.
    pub(super) fn authority(&self) -> String {
        match (self.encrypted, self.port) {
            (true, 443) | (false, 80) => self.host.clone(),
            _ => format!("{}:{}", self.host, self.port),
        }
    }

    fn literal(&self) -> Option<IpAddr> {
        self.host.trim_matches(['[', ']']).parse().ok()
    }
}

/// Makes connections.
pub(super) struct Connector {
    egress: Egress,
    lookups: Arc<Semaphore>,
    /// Made for the first encrypted call: reading the certificates takes a while and some memory.
    tls: OnceLock<Result<TlsConnector, String>>,
}

/// The end of a connection that requests are given to.
pub(super) enum Sender {
    One(http1::SendRequest<Full<Bytes>>, Names),
    Many(http2::SendRequest<Full<Bytes>>),
}

pub(super) type NotSent = TrySendError<Request<Full<Bytes>>>;

impl Sender {
    /// Carries several requests at once.
    pub(super) fn is_shared(&self) -> bool {
        matches!(self, Sender::Many(_))
    }

    pub(super) fn share(&self) -> Option<Sender> {
        match self {
            Sender::One(..) => None,
            Sender::Many(sender) => Some(Sender::Many(sender.clone())),
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        match self {
            Sender::One(sender, _) => sender.is_closed(),
            Sender::Many(sender) => sender.is_closed(),
        }
    }

    /// Sends, and waits for the head of the answer.
    pub(super) async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, NotSent> {
        match self {
            Sender::One(sender, names) => {
                names.expect();
                sender.try_send_request(request).await
            }
            Sender::Many(sender) => sender.try_send_request(request).await,
        }
    }

    /// The name of a header as the server wrote it.
    pub(super) fn written(&self, name: &str) -> String {
        match self {
            Sender::One(_, names) => names.written(name),
            Sender::Many(_) => super::names::usual(name),
        }
    }

    /// After an answer was read to its end: can the connection take another request?
    pub(super) async fn is_free(&mut self) -> bool {
        match self {
            Sender::One(sender, _) => {
                matches!(tokio::time::timeout(Duration::from_millis(50), sender.ready()).await, Ok(Ok(())))
            }
            Sender::Many(sender) => !sender.is_closed(),
        }
    }
}

impl Connector {
    pub(super) fn new(egress: Egress) -> Self {
        Connector { egress, lookups: Arc::new(Semaphore::new(LOOKUPS)), tls: OnceLock::new() }
    }

    /// A new connection, within `patience`.
    pub(super) async fn connect(&self, origin: &Origin, patience: Option<Duration>) -> Result<Sender, Fault> {
        let scheme = if origin.encrypted { "https" } else { "http" };
        let target = format!("{scheme}://{}", origin.authority());
        let until = patience.map(|patience| Instant::now() + patience);
        let late = || Fault::Failed(format!("Connect to {target} failed: Connect timed out"));
        let connecting = self.try_connect(origin, &target, until);
        match until {
            Some(until) => tokio::time::timeout_at(until.into(), connecting).await.map_err(|_| late())?,
            None => connecting.await,
        }
    }

    async fn try_connect(
        &self,
        origin: &Origin,
        target: &str,
        until: Option<Instant>,
    ) -> Result<Sender, Fault> {
        let denied = |Denied(why)| Fault::Denied(why);
        self.egress.name(&origin.host, origin.port).map_err(denied)?;
        let found = self.look_up(origin).await?;
        let (mut allowed, mut refusal) = (Vec::new(), None);
        for address in found {
            let asked = self.egress.address(&origin.host, address);
            let asked = match asked {
                Ok(()) => self.egress.not_own(&origin.host, address).await,
                no => no,
            };
            match asked {
                Ok(()) => allowed.push(address),
                Err(why) => refusal = Some(why),
            }
        }
        if let (true, Some(why)) = (allowed.is_empty(), refusal) {
            return Err(denied(why));
        }
        let stream = self.reach(origin, &allowed, target, until).await?;
        let names = Names::default();
        if !origin.encrypted {
            return speak(Stream::Plain(stream), false, names, target).await;
        }
        let host = origin.host.trim_matches(['[', ']']).to_owned();
        let failed = |why: String| Fault::Failed(format!("Connect to {target} failed: {why}"));
        let name = ServerName::try_from(host).map_err(|error| failed(error.to_string()))?;
        let tls = self.tls.get_or_init(tls).as_ref().map_err(|why| failed(why.clone()))?;
        let stream = tls.connect(name, stream).await.map_err(|error| failed(error.to_string()))?;
        let many = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        speak(Stream::Encrypted(Box::new(stream)), many, names, target).await
    }

    async fn look_up(&self, origin: &Origin) -> Result<Vec<SocketAddr>, Fault> {
        if let Some(ip) = origin.literal() {
            return Ok(vec![SocketAddr::new(ip, origin.port)]);
        }
        let host = origin.host.clone();
        let port = origin.port;
        let unknown = |why: String| Fault::Failed(format!("{}: {why}", origin.host));
        let place = self.lookups.clone().acquire_owned().await;
        // goes on to its end, with its place, when nobody waits for it any more
        let looking = tokio::spawn(async move {
            let found = tokio::net::lookup_host((host.as_str(), port)).await.map(Vec::from_iter);
            drop(place);
            found
        });
        let found = looking.await.map_err(|error| unknown(error.to_string()))?;
        match found {
            Ok(found) if !found.is_empty() => Ok(found),
            Ok(_) => Err(unknown("Name or service not known".to_owned())),
            Err(error) => {
                // the resolver's words, without those of the library around them
                let text = error.to_string();
                Err(unknown(text.rsplit(": ").next().unwrap_or(&text).to_owned()))
            }
        }
    }

    /// The first address that answers; each gets its share of the time that is left.
    async fn reach(
        &self,
        origin: &Origin,
        addresses: &[SocketAddr],
        target: &str,
        until: Option<Instant>,
    ) -> Result<TcpStream, Fault> {
        let listed: Vec<String> = addresses.iter().map(|a| a.ip().to_string()).collect();
        let at = match origin.literal() {
            Some(_) => String::new(),
            None => format!(" [{}/{}]", origin.host, listed.join(", ")),
        };
        let mut why = "Connect timed out".to_owned();
        for (tried, address) in addresses.iter().enumerate() {
            let left = u32::try_from(addresses.len() - tried).unwrap_or(u32::MAX);
            let share = until.map(|until| until.saturating_duration_since(Instant::now()) / left);
            let connecting = TcpStream::connect(address);
            let connected = match share {
                Some(share) => match tokio::time::timeout(share, connecting).await {
                    Ok(connected) => connected,
                    Err(_) => continue,
                },
                None => connecting.await,
            };
            match connected {
                Ok(stream) => {
                    // a failure of this costs milliseconds, not the call
                    let _ = stream.set_nodelay(true);
                    return Ok(stream);
                }
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
                    why = "Connection refused".to_owned();
                }
                Err(error) => {
                    let text = error.to_string();
                    why = text.split(" (os error").next().unwrap_or(&text).to_owned();
                }
            }
        }
        Err(Fault::Failed(format!("Connect to {target}{at} failed: {why}")))
    }
}

async fn speak(mut stream: Stream, many: bool, names: Names, target: &str) -> Result<Sender, Fault> {
    let failed = |error: hyper::Error| Fault::Failed(format!("Connect to {target} failed: {error}"));
    if many {
        let shaken = http2::Builder::new(TokioExecutor::new())
            .max_header_list_size(HEAD_LIMIT as u32)
            .handshake(TokioIo::new(Tapped { stream, names: None }))
            .await;
        let (sender, connection) = shaken.map_err(failed)?;
        // ends when the last sender is dropped or the server closes; its errors reach the requests
        tokio::spawn(async move { drop(connection.await) });
        return Ok(Sender::Many(sender));
    }
    if let Stream::Plain(plain) = &mut stream {
        let _ = plain.set_nodelay(true);
    }
    let shaken = http1::Builder::new()
        .title_case_headers(true)
        .max_buf_size(HEAD_LIMIT)
        .max_headers(HEADERS_LIMIT)
        .handshake(TokioIo::new(Tapped { stream, names: Some(names.clone()) }))
        .await;
    let (sender, connection) = shaken.map_err(failed)?;
    tokio::spawn(async move { drop(connection.await) });
    Ok(Sender::One(sender, names))
}

/// The certificates of this machine, or those that SSL_CERT_FILE and SSL_CERT_DIR name.
fn tls() -> Result<TlsConnector, String> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = rustls::RootCertStore::empty();
    let (taken, _) = roots.add_parsable_certificates(found.certs);
    if taken == 0 {
        let why = found.errors.first().map_or_else(String::new, |error| format!(" ({error})"));
        return Err(format!("no root certificates were found{why}; SSL_CERT_FILE may name a file of them"));
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let mut config = config.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}

enum Stream {
    Plain(TcpStream),
    Encrypted(Box<TlsStream<TcpStream>>),
}

/// A stream whose bytes are read along for the names of headers.
struct Tapped {
    stream: Stream,
    names: Option<Names>,
}

impl AsyncRead for Tapped {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let me = self.get_mut();
        let before = buf.filled().len();
        let polled = match &mut me.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Stream::Encrypted(stream) => Pin::new(stream.as_mut()).poll_read(cx, buf),
        };
        if let (Some(names), Some(new)) =
            (&me.names, buf.filled().get(before..).filter(|new| !new.is_empty()))
            && !names.read(new)
        {
            let why = "the head of the answer is too long";
            return Poll::Ready(Err(std::io::Error::new(std::io::ErrorKind::InvalidData, why)));
        }
        polled
    }
}

impl AsyncWrite for Tapped {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        match &mut self.get_mut().stream {
            Stream::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Stream::Encrypted(stream) => Pin::new(stream.as_mut()).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        match &mut self.get_mut().stream {
            Stream::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Stream::Encrypted(stream) => Pin::new(stream.as_mut()).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        match &mut self.get_mut().stream {
            Stream::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Encrypted(stream) => Pin::new(stream.as_mut()).poll_shutdown(cx),
        }
    }
}

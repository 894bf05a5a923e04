//! An S3 store in this process, for development and tests.
//!
//! The HTTP, signature and XML layers are those of the `s3s` crate; buckets and objects are ours:
//!
//! ```text
//! operations.rs                      S3's calls ─> files.rs    one file per object, named by the hash of its key
//! objects.rs, listing.rs, uploads.rs                └─> index.rs   keys in order, in memory, rebuilt from the files
//! receive.rs                         bodies
//! ```
//!
//! An object is there whole or not at all, also after `kill -9`: it is written aside, synced, and renamed.
//! What this store does not do: TLS, versions, policies, life cycles, tags.

mod files;
mod index;
mod listing;
mod objects;
mod operations;
mod receive;
mod sums;
mod uploads;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use podium_objects::S3Settings;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tracing::{debug, warn};

use files::Files;
use operations::Store;

/// The region that the store names; it takes requests for any.
pub const REGION: &str = "us-east-1";

/// How to start a store.
#[derive(Clone, Debug)]
pub struct S3Options {
    /// Where the objects live; made if missing.
    pub root: PathBuf,
    /// Address to listen on; port 0 takes a free one.
    pub listen: SocketAddr,
    pub access_key: String,
    pub secret_key: String,
}

impl S3Options {
    /// A store on a free local port with the development keys `podium` and `podium-development`.
    pub fn local(root: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            access_key: "podium".to_owned(),
            secret_key: "podium-development".to_owned(),
        }
    }
}

/// A running store. Dropping it stops it without waiting for requests under way; they leave nothing half done.
#[derive(Debug)]
pub struct EmbeddedS3 {
    address: SocketAddr,
    settings: S3Settings,
    stop: watch::Sender<bool>,
    accept: JoinHandle<()>,
}

impl EmbeddedS3 {
    /// Opens the store's files and starts to listen.
    ///
    /// # Errors
    /// When the directory cannot be used or the address is taken.
    pub async fn start(options: S3Options) -> io::Result<Self> {
        let root = options.root.clone();
        let files = tokio::task::spawn_blocking(move || Files::open(&root)).await??;
        let mut builder = S3ServiceBuilder::new(Store::new(Arc::new(files)));
        builder.set_auth(SimpleAuth::from_single(options.access_key.as_str(), options.secret_key.as_str()));
        let service = builder.build();
        let listener = TcpListener::bind(options.listen).await?;
        let address = listener.local_addr()?;
        let (stop, stopped) = watch::channel(false);
        let accept = tokio::spawn(accept(listener, service, stopped));
        let settings = S3Settings {
            endpoint: format!("http://{address}"),
            region: REGION.to_owned(),
            access_key: options.access_key,
            secret_key: options.secret_key,
            session_token: None,
        };
        Ok(Self { address, settings, stop, accept })
    }

    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How a client reaches it.
    pub fn settings(&self) -> S3Settings {
        self.settings.clone()
    }

    /// Stops listening and cuts the connections.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        if let Err(error) = (&mut self.accept).await {
            warn!(%error, "the S3 store ended badly");
        }
    }
}

impl Drop for EmbeddedS3 {
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}

async fn accept(listener: TcpListener, service: S3Service, mut stopped: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            // also when the owner is gone
            _ = stopped.changed() => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => { connections.spawn(serve(stream, service.clone())); }
                Err(error) => {
                    warn!(%error, "the S3 store could not accept a connection");
                    // out of file descriptors, most likely: without a pause this loop would spin
                    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                }
            },
        }
    }
    connections.shutdown().await;
}

async fn serve(stream: TcpStream, service: S3Service) {
    // without it small answers wait for the client's delayed acknowledgement: 53 reads a second instead of 458
    if let Err(error) = stream.set_nodelay(true) {
        debug!(%error, "could not set TCP_NODELAY");
    }
    let served =
        http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service).await;
    if let Err(error) = served {
        debug!(%error, "an S3 connection ended early");
    }
}

//! A way to PostgreSQL that can be disturbed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const NONE: u8 = 0;
pub(crate) const CUT: u8 = 1;
pub(crate) const SILENT: u8 = 2;
/// Cut, and nobody gets through until [`Wire::open`].
pub(crate) const CLOSE: u8 = 3;

/// Passes bytes to PostgreSQL and, when told, cuts a writer's connection or goes silent before its answer comes back.
/// Other connections are left alone: the pool tests the one that it gets back in its own time.
pub(crate) struct Wire {
    pub(crate) url: String,
    pub(crate) fault: Arc<AtomicU8>,
    closed: Arc<AtomicBool>,
}

impl Wire {
    pub(crate) fn open(&self) {
        // one that has not struck yet would close it again
        self.fault.store(NONE, Ordering::SeqCst);
        self.closed.store(false, Ordering::SeqCst);
    }
}

pub(crate) async fn wire(to: &str) -> Wire {
    let (head, name) = to.rsplit_once('/').unwrap();
    let (user, server) = head.rsplit_once('@').unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("{user}@{}/{name}", listener.local_addr().unwrap());
    let fault = Arc::new(AtomicU8::new(NONE));
    let closed = Arc::new(AtomicBool::new(false));
    let (server, cutting, closing) = (server.to_owned(), fault.clone(), closed.clone());
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            if !closing.load(Ordering::SeqCst) {
                tokio::spawn(pass(client, server.clone(), cutting.clone(), closing.clone()));
            }
        }
    });
    Wire { url, fault, closed }
}

async fn pass(client: TcpStream, server: String, fault: Arc<AtomicU8>, closed: Arc<AtomicBool>) {
    let server = TcpStream::connect(server).await.unwrap();
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let writes = Arc::new(AtomicBool::new(false));
    let of_writer = writes.clone();
    let up = tokio::spawn(async move {
        let mut buffer = vec![0; 1 << 16];
        while let Ok(n @ 1..) = from_client.read(&mut buffer).await {
            // the message that opens the session names the application
            if buffer[..n].windows(13).any(|w| w == b"podium-writer") {
                of_writer.store(true, Ordering::SeqCst);
            }
            if to_server.write_all(&buffer[..n]).await.is_err() {
                return;
            }
        }
    });
    let mut buffer = vec![0; 1 << 16];
    while let Ok(n @ 1..) = from_server.read(&mut buffer).await {
        // the statement was executed and committed: its answer is thrown away
        let due = if writes.load(Ordering::SeqCst) { fault.swap(NONE, Ordering::SeqCst) } else { NONE };
        match due {
            CUT => break,
            CLOSE => {
                closed.store(true, Ordering::SeqCst);
                break;
            }
            SILENT => std::future::pending().await,
            _ => {}
        }
        if to_client.write_all(&buffer[..n]).await.is_err() {
            break;
        }
    }
    up.abort();
}

//! The sockets of the development broker, and what a real broker does that `noida-db` does not.
//!
//! `noida-db` answers a Fetch at once even when there is nothing, so every idle consumer would ask again some
//! ten thousand times a second. A real broker holds such a request until something is written or the client's
//! own wait is over. So frames pass through here, and a Fetch that asks the very same as the one before, while
//! nothing was written since, is held back for that long: its answer could not be another. The other addition is
//! the end of silent sessions (`sessions.rs`).

#[path = "sessions.rs"]
mod sessions;

use std::collections::VecDeque;
use std::io::{self, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use noida::kafka::connection::handle_connection;
use noida::kafka::engine::Engine;
use noida::lifecycle::Lifecycle;

use sessions::{Member, Session, Sessions};

/// Kafka's own limit of a request. Answers stay below it because topics are capped.
const MAX_FRAME_BYTES: usize = 104_857_600;
const PRODUCE: i16 = 0;
const FETCH: i16 = 1;
/// Requests that leave the logs as they are.
const READING: [i16; 9] = [2, 3, 8, 9, 10, 11, 12, 14, 18];

/// A running broker; it ends when this is dropped.
pub(crate) struct Served {
    pub(crate) address: SocketAddr,
    life: Lifecycle,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.life.stop();
    }
}

/// Serves an empty cluster with this id. Clients are told the address that was bound.
pub(crate) fn serve(address: &str, cluster_id: &str) -> io::Result<Served> {
    let listener = TcpListener::bind(address)?;
    let address = listener.local_addr()?;
    let (host, port) = (address.ip().to_string(), i32::from(address.port()));
    let mut empty = Engine::new(host.clone(), port).snapshot();
    cluster_id.clone_into(&mut empty.cluster_id);
    let engine = Engine::new_persistent(empty, host, port);
    engine.spawn_log_cleaner();
    let life = Lifecycle::default();
    let incoming = life.incoming(listener);
    let shared = Arc::new(Shared { engine, writes: Writes::default(), sessions: Sessions::default() });
    thread::Builder::new().name("dev-broker-groups".to_owned()).spawn({
        let (shared, life) = (shared.clone(), life.clone());
        move || {
            while !life.is_stopped() {
                thread::sleep(Duration::from_millis(500));
                end_silent_sessions(&shared);
            }
        }
    })?;
    thread::Builder::new().name("dev-broker".to_owned()).spawn(move || {
        for (client, open) in incoming {
            let shared = shared.clone();
            let served = thread::Builder::new().name("dev-broker-client".to_owned()).spawn(move || {
                let _open = open;
                if let Err(error) = connect(&client, &shared) {
                    tracing::debug!(%error, "a client of the development broker left");
                }
                let _ = client.shutdown(Shutdown::Both);
            });
            if let Err(error) = served {
                tracing::warn!(%error, "the development broker could not serve a client");
            }
        }
    })?;
    Ok(Served { address, life })
}

struct Shared {
    engine: Engine,
    writes: Writes,
    sessions: Sessions,
}

fn end_silent_sessions(shared: &Shared) {
    for member in shared.sessions.expired() {
        tracing::debug!(?member, "a member of a group fell silent");
        if let Err(error) = send_leave(&shared.engine, &member) {
            tracing::debug!(%error, ?member, "could not end its session");
        }
    }
}

fn send_leave(engine: &Engine, member: &Member) -> io::Result<()> {
    let mut inside = enter(engine)?;
    inside.write_all(&sessions::leave(member))?;
    read_frame(&mut inside).map(|_| ())
}

/// A connection to the engine itself.
fn enter(engine: &Engine) -> io::Result<TcpStream> {
    let door = TcpListener::bind("127.0.0.1:0")?;
    let inside = TcpStream::connect(door.local_addr()?)?;
    let (served, _) = door.accept()?;
    inside.set_nodelay(true)?;
    let engine = engine.clone();
    thread::Builder::new()
        .name("dev-broker-engine".to_owned())
        .spawn(move || handle_connection(served, engine))?;
    Ok(inside)
}

/// Counts what was written, for those who wait for it.
#[derive(Default)]
struct Writes {
    count: Mutex<u64>,
    more: Condvar,
}

impl Writes {
    fn lock(&self) -> MutexGuard<'_, u64> {
        self.count.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self) {
        *self.lock() += 1;
        self.more.notify_all();
    }

    /// Waits until the count is no longer `seen`.
    fn wait(&self, seen: u64, at_most: Duration) {
        let until = Instant::now() + at_most;
        let mut count = self.lock();
        while *count == seen {
            let Some(left) = until.checked_duration_since(Instant::now()).filter(|l| !l.is_zero()) else {
                return;
            };
            count = self.more.wait_timeout(count, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// A request whose answer is still to come.
struct Asked {
    correlation: i32,
    api: i16,
    size: usize,
}

#[derive(Default)]
struct Link {
    asked: Mutex<VecDeque<Asked>>,
    /// The latest Fetch was answered with records.
    fetched: Mutex<bool>,
}

/// Serves one client until it leaves.
fn connect(client: &TcpStream, shared: &Arc<Shared>) -> io::Result<()> {
    client.set_nodelay(true)?;
    let mut inside = enter(&shared.engine)?;
    let link = Arc::new(Link::default());
    let answers = thread::Builder::new().name("dev-broker-answers".to_owned()).spawn({
        let (inside, client, link, shared) =
            (inside.try_clone()?, client.try_clone()?, link.clone(), shared.clone());
        move || {
            let _ = pass_answers(&inside, &client, &link, &shared.writes);
            let _ = client.shutdown(Shutdown::Both);
        }
    })?;
    let mut session = Session::default();
    let ended = pass_requests(client, &mut inside, &link, shared, &mut session);
    shared.sessions.closed(&session);
    let _ = inside.shutdown(Shutdown::Both);
    let _ = answers.join();
    ended
}

fn pass_requests(
    client: &TcpStream,
    inside: &mut TcpStream,
    link: &Link,
    shared: &Shared,
    session: &mut Session,
) -> io::Result<()> {
    let writes = &shared.writes;
    let mut from = BufReader::with_capacity(64 << 10, client);
    // what the latest Fetch asked, and the count of writes before it was passed on
    let mut latest: Option<(Vec<u8>, u64)> = None;
    while let Some(frame) = read_frame(&mut from)? {
        let request = frame.get(4..).unwrap_or_default();
        let (api, correlation) = (int16(request, 0).unwrap_or(-1), int32(request, 4).unwrap_or(0));
        if api == FETCH {
            let question = question(request);
            let fetched = *link.fetched.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((same, seen)) = &latest
                && *same == question
                && !fetched
            {
                writes.wait(*seen, fetch_wait(request));
            }
            latest = Some((question, *writes.lock()));
        }
        shared.sessions.request(session, request);
        let asked = Asked { correlation, api, size: frame.len() };
        link.asked.lock().unwrap_or_else(PoisonError::into_inner).push_back(asked);
        inside.write_all(&frame)?;
        if api == PRODUCE {
            // one without acknowledgement has no answer that could count it
            writes.add();
        }
    }
    Ok(())
}

fn pass_answers(inside: &TcpStream, mut client: &TcpStream, link: &Link, writes: &Writes) -> io::Result<()> {
    let mut from = BufReader::with_capacity(64 << 10, inside);
    while let Some(frame) = read_frame(&mut from)? {
        let correlation = int32(&frame, 4).unwrap_or(0);
        let asked = {
            let mut asked = link.asked.lock().unwrap_or_else(PoisonError::into_inner);
            // answers come in order; a Produce without acknowledgement has none
            std::iter::from_fn(|| asked.pop_front()).find(|a| a.correlation == correlation)
        };
        if let Some(Asked { api: FETCH, size, .. }) = asked {
            // an answer without records is about as long as its question
            *link.fetched.lock().unwrap_or_else(PoisonError::into_inner) = frame.len() > 2 * size + 100;
        }
        client.write_all(&frame)?;
        if asked.is_none_or(|a| a.api != FETCH && !READING.contains(&a.api)) {
            writes.add();
        }
    }
    Ok(())
}

/// Reads one frame with its length in front; `None` at the end.
fn read_frame(from: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut length = [0; 4];
    match from.read_exact(&mut length) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        read => read?,
    }
    let size = usize::try_from(i32::from_be_bytes(length)).unwrap_or(usize::MAX);
    if size > MAX_FRAME_BYTES {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a frame that is too large"));
    }
    let mut frame = vec![0; size + 4];
    frame[..4].copy_from_slice(&length);
    from.read_exact(&mut frame[4..])?;
    Ok(Some(frame))
}

/// What a Fetch asks, whatever its correlation id and the order of its partitions, which clients turn with each
/// request: all its bytes, sorted. Offsets only change after an answer with records, so two questions that differ
/// in earnest look the same only after a seek, and then the answer comes late by the client's own wait.
fn question(request: &[u8]) -> Vec<u8> {
    let mut bytes = [request.get(..4).unwrap_or_default(), request.get(8..).unwrap_or_default()].concat();
    bytes.sort_unstable();
    bytes
}

/// How long a Fetch may be held: what it says itself.
fn fetch_wait(request: &[u8]) -> Duration {
    let wait = || {
        let version = int16(request, 2)?;
        let name = usize::try_from(int16(request, 8)?.max(0)).ok()?;
        // flexible versions have tagged fields in the header, none in practice
        let body = 10 + name + usize::from(version >= 12);
        let at = if version < 15 { body + 4 } else { body };
        u64::try_from(int32(request, at)?).ok()
    };
    Duration::from_millis(wait().unwrap_or(100).min(1_000))
}

fn int16(bytes: &[u8], at: usize) -> Option<i16> {
    Some(i16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn int32(bytes: &[u8], at: usize) -> Option<i32> {
    Some(i32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

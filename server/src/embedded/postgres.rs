//! A private PostgreSQL from the binaries installed on this machine.
//!
//! ```text
//! find binaries ─> make the cluster once ─> spawn postgres from a thread that lives for ever ─> ready
//! ```
//!
//! It listens on a unix socket in a directory of its own and on nothing else, so no other user of the machine
//! reaches it and no port is taken. It keeps PostgreSQL's durable settings: what the engine acknowledges
//! survives a power cut here too. It ends when we end: by a fast stop when asked, by a death signal when we
//! are killed.

mod binaries;
mod cluster;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use tracing::{debug, warn};

pub use binaries::find_binaries;
use cluster::{Tools, ended, last_lines};

use super::children::Children;
use super::process::{User, closed_parent, detach_and_bind, is_root, private_dir, signal, unprivileged_user};

/// The database that the engine uses.
const DATABASE: &str = "podium";
/// Only names the socket file: nothing listens on TCP.
const PORT: u16 = 5432;
/// A cluster that needs longer has to recover a lot, or never will be ready.
const READY: Duration = Duration::from_secs(60);
/// A fast stop writes one checkpoint.
const STOP: Duration = Duration::from_secs(30);
/// The longest socket path that the system takes, less the socket's own name.
const SOCKET_DIR_BYTES: usize = 107 - "/.s.PGSQL.5432.lock".len();

/// Why there is no private PostgreSQL.
#[derive(Debug, thiserror::Error)]
pub enum PostgresError {
    #[error(
        "PostgreSQL is not installed: run `apt-get install postgresql` (or set DATABASE_URL, or PG_BIN_DIR to the directory of initdb and postgres)"
    )]
    NotInstalled,
    #[error("PG_BIN_DIR is {0:?}, but there is no initdb and postgres in it")]
    NoBinaries(PathBuf),
    #[error(
        "PostgreSQL runs as user {user:?} and cannot pass through {dir:?}: choose another --data directory"
    )]
    ClosedParent { dir: PathBuf, user: String },
    #[error("another podium uses the data directory {0:?}")]
    InUse(PathBuf),
    #[error("{step} failed: {detail}")]
    Failed { step: &'static str, detail: String },
    #[error("could not {step}: {source}")]
    Io { step: &'static str, source: io::Error },
    #[error("could not {step} {path:?}: {source}; --data chooses another directory")]
    IoAt { step: &'static str, path: PathBuf, source: io::Error },
}

fn io_error(step: &'static str) -> impl FnOnce(io::Error) -> PostgresError {
    move |source| PostgresError::Io { step, source }
}

fn io_error_at(step: &'static str, path: &Path) -> impl FnOnce(io::Error) -> PostgresError {
    let path = path.to_owned();
    move |source| PostgresError::IoAt { step, path, source }
}

/// A running private PostgreSQL. Dropping it asks for a fast stop and does not wait for it.
#[derive(Debug)]
pub struct EmbeddedPostgres {
    url: String,
    socket_dir: PathBuf,
    bin: PathBuf,
    pid: u32,
    ended: parking_lot::Mutex<mpsc::Receiver<io::Result<ExitStatus>>>,
    /// Kept locked while we run: two servers on one directory would destroy it.
    _lock: File,
    /// Removed with us, when the data directory's own path was too long for a socket.
    _socket_home: Option<tempfile::TempDir>,
}

impl EmbeddedPostgres {
    /// Starts PostgreSQL on `data`, which is made if it does not exist; blocks until it takes connections
    /// (about a second the first time, 50 ms later). If we die meanwhile, a half-made cluster is thrown away
    /// at the next start and a spawned server stops itself.
    ///
    /// `bin_dir` is `PG_BIN_DIR`; without it `pg_config --bindir`, `PATH` and `/usr/lib/postgresql` are searched.
    /// `children` gets to know each process, so that another thread can end the start.
    ///
    /// # Errors
    /// See [`PostgresError`]; each is one line that says what to do.
    pub fn start(data: &Path, bin_dir: Option<&Path>, children: &Children) -> Result<Self, PostgresError> {
        let bin = find_binaries(bin_dir)?;
        let user = match is_root() {
            true => Some(unprivileged_user().map_err(io_error("find a user to run PostgreSQL as"))?),
            false => None,
        };
        fs::create_dir_all(data).map_err(io_error_at("make the data directory", data))?;
        let data = fs::canonicalize(data).map_err(io_error_at("find the data directory", data))?;
        let home = data.join("postgres");
        if let Some(user) = &user
            && let Some(dir) = closed_parent(&home)
        {
            return Err(PostgresError::ClosedParent { dir: dir.to_owned(), user: user.name.clone() });
        }
        let lock = lock(&data)?;
        private_dir(&home, user.as_ref()).map_err(io_error_at("make the directory", &home))?;
        let (socket_dir, socket_home) = socket_dir(&home, user.as_ref())?;
        let cluster = home.join("cluster");
        if !cluster.exists() {
            cluster::create(&Tools { bin: &bin, user: user.as_ref(), children }, &home, &cluster)?;
        }
        cluster::await_former_server(&cluster)?;
        let log = home.join("postgres.log");
        let mut command = Command::new(bin.join("postgres"));
        command.arg("-D").arg(&cluster).arg("-k").arg(&socket_dir).args(["-p", &PORT.to_string(), "-h", ""]);
        for setting in [
            "max_connections=100",
            "shared_buffers=128MB",
            "jit=off",
            "timezone=UTC",
            "log_timezone=UTC",
            "max_wal_size=1GB",
            "log_min_messages=warning",
        ] {
            command.args(["-c", setting]);
        }
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(log_file(&log, user.as_ref()).map_err(io_error_at("open", &log))?);
        detach_and_bind(&mut command, user.as_ref());
        let (pid, ended) = spawn_for_ever(command, children.clone())?;
        let server = Self {
            url: format!("postgres://podium@localhost:{PORT}/{DATABASE}?host={}", encode(&socket_dir)),
            socket_dir,
            bin,
            pid,
            ended: parking_lot::Mutex::new(ended),
            _lock: lock,
            _socket_home: socket_home,
        };
        server.await_ready(&cluster, &log)?;
        debug!(pid, "PostgreSQL takes connections");
        Ok(server)
    }

    /// Where clients connect.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A command line that opens a shell on the database.
    pub fn psql(&self) -> String {
        let psql = self.bin.join("psql");
        let psql = if psql.exists() { psql.display().to_string() } else { "psql".to_owned() };
        format!("{psql} -h {} -p {PORT} -U podium {DATABASE}", self.socket_dir.display())
    }

    /// The process id of the server's first process.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Stops the server as `pg_ctl stop -m fast` does: sessions are cut, a checkpoint is written. Blocks.
    pub fn stop(self) {
        // SIGTERM would be the smart stop, which waits for every client
        if let Err(error) = signal(self.pid, libc::SIGINT) {
            warn!(%error, "could not ask PostgreSQL to stop");
        }
        match self.ended.lock().recv_timeout(STOP) {
            Ok(Ok(status)) if status.success() => debug!("PostgreSQL stopped"),
            Ok(status) => warn!(?status, "PostgreSQL ended badly"),
            Err(_) => {
                warn!("PostgreSQL did not stop within {} s and is killed", STOP.as_secs());
                if let Err(error) = signal(self.pid, libc::SIGQUIT) {
                    warn!(%error, "could not kill PostgreSQL");
                }
            }
        };
    }

    fn await_ready(&self, cluster: &Path, log: &Path) -> Result<(), PostgresError> {
        let deadline = Instant::now() + READY;
        let failed = |detail| PostgresError::Failed { step: "the start of PostgreSQL", detail };
        while Instant::now() < deadline {
            // line 8 is the state; a former server's file names another process
            let state = fs::read_to_string(cluster.join("postmaster.pid")).unwrap_or_default();
            let lines: Vec<&str> = state.lines().map(str::trim).collect();
            if lines.first() == Some(&self.pid.to_string().as_str()) && lines.get(7) == Some(&"ready") {
                return Ok(());
            }
            match self.ended.lock().recv_timeout(Duration::from_millis(5)) {
                Err(mpsc::RecvTimeoutError::Timeout) => {}
                Err(mpsc::RecvTimeoutError::Disconnected) => return Err(failed("it was lost".to_owned())),
                Ok(Err(e)) => return Err(failed(e.to_string())),
                Ok(Ok(status)) => return Err(failed(format!("{}: {}", ended(status), tail(log)))),
            }
        }
        Err(failed(format!("not ready after {} s: {}", READY.as_secs(), tail(log))))
    }
}

impl Drop for EmbeddedPostgres {
    fn drop(&mut self) {
        if let Err(error) = signal(self.pid, libc::SIGINT) {
            warn!(%error, "could not ask PostgreSQL to stop");
        }
    }
}

fn lock(data: &Path) -> Result<File, PostgresError> {
    let path = data.join("podium.lock");
    let opened = File::options().create(true).truncate(false).write(true).open(&path);
    let file = opened.map_err(io_error_at("write to the data directory", data))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => Err(PostgresError::InUse(data.to_owned())),
        Err(fs::TryLockError::Error(e)) => Err(io_error("lock the data directory")(e)),
    }
}

/// A directory for the socket: beside the cluster, or a short one when that path is too long.
fn socket_dir(
    home: &Path,
    user: Option<&User>,
) -> Result<(PathBuf, Option<tempfile::TempDir>), PostgresError> {
    let step = "make the directory of PostgreSQL's socket";
    let near = home.join("socket");
    if near.as_os_str().len() <= SOCKET_DIR_BYTES {
        private_dir(&near, user).map_err(io_error(step))?;
        return Ok((near, None));
    }
    let short = tempfile::Builder::new().prefix("podium-").tempdir_in("/tmp").map_err(io_error(step))?;
    private_dir(short.path(), user).map_err(io_error(step))?;
    Ok((short.path().to_owned(), Some(short)))
}

/// Spawns from a thread that ends only after the child: the death signal follows the spawning thread, so one
/// that ended early would take the server down.
fn spawn_for_ever(
    mut command: Command,
    children: Children,
) -> Result<(u32, mpsc::Receiver<io::Result<ExitStatus>>), PostgresError> {
    let (started, start) = mpsc::channel();
    let (ended, end) = mpsc::channel();
    let keeper = move || match children.spawn(&mut command) {
        Err(e) => drop(started.send(Err(e))),
        Ok(mut child) => {
            drop(started.send(Ok(child.id())));
            // nobody listens any more when the server was dropped
            drop(ended.send(child.wait()));
            children.ended(child.id());
        }
    };
    std::thread::Builder::new()
        .name("postgres-keeper".to_owned())
        .spawn(keeper)
        .map_err(io_error("start a thread for PostgreSQL"))?;
    let pid = start.recv().map_err(|e| io_error("start PostgreSQL")(io::Error::other(e)))?;
    Ok((pid.map_err(io_error("start PostgreSQL"))?, end))
}

fn log_file(path: &Path, user: Option<&User>) -> io::Result<File> {
    let file = File::options().create(true).append(true).open(path)?;
    if let Some(user) = user {
        std::os::unix::fs::fchown(&file, Some(user.uid), Some(user.gid))?;
    }
    Ok(file)
}

fn tail(log: &Path) -> String {
    last_lines(&fs::read_to_string(log).unwrap_or_default())
}

/// Percent-encodes a path for the query of a URL.
fn encode(path: &Path) -> String {
    use std::os::unix::ffi::OsStrExt;
    let mut text = String::new();
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                text.push(char::from(*byte))
            }
            other => text.push_str(&format!("%{other:02X}")),
        }
    }
    text
}

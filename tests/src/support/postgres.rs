//! A private PostgreSQL cluster of the installed binaries, for tests and the bench.
//!
//! One cluster per process; each test takes a database of its own from it. As root the cluster runs as an
//! unprivileged user, because PostgreSQL refuses uid 0.

use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::Context;

use super::{free_port, keeper, wait};

/// How safe the cluster writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// As in production: fsync, full_page_writes and synchronous_commit on.
    Durable,
    /// Nothing survives a crash of PostgreSQL; for tests that never crash it.
    Fast,
}

/// A running cluster. Dropping it stops PostgreSQL at once and removes its data.
pub struct Cluster {
    pid: u32,
    folder: PathBuf,
    port: u16,
}

struct Owner {
    uid: u32,
    gid: u32,
}

static SHARED: OnceLock<Result<Cluster, String>> = OnceLock::new();

/// Stops the shared cluster, if it was started, and removes its data. Statics are never dropped; whoever
/// owns `main` calls this last, and for the others `at_exit` does.
pub fn stop_shared() {
    if let Some(Ok(cluster)) = SHARED.get() {
        cluster.remove();
    }
}

extern "C" fn at_exit() {
    stop_shared();
}

/// The cluster that all tests of this process share. It is removed when the process exits.
pub fn shared() -> anyhow::Result<&'static Cluster> {
    SHARED
        .get_or_init(|| {
            #[expect(unsafe_code, reason = "the test harness owns main and leaves through exit()")]
            // SAFETY: the handler only signals a process and removes a folder.
            unsafe {
                libc::atexit(at_exit);
            }
            Cluster::start(Durability::Fast, &[]).map_err(|error| format!("{error:#}"))
        })
        .as_ref()
        .map_err(|error| anyhow::anyhow!("{error}"))
}

impl Cluster {
    /// Makes and starts a cluster in a temporary folder; `settings` are further `name=value` pairs.
    pub fn start(durability: Durability, settings: &[&str]) -> anyhow::Result<Cluster> {
        sweep_left_overs();
        let folder =
            std::env::temp_dir().join(format!("podium-test-pg-{}-{}", std::process::id(), free_port()?));
        let owner = unprivileged_user()?;
        std::fs::create_dir(&folder)?;
        for path in [folder.join("sockets"), folder.clone()] {
            std::fs::create_dir_all(&path)?;
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700))?;
            if let Some(owner) = &owner {
                chown(&path, Some(owner.uid), Some(owner.gid))?;
            }
        }
        let data = folder.join("data");
        let mut init = command("initdb", &owner)?;
        init.args([
            "-U",
            "podium",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C",
            "--no-sync",
            "--no-instructions",
            "-D",
        ]);
        let made = init.arg(&data).output().context("could not run initdb")?;
        anyhow::ensure!(made.status.success(), "initdb failed: {}", String::from_utf8_lossy(&made.stderr));
        for _ in 0..5 {
            let port = free_port()?;
            let mut server = command("postgres", &owner)?;
            let log = std::fs::File::create(folder.join("log"))?;
            server.arg("-D").arg(&data).arg("-k").arg(folder.join("sockets"));
            server.args(["-p", &port.to_string(), "-h", "127.0.0.1", "-c", "max_connections=400"]);
            if durability == Durability::Fast {
                server.args([
                    "-c",
                    "fsync=off",
                    "-c",
                    "full_page_writes=off",
                    "-c",
                    "synchronous_commit=off",
                ]);
            }
            for setting in settings {
                server.args(["-c", setting]);
            }
            server.stdout(Stdio::from(log.try_clone()?)).stderr(Stdio::from(log));
            // SIGINT is PostgreSQL's fast stop.
            let mut process = keeper::spawn(server, libc::SIGINT)?;
            if is_ready(&data, &mut process)? {
                return Ok(Cluster { pid: process.id(), folder, port });
            }
        }
        let log = std::fs::read_to_string(folder.join("log")).unwrap_or_default();
        anyhow::bail!("PostgreSQL did not start: {log}")
    }

    /// URL of a database of this cluster.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://podium@127.0.0.1:{}/{database}", self.port)
    }

    /// The process id of the postmaster; its children are the backends.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Creates an empty database with a fresh name that begins with `prefix`; returns its URL.
    pub fn database(&self, prefix: &str) -> anyhow::Result<String> {
        let name = format!("{prefix}_{:012x}", uuid::Uuid::now_v7().as_u128() & 0xffff_ffff_ffff);
        let sql = super::audit::Sql::connect(&self.url("postgres"))?;
        sql.execute(&format!("CREATE DATABASE {name}"))?;
        Ok(self.url(&name))
    }
}

impl Cluster {
    /// Stops PostgreSQL at once and removes its data; doing it twice does no harm.
    fn remove(&self) {
        if !self.folder.exists() {
            return;
        }
        // SIGQUIT stops at once. The postmaster removes its pid file last.
        drop(keeper::signal(self.pid, libc::SIGQUIT));
        let pid_file = self.folder.join("data/postmaster.pid");
        drop(wait::until("PostgreSQL to stop", Duration::from_secs(10), || {
            Ok((!pid_file.exists()).then_some(()))
        }));
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.remove();
    }
}

/// Waits until the postmaster says that it is ready; false if it ended before.
fn is_ready(data: &Path, process: &mut Child) -> anyhow::Result<bool> {
    wait::until("PostgreSQL to be ready", Duration::from_secs(60), || {
        if process.try_wait()?.is_some() {
            return Ok(Some(false));
        }
        let status = std::fs::read_to_string(data.join("postmaster.pid")).unwrap_or_default();
        Ok(status.lines().nth(7).is_some_and(|line| line.trim() == "ready").then_some(true))
    })
}

fn command(program: &str, owner: &Option<Owner>) -> anyhow::Result<Command> {
    let mut command = Command::new(binaries()?.join(program));
    command.current_dir("/").env_clear().env("PATH", "/usr/bin:/bin").stdin(Stdio::null());
    if let Some(owner) = owner {
        command.uid(owner.uid).gid(owner.gid);
    }
    Ok(command)
}

/// The folder of the installed binaries: `PG_BIN_DIR`, else what `pg_config` says, else Debian's newest.
fn binaries() -> anyhow::Result<PathBuf> {
    let mut candidates: Vec<PathBuf> =
        std::env::var_os("PG_BIN_DIR").map(PathBuf::from).into_iter().collect();
    if let Ok(said) = Command::new("pg_config").arg("--bindir").output() {
        candidates.push(PathBuf::from(String::from_utf8_lossy(&said.stdout).trim()));
    }
    candidates.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    let mut debian: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .map(|entries| entries.flatten().map(|e| e.path().join("bin")).collect())
        .unwrap_or_default();
    debian.sort();
    candidates.extend(debian.into_iter().rev());
    candidates
        .into_iter()
        .find(|folder| folder.join("initdb").exists() && folder.join("postgres").exists())
        .context("no PostgreSQL found: apt-get install postgresql, or set PG_BIN_DIR")
}

/// Who runs PostgreSQL: ourselves, or `postgres` or `nobody` if we are root.
fn unprivileged_user() -> anyhow::Result<Option<Owner>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let is_root = status.lines().any(|l| l.starts_with("Uid:") && l.split_whitespace().nth(2) == Some("0"));
    if !is_root {
        return Ok(None);
    }
    let users = std::fs::read_to_string("/etc/passwd")?;
    let find = |wanted: &str| {
        users
            .lines()
            .map(|l| l.split(':').collect::<Vec<_>>())
            .find(|f| f.first() == Some(&wanted))
            .and_then(|f| Some(Owner { uid: f.get(2)?.parse().ok()?, gid: f.get(3)?.parse().ok()? }))
    };
    find("postgres").or_else(|| find("nobody")).map(Some).context("neither user postgres nor nobody exists")
}

/// Removes the folders of test processes that are gone: a process that was killed cannot clean up.
fn sweep_left_overs() {
    let Ok(entries) = std::fs::read_dir(std::env::temp_dir()) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(rest) = name.strip_prefix("podium-test-pg-") else { continue };
        let pid = rest.split('-').next().unwrap_or_default();
        let used = Path::new("/proc").join(pid).exists() || entry.path().join("data/postmaster.pid").exists();
        if !used {
            drop(std::fs::remove_dir_all(entry.path()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::audit::Sql;
    use super::{Cluster, Durability};

    #[test]
    fn a_cluster_gives_databases_and_leaves_nothing_behind() {
        let cluster = Cluster::start(Durability::Durable, &[]).expect("a cluster");
        let (a, b) = (cluster.database("a").expect("one"), cluster.database("a").expect("another"));
        assert_ne!(a, b);
        let sql = Sql::connect(&a).expect("a connection");
        assert_eq!(sql.texts("SHOW fsync").expect("a row"), ["on"]);
        assert_eq!(sql.number("SELECT 40 + 2::bigint").expect("a row"), 42);
        let folder = cluster.folder.clone();
        drop(cluster);
        assert!(!folder.exists());
    }
}

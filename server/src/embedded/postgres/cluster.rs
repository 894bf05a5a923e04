//! A cluster on disk: made once, and free for us.

use std::fs;
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use tracing::{debug, info};

use super::{DATABASE, PostgresError, STOP, io_error, io_error_at};
use crate::embedded::children::Children;
use crate::embedded::process::{User, detach_and_bind, is_alive};

/// The programs of PostgreSQL and how they are run.
pub(super) struct Tools<'a> {
    pub(super) bin: &'a Path,
    pub(super) user: Option<&'a User>,
    pub(super) children: &'a Children,
}

impl Tools<'_> {
    /// Runs a command to its end. Its death signal follows this thread, which waits for it.
    fn run(
        &self,
        step: &'static str,
        mut command: Command,
        input: Option<String>,
    ) -> Result<(), PostgresError> {
        detach_and_bind(&mut command, self.user);
        let stdin = if input.is_some() { Stdio::piped() } else { Stdio::null() };
        command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.children.spawn(&mut command).map_err(io_error(step))?;
        let pid = child.id();
        if let (Some(mut pipe), Some(input)) = (child.stdin.take(), input)
            && let Err(error) = pipe.write_all(input.as_bytes())
        {
            // it says itself why it did not read
            debug!(%error, "{step} ended early");
        }
        let output = child.wait_with_output();
        self.children.ended(pid);
        let output = output.map_err(io_error(step))?;
        if output.status.success() {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&output.stderr);
        let detail = format!("{}: {}", ended(output.status), last_lines(&text));
        Err(PostgresError::Failed { step, detail })
    }
}

/// Makes the cluster and its database under another name and then gives it its own: it is there whole or not.
pub(super) fn create(tools: &Tools<'_>, home: &Path, cluster: &Path) -> Result<(), PostgresError> {
    info!(path = %cluster.display(), "making a PostgreSQL cluster (once)");
    let draft = home.join("cluster.new");
    if draft.exists() {
        fs::remove_dir_all(&draft).map_err(io_error_at("remove the half-made cluster", &draft))?;
    }
    let mut initdb = Command::new(tools.bin.join("initdb"));
    initdb.args([
        "-U",
        "podium",
        "-A",
        "trust",
        "-E",
        "UTF8",
        "--locale=C",
        "--no-instructions",
        "--no-sync",
    ]);
    initdb.arg("-D").arg(&draft);
    tools.run("initdb", initdb, None)?;
    let mut single = Command::new(tools.bin.join("postgres"));
    // -F: the whole directory is synced once, below
    single.args(["--single", "-F", "-D"]).arg(&draft).arg("postgres");
    tools.run("making the database", single, Some(format!("CREATE DATABASE {DATABASE};\n")))?;
    let mut sync = Command::new(tools.bin.join("initdb"));
    sync.arg("--sync-only").arg("-D").arg(&draft);
    tools.run("initdb --sync-only", sync, None)?;
    fs::rename(&draft, cluster).map_err(io_error_at("name the cluster", cluster))
}

/// After `kill -9` of a former podium its PostgreSQL takes a second or two to notice and stop.
pub(super) fn await_former_server(cluster: &Path) -> Result<(), PostgresError> {
    let deadline = Instant::now() + STOP;
    loop {
        let state = fs::read_to_string(cluster.join("postmaster.pid")).unwrap_or_default();
        let former = state.lines().next().and_then(|l| l.trim().parse::<u32>().ok());
        // the id may belong to another program by now; PostgreSQL itself checks that better than we can
        let is_postgres = |pid: &u32| {
            is_alive(*pid)
                && fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|c| c.trim() == "postgres")
        };
        let Some(pid) = former.filter(is_postgres) else { return Ok(()) };
        if Instant::now() > deadline {
            let detail = format!("process {pid} still uses {}", cluster.display());
            return Err(PostgresError::Failed { step: "waiting for a former PostgreSQL", detail });
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// How a process ended, in words.
pub(super) fn ended(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("ended by signal {signal}"),
        (None, None) => "ended".to_owned(),
    }
}

/// The end of a log or an output on one line.
pub(super) fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().filter(|l| !l.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(4)..].join(" | ")
}

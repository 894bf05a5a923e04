//! A `podium` process: spawned, waited for, killed, stopped.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::Context;

use super::client::Client;
use super::{free_port, http, keeper, repository, wait};

/// The binary under test: `PODIUM_BIN`, else a fresh debug build.
pub fn binary() -> anyhow::Result<&'static PathBuf> {
    static BINARY: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    BINARY
        .get_or_init(|| {
            if let Some(given) = std::env::var_os("PODIUM_BIN") {
                return Ok(PathBuf::from(given));
            }
            build().map_err(|error| format!("{error:#}"))
        })
        .as_ref()
        .map_err(|error| anyhow::anyhow!("{error}"))
}

fn build() -> anyhow::Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args(["build", "--quiet", "-p", "podium-server", "--bin", "podium"])
        .current_dir(repository())
        .stdin(Stdio::null())
        .output()
        .context("could not run cargo")?;
    anyhow::ensure!(
        built.status.success(),
        "podium does not build: {}",
        String::from_utf8_lossy(&built.stderr)
    );
    // The test binary lies in <target>/<profile>/deps.
    let own = std::env::current_exe()?;
    let profile = own.parent().and_then(|deps| deps.parent()).context("the test binary lies nowhere")?;
    let target = profile.parent().context("the test binary lies nowhere")?;
    Ok(target.join("debug/podium"))
}

/// What a process is started with.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The subcommand and its arguments, e.g. `["serve"]`.
    pub arguments: Vec<String>,
    pub variables: Vec<(String, String)>,
    /// Another binary than `binary()`.
    pub binary: Option<PathBuf>,
}

impl Settings {
    /// `podium serve` on this database.
    pub fn serve(database_url: &str) -> Settings {
        Settings::new(&["serve"]).with("DATABASE_URL", database_url)
    }

    /// Any subcommand.
    pub fn new(arguments: &[&str]) -> Settings {
        let arguments = arguments.iter().map(|a| (*a).to_owned()).collect();
        Settings { arguments, variables: Vec::new(), binary: None }
    }

    fn is_ingestion(&self) -> bool {
        self.arguments.first().is_some_and(|command| command == "ingest")
    }

    /// Answers 200 when the process serves. An ingestion service serves although what it stands on may be away.
    fn ready_path(&self) -> &'static str {
        if self.is_ingestion() { "/health" } else { "/health/ready" }
    }

    /// The same with a binary of its own.
    pub fn with_binary(mut self, binary: &std::path::Path) -> Settings {
        self.binary = Some(binary.to_owned());
        self
    }

    /// The same with one more environment variable.
    pub fn with(mut self, name: &str, value: &str) -> Settings {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// A running process. Dropping it kills it.
pub struct Podium {
    settings: Settings,
    process: Child,
    port: u16,
    log: PathBuf,
}

impl Podium {
    /// Starts the process and waits until it serves.
    pub fn start(settings: Settings) -> anyhow::Result<Podium> {
        let log = std::env::temp_dir().join(format!("podium-test-{}.log", uuid::Uuid::now_v7()));
        for _ in 0..5 {
            let port = free_port()?;
            let process = spawn(&settings, port, &log)?;
            let mut podium = Podium { settings: settings.clone(), process, port, log: log.clone() };
            if podium.becomes_ready()? {
                return Ok(podium);
            }
            if !podium.log_text().contains("in use") {
                anyhow::bail!("podium ended: {}", podium.log_tail());
            }
        }
        anyhow::bail!("no port stayed free")
    }

    /// Starts a service that listens nowhere (a worker). It counts as started at once.
    pub fn start_quiet(settings: Settings) -> anyhow::Result<Podium> {
        let log = std::env::temp_dir().join(format!("podium-test-{}.log", uuid::Uuid::now_v7()));
        let process = spawn(&settings, 0, &log)?;
        Ok(Podium { settings, process, port: 0, log })
    }

    fn becomes_ready(&mut self) -> anyhow::Result<bool> {
        let limit = Duration::from_secs(60);
        let ready = wait::until("podium to be ready", limit, || {
            if self.process.try_wait()?.is_some() {
                return Ok(Some(false));
            }
            Ok(http::get(&self.base(), self.settings.ready_path())
                .is_ok_and(|a| a.status == 200)
                .then_some(true))
        });
        ready.with_context(|| self.log_tail())
    }

    /// Root of its API, without `/api`.
    pub fn base(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn client(&self) -> Client {
        Client::new(&self.base())
    }

    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Whether the process still runs.
    pub fn is_alive(&mut self) -> bool {
        matches!(self.process.try_wait(), Ok(None))
    }

    /// `kill -9`, and waits until it is gone.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        self.process.kill()?;
        self.process.wait()?;
        Ok(())
    }

    /// SIGTERM, and waits at most `limit` for it to end; whether it ended with status 0.
    pub fn terminate(&mut self, limit: Duration) -> anyhow::Result<bool> {
        keeper::signal(self.process.id(), libc::SIGTERM)?;
        let status = wait::until("podium to end after SIGTERM", limit, || Ok(self.process.try_wait()?))?;
        Ok(status.success())
    }

    /// Starts it again with the same settings on the same port; does not wait.
    pub fn respawn(&mut self) -> anyhow::Result<()> {
        self.process = spawn(&self.settings, self.port, &self.log)?;
        Ok(())
    }

    /// Starts it again and waits until it is ready.
    pub fn restart(&mut self) -> anyhow::Result<()> {
        self.respawn()?;
        self.wait_ready()
    }

    /// Waits until a process that was started again is ready.
    pub fn wait_ready(&mut self) -> anyhow::Result<()> {
        let ready = self.becomes_ready()?;
        anyhow::ensure!(ready, "podium did not come back: {}", self.log_tail());
        Ok(())
    }

    fn log_text(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// What the server warned of, over all its lives.
    pub fn warnings(&self) -> String {
        let text = self.log_text();
        let warns = |line: &&str| line.contains("\"level\":\"WARN\"") || line.contains("\"level\":\"ERROR\"");
        text.lines().filter(warns).collect::<Vec<_>>().join("\n")
    }

    /// The last lines of its output.
    pub fn log_tail(&self) -> String {
        let text = self.log_text();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }
}

impl Drop for Podium {
    fn drop(&mut self) {
        drop(self.kill());
        if std::env::var_os("PODIUM_TEST_KEEP_LOGS").is_none() {
            drop(std::fs::remove_file(&self.log));
        }
    }
}

fn spawn(settings: &Settings, port: u16, log: &std::path::Path) -> anyhow::Result<Child> {
    let program = match &settings.binary {
        Some(given) => given,
        None => binary()?,
    };
    let mut command = Command::new(program);
    let output = std::fs::OpenOptions::new().create(true).append(true).open(log)?;
    command.args(&settings.arguments).stdin(Stdio::null());
    command.stdout(output.try_clone()?).stderr(output);
    // What the person who runs the tests has set must not decide what is tested.
    for name in [
        "DATABASE_URL",
        "KAFKA_BOOTSTRAP",
        "S3_ENDPOINT",
        "MINIO_ENDPOINT",
        "CONDUCTOR_URL",
        "CONDUCTOR_SERVER_URL",
        "PODIUM_LISTEN",
        "PODIUM_INGESTION_LISTEN",
    ] {
        command.env_remove(name);
    }
    let address = format!("127.0.0.1:{port}");
    if settings.is_ingestion() {
        command.env("PODIUM_INGESTION_LISTEN", address);
    } else if port != 0 {
        // the ingestion service inside of `podium dev` has its usual port only where nobody else has it
        command.env("PODIUM_LISTEN", address).env("PODIUM_INGESTION_LISTEN", "127.0.0.1:0");
    }
    command.envs(settings.variables.iter().map(|(name, value)| (name, value)));
    keeper::spawn(command, libc::SIGKILL).with_context(|| format!("could not start {}", program.display()))
}

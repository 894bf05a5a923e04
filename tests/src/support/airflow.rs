//! A real Apache Airflow for tests, started by `scripts/airflow.sh`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context;

use super::{podium, repository};

/// An Airflow with its DAGs and an empty history. It ends with this process.
pub struct Airflow {
    folder: PathBuf,
    pub endpoint: String,
    pub user: String,
    pub password: String,
}

impl Airflow {
    /// Starts one whose DAGs work on this store; takes a quarter of a minute once it is installed.
    pub fn start(store: &str, keys: (&str, &str), bucket: &str) -> anyhow::Result<Airflow> {
        let folder = std::env::temp_dir().join(format!("podium-test-airflow-{}", uuid::Uuid::now_v7()));
        let owner = std::process::id().to_string();
        let done = Command::new(script())
            .args(["start", &folder.to_string_lossy(), "--owner", &owner])
            .env("PODIUM_BIN", podium::binary()?)
            .envs([("S3_ENDPOINT", store), ("S3_BUCKET", bucket)])
            .envs([("AWS_ACCESS_KEY_ID", keys.0), ("AWS_SECRET_ACCESS_KEY", keys.1)])
            .stdin(Stdio::null())
            .output()
            .context("could not run scripts/airflow.sh")?;
        let errors = String::from_utf8_lossy(&done.stderr);
        anyhow::ensure!(done.status.success(), "scripts/airflow.sh start: {errors}");
        let printed = String::from_utf8_lossy(&done.stdout).into_owned();
        let value = |name: &str| {
            let line = printed.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
            line.map(str::to_owned)
                .with_context(|| format!("scripts/airflow.sh printed no {name}: {printed}"))
        };
        let (endpoint, user, password) =
            (value("AIRFLOW_ENDPOINT")?, value("AIRFLOW_USER")?, value("AIRFLOW_PASSWORD")?);
        Ok(Airflow { folder, endpoint, user, password })
    }

    /// The last lines of what it printed.
    pub fn log_tail(&self) -> String {
        let read = |name: &str| std::fs::read_to_string(self.folder.join(name)).unwrap_or_default();
        let text = read("scheduler.out") + &read("webserver.out");
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }
}

impl Drop for Airflow {
    fn drop(&mut self) {
        let folder = self.folder.to_string_lossy();
        drop(Command::new(script()).args(["stop", &folder]).stdin(Stdio::null()).output());
        drop(std::fs::remove_dir_all(Path::new(&*folder)));
    }
}

fn script() -> PathBuf {
    repository().join("scripts/airflow.sh")
}

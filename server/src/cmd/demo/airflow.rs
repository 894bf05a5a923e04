//! A real Airflow for the demo, started by the repository's script.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context;

use crate::config::{Layers, Source};

/// Relative to the repository, in which the demo is then run.
const SCRIPT: &str = "scripts/airflow.sh";
/// The development store's keys.
const KEYS: (&str, &str) = ("podium", "podium-development");

/// A running Airflow. It is stopped when this is dropped, or when this process ends.
pub(super) struct Airflow {
    folder: PathBuf,
    endpoint: String,
}

impl Airflow {
    /// Starts it with its data in `folder` and tells the settings where it is. Its jobs work on the store that will listen
    /// at `dev.s3_listen`, for which a port is chosen here.
    pub(super) fn start(folder: &Path, layers: &mut Layers) -> anyhow::Result<Self> {
        anyhow::ensure!(Path::new(SCRIPT).is_file(), "{SCRIPT} is not here: run this in the repository");
        let s3 = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        layers.text("dev.s3_listen", &s3.to_string(), Source::CommandLine)?;
        let mut own = Self { folder: folder.to_owned(), endpoint: String::new() };
        let done = Command::new(SCRIPT)
            .arg("start")
            .arg(folder)
            .args(["--owner", &std::process::id().to_string()])
            .env("PODIUM_BIN", std::env::current_exe().context("the path of this program")?)
            .env("S3_ENDPOINT", format!("http://{s3}"))
            .env("AWS_ACCESS_KEY_ID", KEYS.0)
            .env("AWS_SECRET_ACCESS_KEY", KEYS.1)
            .env("S3_BUCKET", "podium-pipeline")
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()
            .with_context(|| format!("could not run {SCRIPT}"))?;
        anyhow::ensure!(done.status.success(), "{SCRIPT} failed: {}", done.status);
        let printed = String::from_utf8_lossy(&done.stdout).into_owned();
        for (variable, key) in [
            ("AIRFLOW_ENDPOINT", "airflow.endpoint"),
            ("AIRFLOW_USER", "airflow.user"),
            ("AIRFLOW_PASSWORD", "airflow.password"),
        ] {
            let value = printed.lines().find_map(|line| line.strip_prefix(variable)?.strip_prefix('='));
            let value = value.with_context(|| format!("{SCRIPT} printed no {variable}"))?;
            layers.text(key, value, Source::CommandLine)?;
            if key == "airflow.endpoint" {
                value.clone_into(&mut own.endpoint);
            }
        }
        layers.text("airflow.auth", "basic", Source::CommandLine)?;
        Ok(own)
    }

    /// Where it is.
    pub(super) fn endpoint(&self) -> &str {
        &self.endpoint
    }
}

impl Drop for Airflow {
    fn drop(&mut self) {
        // with --owner it would end by itself soon after this process; its data are removed right now
        drop(Command::new(SCRIPT).arg("stop").arg(&self.folder).stdin(Stdio::null()).output());
    }
}

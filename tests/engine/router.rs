//! The external, documented router instead of the engine's own, and beside it.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{OnceLock, mpsc};

use anyhow::Context;
use podium_tests::support::pipeline::{in_sequence, stage, that_says};
use podium_tests::support::podium::Settings;
use podium_tests::support::stage::{SOON, Stage, events_topic, fresh_tag, own_topics};
use podium_tests::support::{kafka, keeper, postgres, repository};
use serde_json::json;

/// The example program of the events room; it ends with the test.
struct ExternalRouter(Child);

/// The program: `PODIUM_EXTERNAL_ROUTER`, else a debug build, which `make test` makes beforehand.
fn program() -> anyhow::Result<&'static PathBuf> {
    static PROGRAM: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let made = PROGRAM.get_or_init(|| match std::env::var_os("PODIUM_EXTERNAL_ROUTER") {
        Some(given) => Ok(PathBuf::from(given)),
        None => build().map_err(|error| format!("{error:#}")),
    });
    made.as_ref().map_err(|error| anyhow::anyhow!("{error}"))
}

fn build() -> anyhow::Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args(["build", "--quiet", "-p", "podium-events", "--example", "external_router"])
        .current_dir(repository())
        .status()
        .context("could not run cargo")?;
    anyhow::ensure!(built.success(), "the external router does not build");
    let own = std::env::current_exe()?;
    let profile = own.parent().and_then(|deps| deps.parent()).context("the test binary lies nowhere")?;
    Ok(profile.parent().context("the test binary lies nowhere")?.join("debug/examples/external_router"))
}

impl ExternalRouter {
    fn start(on: &Stage) -> anyhow::Result<ExternalRouter> {
        let mut command = Command::new(program()?);
        command
            .env("KAFKA_BOOTSTRAP", &on.broker)
            .env("CONDUCTOR_API", format!("{}/api", on.podium.base()))
            .env("ROUTER_GROUP", on.name("external-router"))
            .env("ROUTER_TOPIC", events_topic(&on.tag))
            .env("STARTUP_SLEEP_SECONDS", "0")
            .env("ROUTER_TRY_SECONDS", "0.3")
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        let mut child = keeper::spawn(command, libc::SIGKILL)?;
        let output = child.stdout.take().context("its output is piped")?;
        let (lines, said) = mpsc::channel();
        // to its end: it says "ready" with each assignment
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                drop(lines.send(line));
            }
        });
        let child = ExternalRouter(child);
        let first = said.recv_timeout(2 * SOON).context("the external router got no partitions")?;
        anyhow::ensure!(first == "ready", "the external router said {first:?}");
        Ok(child)
    }
}

impl Drop for ExternalRouter {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn stage_with_router(enabled: bool) -> anyhow::Result<Stage> {
    let tag = fresh_tag("x");
    let url = postgres::shared()?.database(&tag)?;
    let broker = kafka::shared()?.to_owned();
    kafka::create_topic(&broker, &events_topic(&tag), 1)?;
    let settings = Settings::serve(&url)
        .with("KAFKA_BOOTSTRAP", &broker)
        .with("PODIUM__ROUTER__ENABLED", if enabled { "true" } else { "false" });
    Stage::with(own_topics(settings, &tag), &url, broker, tag, None)
}

fn runs_complete(on: &Stage, count: usize) -> anyhow::Result<()> {
    let _router = ExternalRouter::start(on)?;
    let _email = on.service(&on.name("email"), that_says("email", "success"))?;
    let stages = [stage("email", &on.name("email"), &on.broker, &json!({}))];
    on.client.register_workflow(&in_sequence(&on.name("wf"), &stages))?;
    let ids: Vec<String> =
        (0..count).map(|_| on.client.start(&on.name("wf"), &json!({}))).collect::<anyhow::Result<_>>()?;
    for id in &ids {
        let run = on.client.wait_for(id, "COMPLETED", SOON)?;
        assert_eq!(run["tasks"].as_array().map(Vec::len), Some(2));
    }
    on.sql.assert_sound()
}

#[test]
fn the_external_router_works_instead_of_our_own() -> anyhow::Result<()> {
    runs_complete(&stage_with_router(false)?, 5)
}

#[test]
fn the_external_router_works_beside_our_own() -> anyhow::Result<()> {
    runs_complete(&stage_with_router(true)?, 20)
}

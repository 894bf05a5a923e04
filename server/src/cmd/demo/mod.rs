//! `podium demo`: the documented patterns and the whole pipeline, from nothing to finished runs, like a client would.
//!
//! Everything runs in this process on free ports and a temporary directory; its APIs are called over HTTP. With
//! `--airflow` the DAGs run in a real Airflow beside it.

mod airflow;
mod client;
mod deploy;
mod report;
mod timeline;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context;
use podium_objects::{ObjectStore, PutOptions};
use serde_json::Value;

use super::dev::Running;
use super::{block_on, settle};
use crate::config::{Layers, Source};
use crate::shutdown::Signals;
use airflow::Airflow;
use client::Client;
use deploy::Ingestion;
use report::{follow, report};

const CUSTOMERS: &[u8] = include_bytes!("../../../../demo/data/customers.csv");
/// All that the demo registers, made of the graphs in `demo/graphs`.
const DEFINITIONS: [&str; 4] = [
    include_str!("../../../../demo/definitions/email_pipeline.json"),
    include_str!("../../../../demo/definitions/name_parse_pipeline.json"),
    include_str!("../../../../demo/definitions/parallel_pipeline.json"),
    include_str!("../../../../demo/definitions/documented_pipeline.json"),
];
/// Those that it starts at the engine.
const STARTED: [&str; 2] = ["email_pipeline", "parallel_pipeline"];
/// Drawn graphs that it deploys through the ingestion service: their services have files of their own.
const DEPLOYED: [&str; 2] = [
    include_str!("../../../../demo/graphs/name_parse_pipeline.json"),
    include_str!("../../../../demo/graphs/documented_pipeline.json"),
];
/// Their input: fixed-width records.
const PEOPLE: (&str, &[u8]) =
    ("customers_1000.in", include_bytes!("../../../../demo/data/customers_1000.in"));
const INPUT: (&str, &str) = ("raw-data", "customer_data_sample.csv");
/// A run needs a second; this is for a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(60);
/// A real Airflow runs one task after the other, each as processes of its own.
const AIRFLOW_PATIENCE: Duration = Duration::from_secs(300);

/// Shows the pipeline. `output` takes the services' files; `airflow` asks for a real one.
pub(super) fn run(mut layers: Layers, output: Option<PathBuf>, airflow: bool) -> anyhow::Result<()> {
    // the demo is about itself: what the environment names for real work is not touched
    for (key, value) in [
        ("server.listen", "127.0.0.1:0"),
        ("database.url", ""),
        ("kafka.bootstrap", ""),
        ("s3.endpoint", ""),
        ("minio.endpoint", ""),
        ("ledger.host", ""),
        ("ingestion.listen", "127.0.0.1:0"),
        ("ingestion.engine_url", ""),
        ("ingestion.dps_converter_mode", "builtin"),
        ("airflow.endpoint", ""),
        ("dev.kafka_listen", "127.0.0.1:0"),
        ("dev.s3_listen", "127.0.0.1:0"),
    ] {
        layers.text(key, value, Source::CommandLine)?;
    }
    if layers.source("log.level") == Some(&Source::Default) {
        layers.text("log.level", "warn", Source::CommandLine)?;
    }
    if layers.source("dag_monitor.poll_interval") == Some(&Source::Default) {
        // the demo's jobs end within a second
        layers.text("dag_monitor.poll_interval", "400ms", Source::CommandLine)?;
    }
    if let Some(dir) = &output {
        std::fs::create_dir_all(dir).with_context(|| format!("could not make {}", dir.display()))?;
    }
    let data = tempfile::Builder::new().prefix("podium-demo-").tempdir().context("a temporary directory")?;
    // PostgreSQL runs as another user when we are root and must be able to pass through
    std::fs::set_permissions(data.path(), std::fs::Permissions::from_mode(0o711))?;
    let begun = Instant::now();
    let airflow = match airflow {
        true => {
            println!("starting a real Airflow (the first time, installing it takes some minutes)");
            Some(Airflow::start(&data.path().join("airflow"), &mut layers)?)
        }
        false => None,
    };
    let mut config = settle(&layers)?;
    block_on(async {
        let signals = Signals::new().context("could not take over the signals")?;
        let stop = signals.first();
        println!("Podium demo: the documented pipeline, everything in this one process\n");
        let Some(running) = Running::start_unless(&mut config, data.path(), stop.clone()).await? else {
            println!("Stopped before it was up.");
            return Ok(());
        };
        let shown = tokio::select! {
            shown = show(&running, data.path(), output.as_deref(), airflow.as_ref(), begun) => shown.map(|()| "Stopped"),
            () = stop => Ok("Stopped early"),
        };
        running.stop().await;
        let took = begun.elapsed().as_secs_f64();
        println!("\n{} after {took:.1} s. `make run` starts the same and stays.", shown?);
        Ok(())
    })
}

async fn show(
    running: &Running,
    data: &Path,
    output: Option<&Path>,
    airflow: Option<&Airflow>,
    begun: Instant,
) -> anyhow::Result<()> {
    let base = format!("http://{}", running.node.address());
    println!("  PostgreSQL   a cluster of its own in {}", data.display());
    println!("  Kafka        development broker on {}", running.kafka.bootstrap);
    println!("  S3           {}", running.s3.endpoint);
    println!("  REST API     {base}");
    let ingestion =
        running.ingestion.as_ref().context("ingestion.enabled is false: the demo needs it")?.address();
    println!("  ingestion    http://{ingestion}");
    match airflow {
        Some(airflow) => println!("  Airflow      a real one on {}", airflow.endpoint()),
        None => println!("  Airflow      our own job runner in its place"),
    }
    println!("  services     {}", running.workers.join(", "));
    println!("  all ready after {:.1} s\n", begun.elapsed().as_secs_f64());
    let store = ObjectStore::new(running.s3.clone())?;
    store.put_bytes(INPUT.0, INPUT.1, CUSTOMERS, PutOptions::of_type("text/csv")).await?;
    println!("uploaded {} KiB to s3://{}/{}", CUSTOMERS.len() / 1024, INPUT.0, INPUT.1);
    let client = Client::new(base);
    let patience = if airflow.is_some() { AIRFLOW_PATIENCE } else { PATIENCE };
    let mut runs = Vec::new();
    for definition in DEFINITIONS {
        let definition: Value = serde_json::from_str(definition).context("a definition of the demo")?;
        let name = definition["name"].as_str().context("a definition without a name")?;
        client.register(&definition).await?;
        if !STARTED.contains(&name) {
            continue;
        }
        let id = client.start(name).await?;
        println!("\n{name}: {}", definition["description"].as_str().unwrap_or_default());
        println!("  POST /api/workflow/{name} -> {id}");
        runs.push(follow(&client, &id, patience).await?);
    }
    let ingestion = Ingestion::new(ingestion);
    let people = ingestion.upload(PEOPLE.0, PEOPLE.1).await?;
    println!("\nuploaded {} KiB through the ingestion service to {people}", PEOPLE.1.len() / 1024);
    for graph in DEPLOYED {
        let mut graph: Value = serde_json::from_str(graph).context("a graph of the demo")?;
        // its first version is registered above; the ingestion service counts on
        graph.as_object_mut().context("a graph that is none")?.remove("version");
        let deployed = ingestion.deploy(&graph, &people).await?;
        let id = deployed["workflow_instance_id"].as_str().context("a deployment without a workflow")?;
        println!(
            "\n{}: {}",
            graph["name"].as_str().unwrap_or_default(),
            graph["description"].as_str().unwrap_or_default()
        );
        println!("  POST /workflow/deploy -> {id}");
        runs.push(follow(&client, id, patience).await?);
    }
    println!();
    for run in &runs {
        println!("{}", timeline::draw(run));
        report(&store, run, output).await?;
    }
    Ok(())
}

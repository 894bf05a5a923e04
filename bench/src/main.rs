//! Measures Podium beside the limit of the PostgreSQL it stands on.
//!
//! `cargo run --release -p podium-bench` starts a durable PostgreSQL of its own and the release
//! `podium serve`, runs the scenarios of `docs/benchmarks.md` one after the other on the same machine, prints
//! each figure with what it must reach, and writes them to `bench/results/`. Clock figures are ratios within
//! one run; counters are exact.

mod counters;
mod limit;
mod load;
mod page;
mod report;
mod rig;
mod scenarios;
mod wire;

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::Context;
use clap::Parser;
use podium_tests::support::repository;
use serde_json::json;

use report::Report;
use rig::{Machine, POSTGRES_SETTINGS};
use scenarios::{
    Pace, csv, fork, hostile, idle, latency, long, pairs, restart, search, stored, throughput, timers,
    waiting,
};

/// Measures Podium beside the limit of the PostgreSQL it stands on.
#[derive(Parser)]
struct Arguments {
    /// About 40 seconds, for a look; its figures are not to be quoted
    #[arg(long)]
    quick: bool,
    /// Scenarios to run, by comma: w1, latency, fork, long, timers, hostile, pairs, waiting, idle,
    /// restart, stored, search, csv
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Also the scenario that stores a million runs (some minutes, 2 GB)
    #[arg(long)]
    million: bool,
    /// A further setting of PostgreSQL, `name=value`; may be repeated
    #[arg(long)]
    postgres: Vec<String>,
    /// The binary to measure; default: the release build of this tree
    #[arg(long)]
    binary: Option<PathBuf>,
    /// Measures nothing: writes all results in bench/results as one page that needs nothing else
    #[arg(long, value_name = "FILE.html")]
    page: Option<PathBuf>,
}

impl Arguments {
    fn wants(&self, scenario: &str) -> bool {
        if self.only.is_empty() {
            // A broker takes longer to start than the quick look lasts.
            return match scenario {
                "stored" => self.million,
                "search" | "hostile" | "csv" => !self.quick,
                "pairs" => !self.quick,
                _ => true,
            };
        }
        self.only.iter().any(|o| o == scenario)
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Some(page) = &arguments.page {
        return match page::write(&repository().join("bench/results"), page) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => failed(&error),
        };
    }
    // One thread for the whole load: it must not take more of the machine than it needs.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let result =
        runtime.map_err(anyhow::Error::from).and_then(|runtime| runtime.block_on(measure(&arguments)));
    podium_tests::support::kafka::stop_shared();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

fn failed(error: &anyhow::Error) -> ExitCode {
    eprintln!("podium-bench: {error:#}");
    ExitCode::FAILURE
}

async fn measure(arguments: &Arguments) -> anyhow::Result<()> {
    let binary = match &arguments.binary {
        Some(given) => std::path::absolute(given)?,
        None => release_build()?,
    };
    let pace = if arguments.quick { Pace::quick() } else { Pace::full() };
    let about = about(arguments);
    println!("{about:#}");
    let mut report = Report::new(about);
    let machine = Machine::start(binary, &arguments.postgres)?;
    if arguments.wants("w1") {
        throughput::measure(&machine, &mut report, pace).await.context("w1")?;
    }
    if arguments.wants("latency") {
        latency::measure(&machine, &mut report, pace).await.context("latency")?;
    }
    if arguments.wants("fork") {
        fork::measure(&machine, &mut report, pace).await.context("fork")?;
    }
    if arguments.wants("long") {
        long::measure(&machine, &mut report, pace).await.context("long")?;
    }
    if arguments.wants("timers") {
        timers::measure(&machine, &mut report, pace).await.context("timers")?;
    }
    if arguments.wants("hostile") {
        hostile::measure(&machine, &mut report, pace).await.context("hostile")?;
    }
    if arguments.wants("pairs") {
        pairs::measure(&machine, &mut report, pace).await.context("pairs")?;
    }
    if arguments.wants("waiting") {
        waiting::measure(&machine, &mut report, pace).await.context("waiting")?;
    }
    if arguments.wants("idle") {
        idle::measure(&machine, &mut report, pace).await.context("idle")?;
    }
    if arguments.wants("csv") {
        csv::measure(&machine, &mut report, pace).await.context("csv")?;
    }
    if arguments.wants("restart") {
        restart::measure(&machine, &mut report, pace).await.context("restart")?;
    }
    if arguments.wants("stored") {
        stored::measure(&machine, &mut report, pace).await.context("stored")?;
    }
    if arguments.wants("search") {
        search::measure(&machine, &mut report, pace).await.context("search")?;
    }
    let (path, short) = report.write()?;
    println!("\n{}\n{short} short; written to {}", report.markdown(), path.display());
    let page = repository().join("target/bench/report.html");
    page::write(&repository().join("bench/results"), &page)?;
    println!("all results as a page: {}", page.display());
    Ok(())
}

fn release_build() -> anyhow::Result<PathBuf> {
    let built = Command::new("cargo")
        .args(["build", "--release", "-p", "podium-server", "--bin", "podium"])
        .current_dir(repository())
        .status()
        .context("could not run cargo")?;
    anyhow::ensure!(built.success(), "the release build failed");
    let own = std::env::current_exe()?;
    let target = own.parent().and_then(|p| p.parent()).context("the bench lies nowhere")?;
    Ok(target.join("release/podium"))
}

fn about(arguments: &Arguments) -> serde_json::Value {
    let command = |program: &str, words: &[&str]| {
        let output = Command::new(program).args(words).current_dir(repository()).output();
        output.map(|o| String::from_utf8_lossy(&o.stdout).trim().to_owned()).unwrap_or_default()
    };
    let cpus = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model =
        cpus.lines().find_map(|l| l.strip_prefix("model name")?.split_once(':').map(|(_, m)| m.trim()));
    json!({
        "date": chrono::Utc::now().to_rfc3339(),
        "commit": command("git", &["rev-parse", "--short", "HEAD"]),
        "quick": arguments.quick,
        "cpu": model.unwrap_or("unknown"),
        "cores": std::thread::available_parallelism().map(usize::from).unwrap_or_default(),
        "kernel": command("uname", &["-r"]),
        "postgres": command("postgres", &["--version"]),
        "postgres_settings": POSTGRES_SETTINGS.iter().map(|s| (*s).to_owned()).chain(arguments.postgres.iter().cloned())
            .collect::<Vec<String>>(),
        "durability": "fsync, full_page_writes, synchronous_commit on",
    })
}

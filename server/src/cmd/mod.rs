//! The commands.

mod demo;
mod dev;
mod health;
mod ingest;
mod job;
mod jq;
mod serve;
mod small;
mod worker;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::builder::{FalseyValueParser, PossibleValuesParser};
use clap::{Args, Parser, Subcommand};
use podium_workers::{Registration, SERVICES};

use crate::config::{Config, ConfigError, Layers, Source};
use crate::telemetry;

/// A workflow engine on PostgreSQL that speaks Conductor's REST API.
#[derive(Debug, Parser)]
#[command(name = "podium", version, about, arg_required_else_help = true)]
pub struct Podium {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    command: Command,
}

/// Options of every command.
#[derive(Clone, Debug, Args)]
pub(crate) struct Options {
    /// A TOML file over the defaults (see `podium config --defaults`).
    #[arg(long, global = true, env = "PODIUM_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// One setting over everything else, for instance `--set engine.writers=2`.
    #[arg(long = "set", global = true, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

/// Options of the commands that listen.
#[derive(Clone, Debug, Args)]
pub(crate) struct Listen {
    /// Address of the REST API, for instance `127.0.0.1:8080`.
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// Allows an address that others can reach, although there is no authentication.
    #[arg(long)]
    insecure_no_auth: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run everything on this machine: the engine, its services, and what they need.
    Dev {
        #[command(flatten)]
        listen: Listen,
        /// Where the database and the objects are kept between starts.
        #[arg(long, value_name = "DIR")]
        data: Option<PathBuf>,
    },
    /// Run the engine on your own PostgreSQL, Kafka and S3.
    Serve {
        #[command(flatten)]
        listen: Listen,
    },
    /// Run one service of the pipeline.
    Worker {
        /// Which one.
        #[arg(value_parser = PossibleValuesParser::new(SERVICES.iter().map(Registration::name)))]
        name: String,
    },
    /// Run the ingestion service: deploys workflows, takes files, tells how they go.
    Ingest {
        /// Address of its API, for instance `127.0.0.1:8000`.
        #[arg(long, value_name = "ADDR")]
        listen: Option<String>,
        /// Allows an address that others can reach, although there is no authentication.
        #[arg(long)]
        insecure_no_auth: bool,
    },
    /// Run one job of the pipeline, once, on a file or an object of fixed-width records.
    Job(job::Arguments),
    /// Bring the database's schema up to date.
    Migrate,
    /// Print the settings in force and who set them.
    Config {
        /// Print the commented defaults instead.
        #[arg(long)]
        defaults: bool,
    },
    /// Print the description of the REST API.
    Openapi,
    /// Run jq filters for a node, one line at a time. A node starts this itself.
    #[command(hide = true)]
    Jq,
    /// Print the workflow definition that the designer's graph becomes.
    Convert {
        /// The graph's JSON; `-` reads it from standard input.
        #[arg(value_name = "GRAPH.json")]
        graph: PathBuf,
        /// Runs branches one after the other instead of in a FORK_JOIN.
        #[arg(long)]
        no_forks: bool,
    },
    /// Ask a running process whether it is ready; ends with an error if not.
    Health {
        /// What to ask.
        #[arg(default_value = "http://127.0.0.1:8080/health/ready")]
        url: String,
    },
    /// Print the version.
    Version,
    /// Run the documented patterns and the whole pipeline, show what happened, and stop.
    Demo {
        /// Saves the services' output files there.
        #[arg(long, value_name = "DIR")]
        output: Option<PathBuf>,
        /// Runs the DAGs in a real Airflow 2, which is installed into target/cache the first time. Also AIRFLOW=1.
        #[arg(long, env = "AIRFLOW", value_parser = FalseyValueParser::new())]
        airflow: bool,
    },
}

/// Runs a command to its end. Errors go to standard error as one line; the exit code is then 1.
pub fn run(podium: Podium) -> ExitCode {
    // two TLS providers may be compiled in by dependencies; an error means that it is chosen already
    drop(rustls::crypto::ring::default_provider().install_default());
    match podium.command.run(&podium.options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("podium: {}", one_line(&error));
            ExitCode::FAILURE
        }
    }
}

/// An error and its causes. Many a cause is part of the text above it already.
fn one_line(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if text.contains(&cause) {
            continue;
        }
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&cause);
    }
    text
}

impl Command {
    fn run(self, options: &Options) -> anyhow::Result<()> {
        match self {
            Self::Dev { listen, data } => {
                let mut layers = options.layers()?;
                listen.apply(&mut layers)?;
                if let Some(data) = data {
                    layers.text("dev.data", &data.display().to_string(), Source::CommandLine)?;
                }
                dev::run(layers)
            }
            Self::Serve { listen } => {
                let mut layers = options.layers()?;
                listen.apply(&mut layers)?;
                serve::run(&layers)
            }
            Self::Worker { name } => worker::run(&name, &options.layers()?),
            Self::Ingest { listen, insecure_no_auth } => {
                let mut layers = options.layers()?;
                if let Some(listen) = listen {
                    layers.text("ingestion.listen", &listen, Source::CommandLine)?;
                }
                if insecure_no_auth {
                    layers.text("server.insecure_no_auth", "true", Source::CommandLine)?;
                }
                ingest::run(&layers)
            }
            Self::Job(arguments) => job::run(arguments, &options.layers()?),
            Self::Migrate => small::migrate(&options.layers()?),
            Self::Config { defaults } => small::config(options, defaults),
            Self::Openapi => small::openapi(),
            Self::Jq => jq::run(),
            Self::Convert { graph, no_forks } => small::convert(&graph, !no_forks),
            Self::Health { url } => health::run(&url),
            Self::Version => small::version(),
            Self::Demo { output, airflow } => demo::run(options.layers()?, output, airflow),
        }
    }
}

impl Options {
    /// Everything that was said about settings, in order.
    pub(crate) fn layers(&self) -> Result<Layers, ConfigError> {
        let mut layers = Layers::defaults();
        if let Some(file) = &self.config {
            layers.file(file)?;
        }
        layers.environment(&std::env::vars().collect::<Vec<_>>())?;
        for pair in &self.set {
            let (key, value) = pair
                .split_once('=')
                .ok_or_else(|| ConfigError(format!("--set {pair:?} is not KEY=VALUE")))?;
            layers.text(key.trim(), value.trim(), Source::CommandLine)?;
        }
        Ok(layers)
    }
}

impl Listen {
    fn apply(&self, layers: &mut Layers) -> Result<(), ConfigError> {
        if let Some(listen) = &self.listen {
            layers.text("server.listen", listen, Source::CommandLine)?;
        }
        if self.insecure_no_auth {
            layers.text("server.insecure_no_auth", "true", Source::CommandLine)?;
        }
        Ok(())
    }
}

/// Makes settings usable and starts logging.
fn settle(layers: &Layers) -> Result<Config, ConfigError> {
    let config = Config::from_layers(layers)?;
    telemetry::start(&config.log)?;
    Ok(config)
}

/// Runs a future on all cores.
fn block_on<T>(future: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let result = runtime.block_on(future);
    // blocking calls into librdkafka may still be waiting for their time-outs: nobody needs their answers
    runtime.shutdown_timeout(std::time::Duration::from_millis(200));
    result
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    #[test]
    fn causes_are_said_once() {
        let cause = std::io::Error::other("disk full");
        let error = Err::<(), _>(cause).context("could not write x: disk full").context("starting");
        let text = super::one_line(&error.expect_err("an error"));
        assert_eq!(text, "starting: could not write x: disk full");
    }
}

//! `podium job NAME`: one job, once, on files or objects.

use anyhow::Context;
use clap::builder::PossibleValuesParser;
use podium_objects::ObjectStore;
use podium_workers::jobs::{self, Job, JobSpec, NameKind, Orientation, Place, Reach, Stores};

use super::{block_on, settle};
use crate::config::{Config, Layers};

/// What a job is told on the command line. Places are paths, s3://bucket/key or minio://bucket/key.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Which job.
    #[arg(value_parser = PossibleValuesParser::new(Job::ALL.map(Job::name)))]
    name: String,
    /// The records.
    #[arg(long = "in", value_name = "PLACE", required_unless_present = "metadata")]
    input: Option<String>,
    /// Where the records go with what was found.
    #[arg(long = "out", value_name = "PLACE", required_unless_present = "metadata")]
    output: Option<String>,
    /// A service's metadata JSON, which says all of this; the options win over it.
    #[arg(long, value_name = "PLACE")]
    metadata: Option<String>,
    /// The records that match and append look up.
    #[arg(long, value_name = "PLACE")]
    reference: Option<String>,
    /// Where the counts go.
    #[arg(long, value_name = "PLACE")]
    report: Option<String>,
    /// Where the statistics go, as JSON lines.
    #[arg(long, value_name = "PLACE")]
    stats: Option<String>,
    /// The field to work on, where it is not the documented one.
    #[arg(long, value_name = "NAME")]
    field: Option<String>,
    /// What comes first in names: FNF or LNF.
    #[arg(long, value_name = "ORDER", value_parser = Orientation::of)]
    order: Option<Orientation>,
    /// Whose names they are: B(usinesses), I(ndividuals), M(ixed).
    #[arg(long = "type", value_name = "KIND", value_parser = NameKind::of)]
    kind: Option<NameKind>,
}

pub(super) fn run(arguments: Arguments, layers: &Layers) -> anyhow::Result<()> {
    let config = settle(layers)?;
    let stores = stores(&config)?;
    let job = Job::of_name(&arguments.name).context("clap lets only names of jobs through")?;
    block_on(async {
        let spec = arguments.spec(job, stores.as_ref()).await?;
        let stats = place("stats", arguments.stats.as_ref())?;
        let report = jobs::run(job, stores.as_ref(), &spec, stats.as_ref()).await?;
        print!("{}", report.stats);
        Ok(())
    })
}

/// The stores of the settings; `None` when there are none, which files do not need.
fn stores(config: &Config) -> anyhow::Result<Option<Stores>> {
    let Some(s3) = config.s3() else { return Ok(None) };
    let minio = config.minio().unwrap_or_else(|| s3.clone());
    Ok(Some(Stores { s3: ObjectStore::new(s3)?, minio: ObjectStore::new(minio)? }))
}

fn place(option: &str, text: Option<&String>) -> anyhow::Result<Option<Place>> {
    text.map(|text| Place::parse(text).map_err(|reason| anyhow::anyhow!("--{option}: {reason}"))).transpose()
}

impl Arguments {
    async fn spec(&self, job: Job, stores: Option<&Stores>) -> anyhow::Result<JobSpec> {
        let (input, output) = (place("in", self.input.as_ref())?, place("out", self.output.as_ref())?);
        let mut spec = match place("metadata", self.metadata.as_ref())? {
            Some(metadata) => jobs::read_spec_at(job, stores, &metadata, Reach::Everything).await?,
            None => {
                let (input, output) =
                    input.clone().zip(output.clone()).context("--in and --out are needed")?;
                JobSpec::new(input, output)
            }
        };
        spec.input = input.unwrap_or(spec.input);
        spec.output = output.unwrap_or(spec.output);
        spec.report = place("report", self.report.as_ref())?.or(spec.report);
        spec.reference = place("reference", self.reference.as_ref())?.or(spec.reference);
        spec.source_field = self.field.clone().or(spec.source_field);
        spec.orientation = self.order.unwrap_or(spec.orientation);
        spec.kind = self.kind.unwrap_or(spec.kind);
        anyhow::ensure!(spec.input != spec.output, "{} would be read and written at once", spec.input);
        Ok(spec)
    }
}

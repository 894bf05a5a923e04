//! Jobs on files of fixed-width records: what the DAGs of the documented pipeline do, with rules of our own.
//!
//! ```text
//! metadata JSON ── metadata.rs ──> JobSpec ── stream.rs: record by record ──> output, report, statistics
//!                                     │           └─ hygiene/, name_parse/: one record to one record
//!                                     └───────────── reverse/: blocks of records against a reference file
//! ```
//!
//! A job reads its input as a stream and keeps no more of it in memory than a block; its outputs become visible when they
//! are whole, the main output last. It may be run again at any time and writes the same bytes. The layouts are those of
//! `podium-designer`; what the source system does to a record is not known, so our rules have a name, `podium-1`, which
//! stands in the outputs' metadata and in the statistics.

mod hygiene;
mod metadata;
mod name_parse;
mod place;
mod reverse;
pub mod runner;
mod stream;
mod tally;

pub use hygiene::{Action, Code, Verdict, judge};
pub use metadata::{JobSpec, Reach};
pub use name_parse::{Gender, NameKind, Named, Names, Orientation, Person, parse};
pub use place::{Place, Scheme, Stores};

use podium_objects::ObjectError;

use metadata::{Needs, read_spec};

/// The rules that outputs are made by.
pub const RULES: &str = "podium-1";

/// A job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Job {
    /// Splits the names of records into persons, families and businesses.
    NameParse,
    /// Judges and repairs e-mail addresses.
    EmailHygiene,
    /// Finds the records of a reference file that mean the same person.
    Match,
    /// Adds the e-mail addresses of those records.
    Append,
}

impl Job {
    pub const ALL: [Self; 4] = [Self::NameParse, Self::EmailHygiene, Self::Match, Self::Append];

    /// As in `podium job NAME`.
    pub fn name(self) -> &'static str {
        match self {
            Self::NameParse => "name-parse",
            Self::EmailHygiene => "email-hygiene",
            Self::Match => "match",
            Self::Append => "append",
        }
    }

    /// The documented DAG that does it.
    pub fn dag_id(self) -> &'static str {
        match self {
            Self::NameParse => "nua-nameparse-process-stage-v02-00-06-tiny",
            Self::EmailHygiene => "nua-emailhygiene-process-stage-v01-01-04-tiny",
            Self::Match => "nua-match-process-stage-v01-01-04-tiny",
            Self::Append => "nua-append-process-stage-v01-01-02-tiny",
        }
    }

    /// The file of its metadata, below the prefix of the pipeline's bucket, for runs that name none.
    pub fn metadata_file(self) -> &'static str {
        match self {
            Self::NameParse => "dp_name_parse.json",
            Self::EmailHygiene => "dp_email_hygiene.json",
            Self::Match => "Reverse_Email_Json/match.json",
            Self::Append => "Reverse_Email_Json/append.json",
        }
    }

    /// The job of a name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|job| job.name() == name)
    }

    fn needs(self) -> Needs {
        match self {
            Self::NameParse | Self::EmailHygiene => Needs::Input,
            Self::Match | Self::Append => Needs::InputAndReference,
        }
    }
}

/// What a job did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobReport {
    pub records: u64,
    /// The report: `field TAB ALL|value TAB count`.
    pub counts: String,
    /// The statistics as JSON lines.
    pub stats: String,
}

/// Why a job did not do its work. The text names the place and, where there is one, the row.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    #[error(transparent)]
    Object(#[from] ObjectError),
    #[error("{place}: {source}")]
    File { place: String, source: std::io::Error },
    #[error("{place}, row {row}: {source}; the job reads records of layout {layout}")]
    Line { place: String, row: u64, layout: &'static str, source: podium_designer::layout::LineError },
    #[error("{place}: {reason}")]
    Metadata { place: String, reason: String },
}

impl JobError {
    /// Whether the same run may succeed later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Object(error) => error.is_transient(),
            Self::File { .. } | Self::Line { .. } | Self::Metadata { .. } => false,
        }
    }
}

/// Runs a job as its metadata says; statistics go to `stats` as well as into the answer.
///
/// # Errors
/// See [`JobError`]. Nothing of the main output is visible then.
pub async fn run(
    job: Job,
    stores: Option<&Stores>,
    spec: &JobSpec,
    stats: Option<&Place>,
) -> Result<JobReport, JobError> {
    match job {
        Job::NameParse => stream::run(stores, spec, stats, &mut name_parse::Work::new(spec)?).await,
        Job::EmailHygiene => stream::run(stores, spec, stats, &mut hygiene::Work::new(spec)?).await,
        Job::Match => reverse::run_match(stores, spec, stats).await,
        Job::Append => reverse::run_append(stores, spec, stats).await,
    }
}

/// Reads the metadata at this place.
///
/// # Errors
/// When it cannot be read, or lacks something.
pub async fn read_spec_at(
    job: Job,
    stores: Option<&Stores>,
    metadata: &Place,
    reach: Reach,
) -> Result<JobSpec, JobError> {
    let text = place::read_whole(stores, metadata).await?;
    read_spec(job, &text, &metadata.to_string(), reach)
}

/// Runs a job by the metadata at this place, which may name objects only.
///
/// # Errors
/// As [`run`]; and when the metadata cannot be read.
pub async fn run_by_metadata(
    job: Job,
    stores: &Stores,
    metadata: &Place,
    stats: Option<&Place>,
) -> Result<JobReport, JobError> {
    let spec = read_spec_at(job, Some(stores), metadata, Reach::ObjectsOnly).await?;
    run(job, Some(stores), &spec, stats).await
}

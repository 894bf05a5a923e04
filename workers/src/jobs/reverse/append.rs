//! The job `append`.

use podium_designer::layout::{Record, Row};

use super::matching::OUTPUT as MATCHED;
use super::{Hit, Lookup};
use crate::jobs::stream::{printable, put};
use crate::jobs::tally::Tally;
use crate::jobs::{Action, Job, JobError, JobReport, JobSpec, Place, Stores, judge};

struct Append;

pub(in crate::jobs) async fn run(
    stores: Option<&Stores>,
    spec: &JobSpec,
    stats: Option<&Place>,
) -> Result<JobReport, JobError> {
    super::run(stores, spec, stats, &Append).await
}

impl Lookup for Append {
    fn job(&self) -> Job {
        Job::Append
    }

    fn layout(&self) -> &'static str {
        "of match's output"
    }

    fn input(&self) -> &Record {
        &MATCHED
    }

    fn wanted(&self, row: Row<'_>) -> Vec<String> {
        vec![text(row, "RE_Match_Id")]
    }

    fn offered(&self, row: Row<'_>) -> Vec<String> {
        vec![text(row, "id")]
    }

    fn gives(&self, row: Row<'_>) -> Option<String> {
        Some(text(row, "EE_Email_Addr80")).filter(|email| !email.is_empty())
    }

    /// The address as e-mail hygiene leaves it; one that is rejected stays out.
    fn write(&self, line: &[u8], hit: Option<&Hit>, tally: &mut Tally, out: &mut Vec<u8>) {
        let verdict = judge(hit.map(|hit| hit.gives.as_str()).unwrap_or_default());
        out.extend_from_slice(line);
        put(out, &verdict.email, 80);
        put(out, verdict.action.word(), 2);
        put(out, verdict.code.letter(), 1);
        out.push(b'\n');
        tally.count("RE_Action", verdict.action.word());
        tally.count(
            "RE_Appended",
            if matches!(verdict.action, Action::None | Action::Rejected) { "NO" } else { "YES" },
        );
    }
}

fn text(row: Row<'_>, field: &str) -> String {
    printable(row.get(field).unwrap_or_default(), None).trim().to_owned()
}

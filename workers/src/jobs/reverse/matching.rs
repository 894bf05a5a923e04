//! The job `match`.

use std::sync::LazyLock;

use podium_designer::layout::{Field, Kind, NAME_PARSE, Record, Row};

use super::keys::{self, SCORES};
use super::{Hit, Lookup};
use crate::jobs::stream::{printable, put};
use crate::jobs::tally::Tally;
use crate::jobs::{Job, JobError, JobReport, JobSpec, NameKind, Orientation, Place, Stores};

/// Levels as they stand in the output.
const LEVELS: [&str; 4] = ["1", "2", "3", "4"];

/// What `match` writes: its input, the id of the reference record, and how it was found.
pub(super) static OUTPUT: LazyLock<Record> = LazyLock::new(|| {
    let added = [
        ("RE_Match_Id", 50, Kind::Text),
        ("RE_Match_Level", 1, Kind::Text),
        ("RE_Match_Score", 3, Kind::Decimal),
    ];
    let added = added.map(|(name, width, kind)| Field { name, width, kind });
    Record::new([NAME_PARSE.input.fields(), &added].concat())
});

struct Match {
    orientation: Orientation,
    kind: NameKind,
}

pub(in crate::jobs) async fn run(
    stores: Option<&Stores>,
    spec: &JobSpec,
    stats: Option<&Place>,
) -> Result<JobReport, JobError> {
    super::run(stores, spec, stats, &Match { orientation: spec.orientation, kind: spec.kind }).await
}

impl Lookup for Match {
    fn job(&self) -> Job {
        Job::Match
    }

    fn layout(&self) -> &'static str {
        NAME_PARSE.id
    }

    fn input(&self) -> &Record {
        &NAME_PARSE.input
    }

    fn wanted(&self, row: Row<'_>) -> Vec<String> {
        keys::of(row, self.orientation, self.kind)
    }

    fn offered(&self, row: Row<'_>) -> Vec<String> {
        keys::of(row, self.orientation, self.kind)
    }

    /// Its id, if it has one and an address to give.
    fn gives(&self, row: Row<'_>) -> Option<String> {
        let text = |field| printable(row.get(field).unwrap_or_default(), None).trim().to_owned();
        let useful = !text("EE_Email_Addr80").is_empty();
        Some(text("id")).filter(|id| useful && !id.is_empty())
    }

    fn write(&self, line: &[u8], hit: Option<&Hit>, tally: &mut Tally, out: &mut Vec<u8>) {
        let (id, level, score) = match hit {
            Some(hit) => (hit.gives.as_str(), LEVELS[hit.level], SCORES[hit.level]),
            None => ("", "", 0),
        };
        out.extend_from_slice(line);
        put(out, id, 50);
        put(out, level, 1);
        put(out, &format!("{score:03}"), 3);
        out.push(b'\n');
        tally.count("RE_Match_Level", if level.is_empty() { "NONE" } else { level });
    }
}

//! Reverse e-mail: `match` finds the record of a reference file that means the same person, `append` adds its address.
//!
//! ```text
//! block of input records ── keys ──> index ┐
//! reference file, as a stream ── keys ─────┴─> best hit of each record ──> output
//! ```
//!
//! Memory is a block and its index, whatever the size of either file; the reference is read once for each block.

mod append;
mod keys;
mod matching;

use std::collections::HashMap;

use podium_designer::layout::{EMAIL_HYGIENE, Record, Row};

use super::place::{Place, Sink, Stores};
use super::stream::{Lines, tell};
use super::tally::Tally;
use super::{Job, JobError, JobReport, JobSpec};

pub(super) use append::run as run_append;
pub(super) use matching::run as run_match;

/// Records looked up at once: some ten megabytes with their keys.
const BLOCK: usize = 20_000;

/// How records are looked up.
trait Lookup: Send {
    fn job(&self) -> Job;
    /// Of the input, for error texts.
    fn layout(&self) -> &'static str;
    fn input(&self) -> &Record;
    /// What a record of the input is found by, best key first; an empty key finds nothing.
    fn wanted(&self, row: Row<'_>) -> Vec<String>;
    /// The same for a record of the reference.
    fn offered(&self, row: Row<'_>) -> Vec<String>;
    /// What a record of the reference gives; none when it is of no use.
    fn gives(&self, row: Row<'_>) -> Option<String>;
    /// Appends the output record, `LF` included.
    fn write(&self, line: &[u8], hit: Option<&Hit>, tally: &mut Tally, out: &mut Vec<u8>);
}

/// What was found for a record.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Hit {
    /// Which key it was found by: 0 is the best.
    level: usize,
    gives: String,
}

/// Records that are looked up together.
#[derive(Default)]
struct Block {
    lines: Vec<Vec<u8>>,
    hits: Vec<Option<Hit>>,
    /// Keys of each level, and the records that want them.
    index: HashMap<(usize, String), Vec<usize>>,
}

impl Block {
    fn add(&mut self, row: Row<'_>, lookup: &impl Lookup) {
        for (level, key) in lookup.wanted(row).into_iter().enumerate().filter(|(_, key)| !key.is_empty()) {
            self.index.entry((level, key)).or_default().push(self.lines.len());
        }
        self.lines.push(row.bytes().to_vec());
        self.hits.push(None);
    }

    /// Gives a record of the reference to those that want it. Of equal keys the first one in the file wins.
    fn offer(&mut self, row: Row<'_>, lookup: &impl Lookup) {
        let Some(gives) = lookup.gives(row) else { return };
        for key in lookup.offered(row).into_iter().enumerate().filter(|(_, key)| !key.is_empty()) {
            for at in self.index.get(&key).into_iter().flatten() {
                let hit = &mut self.hits[*at];
                if hit.as_ref().is_none_or(|hit| key.0 < hit.level) {
                    *hit = Some(Hit { level: key.0, gives: gives.clone() });
                }
            }
        }
    }
}

/// Looks up every record of the input in the reference.
async fn run(
    stores: Option<&Stores>,
    spec: &JobSpec,
    stats: Option<&Place>,
    lookup: &impl Lookup,
) -> Result<JobReport, JobError> {
    let reference = spec.reference.as_ref().ok_or_else(|| JobError::Metadata {
        place: spec.input.to_string(),
        reason: format!(
            "job {} needs a reference: service.reference.uri, or --reference",
            lookup.job().name()
        ),
    })?;
    let mut lines = Lines::open(stores, &spec.input, lookup.layout()).await?;
    let mut sink = Sink::create(stores, &spec.output, "text/plain; charset=us-ascii").await?;
    let done = async {
        let (mut block, mut tally) = (Block::default(), Tally::default());
        loop {
            let more = lines.fill().await?;
            lines.each(lookup.input(), |row| block.add(row, lookup))?;
            if block.lines.len() >= BLOCK || (!more && !block.lines.is_empty()) {
                let full = std::mem::take(&mut block);
                settle(stores, reference, full, lookup, &mut tally, &mut sink).await?;
            }
            if !more {
                break;
            }
        }
        let report = tally.report(lookup.job());
        tell(stores, spec, stats, &report).await?;
        Ok(report)
    };
    let done = done.await;
    sink.end(done).await
}

/// Reads the reference once for a block, and writes the block.
async fn settle(
    stores: Option<&Stores>,
    reference: &Place,
    mut block: Block,
    lookup: &impl Lookup,
    tally: &mut Tally,
    sink: &mut Sink,
) -> Result<(), JobError> {
    let mut lines = Lines::open(stores, reference, EMAIL_HYGIENE.id).await?;
    while lines.fill().await? {
        lines.each(&EMAIL_HYGIENE.input, |row| block.offer(row, lookup))?;
    }
    let mut out = Vec::new();
    for (line, hit) in block.lines.iter().zip(&block.hits) {
        tally.record();
        lookup.write(line, hit.as_ref(), tally, &mut out);
    }
    sink.write(&out).await
}

//! Record by record from one place to another.

use podium_designer::layout::{self, LineError, Record, Row};

use super::place::{Place, Sink, Source, Stores, write_whole};
use super::tally::Tally;
use super::{Job, JobError, JobReport, JobSpec};

/// Of the main output.
const RECORDS: &str = "text/plain; charset=us-ascii";

/// What a job does with each record.
pub(super) trait RecordWork: Send {
    fn job(&self) -> Job;
    fn layout(&self) -> &'static str;
    fn input(&self) -> &Record;
    /// Appends the output record, `LF` included.
    fn record(&mut self, row: Row<'_>, out: &mut Vec<u8>);
    fn tally(&self) -> &Tally;
}

/// Runs a job that turns each record into one record. Report and statistics are written before the output becomes
/// visible, so that who sees the output finds them.
pub(super) async fn run(
    stores: Option<&Stores>,
    spec: &JobSpec,
    stats: Option<&Place>,
    work: &mut impl RecordWork,
) -> Result<JobReport, JobError> {
    let mut lines = Lines::open(stores, &spec.input, work.layout()).await?;
    let mut sink = Sink::create(stores, &spec.output, RECORDS).await?;
    let done = async {
        let mut out = Vec::new();
        while lines.fill().await? {
            let record = work.input().clone();
            lines.each(&record, |row| work.record(row, &mut out))?;
            sink.write(&out).await?;
            out.clear();
        }
        let report = work.tally().report(work.job());
        tell(stores, spec, stats, &report).await?;
        Ok(report)
    };
    let done = done.await;
    sink.end(done).await
}

/// Writes report and statistics where they are wanted.
pub(super) async fn tell(
    stores: Option<&Stores>,
    spec: &JobSpec,
    stats: Option<&Place>,
    report: &JobReport,
) -> Result<(), JobError> {
    if let Some(place) = &spec.report {
        write_whole(stores, place, "text/tab-separated-values", &report.counts).await?;
    }
    if let Some(place) = stats {
        write_whole(stores, place, "application/x-ndjson", &report.stats).await?;
    }
    Ok(())
}

/// The lines of a place, a portion at a time. Memory: a portion and a line.
pub(super) struct Lines {
    source: Source,
    place: String,
    layout: &'static str,
    /// What was read and not yet given out.
    held: Vec<u8>,
    row: u64,
    ended: bool,
}

impl Lines {
    pub(super) async fn open(
        stores: Option<&Stores>,
        place: &Place,
        layout: &'static str,
    ) -> Result<Self, JobError> {
        let source = Source::open(stores, place).await?;
        Ok(Self { source, place: place.to_string(), layout, held: Vec::new(), row: 0, ended: false })
    }

    /// Reads on; `false` when everything was given out.
    pub(super) async fn fill(&mut self) -> Result<bool, JobError> {
        if self.ended {
            return Ok(!self.held.is_empty());
        }
        self.ended = !self.source.read(&mut self.held).await?;
        Ok(!self.held.is_empty() || !self.ended)
    }

    /// Gives out each whole line of what was read, as a record.
    pub(super) fn each(&mut self, record: &Record, mut each: impl FnMut(Row<'_>)) -> Result<(), JobError> {
        let mut begun = 0;
        while begun < self.held.len() {
            let rest = &self.held[begun..];
            let line = match rest.iter().position(|byte| *byte == b'\n') {
                Some(end) => &rest[..=end],
                // the last line may lack its line feed
                None if self.ended => rest,
                // a longer record may begin with the fields of this one
                None if rest.len() > layout::longest() => {
                    let (found, expected) = (rest.len(), record.length() - 1);
                    return Err(self.wrong(self.row + 1, LineError::TooLong { found, expected }));
                }
                None => break,
            };
            self.row += 1;
            let row =
                record.read(layout::head(record, line)).map_err(|source| self.wrong(self.row, source))?;
            each(row);
            begun += line.len();
        }
        self.held.drain(..begun);
        Ok(())
    }

    fn wrong(&self, row: u64, source: LineError) -> JobError {
        JobError::Line { place: self.place.clone(), row, layout: self.layout, source }
    }
}

/// The field that a job works on: the one that the metadata names, else the documented one.
///
/// # Errors
/// When the metadata names one that the layout has not.
pub(super) fn source_field(
    spec: &JobSpec,
    layout: &'static layout::Layout,
    documented: &'static str,
) -> Result<&'static str, JobError> {
    let wanted = spec.source_field.as_deref().unwrap_or(documented);
    let names = || layout.input.fields().iter().map(|field| field.name);
    names().find(|name| *name == wanted).ok_or_else(|| JobError::Metadata {
        place: spec.input.to_string(),
        reason: format!(
            "the source field is {wanted:?}, and layout {} has {}",
            layout.id,
            names().collect::<Vec<_>>().join(", ")
        ),
    })
}

/// Appends a text in a field of this many bytes: cut, or filled with blanks. Texts of the jobs are ASCII.
pub(super) fn put(out: &mut Vec<u8>, text: &str, width: usize) {
    let kept = &text.as_bytes()[..text.floor_char_boundary(width)];
    out.extend_from_slice(kept);
    out.resize(out.len() + width - kept.len(), b' ');
}

/// The text of a field in which bytes that ASCII does not print are replaced, or left out.
pub(super) fn printable(bytes: &[u8], instead: Option<char>) -> String {
    let text = bytes.iter().map(|byte| (b' '..=b'~').contains(byte).then_some(char::from(*byte)).or(instead));
    text.flatten().collect()
}

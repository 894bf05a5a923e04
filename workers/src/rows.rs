//! The sieve of a validator: a table streams in, its valid rows stream out, the rest is counted by reason.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::csv::{CsvError, Record, RecordReader, write_record};

/// Why a row is not valid: a word for counting. Stable, it stands in statistics.
pub type Reason = &'static str;

/// The reason of a row whose cell is empty or missing.
pub(crate) const EMPTY: Reason = "empty";
/// The reason of a row with more cells than the header names.
const TOO_MANY_CELLS: Reason = "too_many_cells";

/// The rule of a validator.
pub trait RowCheck: Send + Sync {
    /// The column that is looked at.
    fn column(&self) -> &'static str;

    /// Says why a cell is not valid; the cell is not empty.
    fn check(&self, cell: &str) -> Result<(), Reason>;
}

/// What became of the rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub rows: u64,
    pub valid: u64,
    /// By reason: how many, and the first row.
    pub invalid: BTreeMap<Reason, (u64, u64)>,
}

impl Counts {
    /// Rows that were left out.
    pub fn rejected(&self) -> u64 {
        self.rows - self.valid
    }

    /// JSON lines: the totals, then one line per reason.
    pub fn json_lines(&self, validator: &str) -> String {
        let total = json!({
            "validator": validator, "rows": self.rows, "valid": self.valid, "invalid": self.rejected(),
        });
        let mut text = format!("{total}\n");
        for (reason, (count, first_row)) in &self.invalid {
            let line =
                json!({ "validator": validator, "reason": reason, "count": count, "first_row": first_row });
            text.push_str(&format!("{line}\n"));
        }
        text
    }

    fn reject(&mut self, row: u64, reason: Reason) {
        self.invalid.entry(reason).or_insert((0, row)).0 += 1;
    }
}

/// Why a file cannot be sieved.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SieveError {
    #[error(transparent)]
    Csv(#[from] CsvError),
    #[error("column {column:?} is missing; the first row must be a header and has: {}{}", found.join(", "), hint(column, found))]
    NoColumn { column: &'static str, found: Vec<String> },
}

fn hint(column: &str, found: &[String]) -> String {
    let near = found.iter().find(|name| name.trim().eq_ignore_ascii_case(column));
    near.map(|name| format!("; {name:?} must be spelled {column:?}")).unwrap_or_default()
}

/// Takes a CSV file in portions. Memory: one row.
pub struct Sieve<C> {
    reader: RecordReader,
    rows: Rows<C>,
}

struct Rows<C> {
    check: C,
    header: usize,
    column: usize,
    counts: Counts,
    /// Rejected rows are written to the side output as well.
    keep_rejected: bool,
}

/// Where a sieve puts bytes: the valid rows, and the rejected ones with their reason.
#[derive(Debug, Default)]
pub struct Outputs {
    pub valid: Vec<u8>,
    pub rejected: Vec<u8>,
}

impl<C: RowCheck> Sieve<C> {
    /// A sieve for one file. With `keep_rejected`, rows left out go to [`Outputs::rejected`] with `row` and
    /// `reason` as first columns.
    pub fn new(check: C, keep_rejected: bool) -> Self {
        let rows = Rows { check, header: 0, column: 0, counts: Counts::default(), keep_rejected };
        Self { reader: RecordReader::default(), rows }
    }

    /// Takes the next bytes of the file; what they decide is appended to `out`.
    pub fn push(&mut self, data: &[u8], out: &mut Outputs) -> Result<(), SieveError> {
        let rows = &mut self.rows;
        self.reader.push(data, |record| rows.take(record, out))
    }

    /// Ends the file.
    pub fn finish(self, out: &mut Outputs) -> Result<Counts, SieveError> {
        let Self { reader, mut rows } = self;
        reader.finish(|record| rows.take(record, out))?;
        Ok(rows.counts)
    }
}

impl<C: RowCheck> Rows<C> {
    fn take(&mut self, record: &Record, out: &mut Outputs) -> Result<(), SieveError> {
        if record.row == 0 {
            return self.take_header(record, out);
        }
        self.counts.rows += 1;
        match self.judge(record) {
            Ok(()) => {
                self.counts.valid += 1;
                // as pandas: a row that is too short is filled up
                let missing = self.header.saturating_sub(record.len());
                write_record(record.cells().chain(std::iter::repeat_n("", missing)), &mut out.valid);
            }
            Err(reason) => {
                self.counts.reject(record.row, reason);
                if self.keep_rejected {
                    let row = record.row.to_string();
                    write_record([row.as_str(), reason].into_iter().chain(record.cells()), &mut out.rejected);
                }
            }
        }
        Ok(())
    }

    fn take_header(&mut self, record: &Record, out: &mut Outputs) -> Result<(), SieveError> {
        let column = self.check.column();
        self.header = record.len();
        self.column = record.cells().position(|name| name == column).ok_or_else(|| SieveError::NoColumn {
            column,
            found: record.cells().take(20).map(|c| c.chars().take(60).collect()).collect(),
        })?;
        write_record(record.cells(), &mut out.valid);
        if self.keep_rejected {
            write_record(["row", "reason"].into_iter().chain(record.cells()), &mut out.rejected);
        }
        Ok(())
    }

    fn judge(&self, record: &Record) -> Result<(), Reason> {
        if record.len() > self.header {
            return Err(TOO_MANY_CELLS);
        }
        match record.cell(self.column) {
            None | Some("") => Err(EMPTY),
            Some(cell) => self.check.check(cell),
        }
    }
}

/// The answer to a request that carries one value instead of a file.
pub(crate) fn check_one(check: &impl RowCheck, cell: &str) -> (bool, Value) {
    let verdict = if cell.is_empty() { Err(EMPTY) } else { check.check(cell) };
    let valid = verdict.is_ok();
    let fields = json!({
        check.column(): cell,
        "valid": valid,
        "reason": verdict.err(),
        "processedRecords": u8::from(valid),
        "failedRecords": u8::from(!valid),
    });
    (valid, fields)
}

#[cfg(test)]
mod tests {
    use super::{Outputs, RowCheck, Sieve, SieveError};

    struct Short;
    impl RowCheck for Short {
        fn column(&self) -> &'static str {
            "b"
        }
        fn check(&self, cell: &str) -> Result<(), &'static str> {
            if cell.len() < 4 { Ok(()) } else { Err("long") }
        }
    }

    fn run(data: &str) -> Result<(String, String, super::Counts), SieveError> {
        let mut out = Outputs::default();
        let mut sieve = Sieve::new(Short, true);
        sieve.push(data.as_bytes(), &mut out)?;
        let counts = sieve.finish(&mut out)?;
        let text = |b| String::from_utf8(b).expect("text");
        Ok((text(out.valid), text(out.rejected), counts))
    }

    #[test]
    fn keeps_valid_rows_and_counts_the_rest() {
        let (valid, rejected, counts) =
            run("a,b,c\n007,x,\n1,,z\n2,xxxxx,\"1,5\"\n3\n4,y\n5,y,z,!\n").expect("runs");
        assert_eq!(valid, "a,b,c\n007,x,\n4,y,\n");
        assert_eq!(
            rejected,
            "row,reason,a,b,c\n2,empty,1,,z\n3,long,2,xxxxx,\"1,5\"\n4,empty,3\n6,too_many_cells,5,y,z,!\n"
        );
        assert_eq!((counts.rows, counts.valid, counts.rejected()), (6, 2, 4));
        let lines = counts.json_lines("t");
        assert!(lines.starts_with("{\"validator\":\"t\",\"rows\":6,\"valid\":2,\"invalid\":4}\n"), "{lines}");
        assert!(
            lines.contains("{\"validator\":\"t\",\"reason\":\"empty\",\"count\":2,\"first_row\":2}\n"),
            "{lines}"
        );
    }

    #[test]
    fn names_the_missing_column() {
        let error = run("a,B\n1,2\n").expect_err("b is missing");
        assert_eq!(
            error.to_string(),
            "column \"b\" is missing; the first row must be a header and has: a, B; \"B\" must be spelled \"b\""
        );
        let (valid, _, counts) = run("b\n").expect("a header alone is a table");
        assert_eq!((valid.as_str(), counts.rows), ("b\n", 0));
    }
}

//! A table that streams through a service: rows come in, a rule judges and completes them, and what is left is counted
//! by reason. Knows no store and no request.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::csv::{CsvError, Record, RecordReader, write_record};

/// Why a row is left out: a word for counting. Stable, it stands in statistics.
pub type Reason = &'static str;

/// The reason of a row whose cell is empty or missing.
pub(crate) const EMPTY: Reason = "empty";
/// The reason of a row with more cells than the header names.
const TOO_MANY_CELLS: Reason = "too_many_cells";

/// What a service does with each row.
pub trait RowRule: Send {
    /// The column that must be there.
    fn needs(&self) -> Option<&'static str> {
        None
    }

    /// Columns that are added at the end of each row, in this order. One that the table has is written over instead.
    fn adds(&self) -> &'static [&'static str] {
        &[]
    }

    /// Takes a row with the cell of the needed column (empty if the row is too short), and pushes the cells of
    /// the columns that are added to `added`, which is empty.
    ///
    /// # Errors
    /// Why the row is left out.
    fn row(&mut self, record: &Record, cell: &str, added: &mut Vec<String>) -> Result<(), Reason>;

    /// What it counted besides: `(column, value, rows)`.
    fn tallies(&self) -> Vec<(&'static str, &'static str, u64)> {
        Vec::new()
    }
}

/// The rule of a validator, which looks at one cell.
pub trait RowCheck: Send + Sync {
    /// The column that is looked at.
    fn column(&self) -> &'static str;

    /// Says why a cell is not valid; the cell is not empty.
    ///
    /// # Errors
    /// The reason.
    fn check(&self, cell: &str) -> Result<(), Reason>;
}

impl<C: RowCheck> RowRule for C {
    fn needs(&self) -> Option<&'static str> {
        Some(self.column())
    }

    fn row(&mut self, _: &Record, cell: &str, _: &mut Vec<String>) -> Result<(), Reason> {
        if cell.is_empty() { Err(EMPTY) } else { self.check(cell) }
    }
}

/// What became of the rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub rows: u64,
    pub valid: u64,
    /// By reason: how many, and the first row.
    pub invalid: BTreeMap<Reason, (u64, u64)>,
    /// What the rule counted besides: `(column, value, rows)`.
    pub tallies: Vec<(&'static str, &'static str, u64)>,
}

impl Counts {
    /// Rows that were left out.
    pub fn rejected(&self) -> u64 {
        self.rows - self.valid
    }

    /// JSON lines: the totals, then one line per reason and per tally. Each begins with who counted: `role` is what kind
    /// of service `name` is.
    pub fn json_lines(&self, role: &str, name: &str) -> String {
        let total = json!({ role: name, "rows": self.rows, "valid": self.valid, "invalid": self.rejected() });
        let mut text = format!("{total}\n");
        for (reason, (count, first_row)) in &self.invalid {
            let line = json!({ role: name, "reason": reason, "count": count, "first_row": first_row });
            text.push_str(&format!("{line}\n"));
        }
        for (column, value, count) in &self.tallies {
            let line = json!({ role: name, "column": column, "value": value, "count": count });
            text.push_str(&format!("{line}\n"));
        }
        text
    }

    fn reject(&mut self, row: u64, reason: Reason) {
        self.invalid.entry(reason).or_insert((0, row)).0 += 1;
    }
}

/// Why a file is no table for a rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TableError {
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
pub struct Table<R> {
    reader: RecordReader,
    rows: Rows<R>,
}

struct Rows<R> {
    rule: R,
    /// Cells of the header.
    width: usize,
    /// Where the needed column stands.
    column: Option<usize>,
    /// Where each added cell goes; from `width` on it is appended.
    places: Vec<usize>,
    added: Vec<String>,
    counts: Counts,
    /// Rejected rows are written to the side output as well.
    keep_rejected: bool,
}

/// Where a table's bytes go: the rows that stay, and the rejected ones with their reason.
#[derive(Debug, Default)]
pub struct Outputs {
    pub valid: Vec<u8>,
    pub rejected: Vec<u8>,
}

impl<R: RowRule> Table<R> {
    /// For one file. With `keep_rejected`, rows left out go to [`Outputs::rejected`] with `row` and `reason` as first
    /// columns.
    pub fn new(rule: R, keep_rejected: bool) -> Self {
        let rows = Rows {
            rule,
            width: 0,
            column: None,
            places: Vec::new(),
            added: Vec::new(),
            counts: Counts::default(),
            keep_rejected,
        };
        Self { reader: RecordReader::default(), rows }
    }

    /// Takes the next bytes of the file; what they decide is appended to `out`.
    ///
    /// # Errors
    /// When they are no table, or lack the column that the rule needs.
    pub fn push(&mut self, data: &[u8], out: &mut Outputs) -> Result<(), TableError> {
        let rows = &mut self.rows;
        self.reader.push(data, |record| rows.take(record, out))
    }

    /// Ends the file.
    ///
    /// # Errors
    /// As [`Table::push`].
    pub fn finish(self, out: &mut Outputs) -> Result<Counts, TableError> {
        let Self { reader, mut rows } = self;
        reader.finish(|record| rows.take(record, out))?;
        rows.counts.tallies = rows.rule.tallies();
        Ok(rows.counts)
    }
}

impl<R: RowRule> Rows<R> {
    fn take(&mut self, record: &Record, out: &mut Outputs) -> Result<(), TableError> {
        if record.row == 0 {
            return self.take_header(record, out);
        }
        self.counts.rows += 1;
        match self.judge(record) {
            Ok(()) => {
                self.counts.valid += 1;
                self.write(record, &mut out.valid);
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

    fn take_header(&mut self, record: &Record, out: &mut Outputs) -> Result<(), TableError> {
        self.width = record.len();
        let place = |column: &str| record.cells().position(|name| name == column);
        if let Some(column) = self.rule.needs() {
            let found = || record.cells().take(20).map(|c| c.chars().take(60).collect()).collect();
            let place = place(column).ok_or_else(|| TableError::NoColumn { column, found: found() })?;
            self.column = Some(place);
        }
        let mut next = self.width;
        for column in self.rule.adds() {
            self.places.push(place(column).unwrap_or_else(|| {
                next += 1;
                next - 1
            }));
        }
        self.added = self.rule.adds().iter().map(|column| (*column).to_owned()).collect();
        self.write(record, &mut out.valid);
        if self.keep_rejected {
            write_record(["row", "reason"].into_iter().chain(record.cells()), &mut out.rejected);
        }
        Ok(())
    }

    fn judge(&mut self, record: &Record) -> Result<(), Reason> {
        if record.len() > self.width {
            return Err(TOO_MANY_CELLS);
        }
        self.added.clear();
        let cell = self.column.and_then(|column| record.cell(column)).unwrap_or_default();
        self.rule.row(record, cell, &mut self.added)
    }

    /// The row with what was added.
    fn write(&self, record: &Record, out: &mut Vec<u8>) {
        // as pandas: a row that is too short is filled up
        let missing = self.width.saturating_sub(record.len());
        let cells = record.cells().chain(std::iter::repeat_n("", missing)).enumerate();
        let added = || self.places.iter().zip(&self.added);
        let replaced = |at: usize, cell| {
            added().find(|(place, _)| **place == at).map_or(cell, |(_, cell)| cell.as_str())
        };
        let kept = cells.map(|(at, cell)| replaced(at, cell));
        let appended = added().filter(|(place, _)| **place >= self.width).map(|(_, cell)| cell.as_str());
        write_record(kept.chain(appended), out);
    }
}

/// What a validator says of one value instead of a file.
pub(crate) fn check_one(check: &impl RowCheck, cell: &str) -> Value {
    let verdict = if cell.is_empty() { Err(EMPTY) } else { check.check(cell) };
    let valid = verdict.is_ok();
    json!({
        check.column(): cell,
        "valid": valid,
        "reason": verdict.err(),
        "processedRecords": u8::from(valid),
        "failedRecords": u8::from(!valid),
    })
}

#[cfg(test)]
mod tests {
    use super::{Outputs, RowCheck, RowRule, Table, TableError};
    use crate::csv::Record;

    struct Short;
    impl RowCheck for Short {
        fn column(&self) -> &'static str {
            "b"
        }
        fn check(&self, cell: &str) -> Result<(), &'static str> {
            if cell.len() < 4 { Ok(()) } else { Err("long") }
        }
    }

    fn run(data: &str) -> Result<(String, String, super::Counts), TableError> {
        with(Short, data)
    }

    fn with(rule: impl RowRule, data: &str) -> Result<(String, String, super::Counts), TableError> {
        let mut out = Outputs::default();
        let mut table = Table::new(rule, true);
        table.push(data.as_bytes(), &mut out)?;
        let counts = table.finish(&mut out)?;
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
        let lines = counts.json_lines("validator", "t");
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

    #[derive(Default)]
    struct Lengths(u64);
    impl RowRule for Lengths {
        fn adds(&self) -> &'static [&'static str] {
            &["cells", "n"]
        }
        fn row(&mut self, record: &Record, _: &str, added: &mut Vec<String>) -> Result<(), &'static str> {
            self.0 += 1;
            added.extend([record.len().to_string(), self.0.to_string()]);
            Ok(())
        }
        fn tallies(&self) -> Vec<(&'static str, &'static str, u64)> {
            vec![("n", "any", self.0)]
        }
    }

    #[test]
    fn adds_columns_and_writes_over_those_that_are_there() {
        let (valid, rejected, counts) = with(Lengths::default(), "a,b\nx\n1,2\n1,2,3\n").expect("runs");
        assert_eq!(valid, "a,b,cells,n\nx,,1,1\n1,2,2,2\n");
        assert_eq!(rejected, "row,reason,a,b\n3,too_many_cells,1,2,3\n");
        let tally = "{\"t\":\"t\",\"column\":\"n\",\"value\":\"any\",\"count\":2}\n";
        assert!(counts.json_lines("t", "t").ends_with(tally), "{}", counts.json_lines("t", "t"));
        let (valid, _, _) = with(Lengths::default(), "n,b\nx\ny,z\n").expect("runs");
        assert_eq!(valid, "n,b,cells\n1,,1\n2,z,2\n");
    }
}

//! Splitting bytes into records and records into cells.

/// A longer record is taken for an unclosed quote, not for data: without a limit it would fill the memory.
pub const MAX_RECORD_BYTES: usize = 1024 * 1024;

/// Why bytes are no table.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CsvError {
    #[error("the file is empty: a header row is needed")]
    Empty,
    #[error("the file is UTF-16; UTF-8 is needed")]
    Utf16,
    #[error(
        "row {row} is not UTF-8 (byte 0x{byte:02X} at column {column}); Latin-1 files must be converted first"
    )]
    NotUtf8 { row: u64, byte: u8, column: usize },
    #[error("row {row} holds a zero byte: this is no text file")]
    ZeroByte { row: u64 },
    #[error("row {row} is longer than {} KiB: a quote may be unclosed", MAX_RECORD_BYTES / 1024)]
    TooLong { row: u64 },
    #[error("row {row} has a quote that is never closed")]
    Unclosed { row: u64 },
}

/// One record: its number and its cells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// 0 = the header; data rows count from 1.
    pub row: u64,
    text: String,
    /// End of each cell in `text`.
    ends: Vec<usize>,
}

impl Record {
    /// How many cells it has.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether it has no cell; a record from a reader has at least one.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// A cell without its quotes.
    pub fn cell(&self, index: usize) -> Option<&str> {
        let end = *self.ends.get(index)?;
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        Some(&self.text[start..end])
    }

    /// All cells.
    pub fn cells(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).filter_map(|i| self.cell(i))
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before the first byte of a cell.
    CellStart,
    Plain,
    Quoted,
    /// After a quote inside a quoted cell: its end, or the first half of a doubled one.
    QuoteInQuoted,
}

/// Takes bytes in any portions and gives out records.
pub struct RecordReader {
    state: State,
    /// Bytes of the record so far, quotes resolved.
    cells: Vec<u8>,
    ends: Vec<usize>,
    /// Anything but blanks was seen in this line.
    seen: bool,
    after_cr: bool,
    row: u64,
    /// The first bytes, until it is clear that they are no byte order mark.
    head: Option<Vec<u8>>,
}

impl Default for RecordReader {
    fn default() -> Self {
        Self {
            state: State::CellStart,
            cells: Vec::new(),
            ends: Vec::new(),
            seen: false,
            after_cr: false,
            row: 0,
            head: Some(Vec::new()),
        }
    }
}

impl RecordReader {
    /// Takes the next bytes and hands each record that they complete to `each`.
    ///
    /// # Errors
    /// The first thing that is no CSV, by row; or the first error of `each`.
    pub fn push<E: From<CsvError>>(
        &mut self,
        data: &[u8],
        mut each: impl FnMut(&Record) -> Result<(), E>,
    ) -> Result<(), E> {
        match self.head.take() {
            None => self.bytes(data, &mut each),
            Some(mut head) => {
                head.extend_from_slice(data);
                if head.len() < 3 {
                    self.head = Some(head);
                    return Ok(());
                }
                self.begin(&head, &mut each)
            }
        }
    }

    /// Ends the input: gives out the last record if no line end closed it.
    ///
    /// # Errors
    /// As [`RecordReader::push`]; `Empty` when there was no record at all.
    pub fn finish<E: From<CsvError>>(
        mut self,
        mut each: impl FnMut(&Record) -> Result<(), E>,
    ) -> Result<(), E> {
        if let Some(head) = self.head.take() {
            self.begin(&head, &mut each)?;
        }
        if self.state == State::Quoted {
            return Err(CsvError::Unclosed { row: self.row }.into());
        }
        self.end_line(&mut each)?;
        if self.row == 0 { Err(CsvError::Empty.into()) } else { Ok(()) }
    }

    fn begin<E: From<CsvError>>(
        &mut self,
        head: &[u8],
        each: &mut impl FnMut(&Record) -> Result<(), E>,
    ) -> Result<(), E> {
        if head.starts_with(&[0xFF, 0xFE]) || head.starts_with(&[0xFE, 0xFF]) {
            return Err(CsvError::Utf16.into());
        }
        self.bytes(head.strip_prefix(&[0xEF, 0xBB, 0xBF]).unwrap_or(head), each)
    }

    fn bytes<E: From<CsvError>>(
        &mut self,
        data: &[u8],
        each: &mut impl FnMut(&Record) -> Result<(), E>,
    ) -> Result<(), E> {
        for &byte in data {
            let was_cr = std::mem::take(&mut self.after_cr);
            match (self.state, byte) {
                (State::Quoted, b'"') => self.state = State::QuoteInQuoted,
                (State::Quoted, _) => self.take(byte)?,
                (State::QuoteInQuoted, b'"') => {
                    self.take(b'"')?;
                    self.state = State::Quoted;
                }
                (State::CellStart, b'"') => {
                    self.seen = true;
                    self.state = State::Quoted;
                }
                (_, b',') => {
                    self.seen = true;
                    self.ends.push(self.cells.len());
                    self.state = State::CellStart;
                }
                (_, b'\n') if was_cr => {}
                (_, b'\n' | b'\r') => {
                    self.after_cr = byte == b'\r';
                    self.end_line(each)?;
                }
                // as pandas: what follows a closing quote, and quotes inside a plain cell, are text
                (State::CellStart | State::Plain | State::QuoteInQuoted, _) => {
                    self.seen |= !matches!(byte, b' ' | b'\t');
                    self.take(byte)?;
                    self.state = State::Plain;
                }
            }
        }
        Ok(())
    }

    fn take(&mut self, byte: u8) -> Result<(), CsvError> {
        if byte == 0 {
            return Err(CsvError::ZeroByte { row: self.row });
        }
        if self.cells.len() >= MAX_RECORD_BYTES {
            return Err(CsvError::TooLong { row: self.row });
        }
        self.cells.push(byte);
        Ok(())
    }

    fn end_line<E: From<CsvError>>(
        &mut self,
        each: &mut impl FnMut(&Record) -> Result<(), E>,
    ) -> Result<(), E> {
        self.state = State::CellStart;
        let bytes = std::mem::take(&mut self.cells);
        let mut ends = std::mem::take(&mut self.ends);
        if !std::mem::take(&mut self.seen) {
            return Ok(());
        }
        ends.push(bytes.len());
        let text = String::from_utf8(bytes).map_err(|e| {
            let at = e.utf8_error().valid_up_to();
            let byte = e.as_bytes().get(at).copied().unwrap_or(0);
            let column = ends.iter().take_while(|end| **end <= at).count() + 1;
            CsvError::NotUtf8 { row: self.row, byte, column }
        })?;
        let record = Record { row: self.row, text, ends };
        self.row += 1;
        each(&record)?;
        // the buffers are used again: no allocation per row
        self.cells = record.text.into_bytes();
        self.cells.clear();
        self.ends = record.ends;
        self.ends.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{CsvError, RecordReader};
    use crate::csv::write_record;

    fn parse(data: &[u8], step: usize) -> Result<Vec<Vec<String>>, CsvError> {
        let mut rows = Vec::new();
        let mut reader = RecordReader::default();
        let mut each = |r: &super::Record| {
            assert_eq!(r.row, rows.len() as u64);
            rows.push(r.cells().map(str::to_owned).collect());
            Ok(())
        };
        for chunk in data.chunks(step) {
            reader.push(chunk, &mut each)?;
        }
        reader.finish(&mut each)?;
        Ok(rows)
    }

    fn rows(data: &str) -> Vec<Vec<String>> {
        let whole = parse(data.as_bytes(), usize::MAX).expect("it is CSV");
        for step in 1..5 {
            assert_eq!(parse(data.as_bytes(), step).expect("it is CSV"), whole, "in portions of {step}");
        }
        whole
    }

    #[test]
    fn reads_what_people_write() {
        assert_eq!(rows("a,b\n1,2\n"), [["a", "b"], ["1", "2"]]);
        assert_eq!(rows("a,b\r\n1,2"), [["a", "b"], ["1", "2"]]);
        assert_eq!(rows("a,b\r1,2\r"), [["a", "b"], ["1", "2"]]);
        assert_eq!(rows("\u{feff}a,b\n\"x, \"\"y\"\"\nz\",\n"), [["a", "b"], ["x, \"y\"\nz", ""]]);
        assert_eq!(rows("a\n\n  \n\"\"\nb\n"), [["a"], [""], ["b"]]);
        assert_eq!(rows("a,b\n\"x\"y,5\" disk\n"), [["a", "b"], ["xy", "5\" disk"]]);
        assert_eq!(rows("a,b\nü,é"), [["a", "b"], ["ü", "é"]]);
        assert_eq!(rows("a"), [["a"]]);
        assert_eq!(rows(",\n"), [["", ""]]);
    }

    #[test]
    fn says_what_is_wrong_and_where() {
        for empty in ["", "\n", " \r\n\n", "\u{feff}"] {
            assert_eq!(parse(empty.as_bytes(), 1), Err(CsvError::Empty));
        }
        assert_eq!(parse(b"\xFF\xFEa\0,\0", 1), Err(CsvError::Utf16));
        assert_eq!(parse(b"a,b\nx,Jos\xE9\n", 3), Err(CsvError::NotUtf8 { row: 1, byte: 0xE9, column: 2 }));
        assert_eq!(parse(b"a\0b\n", 3), Err(CsvError::ZeroByte { row: 0 }));
        assert_eq!(parse(b"a\n\"x\ny", 3), Err(CsvError::Unclosed { row: 1 }));
        let long = format!("a\n\"{}", "x".repeat(super::MAX_RECORD_BYTES + 1));
        assert_eq!(parse(long.as_bytes(), 4096), Err(CsvError::TooLong { row: 1 }));
    }

    #[test]
    fn writes_quotes_only_where_needed() {
        let mut out = Vec::new();
        write_record(["plain", "", "a,b", "say \"hi\"", "two\nlines"], &mut out);
        write_record([""], &mut out);
        assert_eq!(
            String::from_utf8(out).expect("text"),
            "plain,,\"a,b\",\"say \"\"hi\"\"\",\"two\nlines\"\n\"\"\n"
        );
    }
}

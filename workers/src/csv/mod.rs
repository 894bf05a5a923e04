//! CSV as a stream: bytes in any portions become records, and records become bytes again.
//!
//! Reads what spreadsheets and pandas write: cells in quotes may hold commas, quotes (doubled) and line ends;
//! lines end with LF, CRLF or CR; blank lines are passed over. Cells stay the text that they were. Writes
//! with LF and with quotes only where a cell needs them.

mod reader;

pub use reader::{CsvError, MAX_RECORD_BYTES, Record, RecordReader};

/// Appends a record as one line.
pub fn write_record<'a>(cells: impl IntoIterator<Item = &'a str>, out: &mut Vec<u8>) {
    let start = out.len();
    for (i, cell) in cells.into_iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        if cell.bytes().any(|b| matches!(b, b',' | b'"' | b'\n' | b'\r')) {
            out.push(b'"');
            for part in cell.split_inclusive('"') {
                out.extend_from_slice(part.as_bytes());
                if part.ends_with('"') {
                    out.push(b'"');
                }
            }
            out.push(b'"');
        } else {
            out.extend_from_slice(cell.as_bytes());
        }
    }
    // a line without any byte would be a blank line, which readers pass over
    if out.len() == start {
        out.extend_from_slice(b"\"\"");
    }
    out.push(b'\n');
}

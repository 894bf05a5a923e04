//! One record: its fields, and how a line is cut into them and made of them.

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Text,
    /// Digits, as many as the field is wide.
    Decimal,
}

/// A part of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    pub name: &'static str,
    /// Bytes, at least 1.
    pub width: usize,
    pub kind: Kind,
}

/// The fields of a line in their order, without the `LF` that ends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    fields: Vec<Field>,
    width: usize,
}

/// A line that was cut into its fields.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    record: &'a Record,
    line: &'a [u8],
}

/// A line that is not of its record. Lengths are in bytes and without the `LF`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    #[error("the line has {found} bytes, too few for a record of {expected}")]
    TooShort { found: usize, expected: usize },
    #[error("the line has {found} bytes, too many for a record of {expected}")]
    TooLong { found: usize, expected: usize },
    /// A line feed inside, or a carriage return before the end.
    #[error("byte {at} of the line is {byte:#04x}, a control character inside a fixed-width record")]
    Control { at: usize, byte: u8 },
}

/// What happens to a value that is wider than its field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overflow {
    /// Its end is cut off, at the last whole character that fits.
    Cut,
    Refuse,
}

/// Values that do not make a record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    #[error("{found} values were given for a record of {expected} fields")]
    Count { found: usize, expected: usize },
    #[error("the value of field {field} has {found} bytes, its width is {width}")]
    TooWide { field: &'static str, found: usize, width: usize },
    #[error("the value of field {field} holds a control character, which would break the line")]
    Control { field: &'static str },
    #[error("the value of field {field} is no number")]
    NoNumber { field: &'static str },
}

impl Record {
    /// A record of these fields.
    #[must_use]
    pub fn new(fields: Vec<Field>) -> Self {
        let width = fields.iter().map(|f| f.width).sum();
        Self { fields, width }
    }

    #[must_use]
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// Bytes of a whole line, the `LF` included.
    #[must_use]
    pub fn length(&self) -> usize {
        self.width + 1
    }

    /// Where a field begins, in bytes, and what it is; `None` if the record has no field of this name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<(usize, Field)> {
        let mut at = 0;
        for field in &self.fields {
            if field.name == name {
                return Some((at, *field));
            }
            at += field.width;
        }
        None
    }

    /// Cuts a line into its fields. The `LF` at its end may be there or not.
    ///
    /// # Errors
    /// The line is shorter or longer than the record, or holds a control character (a carriage return at its end
    /// counts as one byte too many).
    pub fn read<'a>(&'a self, line: &'a [u8]) -> Result<Row<'a>, LineError> {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let (found, expected) = (line.len(), self.width);
        if found < expected {
            return Err(LineError::TooShort { found, expected });
        }
        if found > expected {
            return Err(LineError::TooLong { found, expected });
        }
        match line.iter().position(|byte| matches!(byte, b'\n' | b'\r' | 0)) {
            Some(at) => Err(LineError::Control { at, byte: line[at] }),
            None => Ok(Row { record: self, line }),
        }
    }

    /// Appends one line, `LF` included, to `out`: one value for each field, in their order. Text is filled with blanks
    /// on the right, a decimal with zeros on the left; an empty decimal stays blank. On an error `out` is as it was.
    ///
    /// # Errors
    /// The number of values differs from the number of fields, a value has a control character, is no number where one
    /// is due, or is too wide (a decimal always; a text with [`Overflow::Refuse`]).
    pub fn write(&self, values: &[&str], overflow: Overflow, out: &mut Vec<u8>) -> Result<(), WriteError> {
        if values.len() != self.fields.len() {
            return Err(WriteError::Count { found: values.len(), expected: self.fields.len() });
        }
        let begun = out.len();
        for (field, value) in self.fields.iter().zip(values) {
            if let Err(error) = field.write(value, overflow, out) {
                out.truncate(begun);
                return Err(error);
            }
        }
        out.push(b'\n');
        Ok(())
    }
}

impl Field {
    fn write(self, value: &str, overflow: Overflow, out: &mut Vec<u8>) -> Result<(), WriteError> {
        let (field, width) = (self.name, self.width);
        if value.bytes().any(|byte| matches!(byte, b'\n' | b'\r' | 0)) {
            return Err(WriteError::Control { field });
        }
        let too_wide = value.len() > width;
        match self.kind {
            Kind::Decimal if !value.bytes().all(|byte| byte.is_ascii_digit()) => {
                Err(WriteError::NoNumber { field })
            }
            Kind::Decimal if too_wide => Err(WriteError::TooWide { field, found: value.len(), width }),
            Kind::Decimal => {
                let fill = if value.is_empty() { b' ' } else { b'0' };
                out.resize(out.len() + width - value.len(), fill);
                out.extend_from_slice(value.as_bytes());
                Ok(())
            }
            Kind::Text if too_wide && overflow == Overflow::Refuse => {
                Err(WriteError::TooWide { field, found: value.len(), width })
            }
            Kind::Text => {
                let kept = &value.as_bytes()[..value.floor_char_boundary(width)];
                out.extend_from_slice(kept);
                out.resize(out.len() + width - kept.len(), b' ');
                Ok(())
            }
        }
    }
}

impl<'a> Row<'a> {
    /// The field's bytes without the blanks that fill it; `None` if the record has no field of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'a [u8]> {
        let (at, field) = self.record.find(name)?;
        Some(trimmed(&self.line[at..at + field.width]))
    }

    /// Each field with its bytes, without the blanks that fill it.
    pub fn fields(&self) -> impl Iterator<Item = (&'a Field, &'a [u8])> {
        let line = self.line;
        let mut at = 0;
        self.record.fields.iter().map(move |field| {
            let value = &line[at..at + field.width];
            at += field.width;
            (field, trimmed(value))
        })
    }

    /// The line as it came, without its `LF`: what an output record that only adds fields begins with.
    #[must_use]
    pub fn bytes(&self) -> &'a [u8] {
        self.line
    }
}

/// Without the blanks at the end; those at the front belong to the value.
fn trimmed(value: &[u8]) -> &[u8] {
    let kept = value.iter().rposition(|byte| *byte != b' ').map_or(0, |last| last + 1);
    &value[..kept]
}

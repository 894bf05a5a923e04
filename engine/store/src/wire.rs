//! PostgreSQL's binary form of arrays of composite rows, written and read by hand.
//!
//! A batch is some ten arrays of rows. Written here, each value goes from the core's types into the
//! connection's buffer once, without a struct or a vector per column between. Reading a whole run back as
//! two arrays of rows makes it one statement and so one snapshot.

use podium_core::{RunId, Timestamp};
use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::types::Oid;
use sqlx::postgres::{PgArgumentBuffer, PgTypeInfo, PgValueRef};
use sqlx::{Decode, Encode, Postgres, Type};
use uuid::Uuid;

/// Microseconds from 1970-01-01 to PostgreSQL's epoch, 2000-01-01.
const EPOCH_US: i64 = 946_684_800_000_000;

const BOOL: u32 = 16;
const BYTEA: u32 = 17;
const INT8: u32 = 20;
const INT2: u32 = 21;
const INT4: u32 = 23;
const TEXT: u32 = 25;
const TIMESTAMPTZ: u32 = 1184;
const UUID: u32 = 2950;

/// A `timestamptz`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct At(pub Timestamp);

impl Type<Postgres> for At {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(Oid(TIMESTAMPTZ))
    }
    fn compatible(ty: &PgTypeInfo) -> bool {
        ty.oid() == Some(Oid(TIMESTAMPTZ))
    }
}

impl Encode<'_, Postgres> for At {
    fn encode_by_ref(&self, buf: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        buf.extend_from_slice(&to_pg(self.0).to_be_bytes());
        Ok(IsNull::No)
    }
}

impl Decode<'_, Postgres> for At {
    fn decode(value: PgValueRef<'_>) -> Result<Self, BoxDynError> {
        let bytes: [u8; 8] = value.as_bytes()?.try_into()?;
        Ok(At(from_pg(i64::from_be_bytes(bytes))))
    }
}

impl sqlx::postgres::PgHasArrayType for At {
    fn array_type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(Oid(1185))
    }
}

fn to_pg(at: Timestamp) -> i64 {
    at.as_micros().saturating_sub(EPOCH_US)
}

fn from_pg(us: i64) -> Timestamp {
    Timestamp::from_micros(us.saturating_add(EPOCH_US))
}

/// Type numbers of one composite type in this database.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RowType {
    pub row: u32,
    pub array: u32,
    pub columns: i32,
}

/// An array of rows of one composite type, as a statement's argument.
///
/// Columns are written in the type's order between [`Rows::begin`] and [`Rows::end`].
#[derive(Debug)]
pub(crate) struct Rows {
    ty: RowType,
    buf: Vec<u8>,
    count: i32,
    row_start: usize,
    written: i32,
}

impl Rows {
    pub(crate) fn new(ty: RowType) -> Self {
        Rows { ty, buf: Vec::new(), count: 0, row_start: 0, written: 0 }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(crate) fn len_bytes(&self) -> usize {
        self.buf.len()
    }

    pub(crate) fn begin(&mut self) -> &mut Self {
        self.row_start = self.buf.len();
        self.written = 0;
        self.buf.extend_from_slice(&[0; 4]);
        self.buf.extend_from_slice(&self.ty.columns.to_be_bytes());
        self
    }

    pub(crate) fn end(&mut self) {
        debug_assert_eq!(self.written, self.ty.columns, "a row must have all columns of its type");
        let len = (self.buf.len() - self.row_start - 4) as i32;
        self.buf[self.row_start..self.row_start + 4].copy_from_slice(&len.to_be_bytes());
        self.count += 1;
    }

    fn column(&mut self, oid: u32, bytes: &[u8]) -> &mut Self {
        self.written += 1;
        self.buf.extend_from_slice(&oid.to_be_bytes());
        self.buf.extend_from_slice(&(bytes.len() as i32).to_be_bytes());
        self.buf.extend_from_slice(bytes);
        self
    }

    fn null(&mut self, oid: u32) -> &mut Self {
        self.written += 1;
        self.buf.extend_from_slice(&oid.to_be_bytes());
        self.buf.extend_from_slice(&(-1i32).to_be_bytes());
        self
    }

    pub(crate) fn bool(&mut self, v: bool) -> &mut Self {
        self.column(BOOL, &[u8::from(v)])
    }

    pub(crate) fn int2(&mut self, v: i16) -> &mut Self {
        self.column(INT2, &v.to_be_bytes())
    }

    pub(crate) fn int4(&mut self, v: i32) -> &mut Self {
        self.column(INT4, &v.to_be_bytes())
    }

    pub(crate) fn int4_or_null(&mut self, v: Option<i32>) -> &mut Self {
        match v {
            Some(v) => self.int4(v),
            None => self.null(INT4),
        }
    }

    pub(crate) fn int8(&mut self, v: i64) -> &mut Self {
        self.column(INT8, &v.to_be_bytes())
    }

    pub(crate) fn int8_or_null(&mut self, v: Option<i64>) -> &mut Self {
        match v {
            Some(v) => self.int8(v),
            None => self.null(INT8),
        }
    }

    pub(crate) fn run(&mut self, v: RunId) -> &mut Self {
        self.column(UUID, v.uuid().as_bytes())
    }

    pub(crate) fn run_or_null(&mut self, v: Option<RunId>) -> &mut Self {
        match v {
            Some(v) => self.run(v),
            None => self.null(UUID),
        }
    }

    pub(crate) fn at(&mut self, v: Timestamp) -> &mut Self {
        self.column(TIMESTAMPTZ, &to_pg(v).to_be_bytes())
    }

    pub(crate) fn at_or_null(&mut self, v: Option<Timestamp>) -> &mut Self {
        match v {
            Some(v) => self.at(v),
            None => self.null(TIMESTAMPTZ),
        }
    }

    /// Text that callers wrote. PostgreSQL's text cannot hold NUL; one in a worker's message must not fail the change.
    pub(crate) fn text(&mut self, v: &str) -> &mut Self {
        if v.as_bytes().contains(&0) {
            let clean = v.replace('\0', "\u{fffd}");
            return self.column(TEXT, clean.as_bytes());
        }
        self.column(TEXT, v.as_bytes())
    }

    pub(crate) fn text_or_null(&mut self, v: Option<&str>) -> &mut Self {
        match v {
            Some(v) => self.text(v),
            None => self.null(TEXT),
        }
    }

    pub(crate) fn bytea(&mut self, v: &[u8]) -> &mut Self {
        self.column(BYTEA, v)
    }

    pub(crate) fn bytea_or_null(&mut self, v: Option<&[u8]>) -> &mut Self {
        match v {
            Some(v) => self.bytea(v),
            None => self.null(BYTEA),
        }
    }
}

impl Type<Postgres> for Rows {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(Oid(0))
    }
}

impl Encode<'_, Postgres> for &Rows {
    fn encode_by_ref(&self, buf: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        let dimensions = i32::from(self.count > 0);
        buf.extend_from_slice(&dimensions.to_be_bytes());
        buf.extend_from_slice(&0i32.to_be_bytes());
        buf.extend_from_slice(&self.ty.row.to_be_bytes());
        if self.count > 0 {
            buf.extend_from_slice(&self.count.to_be_bytes());
            buf.extend_from_slice(&1i32.to_be_bytes());
            buf.extend_from_slice(&self.buf);
        }
        Ok(IsNull::No)
    }

    fn produces(&self) -> Option<PgTypeInfo> {
        Some(PgTypeInfo::with_oid(Oid(self.ty.array)))
    }

    fn size_hint(&self) -> usize {
        self.buf.len() + 20
    }
}

/// The bytes were not what the type of the column promises.
#[derive(Debug, thiserror::Error)]
#[error("malformed binary row: {0}")]
pub(crate) struct Malformed(pub(crate) &'static str);

struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, n: usize) -> Result<&'a [u8], Malformed> {
        if self.0.len() < n {
            return Err(Malformed("too short"));
        }
        let (head, rest) = self.0.split_at(n);
        self.0 = rest;
        Ok(head)
    }

    fn int(&mut self) -> Result<i32, Malformed> {
        let bytes = self.take(4)?;
        Ok(i32::from_be_bytes(bytes.try_into().expect("four bytes")))
    }

    fn value(&mut self) -> Result<Option<&'a [u8]>, Malformed> {
        let len = self.int()?;
        if len < 0 { Ok(None) } else { Ok(Some(self.take(len as usize)?)) }
    }
}

/// Reads the rows of a `record[]`, or of an array of what `record_send` makes of each: their binary form is the same.
pub(crate) fn records(array: &[u8]) -> Result<Vec<Record<'_>>, Malformed> {
    let mut bytes = Bytes(array);
    let dimensions = bytes.int()?;
    bytes.take(8)?;
    if dimensions == 0 {
        return Ok(Vec::new());
    }
    let count = bytes.int()?;
    bytes.take(4)?;
    (0..count)
        .map(|_| {
            let mut row = Bytes(bytes.value()?.ok_or(Malformed("a row is null"))?);
            row.int()?;
            Ok(Record(row))
        })
        .collect()
}

/// One row; columns are read in their order.
pub(crate) struct Record<'a>(Bytes<'a>);

impl<'a> Record<'a> {
    fn next(&mut self) -> Result<Option<&'a [u8]>, Malformed> {
        self.0.take(4)?;
        self.0.value()
    }

    fn some(&mut self) -> Result<&'a [u8], Malformed> {
        self.next()?.ok_or(Malformed("null where there must be a value"))
    }

    fn array<const N: usize>(&mut self) -> Result<Option<[u8; N]>, Malformed> {
        self.next()?.map(|b| b.try_into().map_err(|_| Malformed("wrong length"))).transpose()
    }

    pub(crate) fn bool(&mut self) -> Result<bool, Malformed> {
        Ok(self.some()? == [1])
    }

    pub(crate) fn int2(&mut self) -> Result<i16, Malformed> {
        self.array()?.map(i16::from_be_bytes).ok_or(Malformed("null where there must be a number"))
    }

    pub(crate) fn int4(&mut self) -> Result<i32, Malformed> {
        self.int4_or_null()?.ok_or(Malformed("null where there must be a number"))
    }

    pub(crate) fn int4_or_null(&mut self) -> Result<Option<i32>, Malformed> {
        Ok(self.array()?.map(i32::from_be_bytes))
    }

    pub(crate) fn int8(&mut self) -> Result<i64, Malformed> {
        self.int8_or_null()?.ok_or(Malformed("null where there must be a number"))
    }

    pub(crate) fn int8_or_null(&mut self) -> Result<Option<i64>, Malformed> {
        Ok(self.array()?.map(i64::from_be_bytes))
    }

    pub(crate) fn at(&mut self) -> Result<Timestamp, Malformed> {
        self.int8().map(from_pg)
    }

    pub(crate) fn at_or_null(&mut self) -> Result<Option<Timestamp>, Malformed> {
        Ok(self.int8_or_null()?.map(from_pg))
    }

    pub(crate) fn uuid(&mut self) -> Result<Uuid, Malformed> {
        self.uuid_or_null()?.ok_or(Malformed("null where there must be an id"))
    }

    pub(crate) fn uuid_or_null(&mut self) -> Result<Option<Uuid>, Malformed> {
        Ok(self.array()?.map(Uuid::from_bytes))
    }

    pub(crate) fn text(&mut self) -> Result<&'a str, Malformed> {
        self.text_or_null()?.ok_or(Malformed("null where there must be text"))
    }

    pub(crate) fn text_or_null(&mut self) -> Result<Option<&'a str>, Malformed> {
        self.next()?.map(|b| std::str::from_utf8(b).map_err(|_| Malformed("not UTF-8"))).transpose()
    }

    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], Malformed> {
        self.some()
    }

    pub(crate) fn bytes_or_null(&mut self) -> Result<Option<&'a [u8]>, Malformed> {
        self.next()
    }
}

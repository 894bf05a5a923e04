//! The layouts that the designer knows (spec: pipeline §6.4).

use std::sync::LazyLock;

use super::record::{Field, Kind, Record};

/// What a job reads and writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// `selectedLayoutId` of a node.
    pub id: &'static str,
    /// For people.
    pub title: &'static str,
    pub input: Record,
    pub output: Record,
}

/// E-mail hygiene: 406 bytes in, 489 out; the output is the input and three fields.
pub static EMAIL_HYGIENE: LazyLock<Layout> = LazyLock::new(|| Layout {
    id: "1000876411",
    title: "E-mail hygiene",
    input: Record::new(hygiene_input()),
    output: Record::new(
        [hygiene_input(), texts(&[("EH_EMAIL", 80), ("EH_ACTION", 2), ("EH_Code", 1)])].concat(),
    ),
});

/// Name parse: 326 bytes in, 855 out; the output is the input and 27 fields. The existing system declares 852 for the
/// output, which its own fields exceed: the fields count.
pub static NAME_PARSE: LazyLock<Layout> = LazyLock::new(|| Layout {
    id: "1001302146",
    title: "Name parse",
    input: Record::new(common()),
    output: Record::new(
        [
            common(),
            vec![score("NP_Family_Score")],
            texts(&[("NP_Family_Name", 50), ("NP_Family_Extra", 15)]),
            vec![score("NP_Person1_Score")],
            texts(&[
                ("NP_Person1_Edited_Name", 50),
                ("NP_Person1_Salutation", 10),
                ("NP_Person1_First_Name", 25),
                ("NP_Person1_Middle_Name", 25),
                ("NP_Person1_Nick_Name", 25),
                ("NP_Person1_Last_Name", 30),
                ("NP_Person1_Maturity_Title", 10),
                ("NP_Person1_Title", 10),
                ("NP_Person1_Gender", 1),
                ("NP_Person1_Extra", 15),
            ]),
            vec![score("NP_Person2_Score")],
            texts(&[
                ("NP_Person2_Edited_Name", 50),
                ("NP_Person2_Salutation", 10),
                ("NP_Person2_First_Name", 25),
                ("NP_Person2_Middle_Name", 25),
                ("NP_Person2_Nick_Name", 25),
                ("NP_Person2_Last_Name", 30),
                ("NP_Person2_Maturity_Title", 10),
                ("NP_Person2_Title", 10),
                ("NP_Person2_Gender", 1),
                ("NP_Person2_Extra", 15),
            ]),
            vec![score("NP_Business_Score")],
            texts(&[("NP_Business_Name", 50)]),
        ]
        .concat(),
    ),
});

/// Every layout.
pub static ALL: [&LazyLock<Layout>; 2] = [&EMAIL_HYGIENE, &NAME_PARSE];

/// The layout with this id.
#[must_use]
pub fn by_id(id: &str) -> Option<&'static Layout> {
    ALL.into_iter().map(|layout| &**layout).find(|layout| layout.id == id)
}

/// The record whose lines are this long, `LF` included; every length is of one record only.
///
/// All records begin with the same eight fields, and an output begins with its input's: a job reads what another job
/// wrote by asking for its fields in the record of that length.
#[must_use]
pub fn by_length(length: usize) -> Option<&'static Record> {
    let records = ALL.into_iter().flat_map(|layout| [&layout.input, &layout.output]);
    records.into_iter().find(|record| record.length() == length)
}

/// The part of a line that a record reads: of a line of a longer record that begins with the same fields its beginning
/// (name parse reads what hygiene wrote), of any other line all of it. The `LF` at the line's end may be there or not.
#[must_use]
pub fn head<'a>(record: &Record, line: &'a [u8]) -> &'a [u8] {
    let width = line.strip_suffix(b"\n").unwrap_or(line).len();
    let begins = |other: &Record| other.fields().starts_with(record.fields());
    match by_length(width + 1) {
        Some(other) if width + 1 > record.length() && begins(other) => &line[..record.length() - 1],
        Some(_) | None => line,
    }
}

/// Bytes of the longest line of any record, its `LF` included.
#[must_use]
pub fn longest() -> usize {
    ALL.into_iter().map(|layout| layout.output.length()).max().unwrap_or_default()
}

/// What every input begins with.
fn common() -> Vec<Field> {
    texts(&[
        ("id", 50),
        ("name", 50),
        ("addr1", 50),
        ("addr2", 50),
        ("city", 50),
        ("st", 30),
        ("zipfull", 15),
        ("phone", 30),
    ])
}

fn hygiene_input() -> Vec<Field> {
    [common(), texts(&[("EE_Email_Addr80", 80)])].concat()
}

fn texts(fields: &[(&'static str, usize)]) -> Vec<Field> {
    fields.iter().map(|(name, width)| Field { name, width: *width, kind: Kind::Text }).collect()
}

/// Three digits.
fn score(name: &'static str) -> Field {
    Field { name, width: 3, kind: Kind::Decimal }
}

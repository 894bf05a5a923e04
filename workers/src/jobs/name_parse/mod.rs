//! Name parse: whom does a line mean, and what are the parts of their names?
//!
//! ```text
//! text ── words.rs: signs and placeholders ──> words ──> family? business? ── one or two persons: person.rs
//! ```
//!
//! `docs/services/name-parse.md` has the rules for those who read the output. All output is in upper case and ASCII.

mod gender;
mod lists;
mod person;
mod words;

use podium_designer::layout::{NAME_PARSE, Record, Row};

use super::stream::{RecordWork, printable, put, source_field};
use super::tally::Tally;
use super::{Job, JobError, JobSpec};

pub use gender::Gender;
pub use person::Person;

/// The field that is parsed unless the metadata names another.
const SOURCE: &str = "name";

/// What comes first in a name without a comma.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Orientation {
    FirstNameFirst,
    LastNameFirst,
}

impl Orientation {
    /// `FNF` (also for an empty text) or `LNF`.
    ///
    /// # Errors
    /// Another word.
    pub fn of(word: &str) -> Result<Self, String> {
        match word {
            "" | "FNF" => Ok(Self::FirstNameFirst),
            "LNF" => Ok(Self::LastNameFirst),
            other => Err(format!("{other:?} is neither FNF nor LNF")),
        }
    }
}

/// Whose names they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameKind {
    Business,
    Individual,
    Mixed,
}

impl NameKind {
    /// `B`, `I` or `M` (also for an empty text).
    ///
    /// # Errors
    /// Another word.
    pub fn of(word: &str) -> Result<Self, String> {
        match word {
            "B" => Ok(Self::Business),
            "I" => Ok(Self::Individual),
            "" | "M" => Ok(Self::Mixed),
            other => Err(format!("{other:?} is none of B, I and M")),
        }
    }
}

/// A name that is no person's, with how sure that is: 0 to 100.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Named {
    pub score: u8,
    pub name: String,
    /// Words that belong to it and are no part of the name.
    pub extra: String,
}

/// Whom a line means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Names {
    Nobody,
    Family(Named),
    Business(Named),
    Persons(Box<Person>, Option<Box<Person>>),
}

impl Names {
    fn word(&self) -> &'static str {
        match self {
            Self::Nobody => "NONE",
            Self::Family(_) => "FAMILY",
            Self::Business(_) => "BUSINESS",
            Self::Persons(_, None) => "PERSON",
            Self::Persons(_, Some(_)) => "COUPLE",
        }
    }
}

/// Parses a name as somebody wrote it down.
pub fn parse(written: &str, orientation: Orientation, kind: NameKind) -> Names {
    let found = words::split(written);
    if found.words.iter().all(|word| word.is_sign()) {
        return Names::Nobody;
    }
    if let Some(business) = business(&found, kind) {
        return Names::Business(business);
    }
    if let Some(family) = family(&found.words) {
        return Names::Family(family);
    }
    let (first, second) = person::couple(found, orientation);
    Names::Persons(Box::new(first), second.map(Box::new))
}

/// A business, if the words say so or all names are businesses'.
fn business(found: &words::Split, kind: NameKind) -> Option<Named> {
    let strong = || found.words.iter().any(|word| lists::BUSINESS.contains(&word.text.as_str()));
    let weak = || found.words.iter().any(|word| lists::PERHAPS_BUSINESS.contains(&word.text.as_str()));
    let digits = || {
        found.words.iter().any(|word| word.text.bytes().any(|b| b.is_ascii_digit()) && !word.is_maturity())
    };
    let score = match kind {
        NameKind::Individual => return None,
        NameKind::Business => 100,
        NameKind::Mixed if strong() => 95,
        NameKind::Mixed if weak() => 80,
        NameKind::Mixed if digits() => 60,
        NameKind::Mixed => return None,
    };
    Some(Named { score, name: words::joined(&found.words), extra: found.aside.clone() })
}

/// "The Smith family", "Smith household", "The Smiths".
fn family(all: &[words::Word]) -> Option<Named> {
    let is = |word: &words::Word, list: &[&str]| list.contains(&word.text.as_str());
    let (the, rest) = match all {
        [first, rest @ ..] if is(first, &["THE"]) => (true, rest),
        rest => (false, rest),
    };
    let (name, extra) = match rest {
        [name @ .., last] if !name.is_empty() && is(last, &lists::FAMILY) => {
            (words::joined(name), last.text.as_str())
        }
        [only] if the && only.text.len() > 3 => (only.text.strip_suffix('S')?.to_owned(), ""),
        _ => return None,
    };
    let extra = [if the { "THE" } else { "" }, extra].join(" ").trim().to_owned();
    Some(Named { score: 95, name, extra })
}

/// The job: each record with its names.
pub(super) struct Work {
    source: &'static str,
    orientation: Orientation,
    kind: NameKind,
    tally: Tally,
}

impl Work {
    /// # Errors
    /// When the metadata names a field that the layout has not.
    pub(super) fn new(spec: &JobSpec) -> Result<Self, JobError> {
        let source = source_field(spec, &NAME_PARSE, SOURCE)?;
        Ok(Self { source, orientation: spec.orientation, kind: spec.kind, tally: Tally::default() })
    }
}

impl RecordWork for Work {
    fn job(&self) -> Job {
        Job::NameParse
    }

    fn layout(&self) -> &'static str {
        NAME_PARSE.id
    }

    fn input(&self) -> &Record {
        &NAME_PARSE.input
    }

    fn record(&mut self, row: Row<'_>, out: &mut Vec<u8>) {
        let written = printable(row.get(self.source).unwrap_or_default(), Some(' '));
        let names = parse(&written, self.orientation, self.kind);
        out.extend_from_slice(row.bytes());
        write(&names, out);
        self.tally.record();
        self.tally.count("NP_Kind", names.word());
        if let Names::Persons(first, second) = &names {
            self.tally.count("NP_Person1_Gender", first.gender.word());
            if let Some(second) = second {
                self.tally.count("NP_Person2_Gender", second.gender.word());
            }
        }
    }

    fn tally(&self) -> &Tally {
        &self.tally
    }
}

/// Appends the 27 fields of the layout and the line feed.
fn write(names: &Names, out: &mut Vec<u8>) {
    let nothing = Named::default();
    let family = if let Names::Family(family) = names { family } else { &nothing };
    put(out, &score(family.score), 3);
    put(out, &family.name, 50);
    put(out, &family.extra, 15);
    let nobody = Person::default();
    let (first, second) = match names {
        Names::Persons(first, second) => (first.as_ref(), second.as_deref()),
        Names::Nobody | Names::Family(_) | Names::Business(_) => (&nobody, None),
    };
    for person in [first, second.unwrap_or(&nobody)] {
        put(out, &score(person.score), 3);
        put(out, &person.edited(), 50);
        let parts = [
            (&person.salutation, 10),
            (&person.first, 25),
            (&person.middle, 25),
            (&person.nick, 25),
            (&person.last, 30),
            (&person.maturity, 10),
            (&person.title, 10),
        ];
        for (text, width) in parts {
            put(out, text, width);
        }
        // nobody has no gender, not an unknown one
        put(out, if person.score > 0 { person.gender.word() } else { "" }, 1);
        put(out, &person.extra, 15);
    }
    let business = if let Names::Business(business) = names { business } else { &nothing };
    put(out, &score(business.score), 3);
    put(out, &business.name, 50);
    out.push(b'\n');
}

/// Three digits; 000 where there is nothing.
fn score(score: u8) -> String {
    format!("{score:03}")
}

#[cfg(test)]
mod tests;

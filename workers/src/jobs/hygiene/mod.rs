//! E-mail hygiene: is the address usable, and can it be made so?
//!
//! `docs/services/email-hygiene.md` has the table of actions and codes for those who read the output.

mod domains;
mod locals;
mod repair;

use std::str::FromStr;

use email_address::EmailAddress;
use podium_designer::layout::{EMAIL_HYGIENE, Record, Row};
use psl::Psl;

use super::stream::{RecordWork, printable, put, source_field};
use super::tally::Tally;
use super::{Job, JobError, JobSpec};

/// The field that is judged unless the metadata names another.
const SOURCE: &str = "EE_Email_Addr80";
/// Width of `EH_EMAIL`.
const WIDTH: usize = 80;

/// What to do with the address: `EH_ACTION`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Use it as it is.
    Ok,
    /// Use the repaired one.
    Changed,
    /// It is well formed, but think twice.
    Warn,
    /// Do not use it.
    Rejected,
    /// There was none.
    None,
}

impl Action {
    /// As it stands in the output.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Changed => "CH",
            Self::Warn => "WN",
            Self::Rejected => "RJ",
            Self::None => "NO",
        }
    }
}

/// Why: `EH_Code`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    Clean,
    /// Letter case, blanks, brackets, `mailto:` or punctuation around it.
    Wrapping,
    /// Punctuation inside: commas for dots, doubled dots.
    Punctuation,
    /// A well-known domain was misspelled.
    DomainTypo,
    /// A top-level domain was misspelled.
    TopLevelTypo,
    /// A mailbox of an office, not of a person.
    Role,
    /// A provider of addresses to throw away.
    Disposable,
    /// No `@`, or more than one.
    NoAt,
    Local,
    Domain,
    /// The top-level domain does not exist.
    TopLevel,
    /// The domain is set aside for examples and tests.
    Reserved,
    /// A word that people write who do not want to give an address.
    Placeholder,
    TooLong,
    Empty,
}

impl Code {
    /// As it stands in the output.
    pub fn letter(self) -> &'static str {
        match self {
            Self::Clean => "0",
            Self::Wrapping => "C",
            Self::Punctuation => "P",
            Self::DomainTypo => "D",
            Self::TopLevelTypo => "T",
            Self::Role => "R",
            Self::Disposable => "B",
            Self::NoAt => "A",
            Self::Local => "L",
            Self::Domain => "H",
            Self::TopLevel => "U",
            Self::Reserved => "X",
            Self::Placeholder => "F",
            Self::TooLong => "Z",
            Self::Empty => "E",
        }
    }
}

/// What is said of an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The address to use; empty when there is none.
    pub email: String,
    pub action: Action,
    pub code: Code,
}

/// Judges an address as somebody wrote it down.
pub fn judge(written: &str) -> Verdict {
    let rejected = |code| Verdict { email: String::new(), action: Action::Rejected, code };
    let (text, mut repairs) = repair::unwrap(written);
    if text.is_empty() {
        return Verdict { email: String::new(), action: Action::None, code: Code::Empty };
    }
    let Some((local, domain)) = text.split_once('@').filter(|(_, domain)| !domain.contains('@')) else {
        let code = if locals::is_placeholder(&text) { Code::Placeholder } else { Code::NoAt };
        return rejected(code);
    };
    let local = repair::local(local, &mut repairs);
    let domain = repair::domain(domain, &mut repairs);
    if locals::is_placeholder(&local) {
        return rejected(Code::Placeholder);
    }
    // each half is asked for beside a partner that is well formed
    if EmailAddress::from_str(&format!("{local}@a.com")).is_err() || !locals::is_plain(&local) {
        return rejected(Code::Local);
    }
    if EmailAddress::from_str(&format!("a@{domain}")).is_err() || !domains::is_plain(&domain) {
        return rejected(Code::Domain);
    }
    if domains::is_reserved(&domain) {
        return rejected(Code::Reserved);
    }
    if !psl::List.suffix(domain.as_bytes()).is_some_and(|suffix| suffix.is_known()) {
        return rejected(Code::TopLevel);
    }
    let email = format!("{local}@{domain}");
    if email.len() > WIDTH {
        return rejected(Code::TooLong);
    }
    let (action, code) = if domains::is_disposable(&domain) {
        (Action::Warn, Code::Disposable)
    } else if locals::is_role(&local) {
        (Action::Warn, Code::Role)
    } else {
        match repairs.worst() {
            Some(code) => (Action::Changed, code),
            None => (Action::Ok, Code::Clean),
        }
    };
    Verdict { email, action, code }
}

/// The job: each record with three fields more.
pub(super) struct Work {
    source: &'static str,
    tally: Tally,
}

impl Work {
    /// # Errors
    /// When the metadata names a field that the layout has not.
    pub(super) fn new(spec: &JobSpec) -> Result<Self, JobError> {
        let source = source_field(spec, &EMAIL_HYGIENE, SOURCE)?;
        Ok(Self { source, tally: Tally::default() })
    }
}

impl RecordWork for Work {
    fn job(&self) -> Job {
        Job::EmailHygiene
    }

    fn layout(&self) -> &'static str {
        EMAIL_HYGIENE.id
    }

    fn input(&self) -> &Record {
        &EMAIL_HYGIENE.input
    }

    fn record(&mut self, row: Row<'_>, out: &mut Vec<u8>) {
        let verdict = judge(&printable(row.get(self.source).unwrap_or_default(), None));
        out.extend_from_slice(row.bytes());
        put(out, &verdict.email, WIDTH);
        put(out, verdict.action.word(), 2);
        put(out, verdict.code.letter(), 1);
        out.push(b'\n');
        self.tally.record();
        self.tally.count("EH_ACTION", verdict.action.word());
        self.tally.count("EH_Code", verdict.code.letter());
    }

    fn tally(&self) -> &Tally {
        &self.tally
    }
}

#[cfg(test)]
mod tests {
    use super::{Action, Code, judge};

    fn says(written: &str, email: &str, action: Action, code: Code) {
        let verdict = judge(written);
        assert_eq!(
            (verdict.email.as_str(), verdict.action, verdict.code),
            (email, action, code),
            "{written:?}"
        );
    }

    #[test]
    fn keeps_what_is_well() {
        for good in [
            "ann@gmail.com",
            "a.b+c@firma.co.uk",
            "o'brien@uni-bonn.de",
            "x_1@ymail.com",
            "j@gmx.com",
            "a@hotmail.be",
            "a@yahoo.dk",
        ] {
            says(good, good, Action::Ok, Code::Clean);
        }
    }

    #[test]
    fn repairs_what_can_be_repaired() {
        use Action::Changed;
        says(" Ann.Lee@GMAIL.com ", "ann.lee@gmail.com", Changed, Code::Wrapping);
        says("<mailto:ann@gmail.com>;", "ann@gmail.com", Changed, Code::Wrapping);
        says("Ann Lee <ann@gmail.com>", "ann@gmail.com", Changed, Code::Wrapping);
        says("ann@gmail,com", "ann@gmail.com", Changed, Code::Punctuation);
        says("ann..lee@gmail.com", "ann.lee@gmail.com", Changed, Code::Punctuation);
        says("ann@.gmail..com.", "ann@gmail.com", Changed, Code::Punctuation);
        says("ann@ gmail.com", "ann@gmail.com", Changed, Code::Punctuation);
        for typo in ["gmial.com", "gamil.com", "gmail.co", "gmail.cm", "gmal.com", "gmaill.com", "gnail.com"]
        {
            says(&format!("ann@{typo}"), "ann@gmail.com", Changed, Code::DomainTypo);
        }
        says("ann@yaho.com", "ann@yahoo.com", Changed, Code::DomainTypo);
        says("ann@hotmial.com", "ann@hotmail.com", Changed, Code::DomainTypo);
        says("ann@firma.con", "ann@firma.com", Changed, Code::TopLevelTypo);
        says("ann@verein.ogr", "ann@verein.org", Changed, Code::TopLevelTypo);
    }

    #[test]
    fn warns_of_what_is_nobodys() {
        says("info@firma.com", "info@firma.com", Action::Warn, Code::Role);
        says("INFO@firma.com", "info@firma.com", Action::Warn, Code::Role);
        says("ann@mailinator.com", "ann@mailinator.com", Action::Warn, Code::Disposable);
    }

    #[test]
    fn rejects_what_cannot_be_used() {
        use Action::Rejected;
        says("", "", Action::None, Code::Empty);
        says("  <> ", "", Action::None, Code::Empty);
        says("ann.gmail.com", "", Rejected, Code::NoAt);
        says("a@b@c.com", "", Rejected, Code::NoAt);
        says("@gmail.com", "", Rejected, Code::Local);
        says("an n@gmail.com", "", Rejected, Code::Local);
        says("\"quoted\"@gmail.com", "quoted@gmail.com", Action::Changed, Code::Wrapping);
        says("ann@gmail", "", Rejected, Code::Domain);
        says("ann@-firma-.com", "", Rejected, Code::Domain);
        says("ann@[127.0.0.1]", "", Rejected, Code::Domain);
        says("ann@firma.qqq", "", Rejected, Code::TopLevel);
        says("ann@example.com", "", Rejected, Code::Reserved);
        says("ann@mail.test", "", Rejected, Code::Reserved);
        for word in ["none", "none@none.com", "noemail@gmail.com", "N/A", "xxxx@yahoo.com", "test@test.com"] {
            says(word, "", Rejected, Code::Placeholder);
        }
        says(&format!("{}@{}.com", "ab".repeat(30), "cd".repeat(15)), "", Rejected, Code::TooLong);
    }

    #[test]
    fn never_fails_and_says_the_same_of_what_it_said() {
        for byte in 0..=127_u8 {
            for text in
                [format!("a{}b@gmail.com", char::from(byte)), format!("ab@gm{}ail.com", char::from(byte))]
            {
                let first = judge(&text);
                if !first.email.is_empty() {
                    assert_eq!(judge(&first.email).email, first.email, "{text:?}");
                }
            }
        }
    }
}

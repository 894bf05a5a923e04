//! What is put right before an address is judged.

use super::Code;
use super::domains;

/// What was put right, the gravest first.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Repairs {
    wrapping: bool,
    punctuation: bool,
    domain: bool,
    top_level: bool,
}

impl Repairs {
    /// The repair that changed most.
    pub(super) fn worst(self) -> Option<Code> {
        [
            (self.domain, Code::DomainTypo),
            (self.top_level, Code::TopLevelTypo),
            (self.punctuation, Code::Punctuation),
            (self.wrapping, Code::Wrapping),
        ]
        .into_iter()
        .find_map(|(made, code)| made.then_some(code))
    }
}

/// The address without what stands around it, in lower case.
pub(super) fn unwrap(written: &str) -> (String, Repairs) {
    let mut text = written.to_ascii_lowercase();
    // "Ann Lee <ann@x.com>"
    if let Some((_, inside)) = text.split_once('<')
        && let Some((inside, _)) = inside.split_once('>')
    {
        text = inside.to_owned();
    }
    let around = |c: char| c.is_ascii_whitespace() || "<>()[]{}\"';:,".contains(c);
    let mut kept = text.trim_matches(around);
    kept = kept.strip_prefix("mailto:").unwrap_or(kept).trim_matches(around);
    // a quoted local part that needs no quotes, whose first quote is gone already
    let kept = match kept.split_once("\"@") {
        Some((local, domain)) => format!("{local}@{domain}"),
        None => kept.to_owned(),
    };
    let repairs = Repairs { wrapping: kept != written, ..Repairs::default() };
    (kept, repairs)
}

/// The part before the `@`.
pub(super) fn local(written: &str, repairs: &mut Repairs) -> String {
    let kept = dots(written.trim_end_matches(' '));
    repairs.punctuation |= kept != written;
    kept
}

/// The part behind the `@`, with typing errors of well-known domains put right.
pub(super) fn domain(written: &str, repairs: &mut Repairs) -> String {
    let kept = dots(&written.replace(',', ".").replace(' ', ""));
    repairs.punctuation |= kept != written;
    if let Some(known) = domains::misspelled(&kept) {
        repairs.domain = true;
        return known.to_owned();
    }
    let Some((name, top)) = kept.rsplit_once('.') else { return kept };
    match domains::misspelled_top_level(top) {
        Some(known) => {
            repairs.top_level = true;
            format!("{name}.{known}")
        }
        None => kept,
    }
}

/// Without dots at the ends and doubled ones.
fn dots(text: &str) -> String {
    text.split('.').filter(|part| !part.is_empty()).collect::<Vec<_>>().join(".")
}

//! What two records are taken for the same person by.

use podium_designer::layout::Row;

use crate::jobs::name_parse::{NameKind, Names, Orientation, parse};
use crate::jobs::stream::printable;

/// Words of addresses, and how they are usually cut short.
const STREETS: [(&str, &str); 20] = [
    ("STREET", "ST"),
    ("AVENUE", "AVE"),
    ("AV", "AVE"),
    ("ROAD", "RD"),
    ("DRIVE", "DR"),
    ("LANE", "LN"),
    ("COURT", "CT"),
    ("BOULEVARD", "BLVD"),
    ("PLACE", "PL"),
    ("CIRCLE", "CIR"),
    ("HIGHWAY", "HWY"),
    ("PARKWAY", "PKWY"),
    ("TERRACE", "TER"),
    ("TRAIL", "TRL"),
    ("NORTH", "N"),
    ("SOUTH", "S"),
    ("EAST", "E"),
    ("WEST", "W"),
    ("APARTMENT", "APT"),
    ("SUITE", "STE"),
];

/// Scores of the keys, in their order.
pub(super) const SCORES: [u8; 4] = [100, 95, 80, 60];

/// The keys of a record, best first: name with address, name with phone, name with ZIP code, household. A key without all
/// of its parts is empty.
pub(super) fn of(row: Row<'_>, orientation: Orientation, kind: NameKind) -> Vec<String> {
    let text = |field| printable(row.get(field).unwrap_or_default(), Some(' ')).to_ascii_uppercase();
    let (first, last) = match parse(&text("name"), orientation, kind) {
        Names::Persons(person, _) => (person.first, person.last),
        Names::Family(family) => (String::new(), family.name),
        Names::Nobody | Names::Business(_) => (String::new(), String::new()),
    };
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
    let zip: String = digits(&text("zipfull")).chars().take(5).collect();
    let phone = digits(&text("phone"));
    // the last ten, so that a country code does not tell two writings apart
    let phone = phone.get(phone.len().saturating_sub(10)..).filter(|p| p.len() == 10).unwrap_or_default();
    let address = address(&text("addr1"));
    let key = |parts: &[&str]| match parts.iter().all(|part| !part.is_empty()) {
        true => parts.join("|"),
        false => String::new(),
    };
    vec![
        key(&[&last, &first, &zip, &address]),
        key(&[&last, &first, phone]),
        key(&[&last, &first, &zip]),
        key(&[&last, &zip, &address]),
    ]
}

/// An address in one writing.
fn address(written: &str) -> String {
    let quiet: String = written.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { ' ' }).collect();
    let words = quiet.split_ascii_whitespace();
    let short =
        words.map(|word| STREETS.iter().find(|(long, _)| *long == word).map_or(word, |(_, short)| short));
    short.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::address;

    #[test]
    fn addresses_have_one_writing() {
        assert_eq!(address("12 NORTH MAIN STREET, APARTMENT #4"), "12 N MAIN ST APT 4");
        assert_eq!(address("12 N. MAIN ST APT 4"), "12 N MAIN ST APT 4");
        assert_eq!(address(" . "), "");
    }
}

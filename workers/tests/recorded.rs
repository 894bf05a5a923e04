//! The validators against what the existing services made of the same file, byte for byte.

use podium_workers::email_validator::EmailRule;
use podium_workers::phone_validator::PhoneRule;
use podium_workers::{Counts, Outputs, RowCheck, Table};

const CUSTOMERS: &[u8] = include_bytes!("../../demo/data/customers.csv");
const EMAIL: &[u8] = include_bytes!("data/email_valid.csv");
const PHONE: &[u8] = include_bytes!("data/phone_valid.csv");
const BOTH: &[u8] = include_bytes!("data/email_then_phone_valid.csv");
const COUNTS: &str = include_str!("data/counts.json");

fn sieve(check: impl RowCheck, data: &[u8], step: usize) -> (Vec<u8>, Counts) {
    let mut out = Outputs::default();
    let mut table = Table::new(check, false);
    for chunk in data.chunks(step) {
        table.push(chunk, &mut out).expect("the sample is CSV");
    }
    let counts = table.finish(&mut out).expect("the sample is CSV");
    assert!(out.rejected.is_empty());
    (out.valid, counts)
}

fn same(found: &[u8], recorded: &[u8]) {
    let (found, recorded) = (String::from_utf8_lossy(found), String::from_utf8_lossy(recorded));
    for (i, (f, r)) in found.lines().zip(recorded.lines()).enumerate() {
        assert_eq!(f, r, "line {}", i + 1);
    }
    assert!(found == recorded, "{} bytes instead of {}", found.len(), recorded.len());
}

fn recorded(counts: &Counts, of: &str) {
    let all: serde_json::Value = serde_json::from_str(COUNTS).expect("the counts are JSON");
    assert_eq!(all[of]["valid"], counts.valid, "{of}");
    assert_eq!(all[of]["invalid"], counts.rejected(), "{of}");
}

#[test]
fn email_rows_are_those_of_the_existing_service() {
    for step in [1, 4096, usize::MAX] {
        let (found, counts) = sieve(EmailRule::default(), CUSTOMERS, step);
        same(&found, EMAIL);
        recorded(&counts, "email");
    }
}

#[test]
fn phone_rows_are_those_of_the_existing_service() {
    let (found, counts) = sieve(PhoneRule::default(), CUSTOMERS, 65_536);
    same(&found, PHONE);
    recorded(&counts, "phone");
}

#[test]
fn one_after_the_other_too() {
    let (email, _) = sieve(EmailRule::default(), CUSTOMERS, 1000);
    let (found, counts) = sieve(PhoneRule::default(), &email, 1000);
    same(&found, BOTH);
    recorded(&counts, "email_then_phone");
}

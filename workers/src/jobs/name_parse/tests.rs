use super::{NameKind, Names, Orientation, Person, parse, write};

fn fnf(text: &str) -> Names {
    parse(text, Orientation::FirstNameFirst, NameKind::Mixed)
}

fn lnf(text: &str) -> Names {
    parse(text, Orientation::LastNameFirst, NameKind::Mixed)
}

/// The parts of one person as `salutation|first|middle|nick|last|maturity|title|gender|extra`.
fn parts(person: &Person) -> String {
    let p = person;
    [&p.salutation, &p.first, &p.middle, &p.nick, &p.last, &p.maturity, &p.title, p.gender.word(), &p.extra]
        .join("|")
}

fn one(names: Names, wanted: &str) {
    match names {
        Names::Persons(person, None) => assert_eq!(parts(&person), wanted),
        other => panic!("{wanted}: {other:?}"),
    }
}

fn two(names: Names, first: &str, second: &str) {
    match names {
        Names::Persons(one, Some(two)) => {
            assert_eq!((parts(&one), parts(&two)), (first.into(), second.into()))
        }
        other => panic!("{first} and {second}: {other:?}"),
    }
}

#[test]
fn persons_have_parts() {
    one(fnf("John Smith"), "|JOHN|||SMITH|||M|");
    one(fnf("Mr. John Q. Public Jr."), "MR|JOHN|Q||PUBLIC|JR||M|");
    one(fnf("DR MARY ANN LEE, M.D., Ph.D."), "DR|MARY|ANN||LEE||MD PHD|F|");
    one(fnf("Ludwig van der Beek III"), "|LUDWIG|||VAN DER BEEK|III||U|");
    one(fnf("William \"Bill\" O'Brien"), "|WILLIAM||BILL|O'BRIEN|||M|");
    one(fnf("Robert (Bob) J.R. Smith-Jones"), "|ROBERT|J R|BOB|SMITH-JONES|||M|");
    one(fnf("Mrs Smith"), "MRS||||SMITH|||F|");
    one(fnf("Madonna"), "|MADONNA||||||U|");
    one(fnf("Maj Gen Ann Lee Ret"), "MAJ GEN|ANN|||LEE||RET|F|");
}

#[test]
fn the_last_name_may_come_first() {
    one(lnf("SMITH JOHN A"), "|JOHN|A||SMITH|||M|");
    one(lnf("van der Beek Anna"), "|ANNA|||VAN DER BEEK|||F|");
    one(lnf("SMITH"), "||||SMITH|||U|");
    // a comma says it, whatever the setting
    one(fnf("Smith, John A Jr"), "|JOHN|A||SMITH|JR||M|");
    one(fnf("Smith, Dr John, MD"), "DR|JOHN|||SMITH||MD|M|");
    one(fnf("de la Cruz, Maria"), "|MARIA|||DE LA CRUZ|||F|");
}

#[test]
fn couples_share_what_only_one_has() {
    two(fnf("John and Mary Smith"), "|JOHN|||SMITH|||M|", "|MARY|||SMITH|||F|");
    two(fnf("John A & Mary B Smith"), "|JOHN|A||SMITH|||M|", "|MARY|B||SMITH|||F|");
    two(fnf("John Smith & Mary Jones"), "|JOHN|||SMITH|||M|", "|MARY|||JONES|||F|");
    two(fnf("John Smith and Mary"), "|JOHN|||SMITH|||M|", "|MARY|||SMITH|||F|");
    two(fnf("Mr & Mrs John Smith"), "MR|JOHN|||SMITH|||M|", "MRS||||SMITH|||F|");
    two(fnf("Dr. John and Mrs. Mary Smith"), "DR|JOHN|||SMITH|||M|", "MRS|MARY|||SMITH|||F|");
    two(lnf("SMITH JOHN & MARY"), "|JOHN|||SMITH|||M|", "|MARY|||SMITH|||F|");
    two(fnf("Smith, John & Mary"), "|JOHN|||SMITH|||M|", "|MARY|||SMITH|||F|");
    two(fnf("Mr Smith and Mr Jones"), "MR||||SMITH|||M|", "MR||||JONES|||M|");
}

#[test]
fn families_businesses_and_nobody() {
    let family = |text: &str, name: &str, extra: &str| match fnf(text) {
        Names::Family(f) => assert_eq!((f.name.as_str(), f.extra.as_str(), f.score), (name, extra, 95)),
        other => panic!("{text}: {other:?}"),
    };
    family("The Smith Family", "SMITH", "THE FAMILY");
    family("Smith Household", "SMITH", "HOUSEHOLD");
    family("The Smiths", "SMITH", "THE");
    let business = |text: &str, kind, score| match parse(text, Orientation::FirstNameFirst, kind) {
        Names::Business(b) => assert_eq!((b.name, b.score), (text.to_uppercase(), score)),
        other => panic!("{text}: {other:?}"),
    };
    business("Acme Widgets, LLC", NameKind::Mixed, 95);
    business("Smith & Sons Inc", NameKind::Mixed, 95);
    business("Smith Family Trust", NameKind::Mixed, 95);
    business("Smith Plumbing", NameKind::Mixed, 80);
    business("Studio54 Miller", NameKind::Mixed, 60);
    business("John Smith", NameKind::Business, 100);
    let person = parse("Grace Church", Orientation::FirstNameFirst, NameKind::Individual);
    one(person, "|GRACE|||CHURCH|||F|");
    for text in ["", "  ", ".,-", "N/A", "current resident", "&"] {
        assert_eq!(fnf(text), Names::Nobody, "{text:?}");
    }
    one(fnf("John Smith or current resident"), "|JOHN|||SMITH|||M|OR CURRENT RESIDENT");
    one(fnf("John Smith c/o Mary Lee"), "|JOHN|||SMITH|||M|C/O MARY LEE");
}

#[test]
fn scores_fall_with_doubt() {
    let score = |text: &str| match fnf(text) {
        Names::Persons(person, _) => person.score,
        other => panic!("{other:?}"),
    };
    assert_eq!(score("John Smith"), 100);
    assert_eq!(score("J Smith"), 80);
    assert_eq!(score("Madonna"), 50);
    assert!(score("John Smith or current resident") < 100);
}

#[test]
fn whatever_comes_the_record_keeps_its_length() {
    let mut texts: Vec<String> = [
        "Mr", "Mr & Mrs", "JR", "Smith, ,", "\"", "(((", "A/B/C/D", "VAN", "1 2 3", "THE", "FAMILY", ", ,&,",
    ]
    .map(String::from)
    .into();
    texts.push("JOHN ".repeat(10));
    texts.push("X".repeat(50));
    texts.extend((0..=127_u8).map(|b| format!("John {}Smith", char::from(b))));
    for text in texts {
        for orientation in [Orientation::FirstNameFirst, Orientation::LastNameFirst] {
            for kind in [NameKind::Mixed, NameKind::Individual, NameKind::Business] {
                let mut out = Vec::new();
                write(&parse(&text, orientation, kind), &mut out);
                assert_eq!(out.len(), 855 - 325, "{text:?}");
            }
        }
    }
}

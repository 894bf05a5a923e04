//! Made-up people for the fixed-width samples. Names are common words of names in every combination, addresses lie in
//! domains that are reserved for documentation, telephone numbers in the range that is reserved for fiction.

use podium_designer::layout::{EMAIL_HYGIENE, Overflow};

const FIRST: [&str; 20] = [
    "Ada",
    "Grace",
    "Alan",
    "Maria",
    "John",
    "Ivan",
    "Wei",
    "Aisha",
    "Tom",
    "Bill",
    "Kate",
    "Lars",
    "Noor",
    "Juan",
    "Mary",
    "Ann-Marie",
    "Pat",
    "Chris",
    "Olga",
    "Sam",
];
const LAST: [&str; 18] = [
    "Sample",
    "Example",
    "Testman",
    "Doe",
    "Roe",
    "O'Sample",
    "Smith-Test",
    "van der Test",
    "McExample",
    "de la Prueba",
    "Muster",
    "Mustermann",
    "Bloggs",
    "Public",
    "Placeholder",
    "Fulano",
    "Tizio",
    "Novak",
];
const TITLES: [&str; 6] = ["Mr.", "Mrs.", "Ms.", "Dr.", "Prof.", "Rev."];
const SUFFIXES: [&str; 4] = ["Jr.", "Sr.", "III", "MD"];
const BUSINESSES: [&str; 6] = [
    "Example Widgets LLC",
    "Sample & Sons Inc.",
    "The Placeholder Company",
    "First Test Bank",
    "Acme Example Corp",
    "Muster Beispiel GmbH",
];
const CITIES: [(&str, &str, &str); 6] = [
    ("Springfield", "IL", "62701"),
    ("Boston", "MA", "02134"),
    ("Portland", "OR", "97201"),
    ("Newark", "NJ", "07101"),
    ("Austin", "TX", "78701-1234"),
    ("Fairview", "TN", "37062"),
];
const STREETS: [&str; 6] = ["Main St", "Oak Avenue", "2nd Street", "Elm Ct", "Park Road", "Sample Lane"];
const DOMAINS: [&str; 4] = ["example.com", "example.org", "example.net", "mail.example.com"];

/// A fixed-width file in the input layout of e-mail hygiene; the same number of rows is always the same file.
pub(crate) fn file(rows: usize) -> Vec<u8> {
    let mut out = Vec::new();
    for row in 0..rows {
        let dice = Dice(row);
        let (first, last) = (dice.of("first", &FIRST), dice.of("last", &LAST));
        let (city, state, zip) = dice.of("city", &CITIES);
        let email = email(dice, first, last);
        let values = [
            (row + 1).to_string(),
            name(dice, first, last),
            format!("{} {}", 1 + dice.throw("number", 999), dice.of("street", &STREETS)),
            if dice.throw("flat", 5) == 0 {
                format!("Apt {}", 1 + dice.throw("apt", 40))
            } else {
                String::new()
            },
            city.to_owned(),
            state.to_owned(),
            zip.to_owned(),
            format!("{}55501{:02}", 200 + dice.throw("area", 700), dice.throw("line", 100)),
            email,
        ];
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        EMAIL_HYGIENE.input.write(&values, Overflow::Refuse, &mut out).expect("values that fit");
    }
    out
}

/// The ways in which names are written.
fn name(dice: Dice, first: &str, last: &str) -> String {
    match dice.throw("form", 12) {
        0 => format!("{} {first} {last}", dice.of("title", &TITLES)),
        1 => format!("{first} {last} {}", dice.of("suffix", &SUFFIXES)),
        2 => format!("{last}, {first}"),
        3 => format!("{first} {}. {last}", dice.of("middle", &["A", "B", "J", "Q"])),
        4 => format!("{first} and {} {last}", dice.of("second", &FIRST)),
        5 => dice.of("business", &BUSINESSES).to_owned(),
        6 => format!("{first} \"Buddy\" {last}").to_uppercase(),
        7 => format!("{first} {last}").to_lowercase(),
        _ => format!("{first} {last}"),
    }
}

/// Mostly good addresses, and the mistakes that people make.
fn email(dice: Dice, first: &str, last: &str) -> String {
    let plain =
        |text: &str| text.chars().filter(char::is_ascii_alphabetic).collect::<String>().to_lowercase();
    let (local, domain) = (format!("{}.{}", plain(first), plain(last)), dice.of("domain", &DOMAINS));
    match dice.throw("mistake", 32) {
        0 => String::new(),
        1 => format!("{local}{domain}"),
        2 => format!("{local}@@{domain}"),
        3 => format!("{local} @{domain}"),
        4 => format!("{local}@example"),
        5 => format!("{local}@example.con"),
        6 => format!("{local}@exmaple.com"),
        7 => format!("{}@{}", local.to_uppercase(), domain.to_uppercase()),
        8 => format!("info@{domain}"),
        9 => format!(".{local}@{domain}"),
        10 => format!("{local}@{domain}."),
        _ => format!("{local}@{domain}"),
    }
}

/// Throws that depend on nothing but the row and what is thrown for.
#[derive(Clone, Copy)]
struct Dice(usize);

impl Dice {
    fn throw(self, what: &str, sides: usize) -> usize {
        // FNV-1a
        let bytes = what.bytes().chain(self.0.to_le_bytes());
        let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        // the low bits of FNV are poor
        ((hash >> 17) % sides as u64) as usize
    }

    fn of<T: Copy>(self, what: &str, all: &[T]) -> T {
        all[self.throw(what, all.len())]
    }
}

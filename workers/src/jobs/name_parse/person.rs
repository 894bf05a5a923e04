//! The parts of a person's name, and two persons in one text.

use super::Orientation;
use super::gender::Gender;
use super::lists::{MATURITY, PARTICLES, SALUTATIONS, TITLES};
use super::words::{Split, Word, joined};

/// A person. Parts that are not there are empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Person {
    /// How sure the parts are, 1 to 100; 0 = there is nobody.
    pub score: u8,
    pub salutation: String,
    pub first: String,
    pub middle: String,
    pub nick: String,
    pub last: String,
    /// Of generations: JR, SR, III.
    pub maturity: String,
    /// Of professions: MD, ESQ.
    pub title: String,
    pub gender: Gender,
    /// What belongs to it and is no part of the name.
    pub extra: String,
}

impl Person {
    /// All parts in the order in which one writes them.
    pub fn edited(&self) -> String {
        let parts = [&self.salutation, &self.first, &self.middle, &self.last, &self.maturity, &self.title];
        parts.into_iter().filter(|part| !part.is_empty()).map(String::as_str).collect::<Vec<_>>().join(" ")
    }

    /// Settles what follows from the other parts.
    fn settled(mut self) -> Self {
        self.gender = Gender::of(&self.salutation, &self.first);
        let off = |this: bool, much: u8| if this { much } else { 0 };
        let doubts = [
            off(self.first.is_empty() || self.last.is_empty(), 40),
            off(self.first.len() == 1, 10),
            off(self.gender == Gender::Unknown, 10),
            off(self.middle.contains(' '), 10),
            off(!self.extra.is_empty(), 10),
        ];
        self.score = 100 - doubts.iter().sum::<u8>();
        self
    }
}

/// One side of a connector, with what stands around the name taken off.
#[derive(Clone, Debug, Default)]
struct Side {
    person: Person,
    /// The name itself; a comma may be inside.
    core: Vec<Word>,
}

impl Side {
    fn read(words: &[Word]) -> Self {
        let mut person = Person::default();
        let begun = words.iter().take_while(|word| word.is_one_of(&SALUTATIONS)).count();
        person.salutation = joined(&words[..begun]);
        let mut core = words[begun..].to_vec();
        let (mut maturity, mut titles) = (Vec::new(), Vec::new());
        // one word stays: "Ms" may be a title behind a name, but not instead of one
        while core.len() > 1 {
            let Some(last) = core.pop() else { break };
            if last.is_comma() {
                continue;
            }
            if last.is_one_of(&MATURITY) {
                maturity.insert(0, last);
            } else if last.is_one_of(&TITLES) {
                titles.insert(0, last);
            } else {
                core.push(last);
                break;
            }
        }
        person.maturity = joined(&maturity);
        person.title = joined(&titles);
        person.extra = joined(&take(&mut core, |word| word.text.bytes().any(|b| b.is_ascii_digit())));
        Self { person, core }
    }

    fn has_comma(&self) -> bool {
        self.core.iter().any(Word::is_comma)
    }

    /// Whether it is given names only, and the last name is on the other side.
    fn lacks_last(&self) -> bool {
        !self.has_comma() && self.core.iter().filter(|word| !word.is_initial()).count() <= 1
    }

    /// Puts the name's words into their parts.
    fn place(&mut self, orientation: Orientation) {
        if let Some(comma) = self.core.iter().position(Word::is_comma) {
            self.person.last = joined(&self.core[..comma]);
            let mut given = self.core.split_off(comma + 1);
            // "Smith, Jr, John" and "Smith, John, of Bonn": what is behind the names is none of them
            if let Some(more) = given.iter().position(Word::is_comma) {
                let more = given.split_off(more);
                add(&mut self.person.extra, &joined(&more[1..]));
            }
            take_titles(&mut given, &mut self.person);
            return self.given(&given);
        }
        let core = std::mem::take(&mut self.core);
        match (core.as_slice(), orientation) {
            ([], _) => {}
            ([only], Orientation::LastNameFirst) => self.person.last = only.text.clone(),
            ([only], Orientation::FirstNameFirst) if self.person.salutation.is_empty() => {
                self.person.first = only.text.clone();
            }
            // "Mr Smith"
            ([only], Orientation::FirstNameFirst) => self.person.last = only.text.clone(),
            (words, Orientation::LastNameFirst) => {
                let particles = words.iter().take_while(|word| word.is_one_of(&PARTICLES)).count();
                let last = (particles + 1).min(words.len() - 1);
                self.person.last = joined(&words[..last]);
                self.given(&words[last..]);
            }
            (words, Orientation::FirstNameFirst) => {
                let mut last = words.len() - 1;
                while last > 1 && words[last - 1].is_one_of(&PARTICLES) {
                    last -= 1;
                }
                self.person.last = joined(&words[last..]);
                self.given(&words[..last]);
            }
        }
    }

    /// First name, then middle names.
    fn given(&mut self, words: &[Word]) {
        if let [first, middle @ ..] = words {
            self.person.first = first.text.clone();
            self.person.middle = joined(middle);
        }
    }
}

/// One person, or two that a connector joins.
pub(super) fn couple(found: Split, orientation: Orientation) -> (Person, Option<Person>) {
    let mut sides: Vec<Side> = found
        .words
        .split(Word::connects)
        .filter(|words| words.iter().any(|word| !word.is_sign()))
        .map(Side::read)
        .collect();
    let more = sides.split_off(sides.len().min(2));
    let (mut first, second) = match (sides.pop(), sides.pop()) {
        (Some(second), Some(first)) => {
            let (first, second) = two(first, second, orientation);
            (first, Some(second))
        }
        (Some(mut only), None) => {
            only.place(orientation);
            (only.person, None)
        }
        (None, _) => (Person::default(), None),
    };
    first.nick = found.nick;
    add(&mut first.extra, &found.aside);
    for side in more {
        add(&mut first.extra, &joined(&side.core));
    }
    (first.settled(), second.map(Person::settled))
}

/// Two persons, of whom one may lend the other the last name.
fn two(mut first: Side, mut second: Side, orientation: Orientation) -> (Person, Person) {
    let last_first = orientation == Orientation::LastNameFirst || first.has_comma();
    if first.core.is_empty() && !second.core.is_empty() {
        // "Mr & Mrs John Smith": John is the first of the two
        std::mem::swap(&mut first.core, &mut second.core);
        first.place(orientation);
        second.person.last.clone_from(&first.person.last);
    } else if last_first && second.lacks_last() {
        first.place(orientation);
        second.person.last.clone_from(&first.person.last);
        let given = std::mem::take(&mut second.core);
        second.given(&given);
    } else if !last_first && first.lacks_last() && !second.lacks_last() {
        second.place(orientation);
        first.person.last.clone_from(&second.person.last);
        let given = std::mem::take(&mut first.core);
        first.given(&given);
    } else if !last_first && second.lacks_last() && !first.lacks_last() {
        first.place(orientation);
        second.person.last.clone_from(&first.person.last);
        let given = std::mem::take(&mut second.core);
        second.given(&given);
    } else {
        first.place(orientation);
        second.place(orientation);
    }
    (first.person, second.person)
}

/// "Smith, John Jr": titles behind the given names.
fn take_titles(given: &mut Vec<Word>, person: &mut Person) {
    while let [_, .., last] = given.as_slice()
        && (last.is_one_of(&MATURITY) || last.is_one_of(&TITLES))
    {
        let into = if last.is_maturity() { &mut person.maturity } else { &mut person.title };
        *into = format!("{} {into}", last.text).trim().to_owned();
        given.pop();
    }
    let begun = given.iter().take_while(|word| word.is_one_of(&SALUTATIONS)).count();
    let salutation = joined(&given.drain(..begun).collect::<Vec<_>>());
    add(&mut person.salutation, &salutation);
}

/// Takes out the words that are so.
fn take(words: &mut Vec<Word>, so: impl Fn(&Word) -> bool) -> Vec<Word> {
    let (taken, kept) = words.drain(..).partition(so);
    *words = kept;
    taken
}

fn add(to: &mut String, more: &str) {
    if !more.is_empty() {
        *to = format!("{to} {more}").trim().to_owned();
    }
}

//! A written name as words.

use super::lists;

/// A word in upper case, without dots; a comma or a connector is a word of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) text: String,
}

impl Word {
    pub(super) fn is_comma(&self) -> bool {
        self.text == ","
    }

    /// "and", in any form.
    pub(super) fn connects(&self) -> bool {
        ["&", "AND", "+", "/"].contains(&self.text.as_str())
    }

    /// No letter and no digit.
    pub(super) fn is_sign(&self) -> bool {
        !self.text.bytes().any(|b| b.is_ascii_alphanumeric())
    }

    pub(super) fn is_initial(&self) -> bool {
        self.text.len() == 1 && !self.is_sign()
    }

    pub(super) fn is_maturity(&self) -> bool {
        lists::MATURITY.contains(&self.text.as_str())
    }

    pub(super) fn is_one_of(&self, list: &[&str]) -> bool {
        list.contains(&self.text.as_str())
    }
}

/// What a written name holds.
#[derive(Clone, Debug, Default)]
pub(super) struct Split {
    pub(super) words: Vec<Word>,
    /// In brackets or quotes.
    pub(super) nick: String,
    /// What belongs to the address: "c/o ...", "or current resident".
    pub(super) aside: String,
}

/// Splits a name. What means nobody ("N/A", "OCCUPANT") has no words.
pub(super) fn split(written: &str) -> Split {
    let upper = written.to_ascii_uppercase();
    let (text, nick) = without_nick(&upper);
    let mut text = format!(" {} ", text.split_ascii_whitespace().collect::<Vec<_>>().join(" "));
    let mut aside = String::new();
    for opening in lists::ASIDES {
        if let Some(at) = text.find(opening) {
            aside = text.split_off(at).trim().to_owned();
            text.push(' ');
        }
    }
    if lists::NOBODY.contains(&text.trim()) {
        return Split { aside, ..Split::default() };
    }
    let mut words = Vec::new();
    let spaced = text
        .replace(',', " , ")
        .replace('&', " & ")
        .replace('+', " + ")
        .replace('/', " / ")
        .replace(';', " , ");
    for raw in spaced.split_ascii_whitespace() {
        push(raw, &mut words);
    }
    // commas at the ends separate nothing
    while words.last().is_some_and(Word::is_comma) {
        words.pop();
    }
    let begun = words.iter().take_while(|word| word.is_comma()).count();
    words.drain(..begun);
    Split { words, nick, aside }
}

/// "J.R." is two initials, "M.D." and "Ph.D." are titles, "St." is a word.
fn push(raw: &str, words: &mut Vec<Word>) {
    let quiet = raw.trim_matches(|c: char| !c.is_ascii_alphanumeric() && !",&+/.".contains(c));
    let whole: String = quiet.chars().filter(|c| *c != '.').collect();
    if whole.is_empty() {
        return;
    }
    let parts: Vec<&str> = quiet.split('.').filter(|part| !part.is_empty()).collect();
    let is = |list: &[&str]| list.contains(&whole.as_str());
    // "J.R." reads like the maturity title, and is two initials
    let initials = is(&lists::MATURITY) && parts.iter().all(|part| part.len() == 1);
    if is(&lists::TITLES) || (is(&lists::MATURITY) && !initials) {
        words.push(Word { text: whole });
    } else {
        words.extend(parts.into_iter().map(|part| Word { text: part.to_owned() }));
    }
}

/// Takes out what stands in brackets or quotes.
fn without_nick(text: &str) -> (String, String) {
    for (open, close) in [('(', ')'), ('"', '"')] {
        if let Some((before, rest)) = text.split_once(open)
            && let Some((nick, after)) = rest.split_once(close)
        {
            return (format!("{before} {after}"), nick.trim().to_owned());
        }
    }
    (text.to_owned(), String::new())
}

/// As one writes them in a row.
pub(super) fn joined(words: &[Word]) -> String {
    let mut text = String::new();
    for word in words {
        if !text.is_empty() && !word.is_comma() {
            text.push(' ');
        }
        text.push_str(&word.text);
    }
    text
}

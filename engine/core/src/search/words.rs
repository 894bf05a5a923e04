//! Free text: words with `&`, `|`, `!` and parentheses, as PostgreSQL's text queries are written.
//!
//! Beyond those, words side by side must all be there, in any order; `'quoted words'` stand in their order, and
//! `word:*` is any word that begins so. A `*` elsewhere never matches anything, as on existing servers.

use super::{BadSearch, DEPTH_AT_MOST, Field, NODES_AT_MOST, TEXT_AT_MOST};

/// What a text must have.
#[derive(Clone, Debug, PartialEq)]
pub enum Words {
    /// One word, or several in their order. Compared by their stems, in any case.
    Word {
        text: String,
        prefix: bool,
    },
    All(Vec<Words>),
    Any(Vec<Words>),
    Not(Box<Words>),
    /// In this payload and nowhere else.
    In(Field, Box<Words>),
}

/// Reads a free text; `None` if it asks for nothing (empty, or `*`).
pub fn parse_words(text: &str) -> Result<Option<Words>, BadSearch> {
    let text = text.trim();
    if text.is_empty() || text == "*" {
        return Ok(None);
    }
    if text.len() > TEXT_AT_MOST {
        return Err(BadSearch::Other(format!("a free text has at most {TEXT_AT_MOST} bytes")));
    }
    let mut parser = Parser { whole: text, rest: text, nodes: 0 };
    let words = parser.any(0)?;
    if parser.rest.is_empty() { Ok(Some(words)) } else { Err(parser.bad()) }
}

struct Parser<'a> {
    whole: &'a str,
    rest: &'a str,
    nodes: usize,
}

impl Parser<'_> {
    fn bad(&self) -> BadSearch {
        let text = format!(
            "free text {:?} cannot be read at {:?}; words may be joined by & and |, excluded by !, grouped by ( )",
            self.whole, self.rest
        );
        BadSearch::Other(text)
    }

    fn takes(&mut self, sign: &str) -> bool {
        self.rest = self.rest.trim_start();
        let Some(rest) = self.rest.strip_prefix(sign) else { return false };
        self.rest = rest.trim_start();
        true
    }

    fn any(&mut self, depth: usize) -> Result<Words, BadSearch> {
        let mut list = vec![self.all(depth)?];
        while self.takes("|") {
            list.push(self.all(depth)?);
        }
        Ok(one_or(list, Words::Any))
    }

    fn all(&mut self, depth: usize) -> Result<Words, BadSearch> {
        let mut list = vec![self.word(depth)?];
        loop {
            self.rest = self.rest.trim_start();
            if !self.takes("&") && (self.rest.is_empty() || self.rest.starts_with(['|', ')'])) {
                return Ok(one_or(list, Words::All));
            }
            list.push(self.word(depth)?);
        }
    }

    fn word(&mut self, depth: usize) -> Result<Words, BadSearch> {
        self.nodes += 1;
        if self.nodes > NODES_AT_MOST || depth > DEPTH_AT_MOST {
            return Err(BadSearch::Other(format!(
                "a free text has at most {NODES_AT_MOST} words and {DEPTH_AT_MOST} parentheses in each other"
            )));
        }
        if self.takes("!") {
            return Ok(Words::Not(Box::new(self.word(depth + 1)?)));
        }
        if self.takes("(") {
            let words = self.any(depth + 1)?;
            return if self.takes(")") { Ok(words) } else { Err(self.bad()) };
        }
        let text = match self.rest.strip_prefix('\'') {
            Some(rest) => {
                let end = rest.find('\'').ok_or_else(|| self.bad())?;
                self.rest = &rest[end + 1..];
                rest[..end].to_owned()
            }
            None => {
                let ends = |c: char| c.is_whitespace() || matches!(c, '&' | '|' | '!' | '(' | ')' | '\'');
                let mut end = self.rest.find(ends).unwrap_or(self.rest.len());
                if let Some(prefix) = self.rest[..end].find(":*") {
                    end = prefix;
                }
                let (text, rest) = self.rest.split_at(end);
                self.rest = rest;
                text.to_owned()
            }
        };
        if text.trim().is_empty() {
            return Err(self.bad());
        }
        let prefix = match self.rest.strip_prefix(":*") {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        };
        Ok(Words::Word { text: text.replace('*', "%"), prefix })
    }
}

fn one_or(mut list: Vec<Words>, many: fn(Vec<Words>) -> Words) -> Words {
    match (list.len(), list.pop()) {
        (1, Some(one)) => one,
        (_, Some(last)) => {
            list.push(last);
            many(list)
        }
        (_, None) => many(list),
    }
}

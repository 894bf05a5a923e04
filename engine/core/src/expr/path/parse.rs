//! Text → [`Path`]. Follows the parser that definitions were written against, also where it is lax:
//! one stray character at the very end is ignored (`workflow.input[` is `workflow.input`).

use serde_json::Value;

use super::function::{Argument, Call, Function};
use super::{MAX_LENGTH, MAX_STEPS, Path, PathError, Step};

/// Nesting of filters and arguments.
pub(super) const MAX_NESTING: usize = 32;

pub(super) struct Parser {
    pub(super) chars: Vec<char>,
    pub(super) at: usize,
    pub(super) nesting: usize,
}

pub(super) fn path(text: &str) -> Result<Path, PathError> {
    if text.len() > MAX_LENGTH {
        return Err(PathError {
            message: format!("The path is longer than {MAX_LENGTH} bytes"),
            at: MAX_LENGTH,
        });
    }
    path_at(text, 0)
}

/// A path inside another: of a filter, of an argument.
pub(super) fn path_at(text: &str, nesting: usize) -> Result<Path, PathError> {
    let text = text.trim_end_matches(|c| c <= ' ');
    let trimmed = text.trim_start_matches(|c| c <= ' ');
    // blanks before a bare name make it no name, as the `$.` is put before them
    let chars: Vec<char> = match trimmed.starts_with(['$', '@']) {
        true => trimmed.chars().collect(),
        false => "$.".chars().chain(text.chars()).collect(),
    };
    let mut parser = Parser { chars, at: 0, nesting };
    if nesting > MAX_NESTING {
        return parser.fail("The path nests too deeply");
    }
    if parser.chars.last() == Some(&'.') {
        return parser.fail("The path must not end with '.'");
    }
    let at_item = parser.chars[0] == '@';
    parser.at = 1;
    let mut steps = Vec::new();
    if parser.chars.len() > 1 {
        if !matches!(parser.peek(), Some('.' | '[')) {
            return parser.fail("After '$' comes '.' or '['");
        }
        while parser.at < parser.chars.len() {
            parser.step(&mut steps)?;
            if steps.len() > MAX_STEPS {
                return parser.fail("The path has too many steps");
            }
            if parser.at + 1 >= parser.chars.len() {
                break;
            }
        }
        if matches!(steps.last(), Some(Step::Scan)) {
            return parser.fail("Nothing follows '..'");
        }
    }
    Ok(Path { steps, at_item })
}

impl Parser {
    pub(super) fn fail<T>(&self, message: &str) -> Result<T, PathError> {
        Err(PathError { message: message.to_owned(), at: self.at })
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    pub(super) fn skip_blanks(&mut self) {
        while self.peek() == Some(' ') {
            self.at += 1;
        }
    }

    pub(super) fn eat(&mut self, wanted: char) -> bool {
        let eaten = self.peek() == Some(wanted);
        self.at += usize::from(eaten);
        eaten
    }

    fn expect(&mut self, wanted: char) -> Result<(), PathError> {
        self.skip_blanks();
        if self.eat(wanted) { Ok(()) } else { self.fail(&format!("'{wanted}' is missing")) }
    }

    fn step(&mut self, steps: &mut Vec<Step>) -> Result<(), PathError> {
        if self.eat('.') {
            if self.eat('.') {
                steps.push(Step::Scan);
            }
            if matches!(self.peek(), None | Some('.')) {
                return self.fail("A name is missing after '.'");
            }
        }
        match self.peek() {
            Some('[') => {
                let step = self.bracket()?;
                steps.push(step);
            }
            Some('*') => {
                self.at += 1;
                steps.push(Step::Wildcard);
            }
            _ => {
                let step = self.name_or_call()?;
                steps.push(step);
            }
        }
        Ok(())
    }

    fn name_or_call(&mut self) -> Result<Step, PathError> {
        let start = self.at;
        while let Some(c) = self.peek() {
            match c {
                ' ' => return self.fail("A name with blanks is written ['so']"),
                '.' | '[' => break,
                '(' => {
                    let name: String = self.chars[start..self.at].iter().collect();
                    self.at += 1;
                    return self.call(&name);
                }
                _ => self.at += 1,
            }
        }
        if self.at == start {
            return self.fail("A name is missing");
        }
        Ok(Step::Name(self.chars[start..self.at].iter().collect()))
    }

    fn call(&mut self, name: &str) -> Result<Step, PathError> {
        let Some(function) = Function::named(name) else {
            return self.fail(&format!("There is no function '{name}'"));
        };
        let mut arguments = Vec::new();
        self.skip_blanks();
        while !self.eat(')') {
            self.skip_blanks();
            let text = self.argument_text()?;
            if text.starts_with(['$', '@']) {
                arguments.push(Argument::Path(path_at(&text, self.nesting + 1)?));
            } else {
                let value: Result<Value, _> = serde_json::from_str(&text);
                match value {
                    Ok(v) => arguments.push(Argument::Value(v)),
                    Err(_) => return self.fail("An argument is a JSON value or a path"),
                }
            }
            self.eat(',');
        }
        Ok(Step::Call(Call { function, arguments }))
    }

    /// Up to the comma or parenthesis that ends the argument; quotes and brackets keep theirs.
    fn argument_text(&mut self) -> Result<String, PathError> {
        let start = self.at;
        let mut open = 0usize;
        let mut quoted = false;
        while let Some(c) = self.peek() {
            match c {
                '\\' if quoted => self.at += 1,
                '"' => quoted = !quoted,
                _ if quoted => {}
                '(' | '[' | '{' => open += 1,
                ')' | ',' if open == 0 => {
                    let text: String = self.chars[start..self.at].iter().collect();
                    return Ok(text.trim().to_owned());
                }
                ')' | ']' | '}' => open = open.saturating_sub(1),
                _ => {}
            }
            self.at += 1;
        }
        self.fail("The arguments are not closed")
    }

    fn bracket(&mut self) -> Result<Step, PathError> {
        self.at += 1;
        self.skip_blanks();
        match self.peek() {
            Some(quote @ ('\'' | '"')) => self.quoted_names(quote),
            Some('*') => {
                self.at += 1;
                self.expect(']')?;
                Ok(Step::Wildcard)
            }
            Some('?') => {
                self.at += 1;
                self.expect('(')?;
                let filter = self.filter()?;
                self.expect(')')?;
                self.expect(']')?;
                Ok(Step::Filter(filter))
            }
            Some('0'..='9' | '-' | ':') => self.indexes(),
            _ => self.fail("In brackets stands a quoted name, a number, '*' or a filter"),
        }
    }

    fn quoted_names(&mut self, quote: char) -> Result<Step, PathError> {
        let mut names = Vec::new();
        loop {
            self.skip_blanks();
            if !self.eat(quote) {
                return self.fail("A quoted name is missing");
            }
            names.push(self.until_quote(quote)?);
            self.skip_blanks();
            if self.eat(']') {
                break;
            }
            if !self.eat(',') {
                return self.fail("Names are separated by ',' and closed by ']'");
            }
        }
        Ok(match names.len() {
            1 => Step::Name(names.remove(0)),
            _ => Step::Names(names),
        })
    }

    /// The text up to a closing quote, without its escapes.
    pub(super) fn until_quote(&mut self, quote: char) -> Result<String, PathError> {
        let mut text = String::new();
        while let Some(c) = self.peek() {
            self.at += 1;
            if c == quote {
                return Ok(text);
            }
            if c != '\\' {
                text.push(c);
                continue;
            }
            let Some(escaped) = self.peek() else { break };
            self.at += 1;
            match escaped {
                'b' => text.push('\u{8}'),
                'f' => text.push('\u{c}'),
                'n' => text.push('\n'),
                'r' => text.push('\r'),
                't' => text.push('\t'),
                'u' => {
                    let hex: String = self.chars.iter().skip(self.at).take(4).collect();
                    let Some(c) = u32::from_str_radix(&hex, 16)
                        .ok()
                        .filter(|_| hex.len() == 4)
                        .and_then(char::from_u32)
                    else {
                        return self.fail("\\u takes four hexadecimal digits");
                    };
                    self.at += 4;
                    text.push(c);
                }
                other => text.push(other),
            }
        }
        self.fail("A quote is not closed")
    }

    fn indexes(&mut self) -> Result<Step, PathError> {
        let start = self.at;
        while matches!(self.peek(), Some('0'..='9' | '-' | ':' | ',' | ' ')) {
            self.at += 1;
        }
        let text: String = self.chars[start..self.at].iter().collect();
        self.expect(']')?;
        let number = |text: &str| text.trim().parse::<i32>().map(i64::from);
        if text.contains(':') {
            // a third part (the step) is accepted and ignored
            let mut bounds = text.split(':').map(|bound| match bound.trim() {
                "" => Ok(None),
                bound => number(bound).map(Some),
            });
            let (from, to) = (bounds.next().unwrap_or(Ok(None)), bounds.next().unwrap_or(Ok(None)));
            return match (from, to) {
                (Ok(None), Ok(None)) | (Err(_), _) | (_, Err(_)) => {
                    self.fail("A slice is written [1:3], [1:] or [:3]")
                }
                (Ok(from), Ok(to)) => Ok(Step::Slice { from, to }),
            };
        }
        let indexes: Result<Vec<i64>, _> = text.split(',').map(number).collect();
        match indexes {
            Ok(indexes) if indexes.len() == 1 => Ok(Step::Index(indexes[0])),
            Ok(indexes) => Ok(Step::Indexes(indexes)),
            Err(_) => self.fail("An index is a whole number"),
        }
    }
}

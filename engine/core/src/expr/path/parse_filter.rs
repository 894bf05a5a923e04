//! Text → [`Filter`].

use regex::RegexBuilder;
use serde_json::{Map, Number, Value};

use super::PathError;
use super::filter::{Filter, Operand, Operator};
use super::parse::{MAX_NESTING, Parser, path_at};

/// The memory that one regular expression may take, in bytes.
const PATTERN_SIZE: usize = 256 * 1024;

impl Parser {
    pub(super) fn filter(&mut self) -> Result<Filter, PathError> {
        self.nesting += 1;
        if self.nesting > MAX_NESTING {
            return self.fail("The filter nests too deeply");
        }
        let mut any = vec![self.conjunction()?];
        while self.eat_pair('|') {
            any.push(self.conjunction()?);
        }
        self.nesting -= 1;
        Ok(if any.len() == 1 { any.remove(0) } else { Filter::Any(any) })
    }

    fn conjunction(&mut self) -> Result<Filter, PathError> {
        let mut all = vec![self.condition()?];
        while self.eat_pair('&') {
            all.push(self.condition()?);
        }
        Ok(if all.len() == 1 { all.remove(0) } else { Filter::All(all) })
    }

    fn eat_pair(&mut self, c: char) -> bool {
        self.skip_blanks();
        let both = self.chars[self.at..].starts_with(&[c, c]);
        self.at += if both { 2 } else { 0 };
        both
    }

    fn condition(&mut self) -> Result<Filter, PathError> {
        self.skip_blanks();
        if self.eat('!') {
            self.nesting += 1;
            if self.nesting > MAX_NESTING {
                return self.fail("The filter nests too deeply");
            }
            let inner = self.condition()?;
            self.nesting -= 1;
            return Ok(Filter::Not(Box::new(inner)));
        }
        if self.eat('(') {
            let inner = self.filter()?;
            self.skip_blanks();
            return if self.eat(')') { Ok(inner) } else { self.fail("')' is missing") };
        }
        let left = self.operand()?;
        self.skip_blanks();
        let Some(operator) = self.operator() else {
            return match left {
                Operand::Path(path) => Ok(Filter::Exists(path)),
                _ => self.fail("A comparison is missing"),
            };
        };
        let right = self.operand()?;
        Ok(Filter::Compare(left, operator, right))
    }

    fn operator(&mut self) -> Option<Operator> {
        const SIGNS: [(&str, Operator); 9] = [
            ("===", Operator::Same),
            ("!==", Operator::NotSame),
            ("==", Operator::Equal),
            ("!=", Operator::NotEqual),
            ("=~", Operator::Matches),
            ("<=", Operator::LessEqual),
            (">=", Operator::GreaterEqual),
            ("<", Operator::Less),
            (">", Operator::Greater),
        ];
        for (sign, operator) in SIGNS {
            if sign.chars().enumerate().all(|(i, c)| self.chars.get(self.at + i) == Some(&c)) {
                self.at += sign.len();
                return Some(operator);
            }
        }
        let word: String = self.chars[self.at..].iter().take_while(|c| c.is_ascii_alphabetic()).collect();
        let operator = match word.to_ascii_lowercase().as_str() {
            "in" => Operator::In,
            "nin" => Operator::NotIn,
            "contains" => Operator::Contains,
            "all" => Operator::All,
            "size" => Operator::Size,
            "empty" => Operator::Empty,
            "subsetof" => Operator::SubsetOf,
            "anyof" => Operator::AnyOf,
            "noneof" => Operator::NoneOf,
            _ => return None,
        };
        self.at += word.len();
        Some(operator)
    }

    fn operand(&mut self) -> Result<Operand, PathError> {
        self.skip_blanks();
        match self.peek() {
            Some('@' | '$') => self.operand_path(),
            Some('/') => self.pattern(),
            Some(_) => self.literal(0).map(Operand::Value),
            None => self.fail("A value is missing"),
        }
    }

    /// A path ends at a blank, an operator, or the parenthesis that closes the filter.
    fn operand_path(&mut self) -> Result<Operand, PathError> {
        let start = self.at;
        let mut open = 0usize;
        let mut quote = None;
        while let Some(c) = self.peek() {
            match (quote, c) {
                (Some(_), '\\') => self.at += 1,
                (Some(q), c) if c == q => quote = None,
                (Some(_), _) => {}
                (None, '\'' | '"') if open > 0 => quote = Some(c),
                (None, '[' | '(') => open += 1,
                (None, ']' | ')') if open > 0 => open -= 1,
                (None, ')' | ']' | ' ' | '<' | '>' | '=' | '~' | '!' | '&' | '|' | ',') if open == 0 => break,
                _ => {}
            }
            self.at += 1;
        }
        let end = self.at.min(self.chars.len());
        let text: String = self.chars[start..end].iter().collect();
        self.at = end;
        path_at(&text, self.nesting + 1).map(Operand::Path)
    }

    fn pattern(&mut self) -> Result<Operand, PathError> {
        self.at += 1;
        let mut text = String::new();
        loop {
            match self.peek() {
                None => return self.fail("The pattern is not closed"),
                Some('/') => break,
                Some('\\') if self.chars.get(self.at + 1) == Some(&'/') => {
                    text.push('/');
                    self.at += 2;
                }
                Some('\\') => {
                    text.push('\\');
                    text.extend(self.chars.get(self.at + 1));
                    self.at += 2;
                }
                Some(c) => {
                    text.push(c);
                    self.at += 1;
                }
            }
        }
        self.at += 1;
        let mut builder = RegexBuilder::new(&format!("^(?:{text})$"));
        builder.size_limit(PATTERN_SIZE).dfa_size_limit(PATTERN_SIZE);
        while let Some(flag @ ('i' | 'm' | 's' | 'x' | 'u' | 'd' | 'U')) = self.peek() {
            match flag {
                'i' => builder.case_insensitive(true),
                'm' => builder.multi_line(true),
                's' => builder.dot_matches_new_line(true),
                'x' => builder.ignore_whitespace(true),
                _ => &mut builder,
            };
            self.at += 1;
        }
        match builder.build() {
            Ok(pattern) => Ok(Operand::Pattern(pattern)),
            Err(_) => self.fail("The pattern cannot be read"),
        }
    }

    /// A JSON value that may use single quotes and, inside lists, bare words.
    fn literal(&mut self, depth: usize) -> Result<Value, PathError> {
        if depth > MAX_NESTING {
            return self.fail("The value nests too deeply");
        }
        self.skip_blanks();
        match self.peek() {
            Some(quote @ ('\'' | '"')) => {
                self.at += 1;
                self.until_quote(quote).map(Value::String)
            }
            Some('[') => {
                self.at += 1;
                let mut list = Vec::new();
                while !self.closes(']')? {
                    list.push(self.literal(depth + 1)?);
                    self.skip_blanks();
                    self.eat(',');
                }
                Ok(Value::Array(list))
            }
            Some('{') => {
                self.at += 1;
                let mut map = Map::new();
                while !self.closes('}')? {
                    let key = match self.literal(depth + 1)? {
                        Value::String(key) => key,
                        other => other.to_string(),
                    };
                    self.skip_blanks();
                    if !self.eat(':') {
                        return self.fail("':' is missing");
                    }
                    map.insert(key, self.literal(depth + 1)?);
                    self.skip_blanks();
                    self.eat(',');
                }
                Ok(Value::Object(map))
            }
            _ => self.word(depth),
        }
    }

    fn closes(&mut self, closing: char) -> Result<bool, PathError> {
        self.skip_blanks();
        if self.peek().is_none() {
            return self.fail(&format!("'{closing}' is missing"));
        }
        Ok(self.eat(closing))
    }

    fn word(&mut self, depth: usize) -> Result<Value, PathError> {
        let start = self.at;
        while self.peek().is_some_and(|c| c.is_alphanumeric() || matches!(c, '+' | '-' | '.' | '_')) {
            self.at += 1;
        }
        let word: String = self.chars[start..self.at].iter().collect();
        match word.as_str() {
            "" => self.fail("A value is missing"),
            "null" => Ok(Value::Null),
            "true" => Ok(Value::Bool(true)),
            "false" => Ok(Value::Bool(false)),
            word => match serde_json::from_str::<Number>(word) {
                Ok(number) => Ok(Value::Number(number)),
                Err(_) if depth > 0 => Ok(Value::String(word.to_owned())),
                Err(_) => self.fail(
                    "A value is a number, a quoted text, true, false, null, a list, an object or a path",
                ),
            },
        }
    }
}

//! The query language.
//!
//! ```text
//! expr  := term [ (AND | OR) expr ]        right-recursive, no precedence: a AND b OR c is a AND (b OR c)
//! term  := '(' expr ')' | field op value
//! op    := =  !=  >  >=  <  <=  IN  BETWEEN  IS  STARTS_WITH
//! value := 'text' | "text" (a backslash takes the next character as it is) | bare text | (list) | null | not null
//! ```
//!
//! A bare text goes on to the next ` AND `, ` OR ` or the end of its group, and is trimmed; so do the elements of a
//! list, whose parentheses may be left out. Operators are upper case: ` and ` belongs to a value. A `*` in the one
//! value of `=` and `IN` stands for any text, and then a `_` for any character, as on existing servers.

use super::{
    BadSearch, Compare, DEPTH_AT_MOST, Expr, Field, Kind, NODES_AT_MOST, Scope, TEXT_AT_MOST, Test,
    VALUES_AT_MOST, Value, Words,
};

/// Reads a query; an empty one finds everything.
pub fn parse(scope: Scope, query: &str) -> Result<Expr, BadSearch> {
    if query.len() > TEXT_AT_MOST {
        return Err(BadSearch::Other(format!("a query has at most {TEXT_AT_MOST} bytes")));
    }
    let mut parser = Parser { scope, rest: query, nodes: 0, values: 0 };
    parser.skip_blanks();
    if parser.rest.is_empty() {
        return Ok(Expr::everything());
    }
    let expr = parser.expr(0)?;
    parser.skip_blanks();
    if parser.rest.is_empty() { Ok(expr) } else { Err(BadSearch::Clause(parser.rest.trim().to_owned())) }
}

struct Parser<'a> {
    scope: Scope,
    rest: &'a str,
    nodes: usize,
    values: usize,
}

#[derive(Clone, Copy, PartialEq)]
enum Op {
    Equal,
    NotEqual,
    Compare(Compare),
    In,
    Between,
    Is,
    StartsWith,
}

/// Longest first, so that `>=` is not read as `>`.
const SIGNS: [(&str, Op); 6] = [
    ("!=", Op::NotEqual),
    (">=", Op::Compare(Compare::GreaterOrEqual)),
    ("<=", Op::Compare(Compare::LessOrEqual)),
    ("=", Op::Equal),
    (">", Op::Compare(Compare::Greater)),
    ("<", Op::Compare(Compare::Less)),
];
const WORD_OPS: [(&str, Op); 4] =
    [("IN", Op::In), ("BETWEEN", Op::Between), ("IS", Op::Is), ("STARTS_WITH", Op::StartsWith)];

/// A value as it was written.
struct Given {
    text: String,
    quoted: bool,
}

impl<'a> Parser<'a> {
    fn skip_blanks(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn expr(&mut self, depth: usize) -> Result<Expr, BadSearch> {
        // a chain of terms is right-recursive: groups are folded from its end
        let mut terms = Vec::new();
        loop {
            let term = self.term(depth)?;
            self.skip_blanks();
            let joint = ["AND", "OR"].into_iter().find(|word| self.at_word(word));
            let Some(word) = joint else {
                let mut expr = term;
                for (before, word) in terms.into_iter().rev() {
                    expr = joined(before, word, expr);
                }
                return Ok(expr);
            };
            self.rest = &self.rest[word.len()..];
            self.skip_blanks();
            terms.push((term, word));
        }
    }

    fn term(&mut self, depth: usize) -> Result<Expr, BadSearch> {
        self.nodes += 1;
        if self.nodes > NODES_AT_MOST {
            return Err(BadSearch::Other(format!("a query has at most {NODES_AT_MOST} clauses")));
        }
        self.skip_blanks();
        if let Some(rest) = self.rest.strip_prefix('(') {
            if depth >= DEPTH_AT_MOST {
                let text = format!("a query has at most {DEPTH_AT_MOST} parentheses in each other");
                return Err(BadSearch::Other(text));
            }
            let whole = self.rest;
            self.rest = rest;
            let expr = self.expr(depth + 1)?;
            self.skip_blanks();
            self.rest =
                self.rest.strip_prefix(')').ok_or_else(|| BadSearch::Clause(whole.trim().to_owned()))?;
            return Ok(expr);
        }
        self.clause(depth > 0)
    }

    /// Is the next word exactly this one?
    fn at_word(&self, word: &str) -> bool {
        self.rest
            .strip_prefix(word)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(|c: char| c.is_whitespace() || c == '('))
    }

    fn clause(&mut self, grouped: bool) -> Result<Expr, BadSearch> {
        let whole = self.rest;
        let bad = || {
            let end = bare_end(whole, grouped);
            BadSearch::Clause(whole[..end].trim().to_owned())
        };
        let end = whole.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(whole.len());
        let name = &whole[..end];
        if name.is_empty() {
            return Err(bad());
        }
        self.rest = &whole[end..];
        let spaced = self.rest.starts_with(char::is_whitespace);
        self.skip_blanks();
        let sign = SIGNS.into_iter().find(|(sign, _)| self.rest.starts_with(sign));
        let word = WORD_OPS.into_iter().find(|(word, _)| spaced && self.at_word(word));
        let (text, op) = sign.or(word).ok_or_else(bad)?;
        self.rest = &self.rest[text.len()..];
        self.skip_blanks();
        let field = self.scope.field(name).ok_or_else(|| {
            BadSearch::Other(format!("unknown field {name:?} in a query; known are {}", self.scope.known()))
        })?;
        let test = match op {
            Op::In => self.list(field, grouped)?,
            Op::Between => {
                let from = self.value(grouped, true)?.ok_or_else(bad)?;
                self.skip_blanks();
                if !self.at_word("AND") {
                    return Err(bad());
                }
                self.rest = &self.rest["AND".len()..];
                self.skip_blanks();
                let to = self.value(grouped, false)?.ok_or_else(bad)?;
                Test::Between(typed(field, name, &from)?, typed(field, name, &to)?)
            }
            Op::Is => {
                let given = self.value(grouped, false)?.ok_or_else(bad)?;
                let words: Vec<&str> = given.text.split_whitespace().collect();
                match words.as_slice() {
                    [null] if null.eq_ignore_ascii_case("null") => Test::Null,
                    [not, null] if not.eq_ignore_ascii_case("not") && null.eq_ignore_ascii_case("null") => {
                        Test::NotNull
                    }
                    _ => return Err(bad()),
                }
            }
            Op::StartsWith => {
                let given = self.value(grouped, false)?.ok_or_else(bad)?;
                text_only(field, name, "STARTS_WITH")?;
                Test::Like(format!("{}%", escaped(&given.text, true)))
            }
            Op::Equal if self.rest.starts_with('(') => self.list(field, grouped)?,
            Op::Equal | Op::NotEqual | Op::Compare(_) => {
                let given = self.value(grouped, false)?.ok_or_else(bad)?;
                self.one(field, name, op, &given)?
            }
        };
        Ok(payload_or_clause(field, test))
    }

    fn one(&mut self, field: Field, name: &str, op: Op, given: &Given) -> Result<Test, BadSearch> {
        match op {
            Op::Compare(compare) => {
                if field.kind() == Kind::Payload {
                    return Err(BadSearch::Other(format!("{name} can only be compared with = and !=")));
                }
                Ok(Test::Compare(compare, typed(field, name, given)?))
            }
            _ if !given.quoted && given.text.contains(',') => Err(BadSearch::Other(format!(
                "{name} is compared with a list; write {name} IN (…), or quote the value"
            ))),
            Op::NotEqual => Ok(negated(equal(field, name, given)?)),
            _ => equal(field, name, given),
        }
    }

    /// The values of IN, in parentheses or not.
    fn list(&mut self, field: Field, grouped: bool) -> Result<Test, BadSearch> {
        let whole = self.rest;
        let mut given = Vec::new();
        if let Some(rest) = self.rest.strip_prefix('(') {
            self.rest = rest;
            loop {
                self.skip_blanks();
                given.push(self.element(whole)?);
                self.skip_blanks();
                if let Some(rest) = self.rest.strip_prefix(',') {
                    self.rest = rest;
                } else if let Some(rest) = self.rest.strip_prefix(')') {
                    self.rest = rest;
                    break;
                } else {
                    return Err(BadSearch::Clause(whole.trim().to_owned()));
                }
            }
        } else {
            let end = bare_end(whole, grouped);
            self.rest = &whole[end..];
            let plain = |text: &str| text.trim().trim_matches(['\'', '"']).to_owned();
            given.extend(whole[..end].split(',').map(|text| Given { text: plain(text), quoted: false }));
        }
        self.values += given.len();
        if self.values > VALUES_AT_MOST {
            return Err(BadSearch::Other(format!("a query has at most {VALUES_AT_MOST} values")));
        }
        let name = "the field of IN";
        match given.as_slice() {
            [one] => equal(field, name, one),
            many if field.kind() == Kind::Payload => Err(BadSearch::Other(format!(
                "a payload is compared with {} values; use = with OR",
                many.len()
            ))),
            many => {
                Ok(Test::In(many.iter().map(|given| typed(field, name, given)).collect::<Result<_, _>>()?))
            }
        }
    }

    fn element(&mut self, whole: &str) -> Result<Given, BadSearch> {
        if let Some(text) = self.quoted()? {
            return Ok(Given { text, quoted: true });
        }
        let end = self.rest.find([',', ')']).ok_or_else(|| BadSearch::Clause(whole.trim().to_owned()))?;
        let text = self.rest[..end].trim().to_owned();
        self.rest = &self.rest[end..];
        Ok(Given { text, quoted: false })
    }

    /// One value. `None` if the text is over where one must stand; an empty value is one.
    fn value(&mut self, grouped: bool, before_and: bool) -> Result<Option<Given>, BadSearch> {
        if let Some(text) = self.quoted()? {
            return Ok(Some(Given { text, quoted: true }));
        }
        let end = bare_end(self.rest, grouped);
        let text = self.rest[..end].trim();
        self.rest = &self.rest[end..];
        if before_and && text.is_empty() {
            return Ok(None);
        }
        Ok(Some(Given { text: text.to_owned(), quoted: false }))
    }

    /// A quoted text with what follows it: it must end the clause, else the quotes are part of a bare text.
    fn quoted(&mut self) -> Result<Option<String>, BadSearch> {
        let Some(quote) = self.rest.chars().next().filter(|c| matches!(c, '\'' | '"')) else {
            return Ok(None);
        };
        let mut text = String::new();
        let mut chars = self.rest.char_indices().skip(1);
        while let Some((at, c)) = chars.next() {
            if c == '\\' {
                if let Some((_, next)) = chars.next() {
                    text.push(next);
                }
            } else if c == quote {
                self.rest = &self.rest[at + c.len_utf8()..];
                return Ok(Some(text));
            } else {
                text.push(c);
            }
        }
        Err(BadSearch::Other(format!("a quoted value has no end: {}", self.rest)))
    }
}

fn joined(left: Expr, word: &str, right: Expr) -> Expr {
    if word == "AND" {
        return left.and(right);
    }
    match right {
        Expr::Any(mut list) => {
            list.insert(0, left);
            Expr::Any(list)
        }
        right => Expr::Any(vec![left, right]),
    }
}

/// Where a bare text ends: before ` AND ` and ` OR `, and inside a group before its closing parenthesis.
fn bare_end(text: &str, grouped: bool) -> usize {
    let joint = |next: &str, word: &str| {
        next.strip_prefix(word).is_some_and(|r| r.starts_with(|c: char| c.is_whitespace() || c == '('))
    };
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        let next = text[at..].trim_start();
        if (at == 0 || c.is_whitespace()) && (joint(next, "AND") || joint(next, "OR")) {
            return at;
        }
        match c {
            '(' => depth += 1,
            ')' if depth > 0 => depth -= 1,
            ')' if grouped => return at,
            _ => {}
        }
    }
    text.len()
}

fn escaped(text: &str, wild: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c == '\\' || (wild && matches!(c, '%' | '_')) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

fn text_only(field: Field, name: &str, op: &str) -> Result<(), BadSearch> {
    if field.kind() == Kind::Text {
        return Ok(());
    }
    Err(BadSearch::Other(format!("{op} needs a text, and {name} is none")))
}

fn equal(field: Field, name: &str, given: &Given) -> Result<Test, BadSearch> {
    if field.kind() == Kind::Text && given.text.contains('*') {
        return Ok(Test::Like(escaped(&given.text, false).replace('*', "%")));
    }
    Ok(Test::In(vec![typed(field, name, given)?]))
}

fn negated(test: Test) -> Test {
    match test {
        Test::In(values) => Test::NotIn(values),
        Test::Like(pattern) => Test::NotLike(pattern),
        Test::Null => Test::NotNull,
        other => other,
    }
}

fn typed(field: Field, name: &str, given: &Given) -> Result<Value, BadSearch> {
    let text = given.text.trim();
    match field.kind() {
        Kind::Text | Kind::Payload => Ok(Value::Text(given.text.clone())),
        Kind::Int => text.parse().map(Value::Int).map_err(|_| {
            BadSearch::Other(format!("{name} is compared with {text:?}, which is no whole number"))
        }),
        Kind::Time => text.parse().map(Value::Time).map_err(|_| {
            BadSearch::Other(format!(
                "{name} is compared with {text:?}, which is no number of milliseconds since 1970"
            ))
        }),
    }
}

/// A payload that "equals" a text is one that has its words.
fn payload_or_clause(field: Field, test: Test) -> Expr {
    match (field.kind(), test) {
        (Kind::Payload, Test::In(values)) => {
            let words = values.iter().find_map(|value| match value {
                Value::Text(text) => Some(Words::Word { text: text.clone(), prefix: false }),
                Value::Int(_) | Value::Time(_) => None,
            });
            words.map_or_else(Expr::everything, |words| Expr::Words(Words::In(field, Box::new(words))))
        }
        (Kind::Payload, Test::NotIn(values)) => {
            let Expr::Words(words) = payload_or_clause(field, Test::In(values)) else {
                return Expr::everything();
            };
            Expr::Words(Words::Not(Box::new(words)))
        }
        (_, test) => Expr::Clause(field, test),
    }
}

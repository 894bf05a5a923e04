//! `${…}` in strings, lists and maps.
//!
//! A template is compiled once (a plan may keep it) and rendered against a [`Scope`] as often as needed.
//! Inner expressions are resolved first and always as text; `$${` stands for a literal `${`.

use serde_json::{Map, Value};

use super::path::{Found, Path};
use super::{Scope, java, mentions_template};

/// How deep expressions may nest; deeper ones find nothing.
const MAX_NESTING: usize = 64;

/// A compiled parameter value.
#[derive(Clone, Debug)]
pub enum Template {
    /// Nothing to resolve.
    Plain(Value),
    /// Exactly one expression: gives the value with its type.
    Whole(Expression),
    /// A text with expressions in it: gives a text.
    Text(Vec<Part>),
    List(Vec<Template>),
    /// Members in the order in which they are given out.
    Map(Vec<(String, Template)>),
}

/// A piece of a text.
#[derive(Clone, Debug)]
pub enum Part {
    Literal(String),
    Expression(Expression),
}

/// The inside of `${…}`.
#[derive(Clone, Debug)]
pub enum Expression {
    /// `${}` and `${  }`: the empty text.
    Empty,
    /// `${CPEWF_TASK_ID}`
    TaskId,
    /// Stays as it was written: secrets, which only who runs a task finds filled in.
    Kept(String),
    /// A variable of the server's process; what else the name means if there is none.
    Process(String, Box<Expression>),
    /// A variable for definitions.
    Variable(String),
    /// A path; `None` if it cannot be parsed, which reads as null.
    Path(Option<Path>),
    /// Has expressions inside: what it says is known only when it is rendered.
    Nested(Vec<Part>),
}

impl Template {
    pub fn compile(v: &Value) -> Template {
        match v {
            Value::String(s) => compile_text(s),
            Value::Array(list) => {
                let items: Vec<Template> = list.iter().map(Template::compile).collect();
                if items.iter().all(Template::is_plain) {
                    Template::Plain(Value::Array(items.into_iter().map(Template::into_plain).collect()))
                } else {
                    Template::List(items)
                }
            }
            Value::Object(map) => Template::compile_map(map),
            other => Template::Plain(other.clone()),
        }
    }

    pub fn compile_map(map: &Map<String, Value>) -> Template {
        let members: Vec<(String, Template)> = java::hash_order(map.keys())
            .into_iter()
            .filter_map(|key| map.get(key).map(|value| (key.clone(), Template::compile(value))))
            .collect();
        if members.iter().all(|(_, member)| member.is_plain()) {
            Template::Plain(Value::Object(
                members.into_iter().map(|(key, member)| (key, member.into_plain())).collect(),
            ))
        } else {
            Template::Map(members)
        }
    }

    /// True if rendering gives the same value whatever the scope.
    pub fn is_plain(&self) -> bool {
        matches!(self, Template::Plain(_))
    }

    fn into_plain(self) -> Value {
        match self {
            Template::Plain(v) => v,
            _ => Value::Null,
        }
    }

    pub fn render(&self, scope: &dyn Scope) -> Value {
        match self {
            Template::Plain(v) => v.clone(),
            Template::Whole(expression) => expression.value(scope, 0),
            Template::Text(parts) => Value::String(text_of(parts, scope, 0)),
            Template::List(items) => Value::Array(items.iter().map(|item| item.render(scope)).collect()),
            Template::Map(_) => Value::Object(self.render_map(scope)),
        }
    }

    /// Renders a template that was made of a map; any other gives the empty map.
    pub fn render_map(&self, scope: &dyn Scope) -> Map<String, Value> {
        match self {
            Template::Map(members) => {
                members.iter().map(|(key, member)| (key.clone(), member.render(scope))).collect()
            }
            Template::Plain(Value::Object(map)) => map.clone(),
            _ => Map::new(),
        }
    }

    /// Does each expression of it, were it rendered now, find something other than null?
    pub(crate) fn finds_all(&self, scope: &dyn Scope) -> bool {
        let finds = |expression: &Expression| !expression.value(scope, 0).is_null();
        match self {
            Template::Plain(_) => true,
            Template::Whole(expression) => finds(expression),
            Template::Text(parts) => parts.iter().all(|part| match part {
                Part::Literal(_) => true,
                Part::Expression(expression) => finds(expression),
            }),
            Template::List(items) => items.iter().all(|item| item.finds_all(scope)),
            Template::Map(members) => members.iter().all(|(_, member)| member.finds_all(scope)),
        }
    }

    /// The paths that are known without rendering, for a plan that wants to know what a task reads.
    /// `None` in the list stands for one that is known only when rendered.
    pub fn paths(&self) -> Vec<Option<&Path>> {
        let mut found = Vec::new();
        self.collect_paths(&mut found);
        found
    }

    fn collect_paths<'a>(&'a self, found: &mut Vec<Option<&'a Path>>) {
        match self {
            Template::Plain(_) => {}
            Template::Whole(expression) => expression.collect_paths(found),
            Template::Text(parts) => collect_paths_of(parts, found),
            Template::List(items) => items.iter().for_each(|item| item.collect_paths(found)),
            Template::Map(members) => members.iter().for_each(|(_, member)| member.collect_paths(found)),
        }
    }
}

fn collect_paths_of<'a>(parts: &'a [Part], found: &mut Vec<Option<&'a Path>>) {
    for part in parts {
        if let Part::Expression(expression) = part {
            expression.collect_paths(found);
        }
    }
}

impl Expression {
    /// The meaning of a text without expressions in it.
    fn of(inside: &str) -> Expression {
        if inside.chars().all(is_java_blank) {
            return Expression::Empty;
        }
        match inside {
            "CPEWF_TASK_ID" => Expression::TaskId,
            // existing servers leave these two alone if they are not set
            "NETFLIX_ENV" | "NETFLIX_STACK" => {
                Expression::Process(inside.to_owned(), Box::new(Expression::Kept(format!("${{{inside}}}"))))
            }
            _ if inside.starts_with("workflow.secrets.") => Expression::Kept(format!("${{{inside}}}")),
            _ => match inside.strip_prefix("workflow.env.") {
                Some(name) => Expression::Variable(name.to_owned()),
                None if is_name(inside) => {
                    let path = Box::new(Expression::Path(Path::parse(inside).ok()));
                    Expression::Process(inside.to_owned(), path)
                }
                None => Expression::Path(Path::parse(inside).ok()),
            },
        }
    }

    fn value(&self, scope: &dyn Scope, depth: usize) -> Value {
        match self {
            Expression::Empty => Value::String(String::new()),
            Expression::TaskId => {
                Value::String(scope.task_id().unwrap_or_else(|| "${CPEWF_TASK_ID}".to_owned()))
            }
            Expression::Kept(text) => Value::String(text.clone()),
            Expression::Process(name, otherwise) => match process_variable(scope, name) {
                Some(value) => Value::String(value.to_owned()),
                None => otherwise.value(scope, depth),
            },
            Expression::Variable(name) => {
                scope.environment().and_then(|all| all.variable(name)).unwrap_or(Value::Null)
            }
            Expression::Path(None) => Value::Null,
            Expression::Path(Some(path)) => path.read(scope).into_value(),
            Expression::Nested(parts) => Expression::nested(parts, scope, depth).value(scope, depth + 1),
        }
    }

    fn write(&self, out: &mut String, scope: &dyn Scope, depth: usize) {
        match self {
            Expression::Path(Some(path)) => match path.read(scope) {
                Found::Matches(list) => out.push_str(&java::match_list_text(&Value::Array(list))),
                Found::Value(v) => push_text(out, &v),
                Found::Nothing => out.push_str("null"),
            },
            Expression::Nested(parts) => Expression::nested(parts, scope, depth).write(out, scope, depth + 1),
            Expression::Process(name, otherwise) => match process_variable(scope, name) {
                Some(value) => out.push_str(value),
                None => otherwise.write(out, scope, depth),
            },
            other => push_text(out, &other.value(scope, depth)),
        }
    }

    fn nested(parts: &[Part], scope: &dyn Scope, depth: usize) -> Expression {
        if depth >= MAX_NESTING {
            return Expression::Path(None);
        }
        Expression::of(&text_of(parts, scope, depth + 1))
    }

    fn collect_paths<'a>(&'a self, found: &mut Vec<Option<&'a Path>>) {
        match self {
            Expression::Path(Some(path)) => found.push(Some(path)),
            Expression::Process(_, otherwise) => otherwise.collect_paths(found),
            Expression::Nested(parts) => {
                found.push(None);
                collect_paths_of(parts, found);
            }
            _ => {}
        }
    }
}

fn process_variable<'s>(scope: &'s dyn Scope, name: &str) -> Option<&'s str> {
    scope.environment()?.process.get(name).map(String::as_str)
}

/// Could it be the name of a variable?
fn is_name(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn push_text(out: &mut String, v: &Value) {
    match v {
        Value::String(s) => out.push_str(s),
        other => out.push_str(&java::to_text(other)),
    }
}

/// `Character.isWhitespace`: no-break spaces are not blank in Java.
fn is_java_blank(c: char) -> bool {
    match c {
        '\u{a0}' | '\u{2007}' | '\u{202f}' | '\u{85}' => false,
        '\u{1c}'..='\u{1f}' => true,
        c => c.is_whitespace(),
    }
}

/// Text of the parts. The escape is undone in the whole result, also in what values brought along.
fn text_of(parts: &[Part], scope: &dyn Scope, depth: usize) -> String {
    let mut out = String::new();
    for part in parts {
        match part {
            Part::Literal(text) => out.push_str(text),
            Part::Expression(expression) => expression.write(&mut out, scope, depth),
        }
    }
    unescape(out)
}

fn unescape(text: String) -> String {
    if text.contains("$${") { text.replace("$${", "${") } else { text }
}

fn compile_text(text: &str) -> Template {
    if !text.contains("${") {
        return Template::Plain(Value::String(text.to_owned()));
    }
    let mut parts = split(text, 0);
    match parts.as_mut_slice() {
        [Part::Expression(_)] => match parts.remove(0) {
            Part::Expression(expression) => Template::Whole(expression),
            Part::Literal(text) => Template::Plain(Value::String(text)),
        },
        parts if parts.iter().all(|part| matches!(part, Part::Literal(_))) => {
            Template::Plain(Value::String(unescape(text.to_owned())))
        }
        _ => Template::Text(parts),
    }
}

/// Cuts a text into literals and expressions. An expression starts at a `${` that no `$` precedes and ends at the
/// brace that closes it; without such a brace it is a literal.
fn split(text: &str, depth: usize) -> Vec<Part> {
    let closing = closing_braces(text);
    let bytes = text.as_bytes();
    let mut parts = Vec::new();
    let mut literal_from = 0;
    let mut at = 0;
    while at + 1 < bytes.len() {
        let starts = bytes[at] == b'$' && bytes[at + 1] == b'{' && (at == 0 || bytes[at - 1] != b'$');
        let end = if starts {
            closing.binary_search_by_key(&(at + 1), |(open, _)| *open).ok().map(|i| closing[i].1)
        } else {
            None
        };
        let Some(end) = end else {
            at += 1;
            continue;
        };
        if literal_from < at {
            parts.push(Part::Literal(text[literal_from..at].to_owned()));
        }
        parts.push(Part::Expression(expression(&text[at + 2..end], depth)));
        at = end + 1;
        literal_from = at;
    }
    if literal_from < text.len() {
        parts.push(Part::Literal(text[literal_from..].to_owned()));
    }
    parts
}

fn expression(inside: &str, depth: usize) -> Expression {
    if !inside.contains("${") {
        return Expression::of(inside);
    }
    if depth >= MAX_NESTING {
        return Expression::Path(None);
    }
    Expression::Nested(split(inside, depth + 1))
}

/// Pairs of an opening brace and the brace that closes it.
fn closing_braces(text: &str) -> Vec<(usize, usize)> {
    let mut open = Vec::new();
    let mut pairs = Vec::new();
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' => open.push(at),
            b'}' => {
                if let Some(from) = open.pop() {
                    pairs.push((from, at));
                }
            }
            _ => {}
        }
    }
    pairs.sort_unstable();
    pairs
}

/// True if the map has something to resolve; what a caller asks before it compiles.
pub fn map_mentions_template(map: &Map<String, Value>) -> bool {
    map.values().any(mentions_template)
}

//! JSONPath: the subset that parameter expressions know.
//!
//! A definite path (names, single indexes, functions at the end) gives the value; an indefinite one (wildcard, filter,
//! slice, union, `..`) gives the list of its matches. What is missing or cannot be evaluated gives nothing.
//! Evaluation ends after a bounded number of steps whatever the path.

mod eval;
mod filter;
mod function;
mod parse;
mod parse_filter;

use serde_json::Value;

use super::{Member, Scope};
use eval::{Eval, Node};
use filter::Filter;
use function::Call;

/// The longest path, in characters: a longer one finds nothing.
pub const MAX_LENGTH: usize = 8 * 1024;
/// The most steps of a path.
pub const MAX_STEPS: usize = 256;

/// A parsed path.
#[derive(Clone, Debug)]
pub struct Path {
    steps: Vec<Step>,
    /// In a filter: starts at the item (`@`) and not at the document.
    at_item: bool,
}

#[derive(Clone, Debug)]
enum Step {
    Name(String),
    Names(Vec<String>),
    Index(i64),
    Indexes(Vec<i64>),
    Slice { from: Option<i64>, to: Option<i64> },
    Wildcard,
    Scan,
    Filter(Filter),
    Call(Call),
}

/// Why a path cannot be parsed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message} (at character {at})")]
pub struct PathError {
    pub message: String,
    /// Counted from 0 in the path with its `$.`.
    pub at: usize,
}

/// What a path found.
#[derive(Clone, Debug, PartialEq)]
pub enum Found {
    /// A definite path that is not there, or an evaluation that failed.
    Nothing,
    Value(Value),
    /// The matches of an indefinite path; inside a text they print as JSON.
    Matches(Vec<Value>),
}

impl Found {
    /// The value that an expression gives: nothing is null.
    pub fn into_value(self) -> Value {
        match self {
            Found::Nothing => Value::Null,
            Found::Value(v) => v,
            Found::Matches(list) => Value::Array(list),
        }
    }
}

impl Path {
    /// Parses a path; the leading `$.` may be left out.
    pub fn parse(text: &str) -> Result<Path, PathError> {
        parse::path(text)
    }

    /// Reads the value from the roots of the scope.
    pub fn read(&self, scope: &dyn Scope) -> Found {
        self.read_with(&Eval::new(scope))
    }

    /// Reads the value from one document instead of the roots of a scope.
    pub fn read_from(&self, document: &Value) -> Found {
        struct Document<'a>(&'a Value);
        impl Scope for Document<'_> {
            fn root(&self, name: &str) -> Option<std::borrow::Cow<'_, Value>> {
                self.0.get(name).map(std::borrow::Cow::Borrowed)
            }
            fn task_id(&self) -> Option<String> {
                None
            }
            fn names(&self) -> Vec<String> {
                self.0.as_object().map(|map| map.keys().cloned().collect()).unwrap_or_default()
            }
        }
        let scope = Document(document);
        self.gather(&Eval::new(&scope), Node::Value(document), &self.steps)
    }

    /// The first two names, where the path starts with names: the root and the member it reads.
    pub fn start(&self) -> (Option<&str>, Option<&str>) {
        let name = |at: usize| match self.steps.get(at) {
            Some(Step::Name(name)) => Some(name.as_str()),
            _ => None,
        };
        match name(0) {
            None => (None, None),
            root => (root, name(1)),
        }
    }

    fn read_with(&self, eval: &Eval<'_>) -> Found {
        match self.steps.as_slice() {
            [Step::Name(root), Step::Name(member), rest @ ..] => {
                if let [Step::Name(name), rest @ ..] = rest
                    && let Some(part) = eval.scope.part(root, member, name)
                {
                    return self.of_member(eval, part, rest);
                }
                match eval.scope.member(root, member) {
                    None => self.nothing(),
                    Some(found) => self.of_member(eval, found, rest),
                }
            }
            [Step::Name(root), rest @ ..] => match eval.scope.root(root) {
                None => self.nothing(),
                Some(v) => self.gather(eval, Node::Value(&v), rest),
            },
            steps => {
                let document = eval.document();
                self.gather(eval, Node::Object(&document), steps)
            }
        }
    }

    fn of_member(&self, eval: &Eval<'_>, member: Member<'_>, rest: &[Step]) -> Found {
        match member {
            Member::Object(map) => self.gather(eval, Node::Object(map), rest),
            Member::Borrowed(v) => self.gather(eval, Node::Value(v), rest),
            Member::Owned(v) if rest.is_empty() => Found::Value(v),
            Member::Owned(v) => self.gather(eval, Node::Value(&v), rest),
        }
    }

    fn gather(&self, eval: &Eval<'_>, from: Node<'_>, steps: &[Step]) -> Found {
        if steps.iter().all(|step| matches!(step, Step::Name(_) | Step::Index(_))) {
            let found = steps.iter().try_fold(from, |node, step| node.child(step));
            return found.map_or(Found::Nothing, |node| Found::Value(node.to_value()));
        }
        let mut matches = Vec::new();
        if eval.gather(from, steps, &mut matches).is_err() {
            return Found::Nothing;
        }
        if !self.is_definite() {
            // a function that never got a value has no list to give either
            return if matches.is_empty() && self.ends_in_call() {
                Found::Nothing
            } else {
                Found::Matches(matches)
            };
        }
        matches.pop().map_or(Found::Nothing, Found::Value)
    }

    fn nothing(&self) -> Found {
        if self.is_definite() || self.ends_in_call() { Found::Nothing } else { Found::Matches(Vec::new()) }
    }

    /// True if the path can find one value only, and so gives it bare.
    pub fn is_definite(&self) -> bool {
        let last = self.steps.len().saturating_sub(1);
        self.steps.iter().enumerate().all(|(at, step)| match step {
            Step::Name(_) | Step::Index(_) | Step::Call(_) => true,
            Step::Names(_) => at == last,
            Step::Indexes(_) | Step::Slice { .. } | Step::Wildcard | Step::Scan | Step::Filter(_) => false,
        })
    }

    fn ends_in_call(&self) -> bool {
        matches!(self.steps.last(), Some(Step::Call(_)))
    }
}

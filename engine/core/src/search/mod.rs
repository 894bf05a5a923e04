//! Conductor's search: the query language, its fields, the free text and the sort keys, as plain data. No SQL here.
//!
//! Existing servers have two dialects (contract §6.2, §6.3): clauses joined by ` AND ` on PostgreSQL, and a grammar
//! with OR, parentheses and more operators elsewhere. This is their union; [`parse`] says how texts are read.

mod field;
mod json;
mod parse;
mod sort;
mod words;

pub use field::{Field, Kind, Scope};
pub use json::parse_json_words;
pub use parse::parse;
pub use sort::{SortKey, parse_sort};
pub use words::{Words, parse_words};

/// Bytes of a query, a sort or a free text.
pub const TEXT_AT_MOST: usize = 64 * 1024;
/// Parentheses in each other.
pub const DEPTH_AT_MOST: usize = 32;
/// Clauses and words of one query.
pub const NODES_AT_MOST: usize = 200;
/// Values of all lists of one query.
pub const VALUES_AT_MOST: usize = 5_000;

/// Why a text is no query.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSearch {
    /// The words of existing servers; clients may look for them.
    #[error("Incorrectly formatted query string: {0}")]
    Clause(String),
    #[error("{0}")]
    Other(String),
}

/// What must hold for a row to be found.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    /// Everything in it; empty = every row.
    All(Vec<Expr>),
    /// At least one; never empty.
    Any(Vec<Expr>),
    Clause(Field, Test),
    Words(Words),
}

/// A comparison with a field.
#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    /// One of these; empty = none.
    In(Vec<Value>),
    NotIn(Vec<Value>),
    /// A pattern of SQL's LIKE.
    Like(String),
    NotLike(String),
    Compare(Compare, Value),
    /// Both ends belong to it.
    Between(Value, Value),
    Null,
    NotNull,
    /// The field's JSON contains this JSON text; only for `input` and `output`.
    Contains(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compare {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// A value in the field's kind.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Text(String),
    Int(i64),
    /// Milliseconds since 1970.
    Time(i64),
}

impl Expr {
    /// Finds every row.
    pub fn everything() -> Self {
        Expr::All(Vec::new())
    }

    /// Both.
    pub fn and(self, other: Expr) -> Self {
        match (self, other) {
            (Expr::All(mut list), Expr::All(more)) => {
                list.extend(more);
                Expr::All(list)
            }
            (Expr::All(mut list), one) => {
                list.push(one);
                Expr::All(list)
            }
            (one, Expr::All(mut list)) => {
                list.insert(0, one);
                Expr::All(list)
            }
            (one, two) => Expr::All(vec![one, two]),
        }
    }

    /// Whether a clause on this field is in it anywhere.
    pub fn names(&self, field: Field) -> bool {
        match self {
            Expr::All(list) | Expr::Any(list) => list.iter().any(|e| e.names(field)),
            Expr::Clause(f, _) => *f == field,
            Expr::Words(_) => false,
        }
    }

    /// Whether free text is in it anywhere.
    pub fn has_words(&self) -> bool {
        match self {
            Expr::All(list) | Expr::Any(list) => list.iter().any(Expr::has_words),
            Expr::Clause(..) => false,
            Expr::Words(_) => true,
        }
    }
}

#[cfg(test)]
mod tests;

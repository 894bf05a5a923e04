//! The filters of a path: `[?(@.year > 1964 && @.name =~ /the .*/i)]`.

use std::borrow::Cow;
use std::cmp::Ordering;

use regex::Regex;
use serde_json::{Number, Value};

use super::super::java;
use super::eval::{Abandoned, Eval, Node};
use super::{Found, Path, Step};

#[derive(Clone, Debug)]
pub(super) enum Filter {
    Any(Vec<Filter>),
    All(Vec<Filter>),
    Not(Box<Filter>),
    Exists(Path),
    Compare(Operand, Operator, Operand),
}

#[derive(Clone, Debug)]
pub(super) enum Operand {
    Value(Value),
    Path(Path),
    Pattern(Regex),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    Same,
    NotEqual,
    NotSame,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Matches,
    In,
    NotIn,
    Contains,
    All,
    Size,
    Empty,
    SubsetOf,
    AnyOf,
    NoneOf,
}

enum Side<'f> {
    Missing,
    Value(Cow<'f, Value>),
    Pattern(&'f Regex),
}

impl Filter {
    pub(super) fn accepts(&self, item: Node<'_>, eval: &Eval<'_>) -> Result<bool, Abandoned> {
        eval.spend(1)?;
        match self {
            Filter::Any(parts) => {
                for part in parts {
                    if part.accepts(item, eval)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Filter::All(parts) => {
                for part in parts {
                    if !part.accepts(item, eval)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Filter::Not(inner) => Ok(!inner.accepts(item, eval)?),
            Filter::Exists(path) => exists(path, item, eval),
            Filter::Compare(left, operator, right) => {
                let (left, right) = (left.side(item, eval)?, right.side(item, eval)?);
                eval.spend(side_weight(&left) + side_weight(&right))?;
                Ok(compare(&left, *operator, &right))
            }
        }
    }
}

/// A member that is null exists. An indefinite path exists as soon as the part before its first choice does.
fn exists(path: &Path, item: Node<'_>, eval: &Eval<'_>) -> Result<bool, Abandoned> {
    if path.is_definite() {
        return Ok(!matches!(find(path, item, eval)?, Found::Nothing));
    }
    let plain = path.steps.iter().take_while(|step| matches!(step, Step::Name(_) | Step::Index(_))).count();
    let start = Path { steps: path.steps[..plain].to_vec(), at_item: path.at_item };
    Ok(!matches!(find(&start, item, eval)?, Found::Nothing))
}

fn find(path: &Path, item: Node<'_>, eval: &Eval<'_>) -> Result<Found, Abandoned> {
    eval.spend(1)?;
    Ok(if path.at_item { path.gather(eval, item, &path.steps) } else { path.read_with(eval) })
}

impl Operand {
    fn side<'f>(&'f self, item: Node<'_>, eval: &Eval<'_>) -> Result<Side<'f>, Abandoned> {
        Ok(match self {
            Operand::Value(v) => Side::Value(Cow::Borrowed(v)),
            Operand::Pattern(pattern) => Side::Pattern(pattern),
            Operand::Path(path) => match find(path, item, eval)? {
                Found::Nothing => Side::Missing,
                found => Side::Value(Cow::Owned(found.into_value())),
            },
        })
    }
}

fn side_weight(side: &Side<'_>) -> u64 {
    match side {
        Side::Value(v) => match v.as_ref() {
            Value::Array(list) => list.len() as u64,
            Value::Object(map) => map.len() as u64,
            Value::String(s) => s.len() as u64 / 64,
            _ => 1,
        },
        _ => 1,
    }
}

fn compare(left: &Side<'_>, operator: Operator, right: &Side<'_>) -> bool {
    match operator {
        Operator::Equal => sides_equal(left, right),
        Operator::NotEqual => !sides_equal(left, right),
        Operator::Same => sides_same(left, right),
        Operator::NotSame => !sides_same(left, right),
        Operator::Matches => matches_pattern(left, right),
        Operator::NotIn => !compare(left, Operator::In, right),
        Operator::NoneOf => match lists(left, right) {
            Some((left, right)) => !left.iter().any(|item| contains(right, item)),
            None => false,
        },
        _ => match (left, right) {
            (Side::Value(left), Side::Value(right)) => compare_values(left, operator, right),
            _ => false,
        },
    }
}

fn compare_values(left: &Value, operator: Operator, right: &Value) -> bool {
    let ordered = |wanted: fn(Ordering) -> bool| order(left, right).is_some_and(wanted);
    match operator {
        Operator::Less => ordered(Ordering::is_lt),
        Operator::LessEqual => ordered(Ordering::is_le),
        Operator::Greater => ordered(Ordering::is_gt),
        Operator::GreaterEqual => ordered(Ordering::is_ge),
        Operator::In => right.as_array().is_some_and(|list| contains(list, left)),
        Operator::Contains => match (left, right) {
            (Value::String(left), Value::String(right)) => left.contains(right.as_str()),
            (Value::Array(list), item) => contains(list, item),
            _ => false,
        },
        Operator::All => match (left, right) {
            (Value::Array(left), Value::Array(right)) => right.iter().all(|item| contains(left, item)),
            _ => false,
        },
        Operator::SubsetOf => match (left, right) {
            (Value::Array(left), Value::Array(right)) => left.iter().all(|item| contains(right, item)),
            _ => false,
        },
        Operator::AnyOf => match (left, right) {
            (Value::Array(left), Value::Array(right)) => left.iter().any(|item| contains(right, item)),
            _ => false,
        },
        Operator::Size => size(left).is_some_and(|size| right.as_u64() == Some(size)),
        Operator::Empty => size(left).is_some_and(|size| right.as_bool() == Some(size == 0)),
        Operator::Equal
        | Operator::NotEqual
        | Operator::Same
        | Operator::NotSame
        | Operator::Matches
        | Operator::NotIn
        | Operator::NoneOf => false,
    }
}

fn lists<'a>(left: &'a Side<'_>, right: &'a Side<'_>) -> Option<(&'a [Value], &'a [Value])> {
    match (left, right) {
        (Side::Value(left), Side::Value(right)) => Some((left.as_array()?, right.as_array()?)),
        _ => None,
    }
}

fn size(v: &Value) -> Option<u64> {
    match v {
        Value::String(s) => Some(s.encode_utf16().count() as u64),
        Value::Array(list) => Some(list.len() as u64),
        Value::Object(map) => Some(map.len() as u64),
        _ => None,
    }
}

fn contains(list: &[Value], item: &Value) -> bool {
    list.iter().any(|member| equal(item, member))
}

fn sides_equal(left: &Side<'_>, right: &Side<'_>) -> bool {
    matches!((left, right), (Side::Value(left), Side::Value(right)) if equal(left, right))
}

fn sides_same(left: &Side<'_>, right: &Side<'_>) -> bool {
    match (left, right) {
        (Side::Value(left), Side::Value(right)) => {
            std::mem::discriminant(left.as_ref()) == std::mem::discriminant(right.as_ref())
                && equal(left, right)
        }
        _ => false,
    }
}

/// Numbers by value; a number and a text if the text reads as that number.
fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => order_numbers(left, right) == Some(Ordering::Equal),
        (Value::Number(number), Value::String(text)) => serde_json::from_str::<Number>(text)
            .is_ok_and(|other| order_numbers(number, &other) == Some(Ordering::Equal)),
        (Value::String(text), Value::Number(number)) => text == number.as_str(),
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| equal(left, right))
        }
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left.iter().all(|(key, value)| right.get(key).is_some_and(|other| equal(value, other)))
        }
        (left, right) => left == right,
    }
}

fn order(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => order_numbers(left, right),
        (Value::String(left), Value::String(right)) => Some(left.encode_utf16().cmp(right.encode_utf16())),
        _ => None,
    }
}

fn order_numbers(left: &Number, right: &Number) -> Option<Ordering> {
    match (left.as_str().parse::<i128>(), right.as_str().parse::<i128>()) {
        (Ok(left), Ok(right)) => Some(left.cmp(&right)),
        _ => left.as_str().parse::<f64>().ok()?.partial_cmp(&right.as_str().parse::<f64>().ok()?),
    }
}

/// The pattern must match the whole text; of a list one item is enough.
fn matches_pattern(left: &Side<'_>, right: &Side<'_>) -> bool {
    let (pattern, value) = match (left, right) {
        (Side::Pattern(pattern), Side::Value(value)) | (Side::Value(value), Side::Pattern(pattern)) => {
            (pattern, value)
        }
        _ => return false,
    };
    match value.as_ref() {
        Value::Array(list) => list.iter().any(|item| pattern.is_match(&pattern_input(item))),
        other => pattern.is_match(&pattern_input(other)),
    }
}

fn pattern_input(v: &Value) -> String {
    match v {
        Value::String(_) | Value::Number(_) | Value::Bool(_) => java::to_text(v),
        _ => String::new(),
    }
}

//! The functions of a path: `.length()`, `.sum()`, `.first()` and the like.

use serde_json::{Number, Value};

use super::super::java;
use super::eval::{Abandoned, Eval, Node};
use super::{Found, Path};

#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) function: Function,
    pub(super) arguments: Vec<Argument>,
}

#[derive(Clone, Debug)]
pub(super) enum Argument {
    Value(Value),
    Path(Path),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    Min,
    Max,
    Avg,
    Sum,
    StdDev,
    /// Also `size()`.
    Length,
    Keys,
    First,
    Last,
    Index,
    Concat,
    Append,
}

impl Function {
    pub(super) fn named(name: &str) -> Option<Function> {
        Some(match name {
            "min" => Function::Min,
            "max" => Function::Max,
            "avg" => Function::Avg,
            "sum" => Function::Sum,
            "stddev" => Function::StdDev,
            "length" | "size" => Function::Length,
            "keys" => Function::Keys,
            "first" => Function::First,
            "last" => Function::Last,
            "index" => Function::Index,
            "concat" => Function::Concat,
            "append" => Function::Append,
            _ => return None,
        })
    }
}

impl Call {
    /// The result for the value at a place. `Abandoned` where there is none, e.g. the sum of no numbers.
    pub(super) fn apply(&self, node: Node<'_>, eval: &Eval<'_>) -> Result<Value, Abandoned> {
        let arguments = self.arguments(eval)?;
        match self.function {
            Function::Length => Ok(match (node.list(), node.object()) {
                (Some(list), _) => Value::from(list.len()),
                (_, Some(map)) => Value::from(map.len()),
                _ => Value::Null,
            }),
            Function::Keys => Ok(match node.object() {
                Some(map) => map.keys().map(|key| Value::from(key.as_str())).collect(),
                None => Value::Null,
            }),
            Function::First => pick(node, 0),
            Function::Last => pick(node, -1),
            Function::Index => pick(node, arguments.first().and_then(Value::as_i64).ok_or(Abandoned)?),
            Function::Concat => {
                let own = node.list().unwrap_or_default();
                eval.spend(own.len() as u64)?;
                Ok(Value::String(own.iter().chain(flat(&arguments)).filter_map(Value::as_str).collect()))
            }
            Function::Append => {
                let mut value = node.to_value();
                if let Value::Array(list) = &mut value {
                    list.extend(arguments);
                }
                Ok(value)
            }
            Function::Min | Function::Max | Function::Avg | Function::Sum | Function::StdDev => {
                let own = node.list().unwrap_or_default();
                eval.spend(own.len() as u64)?;
                let numbers: Vec<f64> = own.iter().chain(flat(&arguments)).filter_map(as_number).collect();
                aggregate(self.function, &numbers)
            }
        }
    }

    fn arguments(&self, eval: &Eval<'_>) -> Result<Vec<Value>, Abandoned> {
        self.arguments
            .iter()
            .map(|argument| match argument {
                Argument::Value(v) => Ok(v.clone()),
                Argument::Path(path) => {
                    eval.spend(1)?;
                    match path.read_with(eval) {
                        Found::Nothing => Err(Abandoned),
                        found => Ok(found.into_value()),
                    }
                }
            })
            .collect()
    }
}

/// Arguments that are lists count with their items.
fn flat(arguments: &[Value]) -> impl Iterator<Item = &Value> {
    arguments.iter().flat_map(|argument| match argument {
        Value::Array(items) => items.as_slice(),
        other => std::slice::from_ref(other),
    })
}

fn as_number(v: &Value) -> Option<f64> {
    v.as_number().and_then(Number::as_f64)
}

fn pick(node: Node<'_>, index: i64) -> Result<Value, Abandoned> {
    let list = node.list().ok_or(Abandoned)?;
    let len = i64::try_from(list.len()).unwrap_or(i64::MAX);
    let index = if index < 0 { len.saturating_add(index) } else { index };
    usize::try_from(index).ok().and_then(|index| list.get(index)).cloned().ok_or(Abandoned)
}

/// Aggregates are always decimals.
fn aggregate(function: Function, numbers: &[f64]) -> Result<Value, Abandoned> {
    if numbers.is_empty() {
        return Err(Abandoned);
    }
    let count = numbers.len() as f64;
    let sum: f64 = numbers.iter().sum();
    let result = match function {
        Function::Min => numbers.iter().copied().fold(f64::INFINITY, f64::min),
        Function::Max => numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        Function::Avg => sum / count,
        Function::StdDev => {
            let squares: f64 = numbers.iter().map(|n| n * n).sum();
            (squares / count - sum * sum / count / count).sqrt()
        }
        _ => sum,
    };
    Ok(Number::from_f64(result).map_or_else(|| Value::String(java::double_text(result)), Value::Number))
}

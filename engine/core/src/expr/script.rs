//! Scripts: what a decision asks for, and what it gets.
//!
//! A decision never runs a script. It asks the [`World`](crate::decide::World) what a script makes of an input, as it asks
//! what a definition is; if that is not known it ends with `Decision::Needs`, and is made again when somebody outside has
//! run the script under limits. So the same facts always lead to the same decision, and a script that hangs or dies
//! takes nobody's turn.

use serde_json::{Map, Value};

/// In which language a script is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Language {
    /// The value is that of the last statement; the input is bound to `$`.
    JavaScript,
    /// jq; the input is `.`.
    Jq,
}

/// A question: what does this script make of this input?
#[derive(Clone, Debug)]
pub struct Call<'a> {
    pub language: Language,
    pub script: &'a str,
    pub input: &'a Map<String, Value>,
    /// May the answer be [`Evaluated::Later`]?
    pub may_wait: bool,
}

/// The answer to a [`Call`].
#[derive(Clone, Debug, PartialEq)]
pub enum Evaluated {
    /// What came out: exactly one value of JavaScript, any number of jq.
    Values(Vec<Value>),
    /// The script did not compile, threw, or was stopped at a limit.
    Failed(String),
    /// The turn has used up its time for scripts: the next one goes on.
    Later,
    /// Not known yet: the decision is made again once it is.
    Unknown,
}

impl Evaluated {
    /// The one value of a JavaScript expression.
    pub fn value(self) -> Result<Value, NoValue> {
        match self {
            Evaluated::Values(values) => Ok(values.into_iter().next().unwrap_or(Value::Null)),
            Evaluated::Failed(reason) => Err(NoValue::Failed(reason)),
            Evaluated::Later => Err(NoValue::Later),
            Evaluated::Unknown => Err(NoValue::Unknown),
        }
    }
}

/// Why there is no value.
#[derive(Clone, Debug, PartialEq)]
pub enum NoValue {
    Failed(String),
    Later,
    Unknown,
}

/// Number that JavaScript calls `Infinity`, in the only form in which a JSON number can carry it.
pub const INFINITY: &str = "1e+999";

/// A condition as loops understand it: true, or a number above zero. Everything else is false, also texts.
pub fn is_true(value: &Value) -> bool {
    match value {
        Value::Bool(yes) => *yes,
        Value::Number(n) => n.as_str().parse::<f64>().is_ok_and(|x| x > 0.0),
        _ => false,
    }
}

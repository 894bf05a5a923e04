//! Brings JSON into the form in which the definition types take it, or says where it does not fit.

use std::fmt;

use serde_json::{Map, Number, Value};

use super::members;

pub(super) type Member = (&'static str, Shape);

/// What a member holds.
#[derive(Clone, Copy)]
pub(super) enum Shape {
    Text,
    /// 32 bits; null is 0.
    Int,
    /// 64 bits; null is 0.
    Long,
    OptionalInt,
    /// Null is false.
    Bool,
    OptionalBool,
    /// One of these words, or its number in the list.
    Choice(&'static [&'static str]),
    Texts,
    TextsOrNulls,
    TextMap,
    /// A free JSON object.
    Map,
    Any,
    Object(&'static [Member]),
    /// An object with members that are always written, and their JSON.
    Filled(&'static [Member], &'static [(&'static str, &'static str)]),
    /// name → list of objects
    ListsOf(&'static [Member]),
    SubWorkflow,
    TaskDef,
    Task,
    Tasks,
    Branches,
    Cases,
    /// A whole workflow definition, or one `${…}`.
    DefinitionOrExpression,
}

/// Where in the document the reader is; a linked list, because it is only shown when something is wrong.
pub(super) enum Place<'a> {
    Root(&'a str),
    Member(&'a Place<'a>, &'a str),
    Item(&'a Place<'a>, usize),
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Root(_) => Ok(()),
            Place::Member(Place::Root(_), name) => f.write_str(name),
            Place::Member(parent, name) => write!(f, "{parent}.{name}"),
            Place::Item(parent, at) => write!(f, "{parent}[{at}]"),
        }
    }
}

fn wrong<T>(place: &Place<'_>, wanted: &str, got: &Value) -> Result<T, String> {
    let mut shown = got.to_string();
    if shown.chars().count() > 80 {
        shown = shown.chars().take(80).chain(['…']).collect();
    }
    Err(match place {
        Place::Root(what) => format!("{what}: {wanted} was expected, not {shown}"),
        place => format!("{place}: {wanted} was expected, not {shown}"),
    })
}

impl Shape {
    /// The value in its tidy form; `None` if the member should be left out.
    pub(super) fn read(self, v: &Value, place: &Place<'_>) -> Result<Option<Value>, String> {
        if v.is_null() {
            return Ok(match self {
                Shape::Int | Shape::Long => Some(Value::from(0)),
                Shape::Bool => Some(Value::Bool(false)),
                _ => None,
            });
        }
        match self {
            Shape::Text => text(v, place).map(Some),
            Shape::Int | Shape::OptionalInt => match whole_number(v, place)? {
                None if matches!(self, Shape::OptionalInt) => Ok(None),
                n => match i32::try_from(n.unwrap_or(0)) {
                    Ok(n) => Ok(Some(Value::from(n))),
                    Err(_) => wrong(place, "a whole number of at most 32 bits", v),
                },
            },
            Shape::Long => Ok(Some(Value::from(whole_number(v, place)?.unwrap_or(0)))),
            Shape::Bool => Ok(Some(Value::Bool(truth(v, place)?.unwrap_or(false)))),
            Shape::OptionalBool => Ok(truth(v, place)?.map(Value::Bool)),
            Shape::Choice(words) => choice(v, words, place).map(Some),
            Shape::Texts => list(v, place, "a list of texts", text).map(Some),
            Shape::TextsOrNulls => {
                list(
                    v,
                    place,
                    "a list of texts",
                    |v, place| if v.is_null() { Ok(Value::Null) } else { text(v, place) },
                )
                .map(Some)
            }
            Shape::TextMap => each_member(v, place, text).map(Some),
            Shape::Map => match v {
                Value::Object(_) => Ok(Some(v.clone())),
                _ => wrong(place, "a JSON object", v),
            },
            Shape::Any => Ok(Some(v.clone())),
            Shape::Object(members) => object(v, members, place).map(|map| Some(Value::Object(map))),
            Shape::Filled(members, always) => {
                let mut map = object(v, members, place)?;
                for (name, json) in always {
                    if !map.contains_key(*name) {
                        map.insert((*name).to_owned(), serde_json::from_str(json).unwrap_or_default());
                    }
                }
                Ok(Some(Value::Object(map)))
            }
            Shape::ListsOf(members) => each_member(v, place, |v, place| match v {
                Value::Null => Ok(Value::Null),
                v => list(v, place, "a list", |v, place| match v {
                    Value::Null => Ok(Value::Null),
                    v => object(v, members, place).map(Value::Object),
                }),
            })
            .map(Some),
            Shape::SubWorkflow => sub_workflow(v, place).map(Some),
            Shape::TaskDef => match v {
                Value::String(name) => {
                    Ok(Some(Value::Object(Map::from_iter([("name".to_owned(), name.as_str().into())]))))
                }
                v => object(v, members::TASK_DEF, place).map(|map| Some(Value::Object(map))),
            },
            Shape::Task => task(v, place).map(Some),
            Shape::Tasks => tasks(v, place).map(Some),
            Shape::Branches => list(v, place, "a list of lists of tasks", tasks_or_null).map(Some),
            Shape::Cases => each_member(v, place, tasks_or_null).map(Some),
            Shape::DefinitionOrExpression => definition_or_expression(v, place).map(Some),
        }
    }
}

fn object(v: &Value, members: &[Member], place: &Place<'_>) -> Result<Map<String, Value>, String> {
    let Value::Object(given) = v else {
        return wrong(place, "a JSON object", v);
    };
    let mut tidy = Map::new();
    for (name, value) in given {
        if let Some((_, shape)) = members.iter().find(|(known, _)| known == name)
            && let Some(value) = shape.read(value, &Place::Member(place, name))?
        {
            tidy.insert(name.clone(), value);
        }
    }
    Ok(tidy)
}

/// `type` may also be called `workflowTaskType`: the later of the two counts.
fn task(v: &Value, place: &Place<'_>) -> Result<Value, String> {
    let mut tidy = object(v, members::TASK, place)?;
    if let Some(old) = tidy.get("workflowTaskType").cloned() {
        let position = |name: &str| tidy.keys().position(|key| key == name);
        if position("type") < position("workflowTaskType") {
            tidy.insert("type".to_owned(), old);
        }
        tidy.shift_remove("workflowTaskType");
    }
    Ok(Value::Object(tidy))
}

fn tasks(v: &Value, place: &Place<'_>) -> Result<Value, String> {
    list(v, place, "a list of tasks", |v, place| match v {
        // validation says that it must not be null; here it only has to keep its place
        Value::Null => Ok(Value::Object(Map::new())),
        v => task(v, place),
    })
}

fn tasks_or_null(v: &Value, place: &Place<'_>) -> Result<Value, String> {
    if v.is_null() { Ok(Value::Array(Vec::new())) } else { tasks(v, place) }
}

/// A definition that is given whole says which name and version the task shows.
fn sub_workflow(v: &Value, place: &Place<'_>) -> Result<Value, String> {
    let mut tidy = object(v, members::SUB_WORKFLOW, place)?;
    if let Some(Value::Object(def)) = tidy.get("workflowDefinition").cloned() {
        for member in ["name", "version"] {
            match def.get(member) {
                Some(value) => tidy.insert(member.to_owned(), value.clone()),
                None => tidy.shift_remove(member),
            };
        }
    }
    Ok(Value::Object(tidy))
}

fn definition_or_expression(v: &Value, place: &Place<'_>) -> Result<Value, String> {
    match v {
        Value::String(s) if s.starts_with("${") && s.ends_with('}') => Ok(v.clone()),
        Value::Object(_) => {
            let tidy = object(v, members::WORKFLOW, place)?;
            let def: super::WorkflowDef =
                serde_json::from_value(Value::Object(tidy)).map_err(|e| format!("{place}: {e}"))?;
            serde_json::to_value(def).map_err(|e| format!("{place}: {e}"))
        }
        _ => wrong(place, "a workflow definition or one ${…} expression", v),
    }
}

fn list(
    v: &Value,
    place: &Place<'_>,
    wanted: &str,
    read: impl Fn(&Value, &Place<'_>) -> Result<Value, String>,
) -> Result<Value, String> {
    match v {
        Value::Array(items) => {
            items.iter().enumerate().map(|(at, item)| read(item, &Place::Item(place, at))).collect()
        }
        _ => wrong(place, wanted, v),
    }
}

fn each_member(
    v: &Value,
    place: &Place<'_>,
    read: impl Fn(&Value, &Place<'_>) -> Result<Value, String>,
) -> Result<Value, String> {
    match v {
        Value::Object(map) => map
            .iter()
            .map(|(name, value)| Ok((name.clone(), read(value, &Place::Member(place, name))?)))
            .collect::<Result<Map<String, Value>, String>>()
            .map(Value::Object),
        _ => wrong(place, "a JSON object", v),
    }
}

fn text(v: &Value, place: &Place<'_>) -> Result<Value, String> {
    match v {
        Value::String(_) => Ok(v.clone()),
        Value::Number(_) | Value::Bool(_) => Ok(Value::String(v.to_string())),
        _ => wrong(place, "a text", v),
    }
}

/// `None` for an empty text. Decimals are cut.
fn whole_number(v: &Value, place: &Place<'_>) -> Result<Option<i64>, String> {
    let number = match v {
        Value::Number(n) => cut(n),
        Value::String(s) if s.trim().is_empty() => return Ok(None),
        Value::String(s) => s.trim().parse().ok(),
        _ => None,
    };
    match number {
        Some(n) => Ok(Some(n)),
        None => wrong(place, "a whole number", v),
    }
}

fn cut(n: &Number) -> Option<i64> {
    if let Some(n) = n.as_i64() {
        return Some(n);
    }
    let x = n.as_f64()?.trunc();
    // the range in which a double holds a whole number that fits
    (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&x).then_some(x as i64)
}

fn truth(v: &Value, place: &Place<'_>) -> Result<Option<bool>, String> {
    match v {
        Value::Bool(b) => Ok(Some(*b)),
        Value::Number(n) if n.as_i64().is_some() => Ok(Some(n.as_i64() != Some(0))),
        Value::String(s) => match s.trim() {
            "true" | "True" | "TRUE" => Ok(Some(true)),
            "false" | "False" | "FALSE" => Ok(Some(false)),
            "" => Ok(None),
            _ => wrong(place, "true or false", v),
        },
        _ => wrong(place, "true or false", v),
    }
}

fn choice(v: &Value, words: &[&str], place: &Place<'_>) -> Result<Value, String> {
    let word = match v {
        Value::String(s) => words.iter().find(|word| *word == s),
        Value::Number(n) => n.as_u64().and_then(|n| usize::try_from(n).ok()).and_then(|n| words.get(n)),
        _ => None,
    };
    match word {
        Some(word) => Ok(Value::from(*word)),
        None => wrong(place, &format!("one of {}", words.join(", ")), v),
    }
}

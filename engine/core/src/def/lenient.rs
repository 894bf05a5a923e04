//! Reads numbers, booleans and lists as forgivingly as the JSON library of existing servers does
//! (spec: contract "Coercions in"): `"12"` is 12, `""` and `null` are 0, 1.7 is 1, `"true"` is true.

use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

fn as_int(v: &Value) -> Option<i64> {
    match v {
        Value::Null => Some(0),
        Value::Number(n) => n.as_i64().or_else(|| n.as_f64().map(|f| f as i64)),
        Value::String(s) if s.trim().is_empty() => Some(0),
        Value::String(s) => s.trim().parse().ok(),
        _ => None,
    }
}

pub fn i64<'de, D: Deserializer<'de>>(d: D) -> Result<i64, D::Error> {
    let v = Value::deserialize(d)?;
    as_int(&v).ok_or_else(|| D::Error::custom(format!("a whole number was expected, not {v}")))
}

pub fn i32<'de, D: Deserializer<'de>>(d: D) -> Result<i32, D::Error> {
    let n = i64(d)?;
    i32::try_from(n).map_err(|_| D::Error::custom(format!("{n} does not fit into 32 bits")))
}

/// An empty text is 0 here, not nothing: so it is with instants.
pub fn opt_i64<'de, D: Deserializer<'de>>(d: D) -> Result<Option<i64>, D::Error> {
    let value = Value::deserialize(d)?;
    if value.is_null() {
        return Ok(None);
    }
    i64(value).map(Some).map_err(D::Error::custom)
}

pub fn opt_i32<'de, D: Deserializer<'de>>(d: D) -> Result<Option<i32>, D::Error> {
    let v = Value::deserialize(d)?;
    match &v {
        Value::Null => Ok(None),
        Value::String(s) if s.trim().is_empty() => Ok(None),
        _ => as_int(&v)
            .and_then(|n| i32::try_from(n).ok())
            .map(Some)
            .ok_or_else(|| D::Error::custom(format!("a 32-bit whole number was expected, not {v}"))),
    }
}

pub fn bool<'de, D: Deserializer<'de>>(d: D) -> Result<bool, D::Error> {
    Ok(opt_bool(d)?.unwrap_or(false))
}

pub fn opt_bool<'de, D: Deserializer<'de>>(d: D) -> Result<Option<bool>, D::Error> {
    let v = Value::deserialize(d)?;
    match &v {
        Value::Null => Ok(None),
        Value::Bool(b) => Ok(Some(*b)),
        Value::Number(n) => Ok(Some(n.as_f64() != Some(0.0))),
        Value::String(s) => match s.trim() {
            "true" | "True" | "TRUE" => Ok(Some(true)),
            "false" | "False" | "FALSE" => Ok(Some(false)),
            "" => Ok(None),
            _ => Err(D::Error::custom(format!("true or false was expected, not {v}"))),
        },
        _ => Err(D::Error::custom(format!("true or false was expected, not {v}"))),
    }
}

/// Text; a number or boolean is taken in its JSON form.
pub fn opt_text<'de, D: Deserializer<'de>>(d: D) -> Result<Option<String>, D::Error> {
    let v = Value::deserialize(d)?;
    match v {
        Value::Null => Ok(None),
        Value::String(s) => Ok(Some(s)),
        Value::Number(_) | Value::Bool(_) => Ok(Some(v.to_string())),
        _ => Err(D::Error::custom(format!("a text was expected, not {v}"))),
    }
}

/// A list, map or object whose explicit `null` means the default.
pub fn or_default<'de, D: Deserializer<'de>, T: DeserializeOwned + Default>(d: D) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(d)?.unwrap_or_default())
}

/// An object or nothing. Derived readers would take a list for one, member by member.
pub fn opt_object<'de, D: Deserializer<'de>, T: DeserializeOwned>(d: D) -> Result<Option<T>, D::Error> {
    match Value::deserialize(d)? {
        Value::Null => Ok(None),
        value @ Value::Object(_) => serde_json::from_value(value).map(Some).map_err(D::Error::custom),
        other => Err(D::Error::custom(format!("an object was expected, not {other}"))),
    }
}

/// A list of objects, some of which may be null; `None` for null.
pub fn opt_objects<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    d: D,
) -> Result<Option<Vec<Option<T>>>, D::Error> {
    let Some(items) = Option::<Vec<Value>>::deserialize(d)? else { return Ok(None) };
    items
        .into_iter()
        .map(|item| opt_object(item).map_err(D::Error::custom))
        .collect::<Result<_, _>>()
        .map(Some)
}

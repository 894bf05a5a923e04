//! Free text that is a JSON object: rows whose summary contains it (contract §6.3). Each member is a comparison with
//! the field of that name, and typed: `{"priority":5}` finds what `{"priority":"5"}` does not.

use serde_json::Value as Json;

use super::{BadSearch, Expr, Field, Kind, NODES_AT_MOST, Scope, Test, Value};

/// Reads a free text in braces.
pub fn parse_json_words(scope: Scope, text: &str) -> Result<Expr, BadSearch> {
    let bad = |why: String| BadSearch::Other(format!("free text is no JSON object: {why}"));
    let json: Json = serde_json::from_str(text).map_err(|e| bad(e.to_string()))?;
    let Json::Object(members) = json else { return Err(bad("it is something else".to_owned())) };
    if members.len() > NODES_AT_MOST {
        return Err(BadSearch::Other(format!("a free text has at most {NODES_AT_MOST} members")));
    }
    let clauses = members.iter().map(|(name, value)| member(scope, name, value));
    clauses.collect::<Result<Vec<_>, _>>().map(Expr::All)
}

/// What no row has.
fn nothing(field: Field) -> Expr {
    Expr::Clause(field, Test::In(Vec::new()))
}

fn member(scope: Scope, name: &str, value: &Json) -> Result<Expr, BadSearch> {
    let Some(field) = scope.field(name) else {
        // a summary without the member does not contain it
        let any = match scope {
            Scope::Runs => Field::RunId,
            Scope::Tasks => Field::TaskId,
        };
        return Ok(nothing(any));
    };
    let clause = |value: Value| Expr::Clause(field, Test::In(vec![value]));
    Ok(match (field.kind(), value) {
        (Kind::Payload, Json::Object(_)) => Expr::Clause(field, Test::Contains(value.to_string())),
        (Kind::Payload, Json::String(_)) => {
            return Err(BadSearch::Other(format!(
                "{name} is compared as JSON: give an object, or search for its words"
            )));
        }
        (Kind::Text, Json::Array(items)) if field == Field::FailedNames => {
            let names = items.iter().filter_map(Json::as_str);
            Expr::All(names.map(|name| Expr::Clause(field, Test::Like(format!("%{name}%")))).collect())
        }
        (Kind::Text, Json::String(text)) => clause(Value::Text(text.clone())),
        (Kind::Int, Json::Number(n)) => match n.as_str().parse() {
            Ok(n) => clause(Value::Int(n)),
            Err(_) => nothing(field),
        },
        // summaries show instants as texts; here too a number of milliseconds is understood
        (Kind::Time, Json::Number(n)) => match n.as_str().parse() {
            Ok(ms) => clause(Value::Time(ms)),
            Err(_) => nothing(field),
        },
        _ => nothing(field),
    })
}

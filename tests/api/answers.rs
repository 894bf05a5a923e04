//! Every operation answers as the document says, on a running server.

use serde_json::Value;

use crate::document::{Document, Operation};
use crate::examples::{Example, Examples, FILE, Ids, Request};
use crate::world::World;

/// Set, the examples of answers in `openapi/examples.json` are written anew from what the server says.
const UPDATE: &str = "PODIUM_EXAMPLES_UPDATE";

#[test]
fn every_operation_answers_as_documented() -> anyhow::Result<()> {
    let document = Document::committed()?;
    let mut examples = Examples::read()?;
    let mut world = World::new("answers")?;
    let mut faults = Vec::new();
    for operation in document.operations() {
        let Some(example) = examples.0.get_mut(operation.id) else { continue };
        match answered(&document, &mut world, &operation, example) {
            Ok(answer) => example.answer = answer,
            Err(error) => {
                faults.push(format!("{} {} ({}): {error:#}", operation.method, operation.path, operation.id))
            }
        }
    }
    if std::env::var_os(UPDATE).is_some() {
        std::fs::write(FILE, format!("{}\n", serde_json::to_string_pretty(&examples.0)?))?;
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
    Ok(())
}

fn answered(
    document: &Document,
    world: &mut World,
    operation: &Operation<'_>,
    example: &Example,
) -> anyhow::Result<Option<Value>> {
    let ids = world.given(example.given.as_deref())?;
    let request = Request::of(operation, example, &ids)?;
    let answer = world.call(&request)?;
    let wanted = example.refused.map_or(200..300, |status| status..status + 1);
    anyhow::ensure!(wanted.contains(&answer.status), "answered {}: {}", answer.status, answer.text());
    let described = &operation.body["responses"][answer.status.to_string()];
    anyhow::ensure!(!described.is_null(), "its status {} is not documented", answer.status);
    let kind = answer.header("content-type").unwrap_or_default().split(';').next().unwrap_or_default();
    let Some((documented, content)) = operation.answer(answer.status) else {
        anyhow::ensure!(answer.body.is_empty(), "a body that is not documented: {}", answer.text());
        return Ok(None);
    };
    anyhow::ensure!(kind == documented, "answers {kind:?}, documented is {documented:?}");
    if example.refused.is_some() {
        return Ok(None);
    }
    let value = if kind == "application/json" { answer.json()? } else { Value::String(answer.text()) };
    if kind == "application/json" {
        let faults: Vec<_> = document
            .validator(&content["schema"])?
            .iter_errors(&value)
            .map(|e| format!("{}: {e}", e.instance_path()))
            .collect();
        anyhow::ensure!(faults.is_empty(), "not as documented: {}", faults.join("; "));
    }
    Ok(Some(tokens(value, &ids)))
}

/// The answer with tokens for what differs from run to run, and no more than two of a list.
fn tokens(value: Value, ids: &Ids) -> Value {
    match value {
        Value::String(text) => Value::String(
            ids.iter().fold(text, |text, (token, id)| text.replace(id.as_str(), &format!("${token}"))),
        ),
        Value::Array(items) => items.into_iter().take(2).map(|item| tokens(item, ids)).collect(),
        Value::Object(members) => {
            members.into_iter().map(|(name, value)| (name, tokens(value, ids))).collect()
        }
        other => other,
    }
}

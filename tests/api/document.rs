//! `openapi/podium.json` is a valid OpenAPI 3.1 document, and one that people and generators can use.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::examples::Examples;

/// The schema that the OpenAPI Initiative publishes for 3.1 documents (Apache-2.0).
const SCHEMA: &str = include_str!("openapi-3.1.schema.json");
const DOCUMENT: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../openapi/podium.json"));

/// The committed document, which a test of `api` holds against the handlers.
pub(crate) struct Document(pub(crate) Value);

/// One operation of it.
pub(crate) struct Operation<'d> {
    pub(crate) id: &'d str,
    pub(crate) method: String,
    pub(crate) path: &'d str,
    pub(crate) body: &'d Value,
}

impl Document {
    pub(crate) fn committed() -> anyhow::Result<Document> {
        Ok(Document(serde_json::from_str(DOCUMENT)?))
    }

    pub(crate) fn operations(&self) -> Vec<Operation<'_>> {
        let mut found = Vec::new();
        for (path, item) in self.0["paths"].as_object().into_iter().flatten() {
            for (method, body) in item.as_object().into_iter().flatten() {
                let id = body["operationId"].as_str().unwrap_or_default();
                found.push(Operation { id, method: method.to_uppercase(), path, body });
            }
        }
        found
    }

    /// What a `$ref` points at, or the value itself.
    pub(crate) fn resolved<'d>(&'d self, value: &'d Value) -> &'d Value {
        match value["$ref"].as_str() {
            Some(reference) => self.0.pointer(reference.trim_start_matches('#')).unwrap_or(value),
            None => value,
        }
    }

    /// A validator of values against a schema of the document.
    pub(crate) fn validator(&self, schema: &Value) -> anyhow::Result<jsonschema::Validator> {
        let mut whole = schema.as_object().cloned().unwrap_or_default();
        whole.insert("components".to_owned(), self.0["components"].clone());
        jsonschema::draft202012::new(&Value::Object(whole)).map_err(|e| anyhow::anyhow!("{e}"))
    }
}

impl<'d> Operation<'d> {
    pub(crate) fn parameters(&self, place: &str) -> Vec<&'d Value> {
        let all = self.body["parameters"].as_array().into_iter().flatten();
        all.filter(|p| p["in"] == place).collect()
    }

    /// Media type and description of what a status answers with; `None` for an empty body.
    pub(crate) fn answer(&self, status: u16) -> Option<(&'d str, &'d Value)> {
        let content = self.body["responses"][status.to_string()]["content"].as_object()?;
        content.iter().next().map(|(kind, described)| (kind.as_str(), described))
    }
}

#[test]
fn document_is_valid_openapi() -> anyhow::Result<()> {
    let schema: Value = serde_json::from_str(SCHEMA)?;
    let validator = jsonschema::draft202012::new(&schema)?;
    let document = Document::committed()?;
    let faults: Vec<_> =
        validator.iter_errors(&document.0).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    Ok(())
}

#[test]
fn document_serves_people_and_generators() -> anyhow::Result<()> {
    let document = Document::committed()?;
    let examples = Examples::read()?;
    let tags: BTreeSet<_> =
        document.0["tags"].as_array().into_iter().flatten().filter_map(|t| t["name"].as_str()).collect();
    let mut faults = Vec::new();
    let mut ids: BTreeMap<&str, &str> = BTreeMap::new();
    for operation in document.operations() {
        let mut fault = |what: &str| faults.push(format!("{} {}: {what}", operation.method, operation.path));
        if operation.id.is_empty() {
            fault("no operation id");
        }
        if ids.insert(operation.id, operation.path).is_some() {
            fault("an operation id that another one has");
        }
        if operation.body["summary"].as_str().is_none_or(str::is_empty) {
            fault("no summary");
        }
        match operation.body["tags"].as_array().map(Vec::as_slice) {
            Some([tag]) if tag.as_str().is_some_and(|t| tags.contains(t)) => {}
            _ => fault("not exactly one tag that the document describes"),
        }
        let named: BTreeSet<_> =
            operation.parameters("path").iter().filter_map(|p| p["name"].as_str()).collect();
        let meant: BTreeSet<_> = operation.path.split('/').filter_map(variable).collect();
        if named != meant {
            fault(&format!("its path has {meant:?}, its parameters {named:?}"));
        }
        let statuses: Vec<_> = operation.body["responses"].as_object().into_iter().flatten().collect();
        let refused = examples.of(operation.id).is_some_and(|e| e.refused.is_some());
        if !refused && !statuses.iter().any(|(status, _)| status.starts_with('2')) {
            fault("no success");
        }
        for (status, response) in statuses {
            if response["description"].as_str().is_none_or(str::is_empty) {
                fault(&format!("{status} is not described"));
            }
            // probes answer in a form of their own, whatever they find
            let probe = operation.body["tags"][0] == "health";
            let failed = !probe && (status.starts_with('4') || status.starts_with('5'));
            let error = &response["content"]["application/json"]["schema"]["$ref"];
            if failed && error != "#/components/schemas/ErrorResponse" {
                fault(&format!("{status} does not answer an ErrorResponse"));
            }
        }
    }
    for (name, schema) in document.0["components"]["schemas"].as_object().into_iter().flatten() {
        if schema["description"].as_str().is_none_or(str::is_empty) {
            faults.push(format!("schema {name} is not described"));
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
    Ok(())
}

#[test]
fn document_has_examples_that_fit_its_schemas() -> anyhow::Result<()> {
    let document = Document::committed()?;
    let examples = Examples::read()?;
    let mut faults = examples.strangers(&document);
    for operation in document.operations() {
        let Some(example) = examples.of(operation.id) else {
            faults.push(format!("{} has no example in openapi/examples.json", operation.id));
            continue;
        };
        let body = &operation.body["requestBody"]["content"]["application/json"];
        if !body.is_null() {
            match &example.body {
                None => faults.push(format!("{} has a body and no example of it", operation.id)),
                Some(value) => check(&document, body, value, operation.id, "body", &mut faults)?,
            }
        }
        let success = (200..300).find_map(|status| operation.answer(status));
        match (success, &example.answer) {
            (Some(("application/json", described)), Some(value)) => {
                check(&document, described, value, operation.id, "answer", &mut faults)?;
            }
            (Some(_), None) if example.refused.is_none() => {
                faults.push(format!("{} has no example of its answer", operation.id));
            }
            _ => {}
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
    Ok(())
}

fn check(
    document: &Document,
    described: &Value,
    value: &Value,
    id: &str,
    what: &str,
    faults: &mut Vec<String>,
) -> anyhow::Result<()> {
    let validator = document.validator(&described["schema"])?;
    faults.extend(validator.iter_errors(value).map(|e| format!("{id}: {what} {}: {e}", e.instance_path())));
    Ok(())
}

/// The variable that a segment of a path is.
pub(crate) fn variable(segment: &str) -> Option<&str> {
    segment.strip_prefix('{')?.strip_suffix('}')
}

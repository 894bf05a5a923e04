//! The built-in conversion of a service's XML to the JSON that its job reads (spec: pipeline §8).

use serde_json::{Map, Value, json};

use super::tree::{self, Element};
use super::{DpsError, Options, expression};

/// The elements that are services.
const SERVICES: [&str; 2] = ["emailHygiene", "nameParse"];

/// Converts a service's XML. Elements and attributes count by their local names, whatever their prefix.
///
/// ```text
/// {"execution_id", "metadata": {"environment": [{name, value}], "include": [uri], "typedef": [{name, record: [..]}]},
///  "service": {"type", "id", "input": {"uri", ..}, "output": {"uri", ..}, "report": {"uri", "record": [{delimiter}],
///              "assignment": [..]}, "assignment": [{name, from}], and its other elements under their own names}}
/// ```
///
/// # Errors
/// See [`DpsError`]: unsafe or oversized XML, or a document without the parts that every job reads, all of them named.
pub fn to_json(xml: &str, options: &Options) -> Result<Value, DpsError> {
    let root = tree::read(xml, options)?;
    if root.name != "dpservices" {
        return Err(DpsError::Missing {
            parts: vec![format!("the root element dpservices (it is {})", root.name)],
        });
    }
    let service = the_service(&root, options.execution_id.as_deref())?;
    let mut missing = Vec::new();
    let metadata = root.child("metadata");
    if metadata.is_none() {
        missing.push("metadata".to_owned());
    }
    for part in ["input", "output"] {
        if service.child(part).and_then(|element| element.attribute("uri")).is_none_or(str::is_empty) {
            missing.push(format!("{}.{part} with a uri", service.name));
        }
    }
    match metadata {
        Some(metadata) if missing.is_empty() => Ok(json!({
            "execution_id": service.attribute("id").unwrap_or_default(),
            "metadata": metadata_json(metadata),
            "service": service_json(service),
        })),
        _ => Err(DpsError::Missing { parts: missing }),
    }
}

fn the_service<'a>(root: &'a Element, wanted: Option<&str>) -> Result<&'a Element, DpsError> {
    let all: Vec<&Element> =
        root.children.iter().filter(|child| SERVICES.contains(&child.name.as_str())).collect();
    let ids =
        || all.iter().map(|service| service.attribute("id").unwrap_or(&service.name).to_owned()).collect();
    let missing = || DpsError::Missing { parts: vec![format!("a service ({})", SERVICES.join(" or "))] };
    match wanted {
        None if all.len() > 1 => Err(DpsError::SeveralServices { found: ids() }),
        None => all.first().copied().ok_or_else(missing),
        Some(_) if all.is_empty() => Err(missing()),
        Some(wanted) => {
            let found = all.iter().copied().find(|service| service.attribute("id") == Some(wanted));
            found.ok_or_else(|| DpsError::OtherService { wanted: wanted.to_owned(), found: ids() })
        }
    }
}

fn metadata_json(metadata: &Element) -> Value {
    let environment: Vec<Value> = metadata
        .all("environment")
        .map(|entry| {
            let value = entry.attribute("value").unwrap_or_else(|| entry.text.trim());
            json!({"name": entry.attribute("name").unwrap_or_default(), "value": value})
        })
        .collect();
    let include: Vec<Value> =
        metadata.all("include").filter_map(|i| i.attribute("uri")).map(Value::from).collect();
    let typedef: Vec<Value> = metadata
        .all("typedef")
        .map(|typedef| {
            let records = typedef.all("record").flat_map(|record| record.all("field"));
            json!({
                "name": typedef.attribute("name").unwrap_or_default(),
                "record": records.map(field_json).collect::<Vec<_>>(),
            })
        })
        .collect();
    json!({"environment": environment, "include": include, "typedef": typedef})
}

/// A field of a record: its own attributes, its type with that type's attributes, and its default.
fn field_json(field: &Element) -> Value {
    let mut found = attributes(field);
    for kind in field.children.iter().filter(|child| ["string", "decimal"].contains(&child.name.as_str())) {
        found.insert("type".into(), kind.name.clone().into());
        found.extend(attributes(kind));
    }
    let default =
        field.child("default").or_else(|| field.children.iter().find_map(|child| child.child("default")));
    if let Some(default) = default {
        let text = default.child("stringLiteral").map_or(&default.text, |literal| &literal.text);
        found.insert("default".into(), visible(text).into());
    }
    found.into()
}

fn service_json(service: &Element) -> Value {
    let mut found = Map::new();
    found.insert("type".into(), service.name.clone().into());
    found.insert("id".into(), service.attribute("id").unwrap_or_default().into());
    let mut assignment = service.child("assignment");
    for child in &service.children {
        let value = match child.name.as_str() {
            "assignment" | "report_assignment" => continue,
            "report" => report_json(child, service),
            "input" | "output" => {
                assignment = assignment.or_else(|| child.child("assignment"));
                attributes(child).into()
            }
            _ => part_json(child),
        };
        found.insert(child.name.clone(), value);
    }
    found.insert("assignment".into(), expression::assignments(assignment));
    found.into()
}

/// Any other part of a service: `{"from": expression}`, its attributes, or its text.
fn part_json(part: &Element) -> Value {
    let mut found = attributes(part);
    if let Some(from) = part.child("from") {
        found.insert("from".into(), expression::inside(from));
    }
    if found.is_empty() { visible(part.text.trim()).into() } else { found.into() }
}

/// The report with one entry for each delimiter, which is written as one sees it: a line feed as backslash-n.
fn report_json(report: &Element, service: &Element) -> Value {
    let mut found = attributes(report);
    let records = report.all("record").flat_map(|record| match record.child("field") {
        Some(_) => record.all("field").collect::<Vec<_>>(),
        None => vec![record],
    });
    let record = records.map(|entry| {
        let mut fields = Map::new();
        for (name, value) in &entry.attributes {
            let name = if name == "delim" { "delimiter" } else { name };
            fields.insert(name.to_owned(), visible(value).into());
        }
        Value::from(fields)
    });
    found.insert("record".into(), record.collect());
    let assignment = report
        .child("report_assignment")
        .or_else(|| report.child("assignment"))
        .or_else(|| service.child("report_assignment"));
    found.insert("assignment".into(), expression::assignments(assignment));
    found.into()
}

fn attributes(element: &Element) -> Map<String, Value> {
    element.attributes.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect()
}

/// Line feeds and tabs as their two-character names: configurations of jobs are read by people and line by line.
fn visible(text: &str) -> String {
    text.replace('\n', "\\n").replace('\t', "\\t")
}

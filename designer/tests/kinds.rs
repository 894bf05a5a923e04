//! The forms agree with what reads them.

use podium_designer::dps::{DEFAULT_NAMESPACE, Form, to_xml};
use podium_designer::{Options, convert_with_nodes, kinds, layouts};
use serde_json::{Map, Value, json};

fn described() -> Vec<Value> {
    kinds()["kinds"].as_array().expect("kinds").clone()
}

fn fields(kind: &Value) -> Vec<Value> {
    kind["fields"].as_array().expect("fields").clone()
}

/// A node whose form was filled in: every text says its own name.
fn filled(kind: &Value) -> Map<String, Value> {
    let value = |field: &Value| match field["type"].as_str().expect("a type") {
        "choice" => field["default"].clone(),
        "switch" => true.into(),
        "uri" => format!("s3://bucket/{}", field["name"].as_str().expect("a name")).into(),
        _ => field["name"].clone(),
    };
    fields(kind)
        .iter()
        .map(|field| (field["name"].as_str().expect("a name").to_owned(), value(field)))
        .collect()
}

#[test]
fn every_kind_of_the_converter_is_described_and_makes_what_it_says() {
    let kinds = described();
    let names: Vec<&str> = kinds.iter().filter_map(|kind| kind["type"].as_str()).collect();
    assert_eq!(names.len(), 10);
    for kind in &kinds {
        let own = json!({"id": "n", "type": kind["type"], "data": {}});
        let other = json!({"id": "z", "type": "task", "data": {"task": {"taskReferenceName": "z"}}});
        let made =
            convert_with_nodes(&json!({"nodes": [own, other]}), &Options::default()).expect("a good graph");
        assert_eq!(made.nodes["n"], kind["makes"], "{}", kind["type"]);
    }
    let error = convert_with_nodes(&json!({"nodes": [{"id": "n", "type": "x"}]}), &Options::default());
    let text = error.expect_err("an unknown kind").to_string();
    for name in names {
        assert!(text.contains(name), "{text}");
    }
}

#[test]
fn every_field_reaches_the_definition() {
    for kind in described() {
        let data = filled(&kind);
        for field in fields(&kind) {
            // what the XML is made of does not stand beside it
            let name = field["name"].as_str().expect("a name");
            if kind["dps"] == true && name != "dpserviceXml" && name != "serviceName" {
                continue;
            }
            let without = data.iter().filter(|(other, _)| *other != name);
            let without: Map<String, Value> =
                without.map(|(name, value)| (name.clone(), value.clone())).collect();
            let made = |data: &Map<String, Value>| {
                let node = json!({"id": "n", "type": kind["type"], "data": data});
                convert_with_nodes(&json!({"nodes": [node]}), &Options::default())
                    .expect("a good graph")
                    .definition
            };
            assert_ne!(made(&data), made(&without), "{name} of {}", kind["type"]);
        }
    }
}

#[test]
fn the_forms_of_the_jobs_become_xml() {
    for kind in described().iter().filter(|kind| kind["dps"] == true) {
        let name = kind["type"].as_str().expect("a type");
        let data = filled(kind);
        let form = Form::read(name, &data.clone().into(), "flow").expect("a whole form");
        let whole = to_xml(&form, DEFAULT_NAMESPACE);
        for field in fields(kind).iter().filter(|field| field["required"] == true) {
            let mut without = data.clone();
            without.remove(field["name"].as_str().expect("a name"));
            let violations = Form::read(name, &without.into(), "flow").expect_err("a field is missing");
            assert_eq!(violations.0[0].code, "missing");
        }
        // a default is what the form reads where nothing is said, and every option is one
        for field in fields(kind).iter().filter(|field| field["type"] == "choice") {
            let of = |value: Option<&Value>| {
                let mut data = data.clone();
                data.remove(field["name"].as_str().expect("a name"));
                data.extend(
                    value.map(|value| (field["name"].as_str().expect("a name").to_owned(), value.clone())),
                );
                to_xml(&Form::read(name, &data.into(), "flow").expect("a whole form"), DEFAULT_NAMESPACE)
            };
            assert_eq!(of(None), whole);
            for option in field["options"].as_array().expect("options") {
                assert_eq!(of(Some(&option["value"])) == whole, option["value"] == field["default"]);
            }
        }
    }
}

#[test]
fn layouts_have_their_fields() {
    let layouts = layouts();
    let layouts = layouts["layouts"].as_array().expect("layouts");
    let lengths: Vec<(&Value, &Value)> =
        layouts.iter().map(|layout| (&layout["input"]["length"], &layout["output"]["length"])).collect();
    assert_eq!(lengths, [(&json!(406), &json!(489)), (&json!(326), &json!(855))]);
    assert_eq!(
        layouts[0]["input"]["fields"][8],
        json!({"name": "EE_Email_Addr80", "width": 80, "type": "text"})
    );
}

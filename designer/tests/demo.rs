//! The demo's files agree with what makes them: definitions with their graphs, service XML with its form, and the
//! fixed-width samples with their generator. `PODIUM_DEMO_UPDATE=1` writes them anew.

// these files are the subject
#![allow(clippy::disallowed_methods)]

#[path = "demo/people.rs"]
mod people;

use std::path::{Path, PathBuf};

use podium_designer::dps::{self, DEFAULT_NAMESPACE, Form};
use podium_designer::layout::EMAIL_HYGIENE;
use podium_designer::{Options, convert};
use serde_json::Value;

fn demo(part: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../demo").join(part)
}

/// Compares a file with what it should hold, or writes it.
fn hold(path: &Path, text: &str) {
    if std::env::var_os("PODIUM_DEMO_UPDATE").is_some() {
        std::fs::write(path, text).expect("a writable file");
    }
    let found = std::fs::read_to_string(path).unwrap_or_default();
    assert!(found == text, "{} is not what makes it: run with PODIUM_DEMO_UPDATE=1", path.display());
}

fn pretty(value: &Value) -> String {
    format!("{}\n", serde_json::to_string_pretty(value).expect("JSON"))
}

#[test]
fn definitions_are_what_the_converter_makes_of_their_graphs() {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(demo("graphs")).expect("the graphs") {
        let path = entry.expect("an entry").path();
        let mut graph: Value =
            serde_json::from_str(&std::fs::read_to_string(&path).expect("a file")).expect("JSON");
        let name = graph["name"].as_str().expect("a name").to_owned();
        assert_eq!(path.file_stem().and_then(|s| s.to_str()), Some(name.as_str()));
        for node in graph["nodes"].as_array_mut().expect("nodes") {
            let kind = node["type"].as_str().expect("a kind").to_owned();
            if matches!(kind.as_str(), "dpEmailHygiene" | "nameParse") {
                let form = Form::read(&kind, &node["data"], &name).expect("a whole form");
                node["data"]["dpserviceXml"] = dps::to_xml(&form, DEFAULT_NAMESPACE).into();
            }
        }
        hold(&path, &pretty(&graph));
        let definition = convert(&graph, &Options::default()).expect("a good graph");
        hold(&demo("definitions").join(format!("{name}.json")), &pretty(&definition));
        names.push(name);
    }
    names.sort();
    assert_eq!(names, ["documented_pipeline", "email_pipeline", "name_parse_pipeline", "parallel_pipeline"]);
}

#[test]
fn every_configuration_in_a_definition_can_be_converted() {
    let text = std::fs::read_to_string(demo("definitions/documented_pipeline.json")).expect("a file");
    let definition: Value = serde_json::from_str(&text).expect("JSON");
    let tasks = definition["tasks"].as_array().expect("tasks");
    let configurations = tasks
        .iter()
        .filter_map(|task| task["inputParameters"]["kafka_request"]["value"]["data"]["dp_config"].as_str());
    let ids: Vec<Value> = configurations
        .map(|xml| {
            dps::to_json(&dps::unescape(xml), &dps::Options::default()).expect("our own XML")["execution_id"]
                .clone()
        })
        .collect();
    assert_eq!(ids, ["WBEmailHygiene", "WBNameParse"]);
}

#[test]
fn samples_are_what_the_generator_makes() {
    for (name, rows) in [("first_10_entries.in", 10), ("customers_1000.in", 1_000)] {
        let text = String::from_utf8(people::file(rows)).expect("ASCII");
        assert!(text.is_ascii());
        for line in text.lines() {
            EMAIL_HYGIENE.input.read(line.as_bytes()).expect("a line of its layout");
        }
        hold(&demo("data").join(name), &text);
    }
}

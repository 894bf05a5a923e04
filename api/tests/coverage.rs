//! `openapi/coverage.toml` says what Podium makes of each operation of Conductor. It is held against the router here, and
//! the table of `docs/compatibility.md` is made from it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde::Deserialize;

const COVERAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../openapi/coverage.toml");
const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/compatibility.md");
const BEGIN: &str = "<!-- operations: made from openapi/coverage.toml -->\n";
const END: &str = "<!-- end of operations -->\n";

#[derive(Deserialize)]
struct Coverage {
    group: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    title: String,
    operations: Vec<Operation>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Operation {
    call: String,
    id: String,
    state: State,
    why: Option<String>,
}

#[derive(Deserialize, PartialEq, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum State {
    Same,
    Superset,
    Deviation,
    Absent,
    Own,
}

impl State {
    fn word(self) -> &'static str {
        match self {
            State::Same => "same",
            State::Superset => "superset",
            State::Deviation => "deviation",
            State::Absent => "absent",
            State::Own => "Podium only",
        }
    }
}

fn coverage() -> Coverage {
    let text = std::fs::read_to_string(COVERAGE).expect("openapi/coverage.toml is readable");
    toml::from_str(&text).expect("openapi/coverage.toml has the form that its head describes")
}

/// Call → operation id, of everything that the router answers.
fn routed() -> BTreeMap<String, String> {
    let document: serde_json::Value = serde_json::from_str(&podium_api::openapi_json()).expect("JSON");
    let mut calls = BTreeMap::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("an object") {
            if ["get", "put", "post", "delete", "patch"].contains(&method.as_str()) {
                let id = operation["operationId"].as_str().unwrap_or_default().to_owned();
                calls.insert(format!("{} {path}", method.to_uppercase()), id);
            }
        }
    }
    calls
}

/// A path says the same whatever its variables are called.
fn shape(call: &str) -> String {
    call.split('/').map(|s| if s.starts_with('{') { "{}" } else { s }).collect::<Vec<_>>().join("/")
}

#[test]
fn coverage_and_router_agree_operation_by_operation() {
    let routed: BTreeMap<String, (String, String)> =
        routed().into_iter().map(|(call, id)| (shape(&call), (call, id))).collect();
    let coverage = coverage();
    let listed: Vec<&Operation> = coverage.group.iter().flat_map(|g| &g.operations).collect();
    let mut faults = Vec::new();
    let mut seen = BTreeSet::new();
    for operation in &listed {
        let key = shape(&operation.call);
        if !seen.insert(key.clone()) {
            faults.push(format!("{} is listed twice", operation.call));
        }
        if operation.why.is_none() && operation.state != State::Same && operation.state != State::Own {
            faults.push(format!("{} does not say why it is not the same", operation.call));
        }
        match (routed.get(&key), operation.state) {
            (None, State::Absent) => {}
            (None, _) => faults.push(format!("{} is listed and not routed", operation.call)),
            (Some(_), State::Absent) => {
                faults.push(format!("{} is listed as absent and routed", operation.call))
            }
            (Some((_, id)), _) if *id != operation.id => {
                faults.push(format!("{}: operation id {id}, listed as {}", operation.call, operation.id))
            }
            (Some(_), _) => {}
        }
    }
    for (key, (call, _)) in &routed {
        if !seen.contains(key) {
            faults.push(format!("{call} is routed and not listed in openapi/coverage.toml"));
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn coverage_ids_are_unique() {
    let mut ids: Vec<_> = coverage().group.into_iter().flat_map(|g| g.operations).map(|o| o.id).collect();
    ids.sort();
    let twice: Vec<_> = ids.windows(2).filter(|w| w[0] == w[1]).map(|w| w[0].clone()).collect();
    assert!(twice.is_empty(), "{twice:?}");
}

#[test]
fn coverage_is_what_the_compatibility_page_shows() {
    let page = std::fs::read_to_string(PAGE).expect("docs/compatibility.md is readable");
    let (before, rest) = page.split_once(BEGIN).expect("the page has the mark where the table begins");
    let (_, after) = rest.split_once(END).expect("the page has the mark where the table ends");
    let made = format!("{before}{BEGIN}{}{END}{after}", table(&coverage()));
    if made != page {
        let fresh = concat!(env!("CARGO_TARGET_TMPDIR"), "/compatibility.md");
        std::fs::write(fresh, made).expect("the build folder takes files");
        panic!("the table in docs/compatibility.md is out of date; the page as it should be is in {fresh}");
    }
}

fn table(coverage: &Coverage) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for operation in coverage.group.iter().flat_map(|g| &g.operations) {
        *counts.entry(operation.state.word()).or_default() += 1;
    }
    let counts: Vec<_> = counts.iter().map(|(word, count)| format!("{count} {word}")).collect();
    let mut text = format!("\n{}.\n", counts.join(", "));
    for group in &coverage.group {
        write!(text, "\n### {}\n\n| call | operation id | state |\n| --- | --- | --- |\n", group.title)
            .expect("a text takes everything");
        for operation in &group.operations {
            let why = operation.why.as_deref().map(|w| format!(": {w}")).unwrap_or_default();
            writeln!(text, "| `{}` | `{}` | {}{why} |", operation.call, operation.id, operation.state.word())
                .expect("a text takes everything");
        }
    }
    text.push('\n');
    text
}

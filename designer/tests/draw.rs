//! The way back: definitions as graphs, alone and beside a graph that was drawn before.

// these files are the subject
#![allow(clippy::disallowed_methods)]

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use podium_core::def::parse_workflow;
use podium_designer::{Options, Violations, convert, draw};
use serde_json::{Map, Value, json};

fn repository(part: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(part)
}

fn read(path: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).expect("a file")).expect("JSON")
}

fn drawn(definition: &Value) -> Value {
    draw(definition, None).expect("a definition that can be drawn")
}

fn back(graph: &Value) -> Result<Value, Violations> {
    convert(graph, &Options::default())
}

/// What is not kept: members of the definition that are null, and a null `joinOn` behind a fork.
fn normalised(definition: &Value) -> Value {
    fn tasks(list: &mut Value) {
        let mut follows_fork = false;
        for task in list.as_array_mut().into_iter().flatten() {
            let kind = task["type"].as_str().unwrap_or_default().to_owned();
            if follows_fork && kind == "JOIN" && task.get("joinOn").is_some_and(Value::is_null) {
                task.as_object_mut().expect("a task").remove("joinOn");
            }
            follows_fork = kind == "FORK_JOIN";
            let bodies: Vec<&mut Value> = match kind.as_str() {
                "SWITCH" | "DECISION" => {
                    let members = task.as_object_mut().expect("a task");
                    let all = members
                        .iter_mut()
                        .filter(|(name, _)| *name == "decisionCases" || *name == "defaultCase");
                    all.flat_map(|(name, value)| match (name.as_str(), value) {
                        ("decisionCases", Value::Object(cases)) => cases.values_mut().collect(),
                        (_, value) => vec![value],
                    })
                    .collect()
                }
                "FORK_JOIN" => {
                    let branches = task.get_mut("forkTasks").and_then(Value::as_array_mut);
                    branches.into_iter().flatten().collect()
                }
                "DO_WHILE" => task.get_mut("loopOver").into_iter().collect(),
                _ => Vec::new(),
            };
            bodies.into_iter().for_each(tasks);
        }
    }
    let mut normalised = definition.clone();
    tasks(&mut normalised["tasks"]);
    normalised.as_object_mut().expect("a definition").retain(|_, value| !value.is_null());
    normalised
}

#[test]
fn the_demos_definitions_come_back() {
    let mut count = 0;
    for entry in std::fs::read_dir(repository("demo/definitions")).expect("the definitions") {
        let definition = read(&entry.expect("an entry").path());
        let graph = drawn(&definition);
        assert_eq!(back(&graph).expect("a good graph"), definition);
        assert!(graph["nodes"].as_array().expect("nodes").iter().all(|node| node["type"] == "task"));
        count += 1;
    }
    assert_eq!(count, 4);
}

/// Every definition in the recorded scenarios.
fn recorded() -> Vec<Value> {
    fn find(value: &Value, found: &mut Vec<Value>) {
        match value {
            Value::Object(members) => {
                if members.contains_key("name") && value["tasks"].is_array() && value["tasks"][0].is_object()
                {
                    found.push(value.clone());
                }
                members.values().for_each(|value| find(value, found));
            }
            Value::Array(list) => list.iter().for_each(|value| find(value, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    for area in std::fs::read_dir(repository("tests/conformance/scenarios")).expect("the scenarios") {
        for entry in std::fs::read_dir(area.expect("an entry").path()).expect("an area") {
            find(&read(&entry.expect("an entry").path()), &mut found);
        }
    }
    found
}

#[test]
fn recorded_definitions_come_back() {
    let (mut count, mut refused) = (0, Vec::new());
    for definition in recorded().iter().filter(|definition| parse_workflow(definition).is_ok()) {
        count += 1;
        let graph = drawn(definition);
        match back(&graph) {
            Ok(again) => {
                let expected = normalised(definition);
                let tasks = |value: &Value| value["tasks"].to_string();
                assert_eq!(tasks(&again), tasks(&expected), "to the order of members");
                assert_eq!(again, expected);
            }
            Err(violations) => refused.extend(violations.0.into_iter().map(|violation| violation.code)),
        }
    }
    assert!(count > 900, "only {count} definitions were found");
    // what no engine runs is drawn all the same, and converted it is refused with the reason
    let refused: HashSet<&str> = refused.into_iter().collect();
    assert_eq!(refused, HashSet::from(["fork_without_join", "duplicate_reference", "no_reference"]));
}

#[test]
fn a_drawing_has_places_ids_and_parents() {
    let definition = json!({"name": "d", "version": 3, "tasks": [
        {"name": "s", "taskReferenceName": "s", "type": "SWITCH", "decisionCases": {"x": [{"name": "a", "taskReferenceName": "a"}], "y": []}},
        {"name": "l", "taskReferenceName": "l", "type": "DO_WHILE", "loopOver": [
            {"name": "b", "taskReferenceName": "b"}, {"name": "c", "taskReferenceName": "c"}]},
        {"name": "a", "taskReferenceName": "a"}, {"name": "e"}]});
    let graph = drawn(&definition);
    let nodes: Vec<(&str, &str)> = graph["nodes"]
        .as_array()
        .expect("nodes")
        .iter()
        .map(|node| (node["id"].as_str().expect("an id"), node["parentId"].as_str().unwrap_or("-")))
        .collect();
    assert_eq!(
        nodes,
        [("s", "-"), ("a", "-"), ("l", "-"), ("b", "l"), ("c", "l"), ("a~2", "-"), ("task", "-")]
    );
    let edges: Vec<&str> =
        graph["edges"].as_array().expect("edges").iter().filter_map(|e| e["id"].as_str()).collect();
    assert_eq!(edges, ["s:x->a", "a->l", "s:y->l", "s:default->l", "b->c", "l->a~2", "a~2->task"]);
    let places: HashSet<String> = graph["nodes"]
        .as_array()
        .expect("nodes")
        .iter()
        .map(|n| format!("{}{}", n["parentId"], n["position"]))
        .collect();
    assert_eq!(places.len(), 7, "no two nodes in one place");
    assert_eq!(graph["version"], 3);
    assert_eq!(graph, drawn(&definition), "the same definition, the same graph");
}

#[test]
fn what_is_no_definition_is_refused() {
    for (definition, code) in [
        (json!(5), "definition_shape"),
        (json!({"tasks": {}}), "definition_shape"),
        (json!({"tasks": [5]}), "definition_shape"),
        (json!({"tasks": [{"type": "SWITCH", "decisionCases": []}]}), "definition_shape"),
        (json!({"tasks": [{"type": "SWITCH", "decisionCases": {"a": {}}}]}), "definition_shape"),
        (json!({"tasks": [{"type": "FORK_JOIN", "forkTasks": [5]}]}), "definition_shape"),
        (json!({"tasks": [{"type": "DO_WHILE", "loopOver": [[]]}]}), "definition_shape"),
        (json!({"tasks": vec![json!({}); 5001]}), "too_many_tasks"),
    ] {
        let violations = draw(&definition, None).expect_err("refused");
        assert_eq!(violations.0[0].code, code, "{definition}");
    }
    assert_eq!(drawn(&json!({}))["nodes"], json!([]));
    assert_eq!(back(&drawn(&json!({}))).expect_err("no tasks").0[0].code, "no_tasks");
}

#[test]
fn members_of_the_definition_come_back_and_the_graphs_own_can_be_changed() {
    let definition = json!({"version": 0, "tasks": [{"name": "a", "taskReferenceName": "a"}], "description": "",
        "timeoutPolicy": "TIME_OUT_WF", "inputTemplate": {"a": null}, "mine": [1], "failureWorkflow": null});
    let mut graph = drawn(&definition);
    assert_eq!(back(&graph).expect("good"), normalised(&definition));
    graph["name"] = "new".into();
    graph["version"] = 4.into();
    let changed = back(&graph).expect("good");
    assert_eq!((&changed["name"], &changed["version"]), (&json!("new"), &json!(4)));
}

fn demo_graph(name: &str) -> Value {
    read(&repository(&format!("demo/graphs/{name}.json")))
}

fn kinds(graph: &Value) -> Vec<String> {
    let nodes = graph["nodes"].as_array().expect("nodes").iter();
    nodes.map(|node| node["type"].as_str().unwrap_or_default().to_owned()).collect()
}

#[test]
fn what_was_not_changed_stays_as_it_was_drawn() {
    for name in ["documented_pipeline", "email_pipeline", "name_parse_pipeline", "parallel_pipeline"] {
        let graph = demo_graph(name);
        let definition = back(&graph).expect("a good graph");
        let again = draw(&definition, Some(&graph)).expect("drawn");
        assert_eq!(again["nodes"], graph["nodes"], "{name}");
        assert_eq!(again["edges"], graph["edges"], "{name}");
        assert_eq!(back(&again).expect("a good graph"), definition);
    }
}

#[test]
fn a_task_that_is_edited_leaves_the_other_nodes() {
    let graph = demo_graph("parallel_pipeline");
    let mut definition = back(&graph).expect("a good graph");
    let at = definition["tasks"].as_array().expect("tasks").len() - 1;
    definition["tasks"][at]["optional"] = true.into();
    definition["timeoutSeconds"] = 60.into();
    let again = draw(&definition, Some(&graph)).expect("drawn");
    assert_eq!(back(&again).expect("a good graph"), definition);
    let plain = kinds(&again).iter().filter(|kind| *kind == "task").count();
    assert_eq!(plain, 1, "{:?}", kinds(&again));
    let (before, after) =
        (graph["nodes"].as_array().expect("nodes"), again["nodes"].as_array().expect("nodes"));
    assert_eq!(before.iter().filter(|node| after.contains(node)).count(), before.len() - 1);

    // and the edit taken back, on what is left
    definition["tasks"][at].as_object_mut().expect("a task").remove("optional");
    let third = draw(&definition, Some(&again)).expect("drawn");
    assert_eq!(back(&third).expect("a good graph"), definition);
}

#[test]
fn a_task_that_is_put_between_leaves_the_pipelines_nodes() {
    for name in ["email_pipeline", "parallel_pipeline", "name_parse_pipeline", "documented_pipeline"] {
        let graph = demo_graph(name);
        let mut definition = back(&graph).expect("a good graph");
        let tasks = definition["tasks"].as_array_mut().expect("tasks");
        tasks.insert(
            2,
            json!({"name": "look", "taskReferenceName": "look", "type": "HTTP", "inputParameters": {}}),
        );
        let again = draw(&definition, Some(&graph)).expect("drawn");
        assert_eq!(back(&again).expect("a good graph"), definition, "{name}");
        let services = |graph: &Value| {
            let mut kinds = kinds(graph);
            kinds.retain(|kind| !["task", "eventWait", "finalizePipeline"].contains(&kind.as_str()));
            kinds.sort();
            kinds
        };
        assert_eq!(services(&again), services(&graph), "{name}");
    }
}

#[test]
fn plain_nodes_keep_their_ids_places_and_own_data() {
    let definition = json!({"name": "d", "tasks": [
        {"name": "a", "taskReferenceName": "a"}, {"name": "b", "taskReferenceName": "b", "type": "HTTP"}]});
    let mut graph = drawn(&definition);
    for (at, id) in ["n-1", "n-2"].into_iter().enumerate() {
        graph["nodes"][at]["id"] = id.into();
        graph["nodes"][at]["position"] = json!({"x": 7, "y": at});
        graph["nodes"][at]["data"]["note"] = "mine".into();
    }
    graph["edges"] = json!([{"id": "e", "source": "n-1", "target": "n-2", "animated": true}]);
    let mut changed = definition.clone();
    changed["tasks"][1]["type"] = "WAIT".into();
    let patched = draw(&changed, Some(&graph)).expect("drawn");
    assert_eq!((&patched["nodes"][0], &patched["edges"]), (&graph["nodes"][0], &graph["edges"]));
    assert_eq!(patched["nodes"][1]["data"]["task"]["type"], "WAIT");
    changed["tasks"].as_array_mut().expect("tasks").push(json!({"name": "c", "taskReferenceName": "c"}));
    let longer = draw(&changed, Some(&graph)).expect("drawn");
    assert_eq!((&longer["nodes"][0], &longer["edges"][0]), (&graph["nodes"][0], &graph["edges"][0]));
    assert_eq!(longer["nodes"][1]["data"]["note"], "mine");
    assert_eq!(back(&longer).expect("good")["tasks"], changed["tasks"]);
}

#[test]
fn a_previous_graph_that_is_none_is_no_hindrance() {
    let definition = json!({"name": "d", "tasks": [{"name": "a", "taskReferenceName": "a"}]});
    for previous in
        [json!(5), json!({}), json!({"nodes": 5}), json!({"nodes": [{"id": "a"}, 5], "edges": [{}]})]
    {
        let graph = draw(&definition, Some(&previous)).expect("drawn");
        let members: Map<String, Value> = back(&graph).expect("good").as_object().expect("members").clone();
        assert_eq!(members["tasks"], definition["tasks"]);
    }
}

//! What holds for every graph.

use std::collections::{HashMap, HashSet};

use podium_core::def::{parse_workflow, validate};
use podium_designer::{Options, convert};
use proptest::prelude::*;
use serde_json::{Value, json};

const KINDS: [&str; 10] = [
    "emailValidation",
    "phoneValidation",
    "enrichment",
    "dpEmailHygiene",
    "nameParse",
    "airflowTrigger",
    "reverseEmail",
    "finalizePipeline",
    "waitForResult",
    "eventWait",
];

/// A graph without cycles: edges lead from earlier nodes to later ones, and the nodes are then listed in any order.
fn graphs() -> impl Strategy<Value = Value> {
    let nodes = prop::collection::vec((0..KINDS.len(), -500_i32..500, -500_i32..500, 0_u8..4), 1..24);
    let edges = prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 0..40);
    (nodes, edges, any::<prop::sample::Index>()).prop_map(|(nodes, edges, turn)| {
        let count = nodes.len();
        let mut list: Vec<Value> = nodes
            .iter()
            .enumerate()
            .map(|(at, (kind, x, y, name))| {
                // few names, so that nodes of different kinds want the same one
                let data = match name {
                    0 => json!({"serviceName": "enrichment", "taskName": "email_validation"}),
                    1 => json!({"serviceName": "Fork 1", "taskName": "pipeline"}),
                    _ => json!({}),
                };
                json!({"id": format!("n{at}"), "type": KINDS[*kind], "position": {"x": x, "y": y}, "data": data})
            })
            .collect();
        list.rotate_left(turn.index(count));
        let pairs = edges.iter().map(|(a, b)| (a.index(count), b.index(count))).filter(|(a, b)| a != b);
        let edges: Vec<Value> = pairs
            .map(|(a, b)| json!({"source": format!("n{}", a.min(b)), "target": format!("n{}", a.max(b))}))
            .collect();
        json!({"name": "random", "nodes": list, "edges": edges})
    })
}

/// Every task with when it begins and ends, counted in steps: branches of a fork begin together.
fn walk(tasks: &[Value], begin: usize, found: &mut Vec<(String, usize, usize)>) -> usize {
    let mut now = begin;
    for task in tasks {
        let reference = task["taskReferenceName"].as_str().expect("a reference").to_owned();
        let start = now;
        now += 1;
        if let Some(branches) = task["forkTasks"].as_array() {
            let branches = branches.iter().map(|b| b.as_array().expect("a branch"));
            now = branches.map(|branch| walk(branch, start + 1, found)).max().expect("branches");
        }
        found.push((reference, start, now));
    }
    now
}

/// Publishing or only task of a node in a definition: both of its data and its kind's words.
fn makes_tasks(kind: &str) -> bool {
    kind != "eventWait"
}

fn waits(kind: &str) -> bool {
    !["finalizePipeline", "waitForResult", "eventWait"].contains(&kind)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn every_graph_without_cycles_becomes_a_definition_that_registers(graph in graphs(), forks in any::<bool>()) {
        let has_tasks = graph["nodes"].as_array().expect("nodes").iter().any(|n| n["type"] != "eventWait");
        let options = Options { forks, ..Options::default() };
        let result = convert(&graph, &options);
        prop_assert_eq!(result.is_ok(), has_tasks);
        let Ok(definition) = result else { return Ok(()) };
        prop_assert_eq!(&convert(&graph, &options).expect("again"), &definition, "the same graph, the same definition");

        let parsed = parse_workflow(&definition).map_err(TestCaseError::fail)?;
        let found = validate::workflow(&parsed, &definition, &|_| None, &|_| None);
        prop_assert!(found.is_empty(), "{found:?}");

        let mut tasks = Vec::new();
        walk(definition["tasks"].as_array().expect("tasks"), 0, &mut tasks);
        let references: HashSet<&String> = tasks.iter().map(|(reference, ..)| reference).collect();
        prop_assert_eq!(references.len(), tasks.len(), "references are unique");
        let expected: usize = graph["nodes"].as_array().expect("nodes").iter().map(|node| {
            let kind = node["type"].as_str().expect("a kind");
            usize::from(makes_tasks(kind)) + usize::from(waits(kind))
        }).sum();
        let forked = tasks.iter().filter(|(r, ..)| definition.to_string().contains(&format!("\"name\":\"{r}\",\"taskReferenceName\":\"{r}\",\"type\":\"FORK_JOIN\""))).count();
        prop_assert_eq!(tasks.len(), expected + 2 * forked, "each node exactly once");
        prop_assert!(forks || forked == 0);
        // every output parameter names a task that there is
        for (_, source) in definition["outputParameters"].as_object().expect("parameters") {
            if let Some(reference) = source.as_str().and_then(|s| s.strip_prefix("${")?.strip_suffix(".output}")) {
                prop_assert!(references.iter().any(|r| *r == reference), "{reference} is no task");
            }
        }
    }

    #[test]
    fn tasks_run_in_the_order_of_the_edges(graph in graphs(), forks in any::<bool>()) {
        // one kind with names of their own, so that tasks and nodes can be matched
        let mut graph = graph;
        for node in graph["nodes"].as_array_mut().expect("nodes") {
            let id = node["id"].clone();
            if node["type"] != "eventWait" {
                node["type"] = "enrichment".into();
            }
            node["data"] = json!({"serviceName": id});
        }
        let Ok(definition) = convert(&graph, &Options { forks, ..Options::default() }) else { return Ok(()) };
        let mut tasks = Vec::new();
        walk(definition["tasks"].as_array().expect("tasks"), 0, &mut tasks);
        let times: HashMap<&str, (usize, usize)> =
            tasks.iter().map(|(reference, begin, end)| (reference.as_str(), (*begin, *end))).collect();
        for edge in graph["edges"].as_array().expect("edges") {
            let (source, target) = (edge["source"].as_str().expect("text"), edge["target"].as_str().expect("text"));
            let wait = format!("wait_for_{source}_completion");
            if let (Some((_, ended)), Some((begun, _))) = (times.get(wait.as_str()), times.get(target)) {
                prop_assert!(ended <= begun, "{target} begins before {source} has ended: {}", definition["tasks"]);
            }
        }
    }

    #[test]
    fn nothing_makes_the_converter_panic(graph in any_json()) {
        drop(convert(&graph, &Options::default()));
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-zA-Z ]{0,8}".prop_map(Value::from),
        Just(Value::from("enrichment")),
        Just(Value::from("n")),
    ];
    let member = prop_oneof![
        Just("nodes".to_owned()),
        Just("edges".to_owned()),
        Just("id".to_owned()),
        Just("type".to_owned()),
        Just("data".to_owned()),
        Just("source".to_owned()),
        Just("target".to_owned()),
    ];
    leaf.prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::hash_map(member.clone(), inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

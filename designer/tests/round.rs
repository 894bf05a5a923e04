//! There and back, for any definition and any graph.

use podium_designer::{Options, convert, convert_with_nodes, draw};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// A list of tasks without references; `depth` bodies may lie in each other.
fn bodies(depth: u32) -> BoxedStrategy<Vec<Value>> {
    prop::collection::vec(prop::collection::vec(task(depth), 1..3), 0..3)
        .prop_map(|parts| parts.concat().concat())
        .boxed()
}

/// One task, or those that belong together.
fn task(depth: u32) -> BoxedStrategy<Vec<Value>> {
    let plain = (0..TYPES.len(), members()).prop_map(|(kind, mut members)| {
        if !TYPES[kind].is_empty() {
            members.insert("type".to_owned(), TYPES[kind].into());
        }
        vec![Value::Object(members)]
    });
    if depth == 0 {
        return plain.boxed();
    }
    let with = |kind: &'static str, name: &'static str| {
        move |(mut members, body): (Map<String, Value>, Value)| {
            members.insert("type".to_owned(), kind.into());
            // the members that follow show whether the body's place is kept
            if !body.is_null() {
                members.insert(name.to_owned(), body);
            }
            members.insert("last".to_owned(), 1.into());
            members
        }
    };
    let some = move || bodies(depth - 1).prop_map(Value::from);
    let one_of = |strategy: BoxedStrategy<Value>| prop_oneof![1 => Just(Value::Null), 5 => strategy];
    let cases = prop::collection::vec((prop::sample::select(vec!["a", "b", "default", ""]), some()), 0..4)
        .prop_map(|cases| {
            cases.into_iter().map(|(case, tasks)| (case.to_owned(), tasks)).collect::<Map<_, _>>().into()
        });
    let switch = (members(), one_of(cases.boxed()), one_of(some().boxed()), any::<bool>()).prop_map(
        move |(members, cases, default, is_old)| {
            let kind = if is_old { "DECISION" } else { "SWITCH" };
            let members = with(kind, "decisionCases")((members, cases));
            vec![Value::Object(with(kind, "defaultCase")((members, default)))]
        },
    );
    let branches = prop::collection::vec(some(), 0..4).prop_map(Value::from);
    let fork = (members(), one_of(branches.boxed()), members(), any::<bool>()).prop_map(
        move |(members, branches, mut join, waits)| {
            join.insert("type".to_owned(), "JOIN".into());
            if waits {
                join.insert("joinOn".to_owned(), json!(["x"]));
            }
            vec![Value::Object(with("FORK_JOIN", "forkTasks")((members, branches))), Value::Object(join)]
        },
    );
    let body = (members(), one_of(some().boxed()))
        .prop_map(move |given| vec![Value::Object(with("DO_WHILE", "loopOver")(given))]);
    prop_oneof![4 => plain, 2 => switch, 2 => fork, 1 => body].boxed()
}

const TYPES: [&str; 11] = [
    "",
    "SIMPLE",
    "HTTP",
    "WAIT",
    "EVENT",
    "TERMINATE",
    "JOIN",
    "FORK_JOIN_DYNAMIC",
    "EXCLUSIVE_JOIN",
    "SUB_WORKFLOW",
    "MY_TYPE",
];

fn members() -> impl Strategy<Value = Map<String, Value>> {
    let known = prop_oneof![
        Just(("optional", json!(true))),
        Just(("inputParameters", json!({"z": 1, "a": {"type": "task", "nodes": []}}))),
        Just(("startDelay", json!(3))),
        Just(("joinOn", json!([]))),
        Just(("sink", Value::Null)),
        Just(("mine", json!([{"tasks": [{}]}]))),
        Just(("workflowTaskType", json!("SIMPLE"))),
        Just(("subWorkflowParam", json!({"workflowDefinition": {"tasks": [{"type": "SWITCH"}]}}))),
    ];
    prop::collection::vec(known, 0..3)
        .prop_map(|members| members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// Gives every task a reference of its own, as the first or the last member.
fn name(tasks: &mut Value, count: &mut usize) {
    for task in tasks.as_array_mut().into_iter().flatten() {
        let reference = format!("t{count}");
        *count += 1;
        let members = task.as_object_mut().expect("a task");
        if count.is_multiple_of(2) {
            members.shift_insert(0, "taskReferenceName".to_owned(), reference.into());
        } else {
            members.insert("taskReferenceName".to_owned(), reference.into());
        }
        match members.get("type").and_then(Value::as_str).unwrap_or_default() {
            "SWITCH" | "DECISION" => {
                if let Some(cases) = members.get_mut("decisionCases").and_then(Value::as_object_mut) {
                    cases.values_mut().for_each(|tasks| name(tasks, count));
                }
                members.get_mut("defaultCase").into_iter().for_each(|tasks| name(tasks, count));
            }
            "FORK_JOIN" => {
                let branches = members.get_mut("forkTasks").and_then(Value::as_array_mut);
                branches.into_iter().flatten().for_each(|tasks| name(tasks, count));
            }
            "DO_WHILE" => members.get_mut("loopOver").into_iter().for_each(|tasks| name(tasks, count)),
            _ => {}
        }
    }
}

fn definitions() -> impl Strategy<Value = Value> {
    let members = prop::collection::vec(
        prop_oneof![
            Just(("name", json!("w"))),
            Just(("name", json!(" "))),
            Just(("description", json!(""))),
            Just(("version", json!(7))),
            Just(("version", json!("7"))),
            Just(("ownerEmail", json!("me@example.com"))),
            Just(("inputParameters", json!(["a", null]))),
            Just(("outputParameters", json!({"x": "${t0.output}"}))),
            Just(("timeoutSeconds", json!(3600))),
            Just(("restartable", json!(false))),
            Just(("mine", json!({"a": [null]}))),
        ],
        0..6,
    );
    (members, bodies(3)).prop_map(|(members, tasks)| {
        let mut tasks = Value::from(tasks);
        name(&mut tasks, &mut 0);
        let mut definition: Map<String, Value> =
            members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        definition.insert("tasks".to_owned(), tasks);
        definition.into()
    })
}

/// Any graph of tasks: most of them are no trees.
fn graphs() -> impl Strategy<Value = Value> {
    let kinds = [
        "SIMPLE",
        "SIMPLE",
        "SWITCH",
        "FORK_JOIN",
        "JOIN",
        "TERMINATE",
        "DO_WHILE",
        "emailValidation",
        "finalizePipeline",
    ];
    let nodes = prop::collection::vec((0..kinds.len(), 0..3_usize), 1..9);
    let edges = prop::collection::vec(
        (any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0..4_usize),
        0..12,
    );
    (nodes, edges).prop_map(move |(nodes, edges)| {
        let count = nodes.len();
        let list: Vec<Value> = nodes
            .iter()
            .enumerate()
            .map(|(at, (kind, parent))| {
                let mut node = json!({"id": format!("n{at}"), "type": kinds[*kind], "position": {"x": at * 100, "y": 0}});
                if kinds[*kind].chars().all(|c| c.is_uppercase() || c == '_') {
                    let task = json!({"name": "n", "taskReferenceName": format!("r{at}"), "type": kinds[*kind]});
                    node["type"] = "task".into();
                    node["data"] = json!({"task": task});
                }
                if *parent == 0 && at > 0 && kinds[nodes[0].0] == "DO_WHILE" {
                    node["parentId"] = "n0".into();
                }
                node
            })
            .collect();
        let edges: Vec<Value> = edges
            .iter()
            .map(|(a, b, case)| (a.index(count), b.index(count), case))
            .filter(|(a, b, _)| a != b)
            .map(|(a, b, case)| {
                let data = [json!({}), json!({"case": "x"}), json!({"case": "y"}), json!({"branch": 1})];
                json!({"source": format!("n{}", a.min(b)), "target": format!("n{}", a.max(b)), "data": data[*case]})
            })
            .collect();
        json!({"name": "random", "nodes": list, "edges": edges})
    })
}

/// Every reference, in the order of the definition.
fn references(tasks: &Value, found: &mut Vec<String>) {
    for task in tasks.as_array().into_iter().flatten() {
        found.push(task["taskReferenceName"].as_str().expect("a reference").to_owned());
        for tasks in task["decisionCases"].as_object().into_iter().flatten().map(|(_, tasks)| tasks) {
            references(tasks, found);
        }
        references(&task["defaultCase"], found);
        references(&task["loopOver"], found);
        task["forkTasks"].as_array().into_iter().flatten().for_each(|tasks| references(tasks, found));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn every_definition_comes_back(definition in definitions()) {
        let graph = draw(&definition, None).expect("drawn");
        if definition["tasks"] == json!([]) {
            return Ok(());
        }
        let again = convert(&graph, &Options::default()).map_err(|e| TestCaseError::fail(format!("{e}\n{graph:#}")))?;
        prop_assert_eq!(again["tasks"].to_string(), definition["tasks"].to_string(), "{:#}", graph);
        prop_assert_eq!(&again, &definition);
        // drawn again over its own drawing, it is that drawing
        prop_assert_eq!(&draw(&definition, Some(&graph)).expect("drawn"), &graph);
    }

    #[test]
    fn every_graph_comes_back(graph in graphs()) {
        let Ok(made) = convert_with_nodes(&graph, &Options::default()) else { return Ok(()) };
        let mut found = Vec::new();
        references(&made.definition["tasks"], &mut found);
        let mut own: Vec<String> = made.nodes.values().flat_map(|all| all.as_array().into_iter().flatten()).map(|r| r.as_str().expect("text").to_owned()).collect();
        own.sort();
        let mut written = found.clone();
        written.retain(|reference| !reference.starts_with("fork_") && !reference.starts_with("join_"));
        written.sort();
        prop_assert_eq!(&own, &written, "each node's tasks exactly once: {:#}", &made.definition["tasks"]);

        let alone = draw(&made.definition, None).expect("drawn");
        prop_assert_eq!(&convert(&alone, &Options::default()).expect("a graph of its own"), &made.definition);
        let over = draw(&made.definition, Some(&graph)).expect("drawn");
        prop_assert_eq!(&over["nodes"], &graph["nodes"]);
        prop_assert_eq!(&over["edges"], &graph["edges"]);
    }

    #[test]
    fn an_edit_leaves_what_it_does_not_touch(graph in graphs(), at in any::<prop::sample::Index>(), removed in any::<bool>()) {
        let Ok(made) = convert_with_nodes(&graph, &Options::default()) else { return Ok(()) };
        let mut definition = made.definition;
        let tasks = definition["tasks"].as_array_mut().expect("tasks");
        let place = at.index(tasks.len());
        if removed {
            tasks.remove(place);
        } else {
            tasks[place]["edited"] = true.into();
        }
        let expected = draw(&definition, None).map(|alone| convert(&alone, &Options::default())).expect("drawn").ok();
        let over = draw(&definition, Some(&graph)).expect("drawn");
        prop_assert_eq!(convert(&over, &Options::default()).ok(), expected, "{:#}", over);
    }
}

//! Nodes of kind `task`: every shape of a definition by edges and children, and what is no such shape.

use podium_designer::{Options, Violations, convert, convert_with_nodes};
use serde_json::{Value, json};

/// A node of kind `task`, left to right and top down as given.
fn task(id: &str, kind: &str) -> Value {
    json!({"id": id, "type": "task", "data": {"task": {"name": id, "taskReferenceName": id, "type": kind}}})
}

fn inside(parent: &str, mut node: Value) -> Value {
    node["parentId"] = parent.into();
    node
}

/// `a b` is an edge, `a b:x` one of case x, `a b#1` one of branch 1.
fn graph(nodes: Vec<Value>, edges: &[&str]) -> Value {
    let nodes: Vec<Value> = nodes
        .into_iter()
        .enumerate()
        .map(|(at, mut node)| {
            node["position"] = json!({"x": at * 200, "y": at * 60});
            node
        })
        .collect();
    let edges: Vec<Value> = edges
        .iter()
        .map(|edge| {
            let (ends, data) = match (edge.split_once(':'), edge.split_once('#')) {
                (Some((ends, case)), _) => (ends, json!({"case": case})),
                (None, Some((ends, branch))) => {
                    (ends, json!({"branch": branch.parse::<u32>().expect("a number")}))
                }
                (None, None) => (*edge, Value::Null),
            };
            let (source, target) = ends.split_once(' ').expect("two ends");
            json!({"source": source, "target": target, "data": data})
        })
        .collect();
    json!({"name": "flow", "nodes": nodes, "edges": edges})
}

/// References with their bodies: `s{a: x y, *: z}`, `f(x | y)`, `l[x]`.
fn outline(tasks: &Value) -> String {
    let one = |task: &Value| {
        let name = task["taskReferenceName"].as_str().expect("a reference").to_owned();
        let cases = task["decisionCases"].as_object().into_iter().flatten();
        let mut cases: Vec<String> =
            cases.map(|(case, tasks)| format!("{case}: {}", outline(tasks)).trim().to_owned()).collect();
        cases.extend(task.get("defaultCase").map(|tasks| format!("*: {}", outline(tasks))));
        let switch = if cases.is_empty() { String::new() } else { format!("{{{}}}", cases.join(", ")) };
        let forks = task["forkTasks"].as_array().map_or(String::new(), |branches| {
            format!("({})", branches.iter().map(outline).collect::<Vec<_>>().join(" | "))
        });
        let body = task.get("loopOver").map_or(String::new(), |tasks| format!("[{}]", outline(tasks)));
        format!("{name}{switch}{forks}{body}")
    };
    tasks.as_array().expect("a list").iter().map(one).collect::<Vec<_>>().join(" ")
}

fn shape(graph: &Value) -> String {
    outline(&convert(graph, &Options::default()).expect("a good graph")["tasks"])
}

fn refused(graph: &Value) -> Violations {
    convert(graph, &Options::default()).expect_err("a graph that is wrong")
}

fn codes(graph: &Value) -> Vec<(&'static str, String)> {
    refused(graph).0.into_iter().map(|v| (v.code, v.node.unwrap_or_default())).collect()
}

#[test]
fn a_task_is_taken_as_it_stands() {
    let given = json!({"zeta": [1, {"x": null}], "name": "n", "taskReferenceName": "r", "type": "MY_TYPE",
        "forkTasks": [[{"kept": true}]], "inputParameters": {"a": 12345678901234567890_u64}});
    let node = json!({"id": "n", "type": "task", "data": {"task": given, "label": 5, "topic": 7}});
    let definition = convert(&graph(vec![node], &[]), &Options::default()).expect("a good graph");
    assert_eq!(definition["tasks"][0].to_string(), given.to_string());
    assert_eq!(
        definition["outputParameters"],
        json!({}),
        "the pipeline's outputs are the documented kinds' matter"
    );
}

#[test]
fn edges_of_a_switch_are_its_cases() {
    let nodes = || vec![task("s", "SWITCH"), task("a", "SIMPLE"), task("b", "HTTP"), task("z", "SIMPLE")];
    let two = graph(nodes(), &["s a:x", "s b:default", "a z", "b z"]);
    assert_eq!(shape(&two), "s{x: a, *: b} z");
    // a case straight to where the branches meet has no tasks; so has the default that is not drawn
    assert_eq!(
        shape(&graph(nodes(), &["s a:x", "s z:y", "s b", "a z", "b z"])),
        "s{x: a, y: , *: b} z".replace(": ,", ":,")
    );
    assert_eq!(shape(&graph(nodes(), &["s a:x", "s b:y", "a z", "b z"])), "s{x: a, y: b} z");
    assert_eq!(shape(&graph(nodes(), &["s a:x", "s z", "a b", "b z"])), "s{x: a b} z");
    // branches that never meet take everything with them
    assert_eq!(shape(&graph(nodes(), &["s a:x", "s b:y", "b z"])), "s{x: a, y: b z}");
    assert_eq!(shape(&graph(nodes(), &["s a:x", "a b", "b z"])), "s{x: a b z}");
    // a fan-out in a branch is a fork there
    assert_eq!(shape(&graph(nodes(), &["s a:x", "a b", "a z"])), "s{x: a fork_1(b | z) join_1}");
    // one branch that terminates does not keep the others from meeting
    let ends = vec![
        task("s", "DECISION"),
        task("t", "TERMINATE"),
        task("a", "SIMPLE"),
        task("b", "SIMPLE"),
        task("z", "NOOP"),
    ];
    let terminated = graph(ends, &["s t:x", "s a:y", "s b", "a z", "b z"]);
    assert_eq!(shape(&terminated), "s{x: t, y: a, *: b} z");
}

#[test]
fn members_of_a_switch_keep_their_places_and_empty_cases() {
    let mut s = task("s", "SWITCH");
    s["data"]["task"] = json!({"decisionCases": {"b": [], "a": [], "c": null}, "name": "s", "taskReferenceName": "s",
        "type": "SWITCH", "defaultCase": [], "evaluatorType": "value-param"});
    let drawn = graph(vec![s.clone(), task("x", "SIMPLE")], &["s x:a"]);
    let definition = convert(&drawn, &Options::default()).expect("a good graph");
    assert_eq!(
        definition["tasks"][0].to_string(),
        r#"{"decisionCases":{"b":[],"a":[{"name":"x","taskReferenceName":"x","type":"SIMPLE"}],"c":null},"name":"s","taskReferenceName":"s","type":"SWITCH","defaultCase":[],"evaluatorType":"value-param"}"#
    );
    // a case may be called default if the task says so
    s["data"]["task"]["decisionCases"] = json!({"default": []});
    assert_eq!(
        shape(&graph(vec![s, task("x", "SIMPLE"), task("y", "SIMPLE")], &["s x:default", "s y"])),
        "s{default: x, *: y}"
    );
}

#[test]
fn a_fork_ends_at_its_join() {
    let nodes = || {
        vec![
            task("f", "FORK_JOIN"),
            task("a", "SIMPLE"),
            task("b", "SIMPLE"),
            task("j", "JOIN"),
            task("z", "SIMPLE"),
        ]
    };
    let edges = ["f a", "f b", "a j", "b j", "j z"];
    assert_eq!(shape(&graph(nodes(), &edges)), "f(a | b) j z");
    let definition = convert(&graph(nodes(), &edges), &Options::default()).expect("a good graph");
    assert_eq!(
        definition["tasks"][1]["joinOn"],
        json!(["a", "b"]),
        "a JOIN that says nothing waits for all branches"
    );
    // the branches' own numbers come before their places
    assert_eq!(shape(&graph(nodes(), &["f a#2", "f b#1", "a j", "b j", "j z"])), "f(b | a) j z");
    assert_eq!(shape(&graph(nodes(), &["f a#0", "f j#1", "a b", "b j", "j z"])), "f(a b | ) j z");
    assert_eq!(shape(&graph(nodes(), &["f a", "a b", "b j", "j z"])), "f(a b) j z", "one branch");
    // a branch that terminates needs no way to the JOIN
    let ends = vec![task("f", "FORK_JOIN"), task("t", "TERMINATE"), task("b", "SIMPLE"), task("j", "JOIN")];
    assert_eq!(shape(&graph(ends, &["f t#0", "f b#1", "b j"])), "f(t | b) j");
    let said = || {
        let mut join = task("j", "JOIN");
        join["data"]["task"]["joinOn"] = json!(["b"]);
        vec![task("f", "FORK_JOIN"), task("a", "SIMPLE"), task("b", "SIMPLE"), join]
    };
    let definition =
        convert(&graph(said(), &["f a", "f b", "a j", "b j"]), &Options::default()).expect("good");
    assert_eq!(
        definition["tasks"][1]["joinOn"],
        json!(["b"]),
        "one that says something is taken at its word"
    );
}

#[test]
fn dynamic_forks_are_followed_by_their_join_like_any_task() {
    let nodes = || vec![task("d", "FORK_JOIN_DYNAMIC"), task("j", "JOIN"), task("z", "SIMPLE")];
    assert_eq!(shape(&graph(nodes(), &["d j", "j z"])), "d j z");
    let definition = convert(&graph(nodes(), &["d j", "j z"]), &Options::default()).expect("a good graph");
    assert_eq!(definition["tasks"][1].get("joinOn"), None);
    // in the only branch of a fork, its JOIN is not the fork's
    let nodes = vec![
        task("f", "FORK_JOIN"),
        task("d", "FORK_JOIN_DYNAMIC"),
        task("dj", "JOIN"),
        task("a", "SIMPLE"),
        task("j", "JOIN"),
    ];
    assert_eq!(shape(&graph(nodes, &["f d", "d dj", "dj a", "a j"])), "f(d dj a) j");
}

#[test]
fn children_are_the_body_of_a_loop() {
    let nodes = vec![
        task("l", "DO_WHILE"),
        inside("l", task("s", "SWITCH")),
        inside("l", task("a", "SIMPLE")),
        inside("l", task("m", "DO_WHILE")),
        inside("m", task("c", "SIMPLE")),
        inside("m", task("d", "SIMPLE")),
        task("z", "SIMPLE"),
    ];
    let drawn = graph(nodes, &["l z", "s a:x", "s m", "a m", "c d"]);
    assert_eq!(shape(&drawn), "l[s{x: a} m[c d]] z");
    assert_eq!(shape(&graph(vec![task("l", "DO_WHILE")], &[])), "l");
}

#[test]
fn bodies_nest_in_each_other() {
    let nodes = vec![
        task("start", "SIMPLE"),
        task("f", "FORK_JOIN"),
        task("s", "SWITCH"),
        task("a", "SIMPLE"),
        task("f2", "FORK_JOIN"),
        task("b", "SIMPLE"),
        task("c", "SIMPLE"),
        task("j2", "JOIN"),
        task("n", "NOOP"),
        task("l", "DO_WHILE"),
        inside("l", task("d", "SIMPLE")),
        task("j", "JOIN"),
        task("end", "SIMPLE"),
    ];
    let edges = [
        "start f", "f s#0", "f l#1", "s a:x", "s f2:y", "s n", "f2 b", "f2 c", "b j2", "c j2", "j2 n", "a n",
        "n j", "l j", "j end",
    ];
    assert_eq!(shape(&graph(nodes, &edges)), "start f(s{x: a, y: f2(b | c) j2} n | l[d]) j end");
    // a SWITCH at the end of a case meets the others where that case does
    let nodes = vec![
        task("o", "SWITCH"),
        task("s", "SWITCH"),
        task("a", "SIMPLE"),
        task("b", "SIMPLE"),
        task("z", "SIMPLE"),
    ];
    let edges = ["o s:p", "o b", "s a:q", "s z", "a z", "b z"];
    assert_eq!(shape(&graph(nodes, &edges)), "o{p: s{q: a}, *: b} z");
}

#[test]
fn plain_tasks_fan_out_like_the_documented_kinds_and_mix_with_them() {
    let nodes = vec![task("a", "SIMPLE"), task("b", "SIMPLE"), task("c", "SIMPLE"), task("z", "SIMPLE")];
    assert_eq!(shape(&graph(nodes.clone(), &["a b", "a c", "b z", "c z"])), "a fork_1(b | c) join_1 z");
    let off = Options { forks: false, ..Options::default() };
    let sequence = convert(&graph(nodes, &["a b", "a c", "b z", "c z"]), &off).expect("a good graph");
    assert_eq!(outline(&sequence["tasks"]), "a b c z");
    // a SWITCH has completed before the tasks of its case have: something waits behind it
    let nodes = vec![
        task("a", "SIMPLE"),
        task("s", "SWITCH"),
        task("x", "SIMPLE"),
        task("c", "SIMPLE"),
        task("z", "SIMPLE"),
    ];
    let drawn = graph(nodes, &["a s", "a c", "s x:1", "s z", "x z", "c z"]);
    assert_eq!(shape(&drawn), "a fork_1(s{1: x} join_1_branch_1 | c) join_1 z");
    // services find the file of the service before them behind plain tasks, and give way to names that are taken
    let service = |id: &str, kind: &str| json!({"id": id, "type": kind});
    let nodes = vec![
        service("e", "emailValidation"),
        task("s", "SWITCH"),
        service("p", "phoneValidation"),
        task("email_validation", "HTTP"),
    ];
    let drawn = graph(nodes, &["e s", "s p:go", "p email_validation"]);
    let made = convert_with_nodes(&drawn, &Options::default()).expect("a good graph");
    assert_eq!(
        outline(&made.definition["tasks"]),
        "email_validation_2 wait_for_email_validation_2_completion s{go: phone_validation wait_for_phone_validation_completion email_validation}"
    );
    let phone = &made.definition["tasks"][2]["decisionCases"]["go"][0]["inputParameters"]["kafka_request"]["value"]
        ["data"];
    assert_eq!(phone["previousStage"], "email_validation");
    assert_eq!(phone["input_key"], "email_validation_2_${workflow.workflowId}.csv");
    assert_eq!(
        Value::from(made.nodes).to_string(),
        r#"{"e":["email_validation_2","wait_for_email_validation_2_completion"],"s":["s"],"p":["phone_validation","wait_for_phone_validation_completion"],"email_validation":["email_validation"]}"#
    );
}

#[test]
fn members_of_the_definition_are_taken_over() {
    let mut drawn = graph(vec![task("a", "SIMPLE")], &[]);
    drawn["definition"] = json!({"inputParameters": ["x"], "timeoutSeconds": null, "failureWorkflow": "f", "mine": {"a": 1},
        "name": "old name", "description": "kept", "ownerEmail": null});
    let definition = convert(&drawn, &Options::default()).expect("a good graph");
    let expected = json!({"name": "flow", "description": "kept", "version": 1, "tasks": definition["tasks"],
        "inputParameters": ["x"], "outputParameters": {}, "schemaVersion": 2, "restartable": true,
        "workflowStatusListenerEnabled": false, "timeoutPolicy": "ALERT_ONLY", "failureWorkflow": "f", "mine": {"a": 1}});
    assert_eq!(definition, expected);
    drawn["definition"] = json!({"tasks": []});
    assert_eq!(codes(&drawn), [("graph_shape", String::new())]);
}

fn found(graph: Value, expected: &[(&str, &str)]) {
    let found = codes(&graph);
    let found: Vec<(&str, &str)> = found.iter().map(|(code, node)| (*code, node.as_str())).collect();
    assert_eq!(found, expected, "{graph}");
}

#[test]
fn what_is_no_tree_is_refused() {
    let simple = |ids: &[&str]| ids.iter().map(|id| task(id, "SIMPLE")).collect::<Vec<_>>();
    let with = |first: Value, ids: &[&str]| [vec![first], simple(ids)].concat();
    let switch = || task("s", "SWITCH");
    found(
        graph(with(switch(), &["a", "b", "p", "q"]), &["s a:1", "s b:2", "a p", "a q", "b q"]),
        &[("ends_early", "p")],
    );
    found(
        graph(
            with(switch(), &["a", "b", "c", "p", "q"]),
            &["s a:1", "s b:2", "s c:3", "a p", "b p", "b q", "c q"],
        ),
        &[("crossing_branches", "s")],
    );
    found(
        graph(with(switch(), &["a", "b", "c", "z"]), &["s a:1", "s b:2", "s c", "a z", "b z"]),
        &[("ends_early", "c")],
    );
    found(graph(with(switch(), &["a", "b"]), &["s a:1", "s b:1"]), &[("case_twice", "s")]);
    found(graph(with(switch(), &["a", "b"]), &["s a", "s b:default"]), &[("case_twice", "s")]);
    found(graph(with(task("f", "FORK_JOIN"), &["a", "b"]), &["f a", "f b"]), &[("fork_without_join", "f")]);
    found(
        graph(with(task("f", "FORK_JOIN"), &["a", "b", "z"]), &["f a", "f b", "a z", "b z"]),
        &[("fork_without_join", "f")],
    );
    found(graph(vec![task("f", "FORK_JOIN")], &[]), &[("fork_without_join", "f")]);
    let forked = |ids: &[&str]| [vec![task("f", "FORK_JOIN"), task("j", "JOIN")], simple(ids)].concat();
    found(graph(forked(&["a", "b"]), &["f a", "f b", "a j"]), &[("ends_early", "b")]);
    found(graph(forked(&["a", "b", "u"]), &["f a", "f b", "a j", "b j", "u j"]), &[("join_of_others", "j")]);
    found(
        graph(
            [vec![task("f", "FORK_JOIN"), task("j", "JOIN"), switch()], simple(&["a", "x"])].concat(),
            &["f s", "f a", "s x:1", "s j", "x j", "a j"],
        ),
        &[("join_on_switch", "j")],
    );
    let looped = || vec![task("l", "DO_WHILE"), inside("l", task("a", "SIMPLE")), task("z", "SIMPLE")];
    found(graph(looped(), &["l a", "a z"]), &[("edge_across_loop", "a"), ("edge_across_loop", "z")]);
    found(graph(simple(&["a", "b"]), &["a b", "b a"]), &[("cycle", "a")]);
    found(
        graph(vec![inside("b", task("a", "DO_WHILE")), inside("a", task("b", "DO_WHILE"))], &[]),
        &[("cycle", "a")],
    );
    found(
        graph(vec![inside("a", task("b", "SIMPLE")), task("a", "SIMPLE")], &[]),
        &[("unknown_parent", "b")],
    );
    found(graph(vec![inside("nobody", task("b", "SIMPLE"))], &[]), &[("unknown_parent", "b")]);
    let mut twin = task("b", "SIMPLE");
    twin["data"]["task"]["taskReferenceName"] = "a".into();
    found(graph(vec![task("a", "SIMPLE"), twin], &[]), &[("duplicate_reference", "b")]);
    let mut nested = task("l", "DO_WHILE");
    nested["data"]["task"]["loopOver"] = json!([{}]);
    found(graph(vec![nested], &[]), &[("nested_tasks", "l")]);
    let nameless = json!({"id": "n", "type": "task", "data": {"task": {"name": "n"}}});
    let empty = json!({"id": "m", "type": "task", "data": {}});
    found(graph(vec![nameless, empty], &[]), &[("no_reference", "n"), ("task_shape", "m")]);
    let mut edge = graph(with(switch(), &["a"]), &["s a"]);
    edge["edges"][0]["data"] = json!({"case": 5});
    found(edge, &[("edge_shape", "s")]);
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let nodes = vec![
        task("s", "SWITCH"),
        task("a", "SIMPLE"),
        task("b", "SIMPLE"),
        task("f", "FORK_JOIN"),
        task("l", "DO_WHILE"),
        inside("l", task("x", "SIMPLE")),
        task("y", "SIMPLE"),
    ];
    let drawn = graph(nodes, &["s a:1", "s b:1", "f y", "y x", "x nowhere"]);
    let found = codes(&drawn);
    let found: Vec<&str> = found.iter().map(|(code, _)| *code).collect();
    assert_eq!(
        found,
        ["unknown_node", "edge_across_loop", "case_twice"],
        "the fork may be whole once the edge has an end"
    );
    // and together with a cycle
    let nodes = vec![task("s", "SWITCH"), task("a", "SIMPLE"), task("b", "SIMPLE")];
    let codes = codes(&graph(nodes, &["s a:1", "s b:1", "a b", "b a"]));
    assert_eq!(codes, [("case_twice", "s".to_owned()), ("cycle", "a".to_owned())]);
}

#[test]
fn a_message_says_what_to_do() {
    let nodes = vec![
        task("s", "SWITCH"),
        task("a", "SIMPLE"),
        task("b", "SIMPLE"),
        task("c", "SIMPLE"),
        task("z", "SIMPLE"),
    ];
    let violations = refused(&graph(nodes, &["s a:1", "s b:2", "s c", "a z", "b z"]));
    assert_eq!(
        violations.to_string(),
        "nothing follows node c, though the other branches of node s go on with node z: draw an edge there, or end the \
         branch with a TERMINATE task"
    );
}

#[test]
fn bodies_are_nested_to_a_limit() {
    let nodes: Vec<Value> = (0..80).map(|at| task(&format!("s{at}"), "SWITCH")).collect();
    let edges: Vec<String> = (1..80).map(|at| format!("s{} s{at}:x", at - 1)).collect();
    let edges: Vec<&str> = edges.iter().map(String::as_str).collect();
    assert_eq!(refused(&graph(nodes, &edges)).0[0].code, "too_deep");
}

#[test]
fn thousands_of_tasks_are_converted() {
    let nodes: Vec<Value> =
        (0..5000).map(|at| task(&format!("t{at}"), if at % 5 == 0 { "SWITCH" } else { "SIMPLE" })).collect();
    let edges: Vec<String> = (0..4999).map(|at| format!("t{at} t{}", at + 1)).collect();
    let mut edges: Vec<&str> = edges.iter().map(String::as_str).collect();
    let more: Vec<String> = (0..4995).step_by(5).map(|at| format!("t{at} t{}:x", at + 5)).collect();
    edges.extend(more.iter().map(String::as_str));
    let definition = convert(&graph(nodes, &edges), &Options::default()).expect("a good graph");
    assert_eq!(definition["tasks"].as_array().map(Vec::len), Some(1000));
    let many: Vec<Value> = (0..5001).map(|at| task(&format!("t{at}"), "SIMPLE")).collect();
    assert_eq!(refused(&graph(many, &[])).0[0].code, "too_many_nodes");
}

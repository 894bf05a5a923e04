//! The converter, kind by kind and shape by shape.

use podium_designer::{Options, Violations, convert};
use serde_json::{Value, json};

/// A graph of these nodes, left to right, joined by these edges.
fn graph(nodes: &[(&str, &str, Value)], edges: &[(&str, &str)]) -> Value {
    let nodes: Vec<Value> = nodes
        .iter()
        .enumerate()
        .map(|(at, (id, kind, data))| {
            json!({"id": id, "type": kind, "position": {"x": at * 200, "y": 0}, "data": data})
        })
        .collect();
    let edges: Vec<Value> =
        edges.iter().map(|(source, target)| json!({"source": source, "target": target})).collect();
    json!({"name": "flow", "description": "d", "ownerEmail": "me@example.com", "version": 7, "nodes": nodes, "edges": edges})
}

fn converted(graph: &Value) -> Value {
    convert(graph, &Options::default()).expect("a good graph")
}

fn refused(graph: &Value) -> Violations {
    convert(graph, &Options::default()).expect_err("a graph that is wrong")
}

/// References of a definition's tasks, forks as nested lists.
fn outline(tasks: &Value) -> String {
    let names = tasks.as_array().expect("a list").iter().map(|task| {
        let name = task["taskReferenceName"].as_str().unwrap_or_default();
        match task["forkTasks"].as_array() {
            Some(branches) => {
                format!("{name}({})", branches.iter().map(outline).collect::<Vec<_>>().join(" | "))
            }
            None => name.replace("_completion", ""),
        }
    });
    names.collect::<Vec<_>>().join(" ")
}

#[test]
fn one_service_gives_the_documented_text() {
    let graph =
        graph(&[("e", "emailValidation", json!({})), ("f", "finalizePipeline", json!({}))], &[("e", "f")]);
    let text = serde_json::to_string(&converted(&graph)).expect("JSON");
    let expected = concat!(
        r#"{"name":"flow","description":"d","version":7,"tasks":["#,
        r#"{"name":"email_validation","taskReferenceName":"email_validation","type":"KAFKA_PUBLISH","inputParameters":{"kafka_request":{"#,
        r#""topic":"email-validation-requests","bootStrapServers":"kafka:9092","value":{"workflowId":"${workflow.workflowId}","#,
        r#""taskId":"email_validation_task","eventType":"email_validation_request","data":{"input_bucket":"raw-data","#,
        r#""input_key":"customer_data_sample.csv","output_bucket":"email-validated","output_key":"email_validation_${workflow.workflowId}.csv","#,
        r#""pipelineStage":"email_validation","records":1000}},"key":"email-validation-${workflow.workflowId}"}}},"#,
        r#"{"name":"wait_for_email_validation_completion","taskReferenceName":"wait_for_email_validation_completion","type":"EVENT","#,
        r#""sink":"conductor:email_validation_completed","asyncComplete":true},"#,
        r#"{"name":"finalize_pipeline","taskReferenceName":"finalize_pipeline","type":"KAFKA_PUBLISH","inputParameters":{"kafka_request":{"#,
        r#""topic":"conductor-events","bootStrapServers":"kafka:9092","value":{"workflowId":"${workflow.workflowId}","#,
        r#""eventType":"pipeline_completed","data":{"final_bucket":"email-validated","final_key":"email_validation_${workflow.workflowId}.csv","#,
        r#""pipelineStage":"completed","records":1000}},"key":"pipeline-complete-${workflow.workflowId}"}}}],"#,
        r#""inputParameters":[],"outputParameters":{"pipeline_result":"email_validation_${workflow.workflowId}.csv","#,
        r#""workflow_id":"${workflow.workflowId}","workflowId":"${workflow.workflowId}","email_result":"${wait_for_email_validation_completion.output}"},"#,
        r#""schemaVersion":2,"restartable":true,"workflowStatusListenerEnabled":false,"timeoutPolicy":"ALERT_ONLY","timeoutSeconds":3600,"#,
        r#""ownerEmail":"me@example.com"}"#,
    );
    assert_eq!(text, expected);
}

#[test]
fn each_kind_has_its_documented_words() {
    // kind, publish task, topic, taskId, eventType, key, wait task, sink, output parameter
    let table = [
        "emailValidation email_validation email-validation-requests email_validation_task email_validation_request email-validation wait_for_email_validation_completion email_validation_completed email_result",
        "phoneValidation phone_validation phone-validation-requests phone_validation_task phone_validation_request phone-validation wait_for_phone_validation_completion phone_validation_completed phone_result",
        "enrichment enrichment enrichment-requests enrichment_task enrichment_request enrichment wait_for_enrichment_completion enrichment_completed enrichment_result",
        "dpEmailHygiene dp_email_hygiene email-hygiene-requests dp_email_hygiene_task email_hygiene_request dp-email-hygiene wait_for_dp_email_hygiene_completion dp_email_hygiene_completed dp_email_hygiene_result",
        "nameParse dp_name_parse airflow-trigger-requests dp_name_parse_task airflow_trigger_request dp-name-parse wait_for_name_parse_completion name_parse_completed name_parse_result",
        "airflowTrigger trigger_airflow_dag airflow-trigger-requests airflow_trigger_task airflow_trigger_request airflow-trigger wait_for_airflow_completion airflow_dag_completed airflow_result",
        "reverseEmail reverse_email reverse-email-requests reverse_email_task reverse_email_requests reverse-email wait_for_reverse_email_completion reverse_email_completed reverse_email_result",
    ];
    for line in table {
        let words: Vec<&str> = line.split(' ').collect();
        let definition = converted(&graph(&[("n", words[0], json!({}))], &[]));
        let (publish, wait) = (&definition["tasks"][0], &definition["tasks"][1]);
        let request = &publish["inputParameters"]["kafka_request"];
        assert_eq!(publish["name"], words[1]);
        assert_eq!(publish["taskReferenceName"], words[1]);
        assert_eq!(request["topic"], words[2]);
        assert_eq!(request["value"]["taskId"], words[3]);
        assert_eq!(request["value"]["eventType"], words[4]);
        assert_eq!(request["key"], format!("{}-${{workflow.workflowId}}", words[5]));
        let expected = json!({"name": words[6], "taskReferenceName": words[6], "type": "EVENT",
            "sink": format!("conductor:{}", words[7]), "asyncComplete": true});
        assert_eq!(wait.to_string(), expected.to_string(), "exactly these members");
        assert_eq!(definition["outputParameters"][words[8]], format!("${{{}.output}}", words[6]));
    }
}

#[test]
fn data_of_nodes_that_read_no_csv() {
    let data = |kind: &str, data: Value| {
        let definition = converted(&graph(&[("n", kind, data)], &[]));
        definition["tasks"][0]["inputParameters"]["kafka_request"]["value"]["data"].to_string()
    };
    assert_eq!(data("dpEmailHygiene", json!({"dpserviceXml": "<x/>"})), r#"{"dp_config":"<x/>"}"#);
    assert_eq!(data("nameParse", json!({})), r#"{"dp_config":""}"#);
    assert_eq!(
        data("airflowTrigger", json!({"dagId": "d", "executionId": "e"})),
        r#"{"dag_id":"d","execution_id":"e","pipelineStage":"airflow_processing"}"#
    );
    assert_eq!(data("airflowTrigger", json!({})), r#"{"pipelineStage":"airflow_processing"}"#);
    assert_eq!(
        data("reverseEmail", json!({"matchDagId": "m", "appendMetadataUrl": "s3://b/k"})),
        r#"{"match_dagId":"m","append_metadata_url":"s3://b/k"}"#
    );
}

#[test]
fn a_wait_for_a_result_is_a_task_without_a_type() {
    let nodes = [
        ("a", "waitForResult", json!({"taskName": "My Wait!", "topic": "t"})),
        ("b", "waitForResult", json!({})),
    ];
    let definition = converted(&graph(&nodes, &[("a", "b")]));
    assert_eq!(
        definition["tasks"][0].to_string(),
        r#"{"name":"wait_for_result","taskReferenceName":"my_wait","inputParameters":{"topic":"t","workflowId":"${workflow.workflowId}"}}"#
    );
    assert_eq!(definition["tasks"][1]["taskReferenceName"], "wait_1");
    assert_eq!(definition["outputParameters"]["my_wait_result"], "${my_wait.output}");
    assert_eq!(definition["outputParameters"]["pipeline_result"], "");
}

#[test]
fn a_service_name_replaces_the_stem() {
    let definition =
        converted(&graph(&[("n", "phoneValidation", json!({"serviceName": "My  Phones!"}))], &[]));
    let request = &definition["tasks"][0]["inputParameters"]["kafka_request"];
    assert_eq!(outline(&definition["tasks"]), "my_phones wait_for_my_phones");
    assert_eq!(request["topic"], "my-phones-requests");
    assert_eq!(request["value"]["eventType"], "my_phones_request");
    assert_eq!(request["value"]["data"]["output_bucket"], "my-phones-output");
    assert_eq!(definition["tasks"][1]["sink"], "conductor:my_phones_completed");
    assert_eq!(definition["outputParameters"]["phone_result"], "${wait_for_my_phones_completion.output}");
    // DP, Airflow and finalize nodes keep the names of their publish tasks
    let definition = converted(&graph(&[("n", "nameParse", json!({"serviceName": "parse2"}))], &[]));
    assert_eq!(outline(&definition["tasks"]), "dp_name_parse wait_for_parse2");
    assert_eq!(definition["tasks"][0]["inputParameters"]["kafka_request"]["topic"], "parse2-requests");
    assert_eq!(definition["tasks"][1]["sink"], "conductor:parse2_completed");
}

/// `input_bucket/input_key previousStage` of the publish task with this reference.
fn input(definition: &Value, reference: &str) -> String {
    let tasks = definition["tasks"].as_array().expect("a list");
    let all = tasks.iter().flat_map(|t| {
        t["forkTasks"]
            .as_array()
            .into_iter()
            .flatten()
            .flat_map(|b| b.as_array().into_iter().flatten())
            .chain([t])
    });
    let task = all.into_iter().find(|t| t["taskReferenceName"] == reference).expect("the task");
    let data = &task["inputParameters"]["kafka_request"]["value"]["data"];
    let text = |name: &str| data[name].as_str().unwrap_or("-").to_owned();
    if reference.starts_with("finalize") {
        return format!("{}/{}", text("final_bucket"), text("final_key"));
    }
    format!("{}/{} {}", text("input_bucket"), text("input_key"), text("previousStage"))
}

#[test]
fn inputs_follow_the_four_rules() {
    let own = json!({"inputBucket": "b", "inputKey": "k.csv"});
    let sample = "raw-data/customer_data_sample.csv -";
    // 1: the first service that nobody feeds
    let first = converted(&graph(&[("n", "enrichment", json!({}))], &[]));
    assert_eq!(input(&first, "enrichment"), sample);
    let typed = converted(&graph(&[("n", "enrichment", own.clone())], &[]));
    assert_eq!(input(&typed, "enrichment"), "b/k.csv -", "a file that was typed in is meant");
    let key_only = converted(&graph(&[("n", "enrichment", json!({"inputKey": "k"}))], &[]));
    assert_eq!(input(&key_only, "enrichment"), "raw-data/k -");
    // 2: the first edge whose source has an output; what is typed in does not count then
    let chain = [("a", "emailValidation", json!({})), ("b", "phoneValidation", own.clone())];
    assert_eq!(
        input(&converted(&graph(&chain, &[("a", "b")])), "phone_validation"),
        "email-validated/email_validation_${workflow.workflowId}.csv email_validation"
    );
    let after_dp = [
        ("a", "emailValidation", json!({})),
        ("h", "dpEmailHygiene", json!({"outputUri": "s3://bucket/folder/x.out"})),
        ("b", "phoneValidation", json!({})),
    ];
    let edges = [("a", "h"), ("h", "b")];
    assert_eq!(
        input(&converted(&graph(&after_dp, &edges)), "phone_validation"),
        "bucket/folder/x.out dp_email_hygiene"
    );
    // 3: the same behind a node that only waits
    let behind = [
        ("a", "emailValidation", json!({})),
        ("w", "eventWait", json!({})),
        ("b", "phoneValidation", json!({})),
        ("f", "finalizePipeline", json!({})),
    ];
    let definition = converted(&graph(&behind, &[("a", "w"), ("w", "b"), ("b", "f")]));
    assert_eq!(
        input(&definition, "phone_validation"),
        "email-validated/email_validation_${workflow.workflowId}.csv email_validation"
    );
    assert_eq!(
        outline(&definition["tasks"]),
        "email_validation wait_for_email_validation phone_validation wait_for_phone_validation finalize_pipeline"
    );
    assert_eq!(
        input(&definition, "finalize_pipeline"),
        "phone-validated/phone_validation_${workflow.workflowId}.csv"
    );
    // 4: own values, else a name made of the service's
    let lonely = converted(&graph(&[("f", "finalizePipeline", json!({}))], &[]));
    assert_eq!(input(&lonely, "finalize_pipeline"), "finalize-pipeline-input/input.csv");
    let named = converted(&graph(&[("f", "finalizePipeline", own)], &[]));
    assert_eq!(input(&named, "finalize_pipeline"), "b/k.csv");
    // a second service that nobody feeds reads the pipeline's input too
    let two = [("a", "emailValidation", json!({})), ("b", "phoneValidation", json!({}))];
    assert_eq!(input(&converted(&graph(&two, &[])), "phone_validation"), sample);
}

#[test]
fn ready_nodes_go_by_row_and_then_from_left_to_right() {
    let node =
        |id: &str, kind: &str, x: f64, y: f64| json!({"id": id, "type": kind, "position": {"x": x, "y": y}});
    let graph = json!({"nodes": [
        node("low", "enrichment", 0.0, 400.0),
        node("right", "phoneValidation", 300.0, 0.0),
        node("left", "emailValidation", 10.0, 49.0),
        node("first-drawn", "finalizePipeline", 900.0, 0.0),
    ], "edges": [{"source": "low", "target": "first-drawn"}]});
    let references: Vec<_> = converted(&graph)["tasks"]
        .as_array()
        .expect("tasks")
        .iter()
        .filter(|t| t["type"] == "KAFKA_PUBLISH")
        .map(|t| t["name"].clone())
        .collect();
    assert_eq!(references, ["email_validation", "phone_validation", "enrichment", "finalize_pipeline"]);
}

const NONE: Value = Value::Null;

#[test]
fn fan_out_becomes_a_fork() {
    let nodes = [
        ("e", "emailValidation", NONE),
        ("p", "phoneValidation", NONE),
        ("n", "nameParse", NONE),
        ("h", "dpEmailHygiene", NONE),
        ("f", "finalizePipeline", NONE),
    ];
    let diamond = graph(&nodes, &[("e", "p"), ("e", "n"), ("n", "h"), ("p", "f"), ("h", "f")]);
    let definition = converted(&diamond);
    assert_eq!(
        outline(&definition["tasks"]),
        "email_validation wait_for_email_validation \
         fork_1(phone_validation wait_for_phone_validation | dp_name_parse wait_for_name_parse dp_email_hygiene wait_for_dp_email_hygiene) \
         join_1 finalize_pipeline"
    );
    assert_eq!(
        definition["tasks"][3].to_string(),
        r#"{"name":"join_1","taskReferenceName":"join_1","type":"JOIN","joinOn":["wait_for_phone_validation_completion","wait_for_dp_email_hygiene_completion"]}"#
    );
    let off = Options { forks: false, ..Options::default() };
    let sequence = convert(&diamond, &off).expect("a good graph");
    assert_eq!(
        outline(&sequence["tasks"]),
        "email_validation wait_for_email_validation phone_validation wait_for_phone_validation \
         dp_name_parse wait_for_name_parse dp_email_hygiene wait_for_dp_email_hygiene finalize_pipeline"
    );
}

#[test]
fn a_waiting_node_can_fan_out_and_a_short_cut_does_not() {
    let nodes = [("w", "eventWait", NONE), ("e", "emailValidation", NONE), ("p", "phoneValidation", NONE)];
    let definition = converted(&graph(&nodes, &[("w", "e"), ("w", "p")]));
    assert_eq!(
        outline(&definition["tasks"]),
        "fork_1(email_validation wait_for_email_validation | phone_validation wait_for_phone_validation) join_1"
    );
    let nodes =
        [("e", "emailValidation", NONE), ("p", "phoneValidation", NONE), ("f", "finalizePipeline", NONE)];
    let definition = converted(&graph(&nodes, &[("e", "p"), ("p", "f"), ("e", "f")]));
    assert_eq!(
        outline(&definition["tasks"]),
        "email_validation wait_for_email_validation phone_validation wait_for_phone_validation finalize_pipeline"
    );
}

#[test]
fn branches_that_lean_on_each_other_are_cut_into_levels() {
    // a -> c, a -> d, b -> d: neither a branch nor a sequence
    let nodes = [
        ("a", "emailValidation", NONE),
        ("b", "phoneValidation", NONE),
        ("c", "enrichment", NONE),
        ("d", "nameParse", NONE),
    ];
    let definition = converted(&graph(&nodes, &[("a", "c"), ("a", "d"), ("b", "d")]));
    assert_eq!(
        outline(&definition["tasks"]),
        "fork_1(email_validation wait_for_email_validation | phone_validation wait_for_phone_validation) join_1 \
         fork_2(enrichment wait_for_enrichment | dp_name_parse wait_for_name_parse) join_2"
    );
}

#[test]
fn forks_inside_branches_keep_their_numbers_apart() {
    let nodes = [
        ("a", "emailValidation", NONE),
        ("b", "phoneValidation", NONE),
        ("c", "enrichment", json!({"serviceName": "fork_2"})),
        ("d", "nameParse", NONE),
        ("e", "dpEmailHygiene", NONE),
    ];
    let definition = converted(&graph(&nodes, &[("a", "b"), ("a", "c"), ("c", "d"), ("c", "e")]));
    assert_eq!(
        outline(&definition["tasks"]),
        "email_validation wait_for_email_validation fork_1(phone_validation wait_for_phone_validation | \
         fork_2 wait_for_fork_2 fork_3(dp_name_parse wait_for_name_parse | dp_email_hygiene wait_for_dp_email_hygiene) join_3) join_1"
    );
}

#[test]
fn a_repeated_kind_gets_names_and_outputs_of_its_own() {
    let nodes =
        [("a", "emailValidation", NONE), ("b", "emailValidation", NONE), ("c", "emailValidation", NONE)];
    let definition = converted(&graph(&nodes, &[("a", "b"), ("b", "c")]));
    let second = &definition["tasks"][2]["inputParameters"]["kafka_request"];
    assert_eq!(definition["tasks"][2]["name"], "email_validation_2");
    assert_eq!(second["topic"], "email-validation-requests", "the same service does it");
    assert_eq!(second["value"]["eventType"], "email_validation_request");
    assert_eq!(second["value"]["taskId"], "email_validation_2_task");
    assert_eq!(second["value"]["data"]["output_key"], "email_validation_2_${workflow.workflowId}.csv");
    assert_eq!(definition["tasks"][3]["sink"], "conductor:email_validation_completed");
    let outputs = &definition["outputParameters"];
    assert_eq!(outputs["email_result_3"], "${wait_for_email_validation_3_completion.output}");
    assert_eq!(outputs["pipeline_result"], "email_validation_3_${workflow.workflowId}.csv");
    assert_eq!(
        input(&definition, "email_validation_3"),
        "email-validated/email_validation_2_${workflow.workflowId}.csv email_validation"
    );
}

#[test]
fn the_graph_may_leave_the_version_to_the_options() {
    let mut graph = graph(&[("n", "enrichment", NONE)], &[]);
    graph.as_object_mut().expect("an object").remove("version");
    let options = Options { version: 1_767_000_000, bootstrap: "broker:1".to_owned(), ..Options::default() };
    let definition = convert(&graph, &options).expect("a good graph");
    assert_eq!(definition["version"], 1_767_000_000);
    assert_eq!(definition["tasks"][0]["inputParameters"]["kafka_request"]["bootStrapServers"], "broker:1");
}

#[test]
fn cycles_are_refused_with_the_nodes_on_them() {
    let nodes = [
        ("a", "emailValidation", NONE),
        ("b", "phoneValidation", NONE),
        ("c", "enrichment", NONE),
        ("d", "finalizePipeline", NONE),
        ("s", "nameParse", NONE),
    ];
    let violations = refused(&graph(&nodes, &[("a", "b"), ("b", "c"), ("c", "b"), ("c", "d"), ("s", "s")]));
    let found: Vec<_> =
        violations.0.iter().map(|v| (v.code, v.node.as_deref(), v.message.as_str())).collect();
    assert_eq!(
        found,
        [("cycle", Some("b"), "a cycle: b -> c -> b"), ("cycle", Some("s"), "a cycle: s -> s")],
        "d hangs on a cycle and is on none"
    );
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let graph = json!({"name": 5, "version": 0, "nodes": [
        {"id": "a", "type": "emailValidator"},
        {"id": "b", "type": "enrichment", "data": {"inputKey": 5}},
        {"id": "b", "type": "enrichment"},
        {"type": "enrichment"},
        {"id": "e", "type": "enrichment", "data": []},
        5
    ], "edges": [{"source": "b", "target": "nowhere"}, {"source": "b"}, {}]});
    let violations = refused(&graph);
    let codes: Vec<_> = violations.0.iter().map(|v| (v.code, v.node.as_deref().unwrap_or("-"))).collect();
    assert_eq!(
        codes,
        [
            ("unknown_kind", "a"),
            ("node_shape", "b"),
            ("duplicate_node", "b"),
            ("node_without_id", "-"),
            ("node_shape", "e"),
            ("node_without_id", "-"),
            ("unknown_node", "nowhere"),
            ("edge_shape", "-"),
            ("edge_shape", "-"),
            ("edge_shape", "-"),
            ("graph_shape", "-"),
            ("graph_shape", "-"),
        ]
    );
    assert!(
        violations
            .to_string()
            .contains(r#"node a is of kind "emailValidator", which is none of emailValidation,"#)
    );
}

#[test]
fn graphs_that_are_none_are_refused() {
    for (graph, code) in [
        (json!(null), "graph_shape"),
        (json!([]), "graph_shape"),
        (json!({}), "graph_shape"),
        (json!({"nodes": {}}), "graph_shape"),
        (json!({"nodes": [], "edges": 1}), "graph_shape"),
        (json!({"nodes": []}), "no_tasks"),
        (json!({"nodes": [{"id": "w", "type": "eventWait"}]}), "no_tasks"),
        (json!({"nodes": vec![json!({"id": "x"}); 1001]}), "too_many_nodes"),
        (json!({"nodes": [], "edges": vec![json!({}); 10_001]}), "too_many_edges"),
    ] {
        assert_eq!(refused(&graph).0[0].code, code);
    }
}

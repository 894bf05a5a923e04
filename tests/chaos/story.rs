//! The workflows that run while the engine is killed, and what each must have done at its end.

use podium_tests::support::client::Client;
use podium_tests::support::pipeline::{definition, in_sequence, side_by_side, stage};
use serde_json::{Value, json};

/// Task types of the test's own workers.
pub(crate) const WORK: &str = "chaos_work";

/// The services of the pipeline: name, request topic, where their results go.
const SERVICES: [(&str, &str, &str); 2] = [
    ("email_validation", "email-validation-requests", "email-validated"),
    ("phone_validation", "phone-validation-requests", "phone-validated"),
];

/// The object that all runs validate.
pub(crate) const INPUT: (&str, &str) = ("raw-data", "chaos.csv");

/// Rows of it: three with a right address and number, one without.
pub(crate) const ROWS: &str = "serial_no,name,email,phone,city\n\
    1,Ann,ann@example.com,212-555-0101,Oslo\n2,Bob,bob@example.com,212-555-0102,Rome\n\
    3,Cid,cid@example.com,212-555-0103,Bonn\n4,Dee,not an address,12,Riga\n";

pub(crate) const STORIES: usize = 4;

fn service(which: usize, broker: &str) -> [Value; 2] {
    let (name, topic, bucket) = SERVICES[which];
    let data = json!({"input_bucket": INPUT.0, "input_key": INPUT.1, "output_bucket": bucket,
        "output_key": format!("{name}_${{workflow.workflowId}}.csv")});
    stage(name, topic, broker, &data)
}

fn work(reference: &str) -> Value {
    json!({"name": WORK, "taskReferenceName": reference, "type": "SIMPLE", "inputParameters": {"ref": reference}})
}

/// Name of a story's workflow.
pub(crate) fn name(story: usize) -> String {
    format!("chaos_{story}")
}

/// Registers all stories; `broker` is what their definitions name.
pub(crate) fn register(client: &Client, broker: &str) -> anyhow::Result<()> {
    // A lease that was lost with the engine comes back soon, and as often as it takes.
    client.register_task_defs(
        &json!([{"name": WORK, "retryCount": 50, "retryDelaySeconds": 0, "timeoutSeconds": 0,
        "responseTimeoutSeconds": 5, "ownerEmail": "tests@example.com"}]),
    )?;
    let pairs = [service(0, broker), service(1, broker)];
    client.register_workflow(&in_sequence(&name(0), &pairs))?;
    client.register_workflow(&side_by_side(&name(1), &pairs))?;
    let pause = json!({"name": "pause", "taskReferenceName": "pause", "type": "WAIT",
        "inputParameters": {"duration": "1s"}});
    client.register_workflow(&definition(&name(2), vec![work("before"), pause, work("after")]))?;
    let [publish, wait] = service(0, broker);
    let fork = json!({"name": "fork", "taskReferenceName": "fork", "type": "FORK_JOIN",
        "forkTasks": [[work("left")], [work("right"), work("right_again")], [publish, wait]]});
    let join = json!({"name": "join", "taskReferenceName": "join", "type": "JOIN",
        "joinOn": ["left", "right_again", "wait_for_email_validation_completion"]});
    client.register_workflow(&definition(&name(3), vec![work("first"), fork, join, work("last")]))
}

/// The references of a story that must each have exactly one COMPLETED task at the end.
pub(crate) fn references(story: usize) -> Vec<&'static str> {
    const EMAIL: [&str; 2] = ["email_validation", "wait_for_email_validation_completion"];
    const PHONE: [&str; 2] = ["phone_validation", "wait_for_phone_validation_completion"];
    match story {
        0 => [EMAIL, PHONE].concat(),
        1 => [&EMAIL[..], &PHONE[..], &["fork", "join"]].concat(),
        2 => vec!["before", "pause", "after"],
        _ => [&EMAIL[..], &["first", "fork", "left", "right", "right_again", "join", "last"]].concat(),
    }
}

/// The request topics that a story publishes to, once each.
pub(crate) fn topics(story: usize) -> Vec<&'static str> {
    match story {
        0 | 1 => vec![SERVICES[0].1, SERVICES[1].1],
        2 => Vec::new(),
        _ => vec![SERVICES[0].1],
    }
}

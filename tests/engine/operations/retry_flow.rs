//! The documented retry flow: a stage fails, ingestion hears of it on the events topic, looks the workflow up and offers a
//! retry; the click posts the payload to the engine. Ingestion is played here.

use podium_tests::support::kafka;
use podium_tests::support::pipeline::{completion, side_by_side, stage, waiting};
use podium_tests::support::stage::{Broker, SOON, Stage, events_topic};
use podium_tests::support::wait::until;
use serde_json::{Value, json};

/// Which of the documented payloads is posted.
#[derive(Clone, Copy, PartialEq)]
enum Click {
    /// As the text has it: reference names only.
    Text,
    /// As the code sends it: with the id of the task.
    Code,
    /// The button that runs everything again.
    Everything,
}

struct Flow {
    on: Stage,
    id: String,
}

impl Flow {
    /// E-mail and phone side by side; the tests speak for the phone service.
    fn begin() -> anyhow::Result<Flow> {
        let on = Stage::open(Broker::Real)?;
        for service in ["email", "phone"] {
            kafka::create_topic(&on.broker, &on.name(service), 1)?;
        }
        let stages: Vec<_> =
            ["email", "phone"].iter().map(|s| stage(s, &on.name(s), &on.broker, &json!({}))).collect();
        let id = on.register_and_start(&side_by_side(&on.name("wf"), &stages), &json!({}))?;
        Ok(Flow { on, id })
    }

    fn says(&self, service: &str, result: &str) -> anyhow::Result<()> {
        self.on.publish(&self.id, &completion(&self.id, service, result).to_string())
    }

    fn requests(&self, service: &str) -> anyhow::Result<usize> {
        Ok(kafka::read_all(&self.on.broker, &self.on.name(service))?.len())
    }

    /// What ingestion makes of a failure event: the payload of its offer.
    fn offer(&self) -> anyhow::Result<Value> {
        let events = kafka::read_all(&self.on.broker, &events_topic(&self.on.tag))?;
        let failed = events.iter().map(|record| record.json()).find(|e| e["data"]["status"] == "failed");
        let workflow = failed.expect("the failure is on the topic")["workflowId"].clone();
        let run = self.on.client.wait_for(workflow.as_str().unwrap_or_default(), "FAILED", SOON)?;
        let tasks = run["tasks"].as_array().cloned().unwrap_or_default();
        let at = tasks.iter().position(|task| task["status"] == "FAILED").expect("a task has failed");
        let name = |task: &Value| task["referenceTaskName"].as_str().unwrap_or_default().to_owned();
        // the predecessor is the one of the definition: in a fork the neighbour in the list is of another branch
        let from = tasks.iter().find(|task| waiting(&name(task)) == name(&tasks[at])).expect("its publish");
        Ok(
            json!({"workflowId": workflow, "reRunFromTaskRefName": name(from), "reRunFromTaskId": from["taskId"],
            "resetTasks": [name(from), name(&tasks[at])]}),
        )
    }

    fn click(&self, click: Click, mut offer: Value) -> anyhow::Result<()> {
        match click {
            Click::Code => {}
            Click::Text => drop(offer.as_object_mut().and_then(|o| o.remove("reRunFromTaskId"))),
            Click::Everything => {
                offer = json!({"workflowId": self.id, "reRunFromFailedTask": false, "taskRefName": null, "resetTasks": []});
            }
        }
        let answer =
            self.on.client.send("POST", &format!("/api/workflow/{}/rerun", self.id), &offer)?.ok()?;
        assert_eq!(answer.text(), self.id);
        Ok(())
    }

    fn ends_well(&self) -> anyhow::Result<Value> {
        let run = self.on.client.wait_for(&self.id, "COMPLETED", SOON)?;
        let tasks = run["tasks"].as_array().cloned().unwrap_or_default();
        assert!(tasks.iter().all(|task| task["status"] == "COMPLETED"), "{run}");
        let lines = format!(
            "SELECT count(*) FROM podium.history WHERE run_id = '{}' AND operation = 'RERUN'",
            self.id
        );
        assert_eq!(self.on.sql.number(&lines)?, 1);
        self.on.sql.assert_sound()?;
        Ok(run)
    }
}

/// The other branch is done when this one fails.
fn a_failed_branch(click: Click) -> anyhow::Result<()> {
    let flow = Flow::begin()?;
    flow.says("email", "success")?;
    let client = &flow.on.client;
    let email = client.wait_for_task(&flow.id, &waiting("email"), "COMPLETED", SOON)?;
    client.wait_for_task(&flow.id, &waiting("phone"), "IN_PROGRESS", SOON)?;
    flow.says("phone", "failure")?;
    client.wait_for(&flow.id, "FAILED", SOON)?;
    let offer = flow.offer()?;
    assert_eq!(offer["reRunFromTaskRefName"], "phone");
    flow.click(click, offer)?;
    let wanted = (if click == Click::Everything { 2 } else { 1 }, 2);
    until("the request is published again", SOON, || {
        Ok(((flow.requests("email")?, flow.requests("phone")?) == wanted).then_some(()))
    })?;
    client.wait_for_task(&flow.id, &waiting("phone"), "IN_PROGRESS", SOON)?;
    flow.says("phone", "success")?;
    if click == Click::Everything {
        flow.says("email", "success")?;
    }
    let run = flow.ends_well()?;
    let tasks = run["tasks"].as_array().cloned().unwrap_or_default();
    let kept = tasks.iter().find(|task| task["referenceTaskName"] == waiting("email"));
    let kept =
        kept.is_some_and(|task| task["taskId"] == email["taskId"] && task["endTime"] == email["endTime"]);
    assert_eq!(kept, click != Click::Everything, "what stands beside it is kept");
    assert_eq!((flow.requests("email")?, flow.requests("phone")?), wanted);
    Ok(())
}

#[test]
fn the_payload_of_the_text_runs_the_failed_branch_again() -> anyhow::Result<()> {
    a_failed_branch(Click::Text)
}

#[test]
fn the_payload_of_the_code_runs_the_failed_branch_again() -> anyhow::Result<()> {
    a_failed_branch(Click::Code)
}

#[test]
fn the_rerun_button_runs_everything_again() -> anyhow::Result<()> {
    a_failed_branch(Click::Everything)
}

/// The other branch still waited and was cancelled with the run: it goes on too.
#[test]
fn a_branch_that_was_cancelled_beside_it_goes_on() -> anyhow::Result<()> {
    let flow = Flow::begin()?;
    let client = &flow.on.client;
    client.wait_for_task(&flow.id, &waiting("phone"), "IN_PROGRESS", SOON)?;
    client.wait_for_task(&flow.id, &waiting("email"), "IN_PROGRESS", SOON)?;
    flow.says("phone", "failure")?;
    client.wait_for(&flow.id, "FAILED", SOON)?;
    flow.click(Click::Text, flow.offer()?)?;
    for service in ["phone", "email"] {
        client.wait_for_task(&flow.id, &waiting(service), "IN_PROGRESS", SOON)?;
        flow.says(service, "success")?;
    }
    let run = client.wait_for(&flow.id, "COMPLETED", SOON)?;
    assert_eq!(flow.requests("phone")?, 2, "{run}");
    flow.on.sql.assert_sound()
}

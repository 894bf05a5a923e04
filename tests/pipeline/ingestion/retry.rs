//! The documented failure flow on real Kafka: a service fails once, the offer arrives on the socket, one POST, the workflow
//! completes, and nothing that was done is done again.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};

use podium_tests::support::pipeline::{
    Service, completion, in_sequence, side_by_side, stage, that_says, waiting,
};
use podium_tests::support::stage::{SOON, events_topic};
use podium_tests::support::wait::until;
use serde_json::{Value, json};

use super::live::Page;
use super::world::World;

/// Services that answer, `email` once it was let; `phone` fails the first time.
fn services(world: &World, let_email: Receiver<()>) -> anyhow::Result<[Service; 2]> {
    let events = events_topic(&world.tag);
    let let_email = Mutex::new(let_email);
    let answer = that_says("email", "success");
    let email = Service::start(
        &world.broker,
        &world.name("email"),
        &events,
        Box::new(move |request| {
            // nobody lets it any more: the test is over
            if let_email.lock().is_ok_and(|told| told.recv().is_err()) {
                return Vec::new();
            }
            answer(request)
        }),
    )?;
    let tries = Arc::new(AtomicUsize::new(0));
    let phone = Service::start(
        &world.broker,
        &world.name("phone"),
        &events,
        Box::new(move |request| {
            let result = if tries.fetch_add(1, Ordering::SeqCst) == 0 { "failure" } else { "success" };
            vec![completion(request["workflowId"].as_str().unwrap_or_default(), "phone", result).to_string()]
        }),
    )?;
    Ok([email, phone])
}

/// The definition and what the page asks for.
#[derive(Clone, Copy, Default)]
struct Flow {
    parallel: bool,
    /// The click names the task by its reference only.
    strip_id: bool,
    /// The other branch is answered between the failure and the click.
    late_answer: bool,
}

fn flow(Flow { parallel, strip_id, late_answer }: Flow) -> anyhow::Result<()> {
    let world = World::on_kafka()?;
    let (sender, receiver) = channel();
    let [email, phone] = services(&world, receiver)?;
    // goes before the services, which end only when they are not held up
    let let_email = sender;
    if !late_answer {
        let_email.send(())?;
    }
    let ingest = world.ingest(world.settings())?;
    let mut page = Page::open(&ingest, "")?;
    let stages = ["email", "phone"].map(|s| stage(s, &world.name(s), &world.broker, &json!({})));
    let name = world.name("wf");
    let definition = if parallel { side_by_side(&name, &stages) } else { in_sequence(&name, &stages) };
    let id = ingest.deploy(&json!({"workflow": definition}))?["workflow_instance_id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let first = page.wait_for("the first message", |value| value["rerun_url"].is_string())?;
    assert!(first["CONDUCTOR_BASE_URL"].as_str().is_some_and(|url| url.ends_with("/api")), "{first}");
    let offer = page.wait_for("an offer", |value| value["retry_url"].is_string())?;
    assert_eq!(
        offer.as_object().map(|o| o.keys().cloned().collect::<Vec<_>>()),
        Some(vec!["retry_url".to_owned(), "payload".to_owned()])
    );
    assert_eq!(
        (&offer["payload"]["workflowId"], &offer["payload"]["reRunFromTaskRefName"]),
        (&json!(id), &json!("phone"))
    );
    // a page that opens later has the button too
    Page::open(&ingest, "")?.wait_for("the offer again", |value| value["retry_url"] == offer["retry_url"])?;
    let status = ingest.get(&format!("/workflow/{id}/status"))?.ok()?.json()?;
    assert_eq!((&status["status"], &status["offer"]["payload"]), (&json!("FAILED"), &offer["payload"]));
    if late_answer {
        let_email.send(())?;
        until("the answer to be kept", SOON, || {
            let kept = world.client.get("/api/podium/events/parked")?.ok()?.json()?;
            Ok(kept.as_array().into_iter().flatten().any(|event| event["workflowId"] == *id).then_some(()))
        })?;
    }
    let mut payload = offer["payload"].clone();
    if strip_id {
        payload.as_object_mut().expect("an object").remove("reRunFromTaskId");
    }
    let click = json!({"rerun_url": offer["retry_url"], "payload": payload});
    let answer = ingest.post("/retry-workflow", &click)?.ok()?.json()?;
    assert_eq!(answer, json!({"message": "Workflow rerun triggered successfully"}));
    let run = world.client.wait_for(&id, "COMPLETED", SOON)?;
    assert_eq!((email.requests_of(&id), phone.requests_of(&id)), (1, 2), "{run}");
    until("the offer to be over", SOON, || {
        let status = ingest.get(&format!("/workflow/{id}/status"))?.ok()?.json()?;
        Ok((status["offer"] == Value::Null).then_some(()))
    })?;
    let tasks = run["tasks"].as_array().cloned().unwrap_or_default();
    assert!(tasks.iter().any(|task| task["referenceTaskName"] == *waiting("phone")));
    world.sql.assert_sound()
}

#[test]
fn a_failed_stage_is_taken_up_again() -> anyhow::Result<()> {
    flow(Flow::default())
}

#[test]
fn a_failed_branch_is_taken_up_again_by_its_name() -> anyhow::Result<()> {
    flow(Flow { parallel: true, strip_id: true, ..Flow::default() })
}

#[test]
fn an_answer_that_comes_between_the_failure_and_the_click_counts() -> anyhow::Result<()> {
    flow(Flow { parallel: true, late_answer: true, ..Flow::default() })
}

#[test]
fn an_offer_outlives_the_service_and_only_the_engine_is_called() -> anyhow::Result<()> {
    let world = World::open()?;
    let mut ingest = world.ingest(world.settings())?;
    let name = world.name("wf");
    let failing = stage("phone", &world.name("phone"), &world.broker, &json!({}));
    let service = Service::start(
        &world.broker,
        &world.name("phone"),
        &events_topic(&world.tag),
        that_says("phone", "failure"),
    )?;
    let definition = in_sequence(&name, &[failing]);
    let id = ingest.deploy(&json!({"workflow": definition}))?["workflow_instance_id"]
        .as_str()
        .expect("an id")
        .to_owned();
    world.client.wait_for(&id, "FAILED", SOON)?;
    drop(service);
    ingest.0.kill()?;
    ingest.0.restart()?;
    ingest.wait_ready()?;
    let offered = |value: &Value| value["payload"]["workflowId"] == *id;
    Page::open(&ingest, "")?.wait_for("the offer after a restart", offered)?;
    let retry = |body: &Value| anyhow::Ok(ingest.post("/retry-workflow", body)?);
    let missing = retry(&json!({"payload": {}}))?;
    assert_eq!(
        (missing.status, missing.json()?),
        (400, json!({"detail": "rerun_url is required in payload"}))
    );
    for url in
        ["http://169.254.169.254/latest/meta-data", "http://x/api/workflow/a/terminate", "file:///etc/passwd"]
    {
        assert_eq!(retry(&json!({"rerun_url": url}))?.status, 400, "{url}");
    }
    let unknown = retry(
        &json!({"rerun_url": "http://elsewhere/api/workflow/01a20819-a1ba-7eb6-8770-8f6640000000/rerun", "payload": {}}),
    )?;
    assert_eq!(unknown.status, 404, "the engine's own status: {}", unknown.text());
    let strange = json!({"rerun_url": format!("http://elsewhere/api/workflow/{id}/rerun"), "payload": {"reRunFromTaskRefName": "nothing"}});
    assert_eq!(retry(&strange)?.status, 400);
    Ok(())
}

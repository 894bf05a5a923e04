//! Why does a workflow not go on? Asked of a real server, for each kind of answer that one server can be brought to give.

use podium_tests::support::client::Client;
use podium_tests::support::podium::{Podium, Settings};
use podium_tests::support::postgres;
use podium_tests::support::stage::{SOON, fresh_tag};
use podium_tests::support::wait::until;
use podium_tests::support::zoo::Zoo;
use serde_json::{Value, json};

struct World {
    client: Client,
    _podium: Podium,
}

impl World {
    fn new() -> anyhow::Result<World> {
        let podium = Podium::start(Settings::serve(&postgres::shared()?.database(&fresh_tag("x"))?))?;
        Ok(World { client: podium.client(), _podium: podium })
    }

    /// Starts a workflow of these tasks.
    fn start(&self, name: &str, tasks: &Value, input: &Value) -> anyhow::Result<String> {
        self.client.register_workflow(&json!({"name": name, "version": 1, "tasks": tasks}))?;
        self.client.start(name, input)
    }

    fn explain(&self, id: &str) -> anyhow::Result<Value> {
        self.client.get(&format!("/api/workflow/{id}/explain"))?.ok()?.json()
    }

    /// Waits until there is a wait of this kind; returns it with the whole answer.
    fn wait_of(&self, id: &str, kind: &str) -> anyhow::Result<(Value, Value)> {
        let mut last = Value::Null;
        let found = until(&format!("a wait of the kind {kind}"), SOON, || {
            last = self.explain(id)?;
            let found = last["waits"].as_array().into_iter().flatten().find(|wait| wait["kind"] == kind);
            Ok(found.cloned())
        });
        let wait = found.map_err(|error| anyhow::anyhow!("{error}: {last}"))?;
        let sentence = |text: &Value| text.as_str().is_some_and(|text| text.ends_with('.'));
        assert!(sentence(&wait["text"]) && sentence(&wait["wakes"]) && wait["since"].is_i64(), "{wait}");
        assert!(sentence(&last["summary"]) && last["workflowId"] == id, "{last}");
        Ok((wait, last))
    }
}

fn simple(name: &str) -> Value {
    json!({"name": name, "taskReferenceName": name, "type": "SIMPLE"})
}

fn of_type(kind: &str, more: &Value) -> Value {
    let mut task = json!({"name": "t", "taskReferenceName": "t", "type": kind});
    for (name, value) in more.as_object().into_iter().flatten() {
        task[name] = value.clone();
    }
    task
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[test]
fn a_workers_task_is_told_from_before_its_first_poll_to_its_retry() -> anyhow::Result<()> {
    let world = World::new()?;
    let client = &world.client;
    client.register_task_defs(&json!([{"name": "pay", "retryCount": 3, "retryDelaySeconds": 600,
        "responseTimeoutSeconds": 500, "timeoutSeconds": 0}]))?;
    let id = world.start("order", &json!([simple("pay")]), &json!({}))?;
    let (wait, whole) = world.wait_of(&id, "POLL")?;
    assert_eq!(wait["text"], "`pay` waits for a worker; no worker has ever polled `pay`.");
    assert_eq!((&wait["referenceTaskName"], &wait["taskType"]), (&json!("pay"), &json!("pay")));
    assert_eq!(
        (&whole["summary"], &whole["status"], &whole["openTasks"]),
        (&wait["text"], &json!("RUNNING"), &json!(1))
    );
    // somebody polls, but elsewhere
    client.get("/api/tasks/poll/batch/pay?workerid=w0&domain=eu&timeout=1")?.ok()?;
    until("the poll in another domain is seen", SOON, || {
        let said = world.explain(&id)?["summary"].clone();
        Ok(text(&said).ends_with("but workers have polled it in `eu`.").then_some(()))
    })?;
    let pay = until("pay is there", SOON, || Ok(client.poll("pay", 1, "w1")?.pop()))?;
    let (wait, _) = world.wait_of(&id, "WORKER")?;
    assert_eq!((&wait["worker"], &wait["taskId"]), (&json!("w1"), &pay["taskId"]));
    let left = wait["until"].as_i64().unwrap_or_default() - wait["since"].as_i64().unwrap_or_default();
    assert!((499_000..=501_000).contains(&left), "the response time-out ends it: {wait}");
    let later = json!({"workflowInstanceId": id, "taskId": pay["taskId"], "status": "IN_PROGRESS", "workerId": "w1",
        "callbackAfterSeconds": 300});
    client.send("POST", "/api/tasks", &later)?.ok()?;
    let (wait, _) = world.wait_of(&id, "TIME")?;
    assert!(text(&wait["text"]).starts_with("`w1` wants to be given `pay` again later"), "{wait}");
    client.report(&pay, "FAILED", &json!({}))?.ok()?;
    let (wait, _) = world.wait_of(&id, "RETRY_DELAY")?;
    assert!(text(&wait["text"]).contains("before attempt 2 of 4"), "{wait}");
    assert!(wait["until"].as_i64() > wait["since"].as_i64(), "{wait}");
    client.send("POST", &format!("/api/workflow/{id}/resetcallbacks"), &Value::Null)?.ok()?;
    let (wait, _) = world.wait_of(&id, "POLL")?;
    assert_eq!(wait["lastPoll"]["workerId"], "w1", "{wait}");
    assert!(text(&wait["text"]).starts_with("`pay` waits for a worker; `pay` was last polled"), "{wait}");
    // what an operator does with the whole, and how it ends
    client.send("PUT", &format!("/api/workflow/{id}/pause"), &Value::Null)?.ok()?;
    let (wait, whole) = world.wait_of(&id, "PAUSED")?;
    assert_eq!((wait.get("taskId"), &whole["summary"]), (None, &wait["text"]));
    client.send("DELETE", &format!("/api/workflow/{id}?reason=enough"), &Value::Null)?.ok()?;
    let (_, whole) = world.wait_of(&id, "ENDED")?;
    assert!(text(&whole["summary"]).starts_with("The workflow was terminated after "), "{whole}");
    assert!(text(&whole["summary"]).ends_with(": enough."), "{whole}");
    for unknown in ["00000000-0000-4000-8000-000000000000", "nonsense"] {
        assert_eq!(client.get(&format!("/api/workflow/{unknown}/explain"))?.status, 404);
    }
    Ok(())
}

#[test]
fn each_kind_of_task_says_what_it_is_about() -> anyhow::Result<()> {
    let world = World::new()?;
    let zoo = Zoo::open()?;
    let child = json!([of_type("WAIT", &json!({}))]);
    world.client.register_workflow(&json!({"name": "child", "version": 1, "tasks": child}))?;
    let request = json!({"uri": format!("{}/hang", zoo.url), "method": "GET", "readTimeOut": 60_000});
    let record = json!({"topic": "news", "value": "x", "bootStrapServers": "nobody:9092"});
    let fork = json!({"name": "f", "taskReferenceName": "f", "type": "FORK_JOIN", "forkTasks": [[simple("a")], [simple("b")]]});
    let join = json!({"name": "j", "taskReferenceName": "j", "type": "JOIN", "joinOn": ["a", "b"]});
    let loop_of_one = json!({"name": "l", "taskReferenceName": "l", "type": "DO_WHILE", "loopOver": [simple("a")],
        "loopCondition": "if ($.l['iteration'] < 3) { true; } else { false; }"});
    for (name, tasks, kind, said) in [
        (
            "timer",
            json!([of_type("WAIT", &json!({"inputParameters": {"duration": "1 hours"}}))]),
            "TIME",
            "`t` waits for its time: 59 min are left.",
        ),
        ("gate", json!([of_type("WAIT", &json!({}))]), "EVENT", "`t` waits until somebody ends it."),
        ("human", json!([of_type("HUMAN", &json!({}))]), "HUMAN", "`t` waits for a person."),
        (
            "event",
            json!([of_type("EVENT", &json!({"sink": "conductor:paid", "asyncComplete": true}))]),
            "EVENT",
            "`t` was published to `conductor:paid` and waits for the event that completes it.",
        ),
        (
            "publish",
            json!([of_type("KAFKA_PUBLISH", &json!({"inputParameters": {"kafka_request": record}}))]),
            "PUBLISH",
            "The message of `t` to the topic `news` has not been acknowledged yet.",
        ),
        (
            "parent",
            json!([of_type("SUB_WORKFLOW", &json!({"subWorkflowParam": {"name": "child", "version": 1}}))]),
            "CHILD",
            "`t` waits for its sub-workflow, which is RUNNING.",
        ),
        ("fan", json!([fork, join]), "JOIN", "`j` waits for 2 of 2 tasks: `a`, `b`."),
        ("round", json!([loop_of_one]), "JOIN", "`l` is in its iteration 1, in which `a__1` is open."),
        (
            "call",
            json!([of_type("HTTP", &json!({"inputParameters": {"http_request": request}}))]),
            "HTTP",
            "",
        ),
    ] {
        let id = world.start(name, &tasks, &json!({}))?;
        let (wait, whole) = world.wait_of(&id, kind)?;
        if said.is_empty() {
            until("the call is under way", SOON, || {
                let said = world.explain(&id)?["summary"].clone();
                Ok(text(&said).starts_with("The HTTP call of `t` has been under way for").then_some(()))
            })?;
            continue;
        }
        assert_eq!(wait["text"], said, "{name}: {whole}");
        let child = wait.get("childWorkflowId").map(text).unwrap_or_default();
        assert_eq!(
            kind == "CHILD",
            world.client.get(&format!("/api/workflow/{child}"))?.status == 200,
            "{wait}"
        );
        let page = podium_tests::support::repository().join(text(&wait["docs"]));
        assert!(page.is_file(), "there is no page {}", page.display());
    }
    Ok(())
}

#[test]
fn limits_say_what_is_full() -> anyhow::Result<()> {
    let world = World::new()?;
    let client = &world.client;
    client.register_task_defs(&json!([
        {"name": "narrow", "retryCount": 0, "timeoutSeconds": 0, "responseTimeoutSeconds": 600, "concurrentExecLimit": 1},
        {"name": "slow", "retryCount": 0, "timeoutSeconds": 0, "responseTimeoutSeconds": 600,
            "rateLimitPerFrequency": 1, "rateLimitFrequencyInSeconds": 600}]))?;
    for (name, kind, said) in [
        (
            "narrow",
            "CONCURRENCY_LIMIT",
            "`narrow` waits because 1 of at most 1 tasks of `narrow` are in progress.",
        ),
        (
            "slow",
            "RATE_LIMIT",
            "`slow` waits because as many tasks of `slow` as its rate limit of 1 allows have begun lately.",
        ),
    ] {
        world.start(name, &json!([simple(name)]), &json!({}))?;
        until("one is taken", SOON, || Ok(client.poll(name, 1, "w1")?.pop()))?;
        let second = client.start(name, &json!({}))?;
        let (wait, _) = world.wait_of(&second, kind)?;
        assert_eq!(wait["text"], said);
        assert_eq!(wait["until"].is_i64(), kind == "RATE_LIMIT", "{wait}");
    }
    client.register_workflow(&json!({"name": "one_at_a_time", "version": 1, "tasks": [simple("a")],
        "rateLimitConfig": {"rateLimitKey": "${workflow.input.who}", "concurrentExecLimit": 1}}))?;
    for _ in 0..2 {
        client.start("one_at_a_time", &json!({"who": "alice"}))?;
    }
    let third = client.start("one_at_a_time", &json!({"who": "alice"}))?;
    let (wait, whole) = world.wait_of(&third, "RATE_LIMIT")?;
    assert!(
        text(&wait["text"])
            .starts_with("The workflow has not begun: at most 1 workflow with the rate-limit key"),
        "{wait}"
    );
    assert!(text(&wait["text"]).ends_with("and 1 workflow waits before it."), "{wait}");
    assert_eq!(whole["openTasks"], 0);
    Ok(())
}

#[test]
fn sentences_say_no_more_than_people_may_see() -> anyhow::Result<()> {
    let world = World::new()?;
    let task = of_type("EVENT", &json!({"sink": "conductor:secret", "asyncComplete": true}));
    world.client.register_workflow(
        &json!({"name": "quiet", "version": 1, "tasks": [task], "maskedFields": ["sink"],
        "timeoutSeconds": 3_600, "timeoutPolicy": "TIME_OUT_WF"}),
    )?;
    let id = world.client.start("quiet", &json!({}))?;
    let (_, whole) = world.wait_of(&id, "EVENT")?;
    assert!(!whole.to_string().contains("secret"), "{whole}");
    let (last, _) = world.wait_of(&id, "TIME")?;
    assert!(text(&last["text"]).starts_with("The workflow as a whole may take 60 min"), "{last}");
    Ok(())
}

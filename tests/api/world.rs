//! A server of its own, and what the examples need to be there.

use std::time::Duration;

use anyhow::Context;
use podium_tests::support::audit::Sql;
use podium_tests::support::client::Client;
use podium_tests::support::http::{self, Answer};
use podium_tests::support::podium::{Podium, Settings};
use podium_tests::support::postgres;
use serde_json::json;

use crate::examples::{Ids, Request};

/// Longer than the longest that a call may wait by contract.
const LIMIT: Duration = Duration::from_secs(40);

pub(crate) struct World {
    pub(crate) podium: Podium,
    pub(crate) sql: Sql,
    client: Client,
    made: usize,
}

impl World {
    pub(crate) fn new(database: &str) -> anyhow::Result<World> {
        let url = postgres::shared()?.database(database)?;
        let podium = Podium::start(Settings::serve(&url).with("CONDUCTOR_ENV_region", "north"))?;
        let world = World { client: podium.client(), sql: Sql::connect(&url)?, podium, made: 0 };
        world.register()?;
        Ok(world)
    }

    fn register(&self) -> anyhow::Result<()> {
        self.client.register_task_defs(&json!([
            {"name": "example_task", "retryCount": 0, "timeoutSeconds": 0, "responseTimeoutSeconds": 600},
        ]))?;
        let simple = |reference: &str| json!({"name": "example_task", "taskReferenceName": reference, "type": "SIMPLE"});
        for (name, tasks) in [
            ("example_flow", json!([simple("greet"), simple("thank")])),
            ("example_instant", json!([{"name": "nothing", "taskReferenceName": "nothing", "type": "NOOP"}])),
            ("example_wait", json!([{"name": "approval", "taskReferenceName": "approval", "type": "WAIT"}])),
        ] {
            self.client.register_workflow(&json!({"name": name, "version": 1, "tasks": tasks}))?;
        }
        Ok(())
    }

    /// Makes what `given` says and answers its ids.
    pub(crate) fn given(&mut self, given: Option<&str>) -> anyhow::Result<Ids> {
        self.made += 1;
        let unique = format!("example_{}", self.made);
        let mut ids = Ids::from([("unique", unique.clone())]);
        match given {
            None => {}
            Some("running") => drop(ids.insert("run", self.start("example_flow", &unique)?)),
            Some("pollable") => drop(ids.insert("run", self.client.start("example_flow", &json!({}))?)),
            Some("waiting") => drop(ids.insert("run", self.start("example_wait", &unique)?)),
            Some("paused") => {
                let run = self.start("example_flow", &unique)?;
                self.send("PUT", &format!("/api/workflow/{run}/pause"), &json!(null))?;
                ids.insert("run", run);
            }
            Some("bulk") => {
                ids.insert("run", self.start("example_flow", &unique)?);
                let query = json!({"query": "workflowType = example_flow AND status = RUNNING", "cap": 100,
                    "operationId": unique});
                self.send("PUT", "/api/workflow/bulk/pause", &query)?;
            }
            Some("leased") => self.lease(&unique, &mut ids)?,
            Some("leased_twice") => {
                self.lease(&unique, &mut ids)?;
                self.start("example_flow", &unique)?;
            }
            Some("logged") => {
                self.lease(&unique, &mut ids)?;
                self.send("POST", &format!("/api/tasks/{}/log", ids["task"]), &json!("half done"))?;
            }
            Some("completed") => {
                for _ in 0..2 {
                    self.end(&unique, &mut ids, "COMPLETED")?;
                }
            }
            Some("failed") => self.end(&unique, &mut ids, "FAILED_WITH_TERMINAL_ERROR")?,
            Some("definition") => {
                self.client.register_task_defs(&json!([{"name": unique, "retryCount": 0}]))?;
                let task = json!({"name": unique, "taskReferenceName": "only", "type": "SIMPLE"});
                self.client.register_workflow(&json!({"name": unique, "version": 1, "tasks": [task]}))?;
            }
            Some("handler") => self.send(
                "POST",
                "/api/event",
                &json!({"name": unique, "event": "conductor:example_flow:ready", "active": false, "actions": [
                    {"action": "start_workflow", "start_workflow": {"name": "example_flow"}}]}),
            )?,
            Some("handled") => {
                let event = format!("conductor:{unique}:ready");
                self.send(
                    "POST",
                    "/api/event",
                    &json!({"name": unique, "event": event, "active": true, "condition": "$.greeting != null",
                        "evaluatorType": "javascript", "actions": [
                            {"action": "start_workflow", "start_workflow": {"name": "example_instant"}}]}),
                )?;
                let raise = json!({"name": "ready", "taskReferenceName": "ready", "type": "EVENT", "sink": "conductor:ready",
                    "inputParameters": {"greeting": "hello"}});
                self.client.register_workflow(&json!({"name": unique, "version": 1, "tasks": [raise]}))?;
                self.client.start(&unique, &json!({}))?;
                self.until_handled(&unique)?;
            }
            Some("schedule") => {
                let start = json!({"name": "example_flow", "version": 1});
                let schedule =
                    json!({"name": unique, "cronExpression": "0 0 3 * * *", "startWorkflowRequest": start});
                self.send("POST", "/api/scheduler/schedules", &schedule)?;
                self.send("PUT", &format!("/api/scheduler/schedules/{unique}/pause"), &json!(null))?;
            }
            Some(other) => anyhow::bail!("nobody knows how to make {other:?}"),
        }
        Ok(ids)
    }

    /// Starts a run whose tasks only a poll of its own domain gets.
    fn start(&self, name: &str, domain: &str) -> anyhow::Result<String> {
        let request = json!({"name": name, "version": 1, "correlationId": "order-17", "input": {"who": "world"},
            "taskToDomain": {"*": domain}});
        let answer = self.client.send("POST", "/api/workflow", &request)?;
        Ok(answer.ok()?.text())
    }

    /// Waits until it can be seen what a handler did.
    fn until_handled(&self, handler: &str) -> anyhow::Result<()> {
        let end = std::time::Instant::now() + LIMIT;
        loop {
            let answer =
                self.client.get(&format!("/api/podium/events/executions?handler={handler}"))?.ok()?.json()?;
            if answer["total"] == json!(1) {
                return Ok(());
            }
            anyhow::ensure!(std::time::Instant::now() < end, "handler {handler} was not seen to do anything");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn lease(&self, domain: &str, ids: &mut Ids) -> anyhow::Result<()> {
        if !ids.contains_key("run") {
            ids.insert("run", self.start("example_flow", domain)?);
        }
        let task = self
            .client
            .get(&format!("/api/tasks/poll/example_task?workerid=worker-1&domain={domain}"))?
            .ok()?
            .json()
            .context("a task is ready")?;
        ids.insert("task", task["taskId"].as_str().unwrap_or_default().to_owned());
        Ok(())
    }

    fn end(&self, domain: &str, ids: &mut Ids, status: &str) -> anyhow::Result<()> {
        self.lease(domain, ids)?;
        let report = json!({"workflowInstanceId": ids["run"], "taskId": ids["task"], "status": status,
            "outputData": {"greeting": "Hello, world"}});
        self.send("POST", "/api/tasks", &report)
    }

    fn send(&self, method: &str, target: &str, body: &serde_json::Value) -> anyhow::Result<()> {
        self.client.send(method, target, body)?.ok().map(drop).with_context(|| format!("{method} {target}"))
    }

    pub(crate) fn call(&self, request: &Request) -> std::io::Result<Answer> {
        let kind = request.content_type.map(|kind| ("Content-Type".to_owned(), kind.to_owned()));
        let headers: Vec<_> = kind.into_iter().collect();
        http::call(
            &self.podium.base(),
            &request.method,
            &request.target(),
            &headers,
            request.body.as_deref(),
            LIMIT,
        )
    }

    /// A digest of everything that a call could have stored, so that two looks show whether one did. Left out: what
    /// the server writes by itself at any time.
    pub(crate) fn digest(&self, tables: &[String]) -> anyhow::Result<String> {
        let counts: Vec<_> = tables.iter().map(|t| format!("(SELECT count(*) FROM {t})")).collect();
        let query = format!(
            "SELECT concat_ws(',', {}, (SELECT sum(version) FROM run), (SELECT md5(string_agg(body, '' ORDER BY name)) FROM task_def),
                (SELECT md5(string_agg(body, '' ORDER BY name, version)) FROM workflow_def),
                (SELECT md5(string_agg(body, '' ORDER BY name)) FROM event_handler))",
            counts.join(", ")
        );
        Ok(self.sql.texts(&query)?.pop().unwrap_or_default())
    }

    /// The digest once nothing goes on that an accepted call began, such as a bulk operation over many runs.
    pub(crate) fn at_rest(&self, tables: &[String]) -> anyhow::Result<String> {
        let end = std::time::Instant::now() + LIMIT;
        let mut before = None;
        loop {
            let open = self.sql.texts("SELECT id FROM bulk_operation WHERE ended_at IS NULL LIMIT 1")?;
            let now = self.digest(tables)?;
            if open.is_empty() && before.as_ref() == Some(&now) {
                return Ok(now);
            }
            anyhow::ensure!(std::time::Instant::now() < end, "the server does not come to rest: {open:?}");
            before = Some(now);
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The tables that [`World::digest`] counts.
    pub(crate) fn tables(&self) -> anyhow::Result<Vec<String>> {
        self.sql.texts(
            "SELECT c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND NOT c.relispartition
               AND c.relname NOT IN ('node', 'node_lease', 'poll_data', 'kafka_position', '_sqlx_migrations')
               AND c.relname NOT LIKE '%search%' AND c.relname NOT LIKE '%projection%'
             ORDER BY 1",
        )
    }
}

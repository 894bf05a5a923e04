//! An Airflow that behaves as the name of a DAG says, and remembers what it was asked.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use podium_tests::support::scripted::{Call, Reply, Scripted};
use serde_json::{Value, json};

/// A DAG run that was triggered.
#[derive(Debug, Clone, Default)]
pub(crate) struct Run {
    pub(crate) conf: Value,
    /// Calls that asked for it to be triggered, and that looked at it.
    pub(crate) posts: usize,
    pub(crate) looks: usize,
}

/// Runs by DAG and id.
pub(crate) type Runs = Arc<Mutex<HashMap<(String, String), Run>>>;

/// The server and what it knows.
pub(crate) struct FakeAirflow {
    server: Scripted,
    runs: Runs,
}

impl FakeAirflow {
    /// Starts one. Words in a DAG's name that count: at the trigger `401`, `403`, `404`, `408`, `409`, `429`, `500`,
    /// `garbage`, `slow`, `busy-once` (503 at first); of a run `paused` (stays queued), `lost`, `shut-out` (404 and 401 for
    /// its state), `fails`, `upstream`, `odd` (a state that nobody knows, then success), `dizzy` (500 twice, then success).
    /// Everything else succeeds at the third look.
    pub(crate) fn start() -> anyhow::Result<FakeAirflow> {
        let runs = Runs::default();
        let known = Arc::clone(&runs);
        let server = Scripted::start(move |call| answer(call, &known))?;
        Ok(FakeAirflow { server, runs })
    }

    pub(crate) fn base(&self) -> &str {
        self.server.base()
    }

    /// The runs of a DAG.
    pub(crate) fn runs_of(&self, dag: &str) -> Vec<(String, Run)> {
        let runs = self.runs.lock().expect("held for map calls only");
        runs.iter().filter(|((d, _), _)| d == dag).map(|((_, id), run)| (id.clone(), run.clone())).collect()
    }
}

fn problem(status: u16, detail: &str) -> Reply {
    Reply::json(
        status,
        &json!({"detail": detail, "status": status, "title": "problem", "type": "about:blank"}),
    )
}

/// One call of the REST API.
pub(crate) fn answer(call: &Call, runs: &Runs) -> Reply {
    let parts = call.parts();
    match (call.method.as_str(), &parts[..]) {
        ("POST", ["api", _, "dags", dag, "dagRuns"]) => trigger(dag, &call.json(), runs),
        ("GET", ["api", _, "dags", dag]) => Reply::json(200, &json!({"is_paused": dag.contains("paused")})),
        ("GET", ["api", _, "dags", dag, "dagRuns", run]) => look(dag, run, runs),
        ("GET", ["api", _, "dags", _, "dagRuns", _, "taskInstances"]) => Reply::json(
            200,
            &json!({"task_instances": [{"task_id": "fetch", "state": "success", "try_number": 1},
                {"task_id": "process", "state": "failed", "try_number": 2}]}),
        ),
        ("GET", ["api", _, "dags", _, "dagRuns", _, "taskInstances", "process", "logs", "2"]) => Reply::json(
            200,
            &json!({"content": "[('host', 'x.py ERROR - Task failed\\nTraceback:\\nmod.JobError: row 7 has 3 bytes\\ndone')]"}),
        ),
        _ => problem(404, "there is no such page"),
    }
}

fn trigger(dag: &str, body: &Value, runs: &Runs) -> Reply {
    let id = body["dag_run_id"].as_str().unwrap_or_default().to_owned();
    let mut runs = runs.lock().expect("held for map calls only");
    let run = runs.entry((dag.to_owned(), id.clone())).or_default();
    run.posts += 1;
    let known = run.posts > 1;
    run.conf = body["conf"].clone();
    let told = json!({"dag_id": dag, "dag_run_id": id, "state": "queued", "conf": run.conf});
    for status in [401, 403, 404, 408, 500] {
        if dag.contains(&status.to_string()) {
            return problem(status, &format!("no, says {dag}"));
        }
    }
    match dag {
        _ if dag.contains("409") => problem(409, "DAGRun with another id has that date"),
        _ if dag.contains("429") => problem(429, "slow down").with("retry-after", "0"),
        _ if dag.contains("garbage") => Reply::new(200, "<html>Sorry!</html>"),
        _ if dag.contains("slow") => Reply { after: Duration::from_secs(20), ..Reply::json(200, &told) },
        // the first time it works and says that it did not
        _ if dag.contains("busy-once") && !known => Reply::new(503, "<html>upstream</html>"),
        _ if known => {
            problem(409, &format!("DAGRun with DAG ID: '{dag}' and DAGRun ID: '{id}' already exists"))
        }
        _ => Reply::json(200, &told),
    }
}

fn look(dag: &str, id: &str, runs: &Runs) -> Reply {
    let mut runs = runs.lock().expect("held for map calls only");
    let refused = ["409", "lost"].iter().any(|word| dag.contains(word));
    let Some(run) = runs.get_mut(&(dag.to_owned(), id.to_owned())).filter(|_| !refused) else {
        return problem(404, &format!("DAGRun with DAG ID: '{dag}' and DagRun ID: '{id}' not found"));
    };
    run.looks += 1;
    let state = match dag {
        _ if dag.contains("shut-out") => return problem(401, "who are you?"),
        _ if dag.contains("dizzy") && run.looks < 3 => return Reply::new(500, "oops"),
        _ if dag.contains("paused") || run.looks < 3 => {
            ["queued", "running"][usize::from(run.looks > 1 && !dag.contains("paused"))]
        }
        _ if dag.contains("odd") && run.looks < 5 => "pondering",
        _ if dag.contains("upstream") => "upstream_failed",
        _ if dag.contains("fails") => "failed",
        _ => "success",
    };
    Reply::json(200, &json!({"dag_id": dag, "dag_run_id": id, "state": state, "conf": run.conf}))
}

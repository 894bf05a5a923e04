//! The job runner of `podium dev`: the documented shapes of Airflow 2, and runs that outlive the process.

use std::time::Duration;

use podium_objects::{ObjectStore, PutOptions, S3Settings};
use podium_tests::support::audit::Sql;
use podium_tests::support::http::{self, Answer};
use podium_tests::support::wait::until;
use podium_tests::support::{free_port, postgres};
use serde_json::{Value, json};

use crate::place::{PATIENCE, Place};

const NAME_PARSE: &str = "/api/v1/dags/nua-nameparse-process-stage-v02-00-06-tiny";
const SESSION: &str = "0f0f.signed";
/// Widths of the input's fields.
const COMMON: [usize; 8] = [50, 50, 50, 50, 50, 30, 15, 30];

struct Runner {
    place: Place,
    base: String,
    objects: ObjectStore,
    ledger: Sql,
}

impl Runner {
    fn open() -> anyhow::Result<Runner> {
        let address = format!("127.0.0.1:{}", free_port()?);
        let settings =
            [("PODIUM__DEV__AIRFLOW_LISTEN", address.as_str()), ("AIRFLOW_SESSION_TOKEN", SESSION)];
        let place = Place::open("airflow-adapter", &settings)?;
        let told = |name: &str| {
            let found = place.surroundings.iter().find(|(n, _)| n == name);
            found.map(|(_, value)| value.clone()).unwrap_or_default()
        };
        let objects = ObjectStore::new(S3Settings {
            endpoint: told("S3_ENDPOINT"),
            region: "us-east-1".to_owned(),
            access_key: told("AWS_ACCESS_KEY_ID"),
            secret_key: told("AWS_SECRET_ACCESS_KEY"),
            session_token: None,
        })?;
        let ledger = Sql::connect(&postgres::shared()?.url(&told("DB_NAME")))?;
        Ok(Runner { base: format!("http://{address}"), place, objects, ledger })
    }

    fn call(&self, method: &str, target: &str, body: Option<&str>) -> anyhow::Result<Answer> {
        let headers = [("Cookie".to_owned(), format!("session={SESSION}"))];
        let body = body.map(str::as_bytes);
        Ok(http::call(&self.base, method, target, &headers, body, Duration::from_secs(30))?)
    }

    fn start(&self, run_id: &str, metadata: &str) -> anyhow::Result<Answer> {
        let conf = json!({"jobid": run_id, "execution_id": "WBNameParse", "metadata_url": metadata,
            "stats_url": format!("s3://dags/runs/{run_id}.jsonl")});
        let body = json!({"dag_run_id": run_id, "conf": conf});
        self.call("POST", &format!("{NAME_PARSE}/dagRuns"), Some(&body.to_string()))
    }

    fn run(&self, run_id: &str) -> anyhow::Result<Value> {
        self.call("GET", &format!("{NAME_PARSE}/dagRuns/{run_id}"), None)?.ok()?.json()
    }

    fn ended(&self, run_id: &str) -> anyhow::Result<Value> {
        until(&format!("run {run_id} to end"), PATIENCE, || {
            let run = self.run(run_id)?;
            Ok(["success", "failed"].map(Value::from).contains(&run["state"]).then_some(run))
        })
    }

    fn pause(&self, paused: bool) -> anyhow::Result<Value> {
        self.call("PATCH", NAME_PARSE, Some(&json!({ "is_paused": paused }).to_string()))?.ok()?.json()
    }
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}

/// Metadata and a file of two records for it.
fn stock(runner: &Runner) -> anyhow::Result<()> {
    let line = |name: &str| {
        let fields = COMMON
            .iter()
            .enumerate()
            .map(|(at, width)| format!("{:width$}", if at == 1 { name } else { "" }));
        fields.collect::<String>() + "\n"
    };
    let place = |name: &str| json!({"uri": format!("s3://dags/runs/{name}")});
    let metadata = json!({"service": {"input": place("a.in"), "output": place("a.out"), "report": place("report/a.txt")}});
    runtime()?.block_on(async {
        let records = line("John and Mary Smith") + &line("Acme Inc");
        let put = |key: &'static str, text: String| {
            let objects = runner.objects.clone();
            async move { objects.put_bytes("dags", key, text.as_bytes(), PutOptions::default()).await }
        };
        runner.objects.ensure_bucket("dags").await?;
        put("runs/a.in", records).await?;
        put("name_parse.json", metadata.to_string()).await?;
        put(
            "file.json",
            json!({"service": {"input": {"uri": "/etc/passwd"}, "output": place("b.out")}}).to_string(),
        )
        .await?;
        anyhow::Ok(())
    })
}

fn refused(answer: &Answer, status: u16, title: &str, detail: &Value) -> anyhow::Result<()> {
    let body = answer.json()?;
    assert_eq!((answer.status, &body["status"]), (status, &json!(status)), "{body}");
    assert_eq!((&body["title"], &body["detail"]), (&json!(title), detail));
    assert!(
        body["type"].as_str().is_some_and(|t| t.contains("stable-rest-api-ref.html#section/Errors/")),
        "{body}"
    );
    Ok(())
}

#[test]
fn it_answers_like_airflow_and_does_the_jobs() -> anyhow::Result<()> {
    let runner = Runner::open()?;
    stock(&runner)?;
    let nobody = http::get(&runner.base, &format!("{NAME_PARSE}/dagRuns"))?;
    refused(&nobody, 401, "Unauthorized", &Value::Null)?;
    let started = runner.start("r-1", "s3://dags/name_parse.json")?.ok()?.json()?;
    assert_eq!((&started["dag_run_id"], &started["state"]), (&json!("r-1"), &json!("queued")));
    assert_eq!(started["conf"]["jobid"], "r-1");
    let again = runner.start("r-1", "s3://dags/name_parse.json")?;
    let dag = NAME_PARSE.rsplit('/').next().unwrap_or_default();
    let detail = format!("DAGRun with DAG ID: '{dag}' and DAGRun ID: 'r-1' already exists");
    refused(&again, 409, "Conflict", &json!(detail))?;
    let unknown = runner.call("POST", "/api/v1/dags/nobody/dagRuns", Some("{}"))?;
    refused(&unknown, 404, "DAG not found", &json!("DAG with dag_id: 'nobody' not found"))?;
    let gone = runner.call("GET", &format!("{NAME_PARSE}/dagRuns/r-0"), None)?;
    let detail = format!("DAGRun with DAG ID: '{dag}' and DagRun ID: 'r-0' not found");
    refused(&gone, 404, "DAGRun not found", &json!(detail))?;
    for bad in ["", "[]", r#"{"conf": 1}"#, r#"{"dag_run_id": "../x"}"#, r#"{"dag_run_id": ""}"#] {
        let answer = runner.call("POST", &format!("{NAME_PARSE}/dagRuns"), Some(bad))?;
        assert_eq!((answer.status, &answer.json()?["title"]), (400, &json!("Bad Request")), "{bad}");
    }
    let ended = runner.ended("r-1")?;
    assert_eq!((&ended["state"], &ended["note"]), (&json!("success"), &Value::Null));
    assert!(ended["start_date"].is_string() && ended["end_date"].is_string(), "{ended}");
    runtime()?.block_on(async {
        let output = runner.objects.head("dags", "runs/a.out").await?.expect("the output is there");
        assert_eq!(
            (output.size, output.metadata.get("rules").map(String::as_str)),
            (2 * 855, Some("podium-1"))
        );
        let report = runner.objects.get_bytes("dags", "runs/report/a.txt", 10_000).await?;
        assert!(report.starts_with(b"NP_Kind\tALL|BUSINESS\t1\n"));
        let stats = runner.objects.get_bytes("dags", "runs/r-1.jsonl", 10_000).await?;
        assert!(stats.starts_with(b"{\"job\":\"name-parse\",\"rules\":\"podium-1\",\"records\":2}\n"));
        anyhow::Ok(())
    })?;
    for (run_id, metadata, cause) in [
        ("r-2", "s3://dags/nowhere.json", "object s3://dags/nowhere.json does not exist"),
        ("r-3", "s3://dags/file.json", "which is no object"),
        ("r-4", "/etc/passwd", "s3://bucket/key is expected"),
        ("r-5", "s3://dags/../x.json", "names no object"),
    ] {
        runner.start(run_id, metadata)?.ok()?;
        let run = runner.ended(run_id)?;
        assert_eq!(run["state"], "failed", "{run}");
        assert!(run["note"].as_str().is_some_and(|note| note.contains(cause)), "{run}");
    }
    let all = runner.call("GET", &format!("{NAME_PARSE}/dagRuns?limit=2&offset=1"), None)?.ok()?.json()?;
    assert_eq!((&all["total_entries"], all["dag_runs"].as_array().map(Vec::len)), (&json!(5), Some(2)));
    Ok(())
}

#[test]
fn runs_wait_for_a_paused_dag_and_outlive_the_process() -> anyhow::Result<()> {
    let mut runner = Runner::open()?;
    stock(&runner)?;
    assert_eq!(runner.pause(true)?["is_paused"], true);
    for run_id in ["waits", "under-way"] {
        runner.start(run_id, "s3://dags/name_parse.json")?.ok()?;
    }
    runner.place.stage.podium.kill()?;
    // as a process leaves it that is killed in the middle of a job
    runner.ledger.execute("UPDATE ledger.job_runs SET state = 'running' WHERE run_id = 'under-way'")?;
    runner.place.stage.podium.restart()?;
    assert_eq!(runner.run("waits")?["state"], "queued");
    assert_eq!(runner.run("under-way")?["state"], "queued");
    assert_eq!(runner.pause(false)?["is_paused"], false);
    for run_id in ["waits", "under-way"] {
        assert_eq!(runner.ended(run_id)?["state"], "success");
    }
    Ok(())
}

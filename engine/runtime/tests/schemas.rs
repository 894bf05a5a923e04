//! Schemas of definitions on a whole engine: what does not fit is refused or fails, and nothing of a refused start is kept.
#![allow(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

mod support;

use podium_core::def::TaskDef;
use podium_core::{Payload, RunStatus, TaskStatus};
use podium_runtime::{EngineError, StartRequest};
use serde_json::json;
use support::{config, database, define_with, node, poll_one, report_of, simple, start_of, until_status};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_fit_is_refused_or_fails() {
    let db = database().await;
    let engine = node(&db, config()).await;
    let schema = |name: &str| {
        let data = json!({"required": [name], "properties": {name: {"type": "integer"}}});
        json!({"name": "s", "version": 1, "type": "JSON", "data": data})
    };
    let def: TaskDef = serde_json::from_value(
        json!({"name": "a", "enforceSchema": true, "retryCount": 0, "outputSchema": schema("o")}),
    )
    .unwrap();
    engine.put_task_defs(vec![def]).await.unwrap();
    define_with(&engine, json!({"name": "strict", "tasks": [simple("a")], "inputSchema": schema("i")})).await;
    let with = |input: &str| StartRequest { input: Payload::from_object_text(input), ..start_of("strict") };
    let refused = engine.start(with(r#"{"i": "x", "secret": 1}"#)).await.unwrap_err();
    let EngineError::Invalid(why) = refused else { panic!("{refused:?}") };
    assert_eq!(
        why,
        "The input of workflow strict does not fit its schema: /i: value is not of type \"integer\""
    );
    assert_eq!(db.number("SELECT count(*) FROM run").await, 0);
    for (output, status) in [(r#"{"o": 1}"#, RunStatus::Completed), (r#"{"o": "x"}"#, RunStatus::Failed)] {
        let run = engine.start(with(r#"{"i": 1}"#)).await.unwrap();
        let task = poll_one(&engine, "a").await;
        let output = Payload::from_object_text(output);
        engine
            .report(podium_runtime::ReportRequest { output, ..report_of(&task, TaskStatus::Completed) })
            .await
            .unwrap();
        let end = until_status(&engine, run, status).await;
        let fits = status == RunStatus::Completed;
        assert_eq!(end.tasks.latest("a").unwrap().status.is_successful(), fits);
    }
}

//! Bad input: a proper error body with the right status, and nothing stored.

use podium_tests::support::audit::Sql;
use podium_tests::support::http;
use podium_tests::support::podium::{Podium, Settings};
use podium_tests::support::postgres;
use serde_json::{Value, json};

struct Case {
    what: &'static str,
    method: &'static str,
    target: &'static str,
    content_type: Option<&'static str>,
    body: String,
    status: u16,
}

fn case(
    what: &'static str,
    method: &'static str,
    target: &'static str,
    body: impl Into<String>,
    status: u16,
) -> Case {
    Case { what, method, target, content_type: Some("application/json"), body: body.into(), status }
}

fn cases() -> Vec<Case> {
    let unknown = "/api/workflow/00000000-0000-4000-8000-000000000000";
    vec![
        case("JSON cut short", "POST", "/api/workflow", r#"{"name": "x""#, 400),
        case("no JSON at all", "POST", "/api/workflow", "name=x", 400),
        case("a list for an object", "POST", "/api/workflow", "[]", 400),
        case("a text for a number", "POST", "/api/workflow", r#"{"name": "x", "version": "one"}"#, 400),
        case("a number for an object", "POST", "/api/workflow", r#"{"name": "x", "input": 7}"#, 400),
        case("a start without a name", "POST", "/api/workflow", r#"{"input": {}}"#, 400),
        case(
            "a start of an unknown workflow",
            "POST",
            "/api/workflow",
            r#"{"name": "nobody", "version": 1}"#,
            404,
        ),
        case("a start by an unknown name", "POST", "/api/workflow/nobody", "{}", 404),
        case(
            "a definition without tasks",
            "POST",
            "/api/metadata/workflow",
            r#"{"name": "x", "version": 1}"#,
            400,
        ),
        case(
            "a definition without a name",
            "POST",
            "/api/metadata/workflow",
            r#"{"version": 1, "tasks": []}"#,
            400,
        ),
        case("a list of task definitions with a number in it", "POST", "/api/metadata/taskdefs", "[7]", 400),
        case(
            "a task definition without a name",
            "POST",
            "/api/metadata/taskdefs",
            r#"[{"retryCount": 1}]"#,
            400,
        ),
        case(
            "a report on an unknown task",
            "POST",
            "/api/tasks",
            r#"{"workflowInstanceId": "00000000-0000-4000-8000-000000000000",
                "taskId": "00000000-0000-4000-8000-000000000001", "status": "COMPLETED"}"#,
            404,
        ),
        case(
            "a report with a status that does not exist",
            "POST",
            "/api/tasks",
            r#"{"taskId": "x", "status": "DONE"}"#,
            400,
        ),
        case("an unknown run", "GET", unknown, "", 404),
        case("an id that is none", "GET", "/api/workflow/not-an-id", "", 404),
        case("a poll that waits too long", "GET", "/api/tasks/poll/batch/x?timeout=5001", "", 400),
        case("a poll with a text for a count", "GET", "/api/tasks/poll/batch/x?count=many", "", 400),
        case(
            "a body beyond the limit",
            "POST",
            "/api/workflow/nobody",
            format!(r#"{{"x":"{}"}}"#, "y".repeat(17 << 20)),
            413,
        ),
        case("deep nesting", "POST", "/api/workflow/nobody", "[".repeat(200_000), 400),
        case("NUL in a name", "POST", "/api/workflow", r#"{"name": "a\u0000b", "version": 1}"#, 400),
        case("NUL in a payload", "POST", "/api/workflow/nobody", r#"{"a": [{"b": "x\u0000y"}]}"#, 400),
        case("NUL in a member's name", "POST", "/api/workflow/nobody", r#"{"a\u0000": 1}"#, 400),
        case(
            "NUL in a report",
            "POST",
            "/api/tasks",
            r#"{"taskId": "x", "status": "COMPLETED", "outputData": {"a": "\u0000"}}"#,
            400,
        ),
        case("NUL in a path", "GET", "/api/tasks/poll/batch/a%00b", "", 400),
        case("NUL in a parameter", "GET", "/api/tasks/poll/batch/x?workerid=a%00b", "", 400),
        case("NUL in a domain", "GET", "/api/tasks/poll/batch/x?domain=%00", "", 400),
        case("a path that does not exist", "GET", "/api/nowhere", "", 404),
        case("a method that does not fit", "PATCH", "/api/workflow", "{}", 405),
        Case {
            content_type: Some("text/plain"),
            ..case("text/plain for JSON", "POST", "/api/workflow", "{}", 415)
        },
    ]
}

#[test]
fn bad_input_is_answered_properly_and_stores_nothing() -> anyhow::Result<()> {
    let url = postgres::shared()?.database("bad")?;
    let mut podium = Podium::start(Settings::serve(&url))?;
    let sql = Sql::connect(&url)?;
    let mut faults = Vec::new();
    for case in cases() {
        let headers: Vec<(String, String)> = case
            .content_type
            .filter(|_| !case.body.is_empty())
            .map(|t| ("Content-Type".to_owned(), t.to_owned()))
            .into_iter()
            .collect();
        let body = (!case.body.is_empty()).then_some(case.body.as_bytes());
        let limit = std::time::Duration::from_secs(20);
        let answer = match http::call(&podium.base(), case.method, case.target, &headers, body, limit) {
            Ok(answer) => answer,
            Err(error) => {
                faults.push(format!("{}: no answer: {error}", case.what));
                continue;
            }
        };
        let parsed: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        if answer.status != case.status {
            let text: String = answer.text().chars().take(200).collect();
            faults.push(format!("{}: {} instead of {}: {text}", case.what, answer.status, case.status));
        } else if parsed["status"] != json!(case.status) || !parsed["message"].is_string() {
            faults.push(format!("{}: no proper error body: {}", case.what, answer.text()));
        }
    }
    for table in ["run", "task", "workflow_def", "task_def", "outbox", "inbox"] {
        let rows = sql.number(&format!("SELECT count(*) FROM {table}"))?;
        if rows != 0 {
            faults.push(format!("{rows} rows in {table}"));
        }
    }
    assert!(podium.is_alive());
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    Ok(())
}

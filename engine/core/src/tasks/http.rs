//! HTTP: one request, and its answer as output (spec: semantics §4.18; scenarios s170*).
//!
//! The row is ready like a worker's; an executor of a node claims it, makes the call and says how it went
//! ([`crate::http`]). A claim holds for [`CALL_LEASE`] and is renewed while the call lasts, so that what a node that died had
//! claimed is ready again soon: the request may then be made twice, its result counts once. Input and output are in
//! [`crate::http`]. The task definition may keep its calls in a queue of their own, with connections of their own. `asyncComplete` of the definition is put over the input's (scenario s170r).

use serde_json::Value;

use super::TaskKind;
use crate::def::TaskConfig;
use crate::time::Span;

pub(super) struct Http;

/// The type, and the queue that executors of calls poll.
pub const HTTP: &str = "HTTP";

/// How long a claim holds without a word from its executor. Calls take three seconds to connect and three for an answer
/// unless they say otherwise, so few are ever renewed; and it is all that a node's death costs a call.
pub const CALL_LEASE: Span = Span::from_secs(10);

impl TaskKind for Http {
    fn name(&self) -> &'static str {
        HTTP
    }

    fn by_worker(&self) -> bool {
        true
    }

    fn uses_template(&self) -> bool {
        true
    }

    fn prepare(&self, config: &mut TaskConfig) {
        let waits = config.async_complete.unwrap_or(false);
        config.input_parameters.insert("asyncComplete".to_owned(), Value::Bool(waits));
    }
}

#[cfg(test)]
mod tests {
    use indexmap::IndexMap;
    use serde_json::{Value, json};

    use super::CALL_LEASE as LEASE;
    use crate::decide::Refusal;
    use crate::decide::bench::{Bench, NOW};
    use crate::event::{CallNews, Event};
    use crate::http::Called;
    use crate::payload::Payload;
    use crate::run::{RunExtra, RunStatus};
    use crate::task::TaskStatus;
    use crate::time::Span;

    fn task(more: Value) -> Value {
        let mut task = json!({"name": "h", "taskReferenceName": "h", "type": "HTTP",
            "inputParameters": {"http_request": {"uri": "http://h/", "method": "GET"}, "asyncComplete": true}});
        for (name, value) in more.as_object().expect("a map") {
            task[name] = value.clone();
        }
        json!([task])
    }

    fn leased(more: Value) -> Bench {
        let mut bench = Bench::start(task(more), json!({}));
        bench.claim("h");
        bench
    }

    fn news(bench: &Bench, news: CallNews) -> Event {
        let row = bench.row("h");
        Event::Called { task: row.no, lease: row.lease(), news }
    }

    fn called(status: TaskStatus) -> CallNews {
        let output = Payload::from_object_text(r#"{"response":{}}"#);
        let reason = (!status.is_successful()).then(|| "because".to_owned());
        CallNews::Over(Called { status, output, reason })
    }

    #[test]
    fn a_group_has_a_queue_of_its_own() {
        for (def, queue) in [
            (json!({"isolationGroupId": "slow"}), Some("-slow")),
            (json!({"executionNameSpace": "eu", "isolationGroupId": "slow"}), Some("@eu-slow")),
            (json!({"executionNameSpace": "eu", "isolationGroupId": " "}), Some("@eu")),
            (json!({}), None),
        ] {
            let mut def = def;
            def["name"] = json!("h");
            let task = json!({"name": "h", "taskReferenceName": "h", "type": "HTTP", "taskDefinition": def,
                "inputParameters": {"uri": "http://h/", "method": "GET"}});
            let bench = Bench::start(json!([task]), json!({}));
            assert_eq!(bench.row("h").domain.as_deref(), queue);
            let mut task = crate::decide::bench::simple("a");
            task["taskDefinition"] = def;
            task["taskDefinition"]["name"] = json!("a");
            let bench = Bench::start(json!([task]), json!({}));
            assert_eq!(bench.row("a").domain, None, "workers poll by the type, as in Conductor");
        }
    }

    #[test]
    fn the_row_is_ready_without_a_domain_and_a_claim_holds_for_a_while() {
        let task_to_domain = IndexMap::from_iter([("*".to_owned(), "live".to_owned())]);
        let extra = RunExtra { task_to_domain, ..RunExtra::default() };
        let mut bench = Bench::start_with(task(json!({})), json!({}), extra);
        let row = bench.row("h");
        assert!(row.ready && row.domain.is_none() && row.response_timeout_s == 0);
        assert_eq!(row.input.get("asyncComplete"), Some(&json!(false)), "the definition's");
        bench.claim("h");
        let row = bench.row("h");
        assert_eq!((row.status, row.poll_count), (TaskStatus::InProgress, 1));
        assert_eq!(row.wait_until, Some(NOW + LEASE));
        assert!(bench.run.head.wake_at.is_some_and(|at| at <= NOW + LEASE));
    }

    #[test]
    fn nobody_makes_the_calls_of_a_rehearsal() {
        let task_to_domain = IndexMap::from_iter([("*".to_owned(), "made-up".to_owned())]);
        let extra = RunExtra { task_to_domain, rehearsed: true, ..RunExtra::default() };
        let bench = Bench::start_with(task(json!({})), json!({}), extra);
        assert_eq!(bench.row("h").domain.as_deref(), Some("made-up"), "no executor polls there");
    }

    #[test]
    fn a_result_ends_the_task_once() {
        let mut bench = leased(json!({}));
        let over = news(&bench, called(TaskStatus::Completed));
        bench.decide(&over);
        let row = bench.row("h");
        assert_eq!((row.status, row.wait_until), (TaskStatus::Completed, None));
        assert!(row.output.get("response").is_some());
        assert_eq!(bench.run.head.status, RunStatus::Completed);
        assert!(bench.try_decide(&over).is_err(), "its run has ended");
    }

    #[test]
    fn a_failure_is_tried_again_by_the_definition() {
        let def = json!({"name": "h", "retryCount": 1, "retryDelaySeconds": 0});
        let mut bench = leased(json!({"taskDefinition": def}));
        let over = news(&bench, called(TaskStatus::Failed));
        bench.decide(&over);
        let row = bench.row("h");
        assert!(row.ready && row.attempt == 1 && row.wait_until.is_none());
        assert_eq!(bench.try_decide(&over), Err(Refusal::TaskEnded));
    }

    #[test]
    fn a_lease_that_nobody_renews_lapses() {
        let mut bench = leased(json!({}));
        let first = news(&bench, called(TaskStatus::Completed));
        let alive = news(&bench, CallNews::Alive);
        bench.decide_at(&alive, NOW + Span::from_secs(4));
        assert_eq!(bench.row("h").wait_until, Some(NOW + Span::from_secs(4) + LEASE));
        bench.decide_at(&Event::Due, NOW + LEASE);
        assert_eq!(bench.row("h").status, TaskStatus::InProgress);
        let lapsed = NOW + Span::from_secs(4) + LEASE;
        bench.decide_at(&Event::Due, lapsed);
        let row = bench.row("h");
        assert!(row.ready && row.status == TaskStatus::Scheduled && row.poll_count == 1);
        let task = row.no;
        assert!(bench.try_decide(&alive).is_err(), "it is nobody's");
        bench.decide_at(&Event::Claimed { task, worker: None, before: None }, lapsed);
        assert_eq!(bench.try_decide(&first), Err(Refusal::NotReady), "another one makes the call now");
        let second = news(&bench, called(TaskStatus::Completed));
        bench.decide(&second);
        assert_eq!(bench.run.head.status, RunStatus::Completed);
    }

    #[test]
    fn a_result_that_comes_before_anybody_took_over_counts() {
        let mut bench = leased(json!({}));
        let over = news(&bench, called(TaskStatus::Completed));
        bench.decide_at(&Event::Due, NOW + LEASE);
        assert!(bench.row("h").ready);
        bench.decide(&over);
        assert_eq!(bench.run.head.status, RunStatus::Completed);
    }

    #[test]
    fn with_async_complete_the_answer_is_shown_and_somebody_ends_it() {
        let mut bench = leased(json!({"asyncComplete": true}));
        let over = news(&bench, called(TaskStatus::InProgress));
        bench.decide(&over);
        let row = bench.row("h");
        assert_eq!((row.status, row.ready, row.wait_until), (TaskStatus::InProgress, false, None));
        assert!(row.output.get("response").is_some());
        assert_eq!(bench.try_decide(&over), Err(Refusal::NotReady), "the call was over before");
        bench.report("h", TaskStatus::InProgress, json!({"still": 1}));
        assert_eq!(bench.row("h").status, TaskStatus::InProgress, "nobody calls again");
        bench.end("h", TaskStatus::Completed);
        assert_eq!(bench.run.head.status, RunStatus::Completed);
    }

    #[test]
    fn an_output_over_the_limit_fails_for_good() {
        let mut bench = leased(json!({}));
        let text = "x".repeat(11 << 20);
        let output = Payload::from_map(json!({ "response": text }).as_object().expect("a map").clone());
        let over = CallNews::Over(Called { status: TaskStatus::Completed, output, reason: None });
        let over = news(&bench, over);
        bench.decide(&over);
        assert_eq!(bench.row("h").status, TaskStatus::FailedWithTerminalError);
        assert!(bench.reason().contains("greater than the permissible limit"));
    }

    #[test]
    fn dynamic_tasks_may_be_calls() {
        let dynamic = json!([{"name": "d", "taskReferenceName": "d", "type": "DYNAMIC", "dynamicTaskNameParam": "t",
            "inputParameters": {"t": "HTTP", "uri": "http://h/", "method": "GET"}}]);
        let mut bench = Bench::start(dynamic, json!({}));
        bench.claim("d");
        assert_eq!((&*bench.row("d").task_type, bench.row("d").wait_until), ("HTTP", Some(NOW + LEASE)));
    }
}

//! INLINE: evaluates an expression inside of the decision (spec: semantics §4.19; scenarios 168).
//!
//! Input: `expression`, and `evaluatorType`: `javascript` (also `graaljs`; the default), with the whole input as `$`, or
//! `value-param`, where the expression is the name of an input member. Output: `result`. Whatever goes wrong ends the
//! task FAILED_WITH_TERMINAL_ERROR with the message as its reason and as `error` of its output: trying again would only
//! repeat it.

use serde_json::{Map, Value};

use super::TaskKind;
use crate::decide::{Turn, unfit_reason};
use crate::expr::java;
use crate::expr::script::NoValue;
use crate::id::TaskNo;
use crate::payload::Payload;
use crate::task::{TaskState, TaskStatus};

pub(super) struct Inline;

impl TaskKind for Inline {
    fn name(&self) -> &'static str {
        "INLINE"
    }

    fn uses_template(&self) -> bool {
        true
    }

    fn enter(&self, turn: &mut Turn<'_>, no: TaskNo) {
        let Some(row) = turn.running_row(no) else { return };
        match evaluate(turn, &row) {
            Ok(value) => finish(turn, no, result(value)),
            Err(NoValue::Failed(reason)) => fail(turn, no, TaskStatus::FailedWithTerminalError, reason),
            Err(NoValue::Later | NoValue::Unknown) => {}
        }
    }
}

fn evaluate(turn: &Turn<'_>, row: &TaskState) -> Result<Value, NoValue> {
    let text = |name: &str| match row.input.get(name) {
        None | Some(Value::Null) => None,
        Some(value) => Some(java::to_text(value)),
    };
    let failed = |reason: &str| Err(NoValue::Failed(reason.to_owned()));
    let evaluator = text("evaluatorType").unwrap_or_else(|| "javascript".to_owned());
    if evaluator.trim().is_empty() {
        return failed(
            "Empty 'evaluatorType' in INLINE task's input parameters. A non-empty String value must be provided.",
        );
    }
    let Some(expression) = text("expression").filter(|expression| !expression.trim().is_empty()) else {
        return failed(
            "Empty 'expression' in Inline task's input parameters. A non-empty String value must be provided.",
        );
    };
    match evaluator.as_str() {
        "javascript" | "graaljs" => turn.javascript(&expression, row.input.map()),
        "value-param" => Ok(row.input.get(&expression).cloned().unwrap_or(Value::Null)),
        "python" => failed("The evaluator python is not in this version of Podium"),
        other => Err(NoValue::Failed(format!("Unknown evaluator '{other}' in INLINE task."))),
    }
}

/// The output of a script's value.
pub(super) fn result(value: Value) -> Map<String, Value> {
    Map::from_iter([("result".to_owned(), java::hash_map_order_deep(&java::normalise(&value)))])
}

/// A script has run: the task ends with this output, if it is not too much.
pub(super) fn finish(turn: &mut Turn<'_>, no: TaskNo, output: Map<String, Value>) {
    let output = Payload::from_map(output);
    turn.begin(no);
    match unfit_reason("output", &output, turn, no, turn.cx.settings.payload_limit_bytes) {
        Some(reason) => turn.end(no, TaskStatus::FailedWithTerminalError, Some(reason), None),
        None => turn.complete(no, output),
    }
}

/// A script has failed.
pub(super) fn fail(turn: &mut Turn<'_>, no: TaskNo, status: TaskStatus, reason: String) {
    turn.begin(no);
    let output = Map::from_iter([("error".to_owned(), Value::String(reason.clone()))]);
    turn.end(no, status, Some(reason.into()), Some(Payload::from_map(output)));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::decide::bench::Bench;
    use crate::task::TaskStatus;

    fn inline(input: serde_json::Value) -> Bench {
        let task = json!({"name": "i", "taskReferenceName": "i", "type": "INLINE", "inputParameters": input});
        Bench::start(json!([task, {"name": "h", "taskReferenceName": "h", "type": "HUMAN"}]), json!({}))
    }

    #[test]
    fn its_result_is_what_the_script_says() {
        let bench = inline(json!({"expression": "$.v", "v": {"a": [1, 2.50]}}));
        assert_eq!(bench.row("i").status, TaskStatus::Completed);
        assert_eq!(json!(bench.row("i").output.map()).to_string(), r#"{"result":{"a":[1,2.5]}}"#);
        let bench = inline(json!({"evaluatorType": "value-param", "expression": "v", "v": 1}));
        assert_eq!(json!(bench.row("i").output.map()), json!({"result": 1}));
    }

    #[test]
    fn an_error_is_terminal_and_in_the_output() {
        for (input, reason) in [
            (json!({"expression": "throw"}), "thrown"),
            (
                json!({"expression": " "}),
                "Empty 'expression' in Inline task's input parameters. A non-empty String value must be provided.",
            ),
            (
                json!({"expression": "1", "evaluatorType": ""}),
                "Empty 'evaluatorType' in INLINE task's input parameters. A non-empty String value must be provided.",
            ),
            (json!({"expression": "1", "evaluatorType": "lua"}), "Unknown evaluator 'lua' in INLINE task."),
        ] {
            let bench = inline(input);
            assert_eq!(bench.row("i").status, TaskStatus::FailedWithTerminalError);
            assert_eq!(bench.row("i").reason.as_deref(), Some(reason));
            assert_eq!(json!(bench.row("i").output.map()), json!({"error": reason}));
        }
    }

    #[test]
    fn without_time_left_it_waits_for_the_next_turn() {
        let mut bench = inline(json!({"expression": "later"}));
        assert_eq!(bench.row("i").status, TaskStatus::Scheduled);
        assert_eq!(bench.run.head.wake_at, Some(crate::decide::bench::NOW));
        bench.decide(&crate::event::Event::Due);
        assert_eq!(bench.row("i").status, TaskStatus::Scheduled);
    }
}

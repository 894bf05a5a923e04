//! JSON_JQ_TRANSFORM: runs a jq filter over its input (spec: semantics §4.21; scenario 167).
//!
//! Input: `queryExpression`; `.` is the whole input. Output: `resultList`, all that came out, and `result`, the first of it
//! or null. An error ends the task FAILED with the message, also as `error` of the output.

use serde_json::{Map, Value};

use super::{TaskKind, inline};
use crate::decide::Turn;
use crate::expr::java;
use crate::expr::script::{Call, Evaluated, Language};
use crate::id::TaskNo;
use crate::task::TaskStatus;

pub(super) struct JsonJqTransform;

impl TaskKind for JsonJqTransform {
    fn name(&self) -> &'static str {
        "JSON_JQ_TRANSFORM"
    }

    fn uses_template(&self) -> bool {
        true
    }

    fn enter(&self, turn: &mut Turn<'_>, no: TaskNo) {
        let Some(row) = turn.running_row(no) else { return };
        let filter = match row.input.get("queryExpression") {
            None | Some(Value::Null) => {
                turn.begin(no);
                return turn.fail(no, "Missing 'queryExpression' in input parameters".to_owned());
            }
            Some(value) => java::to_text(value),
        };
        let call = Call { language: Language::Jq, script: &filter, input: row.input.map(), may_wait: true };
        match turn.run_script(&call) {
            Evaluated::Values(values) => {
                let values: Vec<Value> =
                    values.iter().map(|value| java::hash_map_order_deep(&java::normalise(value))).collect();
                let mut output = Map::new();
                output.insert("result".to_owned(), values.first().cloned().unwrap_or(Value::Null));
                output.insert("resultList".to_owned(), Value::Array(values));
                inline::finish(turn, no, output);
            }
            Evaluated::Failed(reason) => inline::fail(turn, no, TaskStatus::Failed, reason),
            Evaluated::Later | Evaluated::Unknown => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::decide::bench::Bench;
    use crate::task::TaskStatus;

    fn jq(input: serde_json::Value) -> Bench {
        let task = json!({"name": "j", "taskReferenceName": "j", "type": "JSON_JQ_TRANSFORM", "inputParameters": input});
        Bench::start(json!([task]), json!({}))
    }

    #[test]
    fn all_results_are_listed() {
        let bench = jq(json!({"queryExpression": ".v[]", "v": [7, 8]}));
        assert_eq!(json!(bench.row("j").output.map()), json!({"result": 7, "resultList": [7, 8]}));
        let bench = jq(json!({"queryExpression": ".v[]", "v": []}));
        assert_eq!(json!(bench.row("j").output.map()), json!({"result": null, "resultList": []}));
    }

    #[test]
    fn without_a_filter_it_fails() {
        let bench = jq(json!({}));
        assert_eq!(bench.row("j").status, TaskStatus::Failed);
        assert_eq!(bench.row("j").reason.as_deref(), Some("Missing 'queryExpression' in input parameters"));
    }
}

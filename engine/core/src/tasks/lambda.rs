//! LAMBDA, the older form of INLINE (spec: semantics §4.20; scenario 169).
//!
//! Input: `scriptExpression`, the body of a JavaScript function that may `return`, with the whole input as `$`. Output:
//! `result`. A script that throws ends the task FAILED, so that its task definition may have it tried again.

use serde_json::Value;

use super::{TaskKind, inline};
use crate::decide::Turn;
use crate::expr::java;
use crate::expr::script::NoValue;
use crate::id::TaskNo;
use crate::task::TaskStatus;

pub(super) struct Lambda;

impl TaskKind for Lambda {
    fn name(&self) -> &'static str {
        "LAMBDA"
    }

    fn uses_template(&self) -> bool {
        true
    }

    fn enter(&self, turn: &mut Turn<'_>, no: TaskNo) {
        let Some(row) = turn.running_row(no) else { return };
        let body = match row.input.get("scriptExpression") {
            None | Some(Value::Null) => String::new(),
            Some(value) => java::to_text(value),
        };
        if body.trim().is_empty() {
            turn.begin(no);
            let reason = "Empty 'scriptExpression' in Lambda task's input parameters. A non-empty String value must be provided.";
            return turn.fail(no, reason.to_owned());
        }
        let script = format!("function scriptFun(){{{body}}} scriptFun();");
        match turn.javascript(&script, row.input.map()) {
            Ok(value) => inline::finish(turn, no, inline::result(value)),
            Err(NoValue::Failed(reason)) => inline::fail(turn, no, TaskStatus::Failed, reason),
            Err(NoValue::Later | NoValue::Unknown) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::decide::bench::Bench;
    use crate::task::TaskStatus;

    #[test]
    fn an_empty_script_fails() {
        let task = json!({"name": "l", "taskReferenceName": "l", "type": "LAMBDA", "inputParameters": {"scriptExpression": " "}});
        let bench = Bench::start(json!([task]), json!({}));
        assert_eq!(bench.row("l").status, TaskStatus::Failed);
        assert!(bench.row("l").reason.as_deref().is_some_and(|r| r.starts_with("Empty 'scriptExpression'")));
        assert!(bench.row("l").output.is_empty());
    }
}

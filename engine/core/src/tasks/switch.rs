//! SWITCH: goes into the case that its expression names, else into the default case, else on (spec: semantics §4.8;
//! scenarios 100–107).
//!
//! Evaluator `value-param`: `expression` is the name of an input member; the case is that member's text. A case that is
//! there but empty goes on, without the default case. Evaluators `javascript` and `graaljs`: `expression` is a script with the
//! input as `$`; the case is the text of its value. A script that throws leaves a FAILED row.

use serde_json::{Value, json};

use super::TaskKind;
use crate::decide::{Halt, Mapping, Turn};
use crate::def::TaskConfig;
use crate::expr::java;
use crate::payload::Payload;
use crate::plan::{Node, NodeIx};
use crate::task::TaskStatus;

pub(super) struct Switch;

impl TaskKind for Switch {
    fn name(&self) -> &'static str {
        "SWITCH"
    }

    fn def_name<'c>(&self, _config: &'c TaskConfig) -> &'c str {
        "SWITCH"
    }

    fn is_flow_control(&self) -> bool {
        true
    }

    fn expand(&self, turn: &Turn<'_>, map: &mut Mapping, node: &Node) -> Result<(), Halt> {
        let input = map.input_without_id(turn, node);
        let evaluator = node.config.evaluator_type.as_deref();
        let name = node.config.expression.as_deref().unwrap_or_default();
        let case = match evaluator {
            Some("value-param") => Ok(input.get(name).map_or_else(|| "null".to_owned(), java::to_text)),
            Some("javascript" | "graaljs") => turn.case_of(name, input.map()),
            Some("python") => Err("The evaluator python is not in this version of Podium".to_owned()),
            other => {
                let other = other.unwrap_or("null");
                return Err(Halt::failed(format!("No evaluator registered for type: {other}")));
            }
        };
        let case = match case {
            Ok(case) => case,
            Err(reason) => {
                let row = map.running(turn, node, input);
                row.status = TaskStatus::Failed;
                row.ended_at = Some(turn.cx.now);
                row.updated_at = turn.cx.now;
                row.reason = Some(reason.into());
                return Ok(());
            }
        };
        let first = chosen(node, &case);
        let mut members = input.map().clone();
        members.insert("case".to_owned(), Value::String(case.clone()));
        if first.is_some() {
            members.insert("hasChildren".to_owned(), Value::String("true".to_owned()));
        }
        let row = map.running(turn, node, Payload::from_map(members));
        row.status = TaskStatus::Completed;
        row.ended_at = Some(turn.cx.now);
        row.updated_at = turn.cx.now;
        let mut output = serde_json::Map::new();
        output.insert("evaluationResult".to_owned(), json!([case]));
        output.insert("selectedCase".to_owned(), Value::String(case));
        row.output = Payload::from_map(output);
        match first {
            Some(first) => map.expand(turn, first),
            None => Ok(()),
        }
    }
}

fn chosen(node: &Node, case: &str) -> Option<NodeIx> {
    match node.cases.iter().find(|(name, _)| name == case) {
        Some((_, first)) => *first,
        None => node.default_case,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::decide::bench::Bench;
    use crate::run::RunStatus;
    use crate::task::TaskStatus;

    fn switch(config: serde_json::Value, input: serde_json::Value) -> Bench {
        let mut task = json!({"name": "s", "taskReferenceName": "s", "type": "SWITCH", "evaluatorType": "value-param",
            "expression": "v", "inputParameters": {"v": "${workflow.input.v}"},
            "decisionCases": {"a": [{"name": "t", "taskReferenceName": "t"}], "empty": []},
            "defaultCase": [{"name": "d", "taskReferenceName": "d"}]});
        for (name, value) in config.as_object().expect("a map") {
            task[name] = value.clone();
        }
        Bench::start(json!([task, {"name": "after", "taskReferenceName": "after"}]), input)
    }

    fn refs(bench: &Bench) -> Vec<&str> {
        bench.run.tasks.iter().map(|t| &*t.ref_name).collect()
    }

    #[test]
    fn it_goes_into_the_case_or_the_default_or_on() {
        assert_eq!(refs(&switch(json!({}), json!({"v": "a"}))), ["s", "t"]);
        assert_eq!(refs(&switch(json!({}), json!({"v": "z"}))), ["s", "d"]);
        assert_eq!(refs(&switch(json!({}), json!({"v": "empty"}))), ["s", "after"]);
        assert_eq!(refs(&switch(json!({"defaultCase": []}), json!({}))), ["s", "after"]);
    }

    #[test]
    fn the_case_is_the_text_of_the_value() {
        let number = |v| serde_json::from_str(v).expect("JSON");
        for (value, text) in [
            (json!(1), "1"),
            (json!(true), "true"),
            (json!(null), "null"),
            (number("2.0"), "2.0"),
            (json!([1, 2]), "[1, 2]"),
            (json!({"k": "v"}), "{k=v}"),
        ] {
            let bench = switch(json!({}), json!({"v": value}));
            assert_eq!(bench.row("s").output.map()["evaluationResult"], json!([text]));
            assert_eq!(bench.row("s").input.map()["case"], json!(text));
        }
    }

    #[test]
    fn a_script_names_the_case() {
        let bench = switch(json!({"evaluatorType": "javascript", "expression": "$.v"}), json!({"v": "a"}));
        assert_eq!(refs(&bench), ["s", "t"]);
    }

    #[test]
    fn other_evaluators_end_the_run() {
        let bench = switch(json!({"evaluatorType": "lua"}), json!({}));
        assert_eq!(bench.reason(), "No evaluator registered for type: lua");
        assert_eq!(bench.run.tasks.len(), 0);
        let bench = switch(json!({"evaluatorType": "javascript", "expression": "throw"}), json!({}));
        assert_eq!(bench.row("s").status, TaskStatus::Failed);
        assert_eq!(bench.run.head.status, RunStatus::Failed);
    }
}

//! DECISION, the older form of SWITCH: goes into the case that a value names, else into the default case, else on (spec:
//! semantics §4.9; scenarios 108, 109, 154).
//!
//! `caseExpression` is a script that gives the case; without it `caseValueParam` is the name of an input member. Unlike
//! with SWITCH a case without tasks means the default case, and a script that throws ends the run without a row. Input
//! of the row: `case`, and `hasChildren` where a case was entered. Output: `caseOutput`.

use serde_json::{Map, Value, json};

use super::TaskKind;
use crate::decide::{Halt, Mapping, Turn};
use crate::def::TaskConfig;
use crate::expr::java;
use crate::payload::Payload;
use crate::plan::{Node, NodeIx};
use crate::task::TaskStatus;

pub(super) struct Decision;

impl TaskKind for Decision {
    fn name(&self) -> &'static str {
        "DECISION"
    }

    fn def_name<'c>(&self, _config: &'c TaskConfig) -> &'c str {
        "DECISION"
    }

    fn is_flow_control(&self) -> bool {
        true
    }

    fn expand(&self, turn: &Turn<'_>, map: &mut Mapping, node: &Node) -> Result<(), Halt> {
        let input = map.input_without_id(turn, node);
        let case = case(turn, node, &input)?;
        let first = chosen(node, &case);
        let mut members = Map::new();
        members.insert("case".to_owned(), Value::String(case.clone()));
        if first.is_some() {
            members.insert("hasChildren".to_owned(), Value::String("true".to_owned()));
        }
        let row = map.running(turn, node, Payload::from_map(members));
        row.status = TaskStatus::Completed;
        row.ended_at = Some(turn.cx.now);
        row.updated_at = turn.cx.now;
        row.output = Payload::from_map(Map::from_iter([("caseOutput".to_owned(), json!([case]))]));
        match first {
            Some(first) => map.expand(turn, first),
            None => Ok(()),
        }
    }
}

fn case(turn: &Turn<'_>, node: &Node, input: &Payload) -> Result<String, Halt> {
    if let Some(script) = node.config.case_expression.as_deref().filter(|script| !script.trim().is_empty()) {
        let failed = |_| Halt::failed(format!("Error while evaluating script: {script}"));
        return turn.case_of(script, input.map()).map_err(failed);
    }
    let name = node.config.case_value_param.as_deref().unwrap_or_default();
    Ok(input.get(name).map_or_else(|| "null".to_owned(), java::to_text))
}

fn chosen(node: &Node, case: &str) -> Option<NodeIx> {
    let found = node.cases.iter().find(|(name, _)| name == case).and_then(|(_, first)| *first);
    found.or(node.default_case)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::decide::bench::Bench;

    fn decision(input: serde_json::Value) -> Bench {
        let task = json!({"name": "d", "taskReferenceName": "d", "type": "DECISION", "caseValueParam": "v",
            "inputParameters": {"v": "${workflow.input.v}", "more": 1},
            "decisionCases": {"a": [{"name": "t", "taskReferenceName": "t"}], "empty": []},
            "defaultCase": [{"name": "e", "taskReferenceName": "e"}]});
        Bench::start(json!([task, {"name": "after", "taskReferenceName": "after"}]), input)
    }

    #[test]
    fn it_goes_into_the_case_or_the_default() {
        for (value, case, refs) in [
            (json!("a"), "a", ["d", "t"]),
            (json!("empty"), "empty", ["d", "e"]),
            (json!(null), "null", ["d", "e"]),
            (json!([1]), "[1]", ["d", "e"]),
        ] {
            let bench = decision(json!({"v": value}));
            assert_eq!(bench.run.tasks.iter().map(|t| &*t.ref_name).collect::<Vec<_>>(), refs);
            assert_eq!(json!(bench.row("d").input.map()), json!({"case": case, "hasChildren": "true"}));
            assert_eq!(json!(bench.row("d").output.map()), json!({"caseOutput": [case]}));
        }
    }
}

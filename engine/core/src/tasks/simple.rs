//! SIMPLE: a worker runs it. Its type, which is also the queue that workers poll, is its name (spec: semantics §4.1;
//! scenarios 1–21).

use super::TaskKind;
use crate::decide::{Halt, Mapping, Turn};
use crate::def::TaskConfig;
use crate::plan::Node;

pub(super) struct Simple;

impl TaskKind for Simple {
    fn name(&self) -> &'static str {
        "SIMPLE"
    }

    fn task_type<'c>(&self, config: &'c TaskConfig) -> &'c str {
        config.name()
    }

    fn by_worker(&self) -> bool {
        true
    }

    fn uses_template(&self) -> bool {
        true
    }

    fn expand(&self, turn: &Turn<'_>, map: &mut Mapping, node: &Node) -> Result<(), Halt> {
        let row = map.scheduled(turn, node);
        row.response_timeout_s = node.timeout.response.map_or(0, crate::time::Span::as_secs);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::decide::bench::Bench;
    use crate::decide::bench::NOW;
    use crate::run::RunExtra;
    use crate::time::Span;

    fn task(more: serde_json::Value) -> serde_json::Value {
        let mut task = json!({"name": "a", "taskReferenceName": "t"});
        for (name, value) in more.as_object().expect("a map") {
            task[name] = value.clone();
        }
        json!([task])
    }

    #[test]
    fn the_template_of_the_task_definition_fills_what_is_missing_or_null() {
        let def = json!({"name": "a", "inputTemplate": {"x": {"n": 42, "u": "${workflow.input.u}"}, "y": "raw ${z}", "k": 0}});
        let input = json!({"y": "${workflow.input.nothing}", "k": 7});
        let bench =
            Bench::start(task(json!({"taskDefinition": def, "inputParameters": input})), json!({"u": [1]}));
        assert_eq!(
            json!(bench.row("t").input.map()),
            json!({"x": {"n": 42, "u": [1]}, "y": "raw ${z}", "k": 7})
        );
    }

    #[test]
    fn the_row_is_ready_for_workers_of_its_name() {
        let bench = Bench::start(task(json!({"startDelay": 2})), json!({}));
        let row = bench.row("t");
        assert!(row.ready && &*row.task_type == "a" && row.response_timeout_s == 3600);
        assert_eq!((row.start_delay_s, row.callback_after_s), (2, 2));
        assert_eq!(row.available_at, NOW + Span::from_secs(2));
    }

    #[test]
    fn domains_are_chosen_by_who_polls() {
        let domain = |map: serde_json::Value| {
            let task_to_domain = serde_json::from_value(map).expect("a map");
            let extra = RunExtra { task_to_domain, ..RunExtra::default() };
            Bench::start_with(task(json!({})), json!({}), extra).row("t").domain.clone()
        };
        assert_eq!(domain(json!({"*": "d"})).as_deref(), Some("d"));
        assert_eq!(domain(json!({"*": "d", "a": "x, live ,NO_DOMAIN"})).as_deref(), Some("live"));
        assert_eq!(domain(json!({"*": "d", "a": "x,NO_DOMAIN"})), None);
        assert_eq!(domain(json!({"*": "d", "a": "x,y"})).as_deref(), Some("y"));
        assert_eq!(domain(json!({"b": "d"})), None);
    }
}

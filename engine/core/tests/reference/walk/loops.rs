//! DO_WHILE, with a condition that counts or over a list (spec: semantics §4.10).

use podium_core::TaskStatus;
use podium_core::def::TaskConfig;
use serde_json::{Map, Value, json};

use super::{Env, Here, Key, Row, Walk};
use crate::script::joined;

impl Walk<'_> {
    /// A pass ends with the last of its rows, also of those that no JOIN waits for.
    pub(super) fn repeat(
        &mut self,
        task: &TaskConfig,
        here: &Here<'_>,
        after: Vec<Key>,
        env: &mut Env,
    ) -> Option<Vec<Key>> {
        let name = joined(task.ref_name(), &here.place);
        let items = task.input_parameters.get("_items").map(|v| v.as_array().expect("a list").clone());
        let passes = match &items {
            Some(items) => items.len(),
            None => {
                let condition = task.loop_condition.as_deref().expect("a condition");
                let (_, limit) = condition.split_once(" < ").expect("a counter");
                limit.parse::<usize>().expect("a number").max(1)
            }
        };
        let passes = i32::try_from(passes).expect("few passes");
        let keep = task.input_parameters.get("keepLastN").and_then(Value::as_i64);
        let row = Row { iteration: passes, starts_after: after.clone(), ..Row::default() };
        let own = self.add(task, here, 0, row);
        let mut output = Map::from_iter([("iteration".to_owned(), json!(0))]);
        let mut before = after;
        for pass in 1..=passes {
            output.insert("iteration".to_owned(), json!(pass));
            if let Some(items) = &items {
                output.insert("loopIndex".to_owned(), json!(pass - 1));
                output.insert("loopItem".to_owned(), items[pass as usize - 1].clone());
            }
            env.insert(task.ref_name().to_owned(), output.clone());
            let inside =
                Here { place: [here.place.as_slice(), &[pass]].concat(), around: Some(name.as_str()) };
            let (made, killers) = (self.made.len(), self.all.killers.len());
            let ended = self.list(&task.loop_over, &inside, before, env);
            before = self.made[made..].to_vec();
            for key in &before {
                if let Some(keep) = keep {
                    let from = pass + i32::try_from(keep).expect("few passes");
                    self.all.rows.get_mut(key).expect("made").forgotten.push((name.clone(), from));
                }
            }
            if ended.is_none() || self.all.killers.len() > killers {
                return None;
            }
            let mut outputs = Map::new();
            for reference in body(&task.loop_over) {
                if let Some(key) = self.latest.get(&joined(reference, &inside.place)) {
                    let output = self.all.rows[key].output.clone().expect("it has ended");
                    outputs.insert(reference.to_owned(), Value::Object(output));
                }
            }
            output.insert(pass.to_string(), Value::Object(outputs));
            if let Some(keep) = keep {
                output.retain(|name, _| name.parse::<i64>().map_or(true, |n| n > i64::from(pass) - keep));
            }
        }
        env.insert(task.ref_name().to_owned(), output.clone());
        let row = self.all.rows.get_mut(&own).expect("made");
        row.ends = Some(TaskStatus::Completed);
        row.output = Some(output);
        row.ends_after = if passes > 0 { before } else { Vec::new() };
        Some(vec![own])
    }
}

/// The references of a loop's body: those of inner loops are theirs.
fn body(tasks: &[TaskConfig]) -> Vec<&str> {
    let mut all = Vec::new();
    for task in tasks {
        all.push(task.ref_name());
        for list in task.fork_tasks.iter().chain(task.decision_cases.values()).chain([&task.default_case]) {
            all.extend(body(list));
        }
    }
    all
}

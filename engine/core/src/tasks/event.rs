//! EVENT: tells the outside that the run got here, and with `asyncComplete` waits for the answer (spec: semantics §4.16;
//! scenarios 163, 164).
//!
//! Input: `sink` of the definition and its `asyncComplete`, over the parameters. Output: the whole input, five members
//! about the run, and `event_produced`, the name of the queue:
//!
//! | sink | queue | what happens |
//! |---|---|---|
//! | `conductor` | `conductor:<workflow>:<ref>` | event handlers see it; a completion event may name it |
//! | `conductor:x` | `conductor:<workflow>:x` | the same |
//! | `kafka:topic` | as written | a record with key = task id, value = the output; done with the broker's acknowledgement |
//! | anything else | | FAILED |
//!
//! With `asyncComplete` the row stays IN_PROGRESS until a report or a completion event ends it. Events that came before
//! the row existed are kept by the run and found when it begins.

use indexmap::IndexMap;
use serde_json::{Map, Value, json};

use super::{TaskKind, json_text, waits_for_answer};
use crate::decide::{Halt, Mapping, Turn};
use crate::def::TaskConfig;
use crate::effect::Outgoing;
use crate::expr::java;
use crate::id::{RunId, TaskNo};
use crate::payload::Payload;
use crate::plan::Node;
use crate::run::RunHead;
use crate::task::TaskState;

pub(super) struct EventTask;

/// Where an event goes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Sink {
    /// A queue of the engine: nothing leaves.
    Own(String),
    Kafka {
        queue: String,
        topic: String,
    },
    /// `None` where no queue name could be made.
    Bad {
        queue: Option<String>,
        reason: String,
    },
}

impl Sink {
    pub(crate) fn of(sink: &Value, workflow: &str, ref_name: &str, task: &dyn std::fmt::Display) -> Sink {
        let Value::String(sink) = sink else {
            let reason = format!("Invalid / Unsupported sink specified: {}", java::to_text(sink));
            return Sink::Bad { queue: None, reason };
        };
        if sink == "conductor" {
            return Sink::Own(format!("conductor:{workflow}:{ref_name}"));
        }
        if sink.starts_with("conductor:") {
            return Sink::Own(format!("conductor:{workflow}:{}", sink.replace("conductor:", "")));
        }
        if sink.starts_with("conductor") {
            return Sink::Bad {
                queue: None,
                reason: format!("Invalid / Unsupported sink specified: {sink}"),
            };
        }
        let why = match sink.split_once(':') {
            Some(("kafka", topic)) => return Sink::Kafka { queue: sink.clone(), topic: topic.to_owned() },
            Some((kind, _)) => format!("Unknown queue type {kind}"),
            None => format!("Illegal event {sink}"),
        };
        Sink::Bad {
            queue: Some(sink.clone()),
            reason: format!("Error loading queue:{sink}, for task:{task}, error: {why}"),
        }
    }
}

/// Bytes of an address at most: it stands in an index.
const ADDRESS_AT_MOST: usize = 2_000;

/// Is a sink of notices the address of an HTTP endpoint?
pub fn is_address(sink: &str) -> bool {
    let host = sink.strip_prefix("https://").or_else(|| sink.strip_prefix("http://"));
    sink.len() <= ADDRESS_AT_MOST && host.is_some_and(|host| !host.is_empty() && !host.starts_with('/'))
}

/// Why no notice can be sent to a sink; `None` if one can.
pub fn sink_fault(sink: &str) -> Option<String> {
    if is_address(sink) {
        return None;
    }
    match Sink::of(&Value::from(sink), "", "", &"") {
        Sink::Kafka { topic, .. } if topic.is_empty() => Some(format!("the sink \"{sink}\" names no topic")),
        Sink::Own(_) | Sink::Kafka { .. } => None,
        Sink::Bad { .. } => Some(format!(
            "the sink \"{sink}\" is no queue of the engine (\"conductor:<name>\"), no topic (\"kafka:<topic>\") and no address (\"https://<host>/<path>\")"
        )),
    }
}

impl TaskKind for EventTask {
    fn name(&self) -> &'static str {
        "EVENT"
    }

    fn prepare(&self, config: &mut TaskConfig) {
        let sink = config.sink.clone().map_or(Value::Null, Value::String);
        config.input_parameters.insert("sink".to_owned(), sink);
        let waits = config.async_complete.unwrap_or(false);
        config.input_parameters.insert("asyncComplete".to_owned(), Value::Bool(waits));
    }

    fn expand(&self, turn: &Turn<'_>, map: &mut Mapping, node: &Node) -> Result<(), Halt> {
        map.scheduled(turn, node);
        Ok(())
    }

    fn enter(&self, turn: &mut Turn<'_>, no: TaskNo) {
        let Some(row) = turn.run.tasks.get(no).cloned() else { return };
        let id = turn.run.task_id(no);
        let given = row.input.get("sink").unwrap_or(&Value::Null);
        // the value that the definition's expression gave may hold an expression itself
        let sink = turn.resolve(given, id);
        let sink = Sink::of(&sink, &turn.run.head.name, &row.ref_name, &id);
        let queue = match &sink {
            Sink::Own(queue) | Sink::Kafka { queue, .. } => Some(queue.clone()),
            Sink::Bad { queue, .. } => queue.clone(),
        };
        let output = output(&row, &turn.run.head, queue);
        turn.begin(no);
        turn.set_output(no, output.clone());
        let waits = waits_for_answer(turn.plan, &row);
        match sink {
            Sink::Bad { reason, .. } => turn.fail(no, reason),
            Sink::Own(queue) => {
                turn.raise(no, &queue);
                if waits {
                    turn.look_at_parked(no);
                } else {
                    turn.complete(no, output);
                }
            }
            Sink::Kafka { topic, .. } => {
                turn.emit(Outgoing {
                    task: no,
                    cluster: None,
                    topic,
                    key: Some(id.to_string().into_bytes()),
                    value: json_text::of_map(output.map()).into_bytes(),
                    headers: vec![turn.event_id(no)],
                    max_block_ms: None,
                });
                if waits {
                    turn.look_at_parked(no);
                }
            }
        }
    }
}

fn output(row: &TaskState, head: &RunHead, queue: Option<String>) -> Payload {
    let run = EventRun {
        id: head.id,
        name: &head.name,
        version: head.def_version,
        correlation_id: head.correlation_id.as_deref(),
        task_to_domain: &head.extra.task_to_domain,
    };
    Payload::from_map(event_payload(row.input.map(), &run, queue.as_deref()))
}

/// What the event of a task says about its run.
#[derive(Clone, Copy, Debug)]
pub struct EventRun<'a> {
    pub id: RunId,
    pub name: &'a str,
    pub version: i32,
    pub correlation_id: Option<&'a str>,
    pub task_to_domain: &'a IndexMap<String, String>,
}

/// What an EVENT task with this input tells, and first shows as its output.
pub fn event_payload(
    input: &Map<String, Value>,
    run: &EventRun<'_>,
    queue: Option<&str>,
) -> Map<String, Value> {
    let mut members = input.clone();
    let mut set = |name: &str, value: Value| members.insert(name.to_owned(), value);
    set("workflowInstanceId", json!(run.id.to_string()));
    set("workflowType", json!(run.name));
    set("workflowVersion", json!(run.version));
    set("correlationId", json!(run.correlation_id));
    set("taskToDomain", json!(run.task_to_domain));
    match queue {
        Some(queue) => set("event_produced", json!(queue)),
        // a member of that name among the inputs stays
        None => None,
    };
    java::hash_map_order(&members)
}

/// How well an open EVENT row fits a completion type (spec: pipeline §5, rule 4b).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fit {
    Exact,
    Partial,
}

/// Compares the text after the last `:` of the row's sink with a completion type, without regard to case: equal, or one
/// containing the other.
pub(crate) fn sink_matches(row: &TaskState, event_type: &str) -> Option<Fit> {
    sink_fits(row.input.get("sink")?.as_str()?, event_type)
}

/// The same for a sink as text.
pub(crate) fn sink_fits(sink: &str, event_type: &str) -> Option<Fit> {
    let name = sink.rsplit(':').next().unwrap_or(sink).to_lowercase();
    let wanted = event_type.to_lowercase();
    if name.is_empty() || wanted.is_empty() {
        None
    } else if name == wanted {
        Some(Fit::Exact)
    } else if name.contains(&wanted) || wanted.contains(&name) {
        Some(Fit::Partial)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sink(text: &str) -> Sink {
        Sink::of(&json!(text), "wf", "e1", &"<id>")
    }

    #[test]
    fn sinks_name_queues() {
        assert_eq!(sink("conductor"), Sink::Own("conductor:wf:e1".to_owned()));
        assert_eq!(sink("conductor:x"), Sink::Own("conductor:wf:x".to_owned()));
        assert_eq!(sink("kafka:t:1"), Sink::Kafka { queue: "kafka:t:1".to_owned(), topic: "t:1".to_owned() });
    }

    #[test]
    fn sinks_that_name_none_say_why() {
        let why = |text: &str| match sink(text) {
            Sink::Bad { reason, .. } => reason,
            other => panic!("{text} is {other:?}"),
        };
        assert_eq!(why(""), "Error loading queue:, for task:<id>, error: Illegal event ");
        assert_eq!(
            why("noColon"),
            "Error loading queue:noColon, for task:<id>, error: Illegal event noColon"
        );
        assert_eq!(
            why("Conductor:x"),
            "Error loading queue:Conductor:x, for task:<id>, error: Unknown queue type Conductor"
        );
        assert_eq!(why(":x"), "Error loading queue::x, for task:<id>, error: Unknown queue type ");
        assert_eq!(why("conductorX:y"), "Invalid / Unsupported sink specified: conductorX:y");
        assert!(matches!(Sink::of(&Value::Null, "wf", "e1", &"<id>"), Sink::Bad { queue: None, .. }));
    }
}

//! WAIT: until a time, for a time, or until somebody reports on it (spec: semantics §4.13; scenarios 46, 161, 162).
//!
//! Input: `duration` (`1 days 2 hours 3 minutes 4 seconds`, parts optional, short forms allowed) or `until`
//! (`yyyy-MM-dd`, `yyyy-MM-dd HH:mm`, `yyyy-MM-dd HH:mm z`; without a zone UTC). Blank counts as absent. What cannot be read
//! ends the task FAILED_WITH_TERMINAL_ERROR. A new attempt keeps the end of the first.

use serde_json::Value;

use super::TaskKind;
use crate::decide::{Halt, Mapping, Turn};
use crate::expr::{instant, java};
use crate::id::TaskNo;
use crate::payload::Payload;
use crate::plan::Node;
use crate::task::TaskStatus;
use crate::time::Timestamp;

pub(super) struct Wait;

/// What the wire shows as delay of a WAIT that has no end.
const WITHOUT_END_S: i64 = i32::MAX as i64;

impl TaskKind for Wait {
    fn name(&self) -> &'static str {
        "WAIT"
    }

    fn is_inline(&self) -> bool {
        false
    }

    fn expand(&self, turn: &Turn<'_>, map: &mut Mapping, node: &Node) -> Result<(), Halt> {
        let input = map.input(turn, node);
        let end = end_of(&input, turn.cx.now);
        // recorded: a bad duration of the first task refuses the start, a bad `until` does not
        if let Err(reason) = &end
            && turn.run.head.version == 0
            && input.get("duration").is_some_and(|d| !d.is_null())
        {
            return Err(Halt::refusing_start(reason.clone()));
        }
        let row = map.running(turn, node, input);
        match end {
            Ok(until) => {
                row.wait_until = until;
                row.callback_after_s = until.map_or(WITHOUT_END_S, |at| (at - turn.cx.now).as_secs().max(0));
            }
            Err(reason) => {
                row.status = TaskStatus::FailedWithTerminalError;
                row.reason = Some(reason.into());
                row.ended_at = Some(turn.cx.now);
                row.updated_at = turn.cx.now;
            }
        }
        Ok(())
    }

    fn enter(&self, turn: &mut Turn<'_>, no: TaskNo) {
        let Some(row) = turn.run.tasks.get(no) else { return };
        let (until, status) = (row.wait_until, row.status);
        if status == TaskStatus::Scheduled {
            turn.begin(no);
        }
        if until.is_some_and(|at| at <= turn.cx.now) {
            turn.complete(no, Payload::empty());
        }
    }
}

fn end_of(input: &Payload, now: Timestamp) -> Result<Option<Timestamp>, String> {
    let text = |name: &str| match input.get(name) {
        None | Some(Value::Null) => None,
        Some(value) => Some(java::to_text(value)).filter(|t| !t.trim().is_empty()),
    };
    match (text("duration"), text("until")) {
        (None, None) => Ok(None),
        (Some(_), Some(_)) => {
            Err("Both 'duration' and 'until' specified. Please provide only one input".to_owned())
        }
        (Some(duration), None) => match instant::parse_duration(&duration) {
            Ok(span) => Ok(Some(now + span)),
            Err(reason) => Err(reason.to_string()),
        },
        (None, Some(until)) => instant::parse_until(&until).map(Some).map_err(|reason| reason.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::WITHOUT_END_S;
    use crate::decide::bench::Bench;
    use crate::decide::bench::NOW;
    use crate::task::TaskStatus;
    use crate::time::Span;

    fn wait(input: serde_json::Value) -> Bench {
        let wait = json!({"name": "w", "taskReferenceName": "w", "type": "WAIT", "inputParameters": input});
        Bench::start(json!([wait, {"name": "t", "taskReferenceName": "t"}]), json!({}))
    }

    #[test]
    fn it_waits_as_long_as_it_says() {
        let bench = wait(json!({"duration": "1 days 2 hours 3 minutes 4 seconds"}));
        assert_eq!(bench.row("w").wait_until, Some(NOW + Span::from_secs(93_784)));
        assert_eq!(bench.run.head.wake_at, bench.row("w").wait_until);
        assert_eq!(bench.row("w").updated_at.as_millis(), 0);
        for at_once in [json!({"until": "2020-01-01 10:00"}), json!({"duration": "0 seconds"})] {
            assert_eq!(wait(at_once).row("w").status, TaskStatus::Completed);
        }
    }

    #[test]
    fn without_an_end_it_waits_for_somebody() {
        for blank in [json!({}), json!({"duration": "", "until": null})] {
            let bench = wait(blank);
            assert_eq!((bench.row("w").status, bench.row("w").wait_until), (TaskStatus::InProgress, None));
            assert_eq!((bench.row("w").callback_after_s, bench.run.head.wake_at), (WITHOUT_END_S, None));
        }
    }

    #[test]
    fn what_cannot_be_read_ends_the_run() {
        let why = |input| {
            let bench = wait(input);
            assert_eq!(bench.row("w").status, TaskStatus::FailedWithTerminalError);
            bench.row("w").reason.as_deref().unwrap_or_default().to_owned()
        };
        assert_eq!(why(json!({"until": "soon"})), "Invalid/Unsupported Wait Until format.  Provided: soon");
    }
}

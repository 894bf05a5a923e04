//! The rate limit of a workflow: of the runs that have one key, no more than the definition allows go on at a time. The
//! others wait before their first task, in the order in which they came, and each end lets the next one in.
//!
//! A run asks once, in its first turn; the store gives slots out and answers with a message, in the commit of the run that
//! asked or of the one that left. Conductor stores `rateLimitConfig` and does nothing with it (spec: semantics §2.8).
//!
//! | the run | its slot |
//! |---|---|
//! | begins, or is restarted | it asks and waits for one |
//! | is retried, rerun from a task, or opened with a child | it takes one at once, whatever the limit says: its tasks are there already |
//! | is paused | it keeps its slot or its place |
//! | ends | it leaves |
//!
//! While a run waits it has no tasks and no time-out: its clock begins with the slot.

use std::sync::Arc;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::Turn;
use super::finish::Halt;
use super::place::Place;
use crate::effect::{Effect, SlotAsked, SlotWish};
use crate::expr::java;
use crate::run::{RunSlot, RunStatus, SlotState};

/// Longer keys are told apart by a digest: an index holds them.
const KEY_BYTES: usize = 256;

/// What a definition says about its runs.
struct Limit {
    key: String,
    at_once: i32,
    wish: SlotWish,
}

impl Turn<'_> {
    /// Must the run wait before its first task? If it has not asked for a slot yet, it does now.
    pub(super) fn waits_for_slot(&mut self) -> bool {
        match self.run.head.extra.slot.as_deref().map(|slot| slot.state) {
            Some(SlotState::Waits | SlotState::Granted) => true,
            Some(SlotState::Holds { .. }) => false,
            Some(SlotState::Left) | None => self.ask_for_slot(),
        }
    }

    /// The same, without asking.
    pub(super) fn is_held_back(&self) -> bool {
        self.run.head.extra.slot.as_deref().is_some_and(RunSlot::holds_back)
    }

    fn ask_for_slot(&mut self) -> bool {
        let Some(limit) = self.limit() else {
            if self.run.head.extra.slot.is_some() {
                Arc::make_mut(&mut self.head().extra).slot = None;
            }
            return false;
        };
        let stint = self.run.head.extra.slot.as_deref().map_or(0, |slot| slot.stint) + 1;
        let slot = RunSlot { key: limit.key, at_once: limit.at_once, stint, state: SlotState::Waits };
        self.ask(slot, limit.wish);
        true
    }

    fn ask(&mut self, slot: RunSlot, wish: SlotWish) {
        let asked =
            SlotAsked { key: slot.key.as_str().into(), at_once: slot.at_once, stint: slot.stint, wish };
        self.other.push(Effect::SlotAsked(asked));
        Arc::make_mut(&mut self.head().extra).slot = Some(Box::new(slot));
    }

    /// The limit that holds for this run; none without a key or a number, and none for a run that is only played.
    fn limit(&self) -> Option<Limit> {
        let config = self.plan.def().rate_limit_config.as_ref()?;
        let at_once = config.get("concurrentExecLimit").and_then(Value::as_i64).filter(|limit| *limit > 0)?;
        if self.run.head.extra.rehearsed {
            return None;
        }
        let key = match self.resolve_without_id(config.get("rateLimitKey")?) {
            Value::Null => return None,
            key => java::to_text(&key),
        };
        if key.trim().is_empty() {
            return None;
        }
        let rejects = config.get("policy").and_then(Value::as_str) == Some("REJECT");
        let wish = if rejects { SlotWish::NowOrNever } else { SlotWish::InTurn };
        Some(Limit { key: short(key), at_once: i32::try_from(at_once).unwrap_or(i32::MAX), wish })
    }

    /// The run that has ended is open again with the tasks that it had.
    pub(super) fn take_slot_again(&mut self) {
        let now = self.cx.now;
        match self.run.head.extra.slot.as_deref() {
            Some(left) if left.state == SlotState::Left => {
                let (stint, state) = (left.stint + 1, SlotState::Holds { since: now });
                self.ask(RunSlot { stint, state, ..left.clone() }, SlotWish::AtOnce);
            }
            _ => {}
        }
    }

    /// The run may begin. An answer to an earlier question counts no more.
    pub(super) fn slot_granted(&mut self, stint: u32) {
        if !self.is_answer(stint) {
            return;
        }
        if self.run.head.status == RunStatus::Paused {
            self.set_slot(SlotState::Granted);
        } else {
            self.begin_with_slot();
        }
    }

    /// There is no slot, and the definition does not want to wait for one.
    pub(super) fn slot_refused(&mut self, stint: u32) {
        if !self.is_answer(stint) {
            return;
        }
        let Some(slot) = self.run.head.extra.slot.clone() else { return };
        self.set_slot(SlotState::Left);
        self.halt(Halt::failed(format!(
            "Rate limit reached: {} runs with the key {} are open already, and the policy is REJECT",
            slot.at_once, slot.key
        )));
    }

    fn is_answer(&self, stint: u32) -> bool {
        let head = &self.run.head;
        let waits = |slot: &RunSlot| slot.stint == stint && slot.state == SlotState::Waits;
        !head.status.is_terminal() && head.extra.slot.as_deref().is_some_and(waits)
    }

    /// What was granted while the run was paused begins now.
    pub(super) fn use_granted_slot(&mut self) {
        if self.run.head.extra.slot.as_deref().is_some_and(|slot| slot.state == SlotState::Granted) {
            self.begin_with_slot();
        }
    }

    fn begin_with_slot(&mut self) {
        self.set_slot(SlotState::Holds { since: self.cx.now });
        if let Some(limit) = self.plan.timeout() {
            self.wake_by(self.clock() + limit);
        }
        match self.plan.first() {
            Some(first) => {
                self.schedule(Place::default(), first);
                self.advance();
            }
            None => self.complete_empty(),
        }
    }

    /// The run has ended.
    pub(super) fn leave_slot(&mut self) {
        if let Some(slot) = self.run.head.extra.slot.as_deref()
            && slot.state != SlotState::Left
        {
            let key = slot.key.as_str().into();
            self.other.push(Effect::SlotLeft(key));
            self.set_slot(SlotState::Left);
        }
    }

    fn set_slot(&mut self, state: SlotState) {
        if let Some(slot) = &mut Arc::make_mut(&mut self.head().extra).slot {
            slot.state = state;
        }
    }
}

/// A key as the store can index it.
fn short(key: String) -> String {
    if key.len() <= KEY_BYTES && !key.contains('\0') {
        return key;
    }
    let digest = Sha256::digest(key.as_bytes());
    format!("sha256:{}", digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::decide::bench::{Bench, NOW, operate, simple};
    use crate::event::{Event, InboxMessage};
    use crate::operation::{Edition, Operation};
    use crate::run::RunExtra;
    use crate::task::TaskStatus;
    use crate::time::Span;

    fn limited(policy: &str) -> Value {
        let limit =
            json!({"rateLimitKey": "k-${workflow.input.who}", "concurrentExecLimit": 2, "policy": policy});
        json!({"tasks": [simple("a")], "rateLimitConfig": limit, "timeoutSeconds": 10, "timeoutPolicy": "TIME_OUT_WF"})
    }

    fn start(policy: &str) -> (Bench, Vec<Effect>) {
        Bench::watch(limited(policy), json!({"who": 7}), crate::Settings::default())
    }

    fn hear(bench: &mut Bench, message: InboxMessage) -> Vec<Effect> {
        bench.decide_at(&Event::Arrived { inbox: 3, message }, NOW + Span::from_secs(60))
    }

    fn slots(effects: &[Effect]) -> Vec<&Effect> {
        effects.iter().filter(|e| matches!(e, Effect::SlotAsked(_) | Effect::SlotLeft(_))).collect()
    }

    fn asked(stint: u32, wish: SlotWish) -> Effect {
        Effect::SlotAsked(SlotAsked { key: "k-7".into(), at_once: 2, stint, wish })
    }

    #[test]
    fn it_waits_without_tasks_and_without_time_out_until_it_is_let_in() {
        let (mut bench, effects) = start("QUEUE");
        assert_eq!(slots(&effects), [&asked(1, SlotWish::InTurn)]);
        assert!(bench.refs().is_empty() && bench.run.head.wake_at.is_none());
        for event in [Event::Started, Event::Due, Event::Look] {
            assert!(bench.decide_at(&event, NOW + Span::from_secs(50)).is_empty(), "{event:?}");
        }
        hear(&mut bench, InboxMessage::SlotGranted { stint: 1 });
        assert_eq!(bench.refs(), ["a"]);
        assert_eq!(bench.run.head.wake_at, Some(NOW + Span::from_secs(70)), "the clock begins with the slot");
        let again = hear(&mut bench, InboxMessage::SlotGranted { stint: 1 });
        assert_eq!((again, bench.refs()), (vec![Effect::InboxTaken(3)], vec!["a"]));
        bench.end("a", TaskStatus::Completed);
        assert_eq!(bench.run.head.status, RunStatus::Completed);
        assert!(bench.run.head.extra.slot.as_ref().is_some_and(|slot| slot.state == SlotState::Left));
    }

    #[test]
    fn a_run_that_ends_leaves_whether_it_waits_or_not() {
        let (mut bench, _) = start("QUEUE");
        let effects = bench.decide_at(&Event::Terminate { reason: None }, NOW);
        assert_eq!(slots(&effects), [&Effect::SlotLeft("k-7".into())]);
        let late = hear(&mut bench, InboxMessage::SlotGranted { stint: 1 });
        assert_eq!(late, [Effect::InboxTaken(3)]);
        // it asks anew, and the old answer is none to the new question
        let effects = bench.decide_at(&operate(Operation::Restart(Edition::Kept)), NOW);
        assert_eq!(slots(&effects), [&asked(2, SlotWish::InTurn)]);
        hear(&mut bench, InboxMessage::SlotGranted { stint: 1 });
        assert!(bench.refs().is_empty());
        hear(&mut bench, InboxMessage::SlotGranted { stint: 2 });
        assert_eq!(bench.refs(), ["a"]);
    }

    #[test]
    fn a_retried_run_takes_a_slot_at_once() {
        let (mut bench, _) = start("QUEUE");
        hear(&mut bench, InboxMessage::SlotGranted { stint: 1 });
        bench.end("a", TaskStatus::FailedWithTerminalError);
        let effects = bench.decide_at(&operate(Operation::Retry { resume_children: false }), NOW);
        assert_eq!(slots(&effects), [&asked(2, SlotWish::AtOnce)]);
        assert!(bench.row("a").ready);
    }

    #[test]
    fn a_pause_keeps_the_place_and_what_was_granted_meanwhile() {
        let (mut bench, _) = start("QUEUE");
        bench.decide(&operate(Operation::Pause));
        bench.decide(&operate(Operation::Resume));
        assert!(bench.refs().is_empty() && bench.run.head.status == RunStatus::Running);
        bench.decide(&operate(Operation::Pause));
        hear(&mut bench, InboxMessage::SlotGranted { stint: 1 });
        bench.decide(&Event::Look);
        assert!(bench.refs().is_empty());
        bench.decide(&operate(Operation::Resume));
        assert_eq!((bench.refs(), bench.run.head.status), (vec!["a"], RunStatus::Running));
    }

    #[test]
    fn one_that_does_not_wait_fails() {
        let (mut bench, effects) = start("REJECT");
        assert_eq!(slots(&effects), [&asked(1, SlotWish::NowOrNever)]);
        let effects = hear(&mut bench, InboxMessage::SlotRefused { stint: 1 });
        assert_eq!((slots(&effects), bench.run.head.status), (Vec::new(), RunStatus::Failed));
        assert!(bench.reason().contains("2 runs with the key k-7"), "{}", bench.reason());
    }

    #[test]
    fn without_key_or_number_there_is_no_limit() {
        for config in
            [json!({"rateLimitKey": "k"}), json!({"concurrentExecLimit": 1}), json!({})].into_iter().chain(
                ["", " ", "${workflow.input.nothing}"]
                    .map(|key| json!({"rateLimitKey": key, "concurrentExecLimit": 1})),
            )
        {
            let bench =
                Bench::start_def(json!({"tasks": [simple("a")], "rateLimitConfig": config}), json!({}));
            assert_eq!(bench.refs(), ["a"], "{config}");
            assert!(bench.run.head.extra.slot.is_none());
        }
        let rehearsed = RunExtra { rehearsed: true, ..RunExtra::default() };
        let mut bench = Bench::ready(limited("QUEUE"), json!({}), rehearsed, crate::Settings::default());
        bench.decide(&Event::Started);
        assert_eq!(bench.refs(), ["a"]);
    }

    #[test]
    fn keys_that_no_index_holds_are_told_apart_by_a_digest() {
        let long = ["x".repeat(300), "x".repeat(301), "a\0".to_owned()].map(short);
        assert!(long.iter().all(|key| key.len() == 71 && key.starts_with("sha256:")));
        assert!(long[0] != long[1]);
        assert_eq!(short("é".repeat(128)), "é".repeat(128));
    }
}

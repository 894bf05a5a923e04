//! Decides a run on a copy, only to find out what the scripts on the way say.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use podium_core::cache::{CacheKey, Remembered};
use podium_core::decide::{Known, KnownPayload, KnownTask, World};
use podium_core::expr::script::{Call, Evaluated};
use podium_core::plan::InlineDefinition;
use podium_core::{Cx, Decision, Event, Plan, RunState, decide};

use super::Session;
use crate::entropy::random;
use crate::plans::Answers;
use crate::shared::Shared;
use crate::turn::Informed;

/// A piece of the work that waits for a run.
#[derive(Clone)]
pub(crate) enum Part {
    Event(Box<Event>),
    /// The inbox rows, which are read with the run.
    Inbox,
}

/// The world of a rehearsal: what is not known about scripts is found out on the spot.
struct Stage<'a> {
    informed: Informed<'a>,
    session: RefCell<Session<'a>>,
    found: RefCell<super::ScriptAnswers>,
}

impl World for Stage<'_> {
    fn definition(&self, name: &str, version: Option<i32>) -> Known {
        self.informed.definition(name, version)
    }

    fn inline(&self, definition: &InlineDefinition) -> Known {
        self.informed.inline(definition)
    }

    fn polled_recently(&self, task_type: &str, domain: &str) -> bool {
        self.informed.polled_recently(task_type, domain)
    }

    fn task_definition(&self, name: &str) -> KnownTask {
        self.informed.task_definition(name)
    }

    fn is_limited(&self, name: &str) -> bool {
        self.informed.is_limited(name)
    }

    fn payload(&self, path: &str) -> KnownPayload {
        self.informed.payload(path)
    }

    fn cached(&self, key: &CacheKey) -> Remembered {
        self.informed.cached(key)
    }

    fn evaluate(&self, call: &Call<'_>) -> Evaluated {
        let known = self.found.borrow().get(call);
        if known != Evaluated::Unknown {
            return known;
        }
        let answer = self.session.borrow_mut().evaluate(call);
        self.found.borrow_mut().note(call, &answer);
        answer
    }
}

/// Decides these events one after the other and adds what the scripts said to the answers. A decision that needs
/// something else, or breaks off, ends it: the real one will say so.
pub(crate) async fn rehearse(
    shared: &Arc<Shared>,
    state: RunState,
    plan: Arc<Plan>,
    events: Vec<Event>,
    answers: Answers,
) -> Answers {
    let place = shared.scripts.place().await;
    let own = shared.clone();
    let before = answers.clone();
    let work = move || play(&own, state, &plan, &events, answers);
    let outcome = shared.scripts.run(work).await;
    drop(place);
    // it panics only outside of decisions; then the run is decided without answers and asks again
    outcome.unwrap_or(before)
}

fn play(
    shared: &Shared,
    mut state: RunState,
    plan: &Plan,
    events: &[Event],
    mut answers: Answers,
) -> Answers {
    let now = shared.clock.now();
    let outside = shared.outside();
    let mut found = std::mem::take(&mut answers.scripts);
    found.begin();
    let stage = Stage {
        informed: Informed { outside: &outside, answers: &answers },
        session: RefCell::new(Session::new(&shared.scripts)),
        found: RefCell::new(found),
    };
    let mut decided = 0;
    for event in events {
        decided += 1;
        let cx = Cx { now, random: random(), settings: outside.settings, world: &stage };
        let begun = state.head.next_no > 1 || state.head.status.is_terminal();
        let first =
            (!begun && !matches!(event, Event::Started | Event::Faulted { .. })).then_some(&Event::Started);
        let went_well = first.into_iter().chain([event]).all(|event| {
            let decision = catch_unwind(AssertUnwindSafe(|| decide(plan, &mut state, event, &cx)));
            matches!(decision, Ok(Decision::Done(_) | Decision::Refused(_) | Decision::RefusedOnRecord(..)))
        });
        if !went_well {
            break;
        }
    }
    let mut found = stage.found.into_inner();
    found.rehearsed(now, decided);
    answers.scripts = found;
    answers
}

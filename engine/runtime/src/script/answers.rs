//! What scripts answered, for the decision that asked.

use std::collections::HashMap;
use std::sync::Arc;

use podium_core::Timestamp;
use podium_core::expr::script::{Call, Evaluated, Language};

/// A script and its input, as text.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    language: Language,
    script: Box<str>,
    input: Box<str>,
}

impl Key {
    fn of(call: &Call<'_>) -> Key {
        // a map always has a text; an empty one would only find no answer
        let input = serde_json::to_string(call.input).unwrap_or_default();
        Key { language: call.language, script: call.script.into(), input: input.into() }
    }
}

/// Answers by script and input: the same question has one answer within a turn, also if the script reads the clock.
#[derive(Clone, Default)]
pub(crate) struct ScriptAnswers {
    known: Arc<HashMap<Key, Evaluated>>,
    /// There was no time for more.
    spent: bool,
    /// The instant of the rehearsal, and how many decisions are still to be made as of then. What scripts see of the
    /// time (when a task began) must be what they were asked with.
    at: Option<(Timestamp, usize)>,
}

impl ScriptAnswers {
    pub(crate) fn get(&self, call: &Call<'_>) -> Evaluated {
        if self.known.is_empty() && !self.spent {
            return Evaluated::Unknown;
        }
        match self.known.get(&Key::of(call)) {
            Some(answer) => answer.clone(),
            None if self.spent && call.may_wait => Evaluated::Later,
            None => Evaluated::Unknown,
        }
    }

    pub(super) fn note(&mut self, call: &Call<'_>, answer: &Evaluated) {
        match answer {
            Evaluated::Later => self.spent = true,
            Evaluated::Unknown => {}
            Evaluated::Values(_) | Evaluated::Failed(_) => {
                Arc::make_mut(&mut self.known).insert(Key::of(call), answer.clone());
            }
        }
    }

    /// The time that the scripts had is over, and another begins.
    pub(super) fn begin(&mut self) {
        self.spent = false;
        self.at = None;
    }

    /// This many decisions are to be made as of that instant.
    pub(super) fn rehearsed(&mut self, now: Timestamp, decisions: usize) {
        self.at = Some((now, decisions));
    }

    /// The instant of the next decision, if it was rehearsed.
    pub(crate) fn next_instant(&mut self) -> Option<Timestamp> {
        let (now, left) = self.at.as_mut()?;
        *left = left.checked_sub(1)?;
        Some(*now)
    }
}

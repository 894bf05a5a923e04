//! What the workers of a random run do: for each task of the definition, pass of its loops and attempt always the same.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

/// What becomes of one attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Done,
    Failed,
    Terminal,
    /// The worker takes the task and is never heard of again.
    Silent,
    Canceled,
}

/// The attempts of a task in one pass of its loops.
#[derive(Clone, Debug)]
pub(crate) struct Play {
    pub(crate) first: Vec<Outcome>,
    /// Of all later attempts.
    pub(crate) then: Outcome,
    /// The member `x` of the output of a success.
    pub(crate) value: u8,
}

/// The behaviour of all workers of a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Script {
    /// By reference of the definition; never empty lists.
    plays: HashMap<String, Vec<Play>>,
    /// From now on everything succeeds.
    pub(crate) good: bool,
}

impl Script {
    pub(crate) fn add(&mut self, reference: &str, plays: Vec<Play>) {
        self.plays.insert(reference.to_owned(), plays);
    }

    /// Is it a worker's task?
    pub(crate) fn knows(&self, reference: &str) -> bool {
        self.plays.contains_key(reference)
    }

    fn play(&self, reference: &str, place: &[i32]) -> &Play {
        let plays = &self.plays[reference];
        let pass = usize::try_from(place.iter().sum::<i32>()).expect("passes are counted from 1");
        &plays[pass % plays.len()]
    }

    pub(crate) fn outcome(&self, reference: &str, place: &[i32], attempt: i32) -> Outcome {
        let play = self.play(reference, place);
        let at = usize::try_from(attempt).expect("attempts are counted from 0");
        if self.good { Outcome::Done } else { play.first.get(at).copied().unwrap_or(play.then) }
    }

    /// What the worker reports: a value of its own, and what it was given to see.
    pub(crate) fn output(
        &self,
        reference: &str,
        place: &[i32],
        attempt: i32,
        input: &Map<String, Value>,
    ) -> Map<String, Value> {
        let x = match self.outcome(reference, place, attempt) {
            Outcome::Done => json!(self.play(reference, place).value),
            Outcome::Silent => return Map::new(),
            Outcome::Failed | Outcome::Terminal | Outcome::Canceled => json!(90 + attempt),
        };
        let mut output = Map::from_iter([("x".to_owned(), x)]);
        if let Some(seen) = input.get("saw") {
            output.insert("saw".to_owned(), seen.clone());
        }
        output
    }

    pub(crate) fn reason(reference: &str, attempt: i32) -> String {
        format!("{reference} did not work, attempt {attempt}")
    }
}

/// The reference of the definition and the passes of its loops, from the name of a row: `r1__2_1` is `r1` in the first
/// pass of a loop in the second pass of another. The references of random definitions have no underscores.
pub(crate) fn split(row: &str) -> (&str, Vec<i32>) {
    match row.split_once("__") {
        None => (row, Vec::new()),
        Some((reference, passes)) => {
            (reference, passes.split('_').map(|n| n.parse().expect("a number")).collect())
        }
    }
}

/// The name that a row has in these passes.
pub(crate) fn joined(reference: &str, place: &[i32]) -> String {
    if place.is_empty() {
        return reference.to_owned();
    }
    let passes: Vec<String> = place.iter().map(i32::to_string).collect();
    format!("{reference}__{}", passes.join("_"))
}

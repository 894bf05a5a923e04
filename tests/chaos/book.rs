//! What the clients were told: the checker compares it with what is stored.

use std::collections::HashMap;
use std::sync::Mutex;

/// Notes of all client threads.
#[derive(Default)]
pub(crate) struct Book {
    /// Runs whose start was acknowledged, and which story they tell.
    runs: Mutex<Vec<(String, usize)>>,
    /// Task id -> the tokens of completions that were acknowledged. A token is made for each lease and sent
    /// as output.
    acknowledged: Mutex<HashMap<String, Vec<String>>>,
}

impl Book {
    pub(crate) fn started(&self, run: String, story: usize) {
        self.runs.lock().expect("held for pushes only").push((run, story));
    }

    pub(crate) fn completed(&self, task: &str, token: &str) {
        let mut all = self.acknowledged.lock().expect("held for map calls only");
        all.entry(task.to_owned()).or_default().push(token.to_owned());
    }

    pub(crate) fn runs(&self) -> Vec<(String, usize)> {
        self.runs.lock().expect("held for pushes only").clone()
    }

    pub(crate) fn acknowledged(&self) -> HashMap<String, Vec<String>> {
        self.acknowledged.lock().expect("held for map calls only").clone()
    }
}

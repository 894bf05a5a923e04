//! Outputs kept for later: `cacheConfig` of a task.
//!
//! A worker's task whose key is known, and whose output is kept under it, completes as soon as the flow reaches it, with
//! that output. Nothing is looked up by a decision: it asks the [`World`](crate::decide::World), as it asks for definitions,
//! and is made again when the answer is there. The key reads what does not change while the task is open, its own input
//! and the run's, so the output is kept under the very key that was looked up.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::def::TaskConfig;
use crate::expr::{Member, Scope, Template, java};
use crate::id::TaskNo;
use crate::payload::Payload;
use crate::task::TaskState;
use crate::time::{Span, Timestamp};

/// A larger output is not kept: it would be written twice.
const OUTPUT_AT_MOST_BYTES: usize = 256 * 1024;
/// A longer time to live counts as this one (ten years).
const TTL_AT_MOST_S: i64 = 10 * 366 * 24 * 3600;
/// Who a task says has done it whose output was kept.
pub(crate) const WORKER: &str = "cache";

/// Names a kept output: SHA-256 of the task's type and name and of what its key expression comes to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CacheKey(pub [u8; 32]);

impl fmt::Debug for CacheKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().take(4).try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Answer to a look-up.
#[derive(Clone, Debug)]
pub enum Remembered {
    Found(Payload),
    Nothing,
    /// Not loaded: the decision stops with [`Decision::Needs`](crate::Decision::Needs) and is repeated once it is.
    NotLoaded,
}

/// The output of a task that has just completed, for later ones.
#[derive(Clone, Debug, PartialEq)]
pub struct Kept {
    pub key: CacheKey,
    /// The name of the task's definition.
    pub name: Arc<str>,
    pub task: TaskNo,
    pub output: Payload,
    pub expires_at: Timestamp,
}

/// What a task of a definition says about keeping its output.
#[derive(Clone, Debug)]
pub(crate) struct CacheRule {
    key: Template,
    ttl: Span,
}

impl CacheRule {
    /// `None` if nothing is to be kept: no key, or no time to live.
    pub(crate) fn of(config: &TaskConfig) -> Option<CacheRule> {
        let config = config.cache_config.as_ref()?;
        let key = config.get("key").filter(|key| key.as_str().is_some_and(|key| !key.trim().is_empty()))?;
        let ttl = config.get("ttlInSecond").and_then(Value::as_i64).filter(|ttl| *ttl > 0)?;
        Some(CacheRule { key: Template::compile(key), ttl: Span::from_secs(ttl.min(TTL_AT_MOST_S)) })
    }

    /// The key of a task with this input; `None` if an expression in it finds nothing.
    pub(crate) fn key(
        &self,
        task_type: &str,
        name: &str,
        input: &Payload,
        run_input: &Payload,
    ) -> Option<CacheKey> {
        let scope = KeyScope { input: input.map(), run_input: run_input.map() };
        if !self.key.finds_all(&scope) {
            return None;
        }
        let key = java::to_text(&self.key.render(&scope));
        let mut digest = Sha256::new();
        for part in [task_type, name, &key] {
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part.as_bytes());
        }
        Some(CacheKey(digest.finalize().into()))
    }

    /// What is kept of a task that has completed.
    pub(crate) fn kept(&self, row: &TaskState, run_input: &Payload, now: Timestamp) -> Option<Kept> {
        if row.output.size_bytes() > OUTPUT_AT_MOST_BYTES {
            return None;
        }
        let key = self.key(&row.task_type, &row.def_name, &row.input, run_input)?;
        let (name, output) = (row.def_name.clone(), row.output.clone());
        Some(Kept { key, name, task: row.no, output, expires_at: now + self.ttl })
    }
}

/// What the expression of a key sees: the members of the task's input by their names, and `workflow.input`.
struct KeyScope<'a> {
    input: &'a Map<String, Value>,
    run_input: &'a Map<String, Value>,
}

impl Scope for KeyScope<'_> {
    fn root(&self, name: &str) -> Option<Cow<'_, Value>> {
        self.input.get(name).map(Cow::Borrowed)
    }

    fn task_id(&self) -> Option<String> {
        None
    }

    fn member(&self, root: &str, member: &str) -> Option<Member<'_>> {
        match self.input.get(root) {
            Some(value) => value.get(member).map(Member::Borrowed),
            None => (root == "workflow" && member == "input").then_some(Member::Object(self.run_input)),
        }
    }
}

#[cfg(test)]
mod tests;

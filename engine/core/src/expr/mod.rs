//! Parameter expressions: `${…}` in definitions, the paths inside them, and the text forms that values take.
//!
//! Everything here is a pure function of its arguments. What a path may reach is decided by the caller's
//! [`Scope`], and so is what may be read of the surroundings of the server.

pub mod instant;
pub mod java;
pub mod path;
pub mod script;
pub mod template;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::environment::Environment;

pub use path::Path;
pub use template::Template;

/// What expressions can see: the roots `workflow` and one per task reference name.
pub trait Scope {
    /// The whole value of a root, `None` if there is no such root.
    fn root(&self, name: &str) -> Option<Cow<'_, Value>>;

    /// The id of the task that is being made, where there is one (`${CPEWF_TASK_ID}`).
    fn task_id(&self) -> Option<String>;

    /// One member of a root, `None` if the root or the member is missing.
    ///
    /// Nearly every expression starts with two names (`workflow.input`, `t1.output`). A scope that holds its
    /// values in parts answers this without building, and copying, the whole root.
    fn member(&self, root: &str, member: &str) -> Option<Member<'_>> {
        match self.root(root)? {
            Cow::Borrowed(Value::Object(map)) => map.get(member).map(Member::Borrowed),
            Cow::Owned(Value::Object(mut map)) => map.swap_remove(member).map(Member::Owned),
            _ => None,
        }
    }

    /// A member of a member of a root, where the scope holds it apart from the rest, which may be large; `None` if it does
    /// not or has no such member.
    fn part(&self, _root: &str, _member: &str, _name: &str) -> Option<Member<'_>> {
        None
    }

    /// What can be read of the surroundings of the server, where there is something.
    fn environment(&self) -> Option<&Environment> {
        None
    }

    /// The names of all roots, for paths such as `$..id` that look at all of them.
    fn names(&self) -> Vec<String> {
        Vec::new()
    }
}

/// A member of a root, in the form in which the scope happens to hold it.
#[derive(Debug)]
pub enum Member<'a> {
    Object(&'a Map<String, Value>),
    Borrowed(&'a Value),
    Owned(Value),
}

/// Resolves the strings in a parameter map, at every depth. Keys are left alone. The members of literal maps come
/// out in the order of a Java `HashMap`, because the order shows when such a map is later put into a text.
pub fn resolve_map(params: &Map<String, Value>, scope: &dyn Scope) -> Map<String, Value> {
    Template::compile_map(params).render_map(scope)
}

/// Resolves one value: a string, or the strings in a list or map. A string that is exactly one expression becomes
/// the value itself with its type.
pub fn resolve_value(v: &Value, scope: &dyn Scope) -> Value {
    Template::compile(v).render(scope)
}

/// True if some string in the value may hold an expression or an escape. Cheap, and may say yes needlessly.
pub fn mentions_template(v: &Value) -> bool {
    match v {
        Value::String(s) => s.contains("${"),
        Value::Array(list) => list.iter().any(mentions_template),
        Value::Object(map) => map.values().any(mentions_template),
        _ => false,
    }
}

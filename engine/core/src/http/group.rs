//! The queue of calls that task definitions keep apart.

use crate::def::TaskDef;
use crate::tasks::HTTP;

/// What the queue of calls of a task definition has behind the type: `@executionNameSpace` and `-isolationGroupId`. `None`
/// without both: then the calls are in the queue that all share. Stands as the domain of their rows, where Conductor has
/// none for calls.
pub fn isolation(def: &TaskDef) -> Option<String> {
    let part = |mark: &str, text: &Option<String>| {
        let text = text.as_deref().map(str::trim).filter(|text| !text.is_empty());
        text.map_or(String::new(), |text| format!("{mark}{text}"))
    };
    let name = part("@", &def.execution_name_space) + &part("-", &def.isolation_group_id);
    (!name.is_empty()).then_some(name)
}

/// Is this domain of a call's row such an end of a queue's name? (A rehearsal has domains of its own.)
pub fn is_isolation(domain: &str) -> bool {
    domain.starts_with(['@', '-'])
}

/// The group that stands as the domain of a row, if it is a call's; `None` = it has none, and a domain is a domain.
pub fn group_of<'d>(task_type: &str, domain: Option<&'d str>) -> Option<&'d str> {
    domain.filter(|domain| task_type == HTTP && is_isolation(domain))
}

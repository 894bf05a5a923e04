//! How long the texts may be that are looked up by index. PostgreSQL refuses index entries beyond 2,704
//! bytes; a task type and a domain of this many characters always fit into one.

use podium_core::def::{TaskConfig, WorkflowDef};

use crate::error::ApiError;

/// Characters of a name, a domain or a worker id (Conductor: the width of its columns).
pub(crate) const NAME_CHARS: usize = 255;

/// Refuses a text that is too long to be a key.
pub(crate) fn check_key(what: &str, text: &str) -> Result<(), ApiError> {
    // as many bytes as characters allowed is the usual case and needs no counting
    if text.len() <= NAME_CHARS || text.chars().count() <= NAME_CHARS {
        Ok(())
    } else {
        Err(ApiError::bad_request(format!("{what} is longer than {NAME_CHARS} characters")))
    }
}

/// The same for a text that is stored as a key of its own; PostgreSQL keeps no U+0000.
pub(crate) fn check_stored_key(what: &str, text: &str) -> Result<(), ApiError> {
    if text.contains('\0') {
        return Err(ApiError::bad_request(format!("{what} contains the character U+0000")));
    }
    check_key(what, text)
}

/// Refuses a definition that could be stored but never found or run: its name or that of a task is too long.
pub(crate) fn check_names(def: &WorkflowDef) -> Result<(), ApiError> {
    check_key("the name of the workflow definition", def.name.as_deref().unwrap_or_default())?;
    check_task_names(&def.tasks)
}

fn check_task_names(tasks: &[TaskConfig]) -> Result<(), ApiError> {
    tasks.iter().try_for_each(|task| {
        check_key("the name of a task", task.name())?;
        check_key("the type of a task", task.kind())?;
        check_task_names(&task.default_case)?;
        check_task_names(&task.loop_over)?;
        task.decision_cases.values().chain(&task.fork_tasks).try_for_each(|list| check_task_names(list))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_count_and_not_bytes() {
        assert!(check_key("a name", &"é".repeat(NAME_CHARS)).is_ok());
        let refused = check_key("a name", &"x".repeat(NAME_CHARS + 1)).expect_err("too long");
        assert_eq!(
            (refused.status().as_u16(), refused.message()),
            (400, "a name is longer than 255 characters")
        );
    }

    #[test]
    fn tasks_are_looked_at_at_any_depth() {
        let long = "x".repeat(NAME_CHARS + 1);
        let def = |value: serde_json::Value| crate::dto::workflow_def(&value).expect("readable");
        let nested = serde_json::json!({"name": "w", "tasks": [{"forkTasks": [[{"name": long}]]}]});
        assert!(check_names(&def(nested)).is_err());
        assert!(check_names(&def(serde_json::json!({"name": "w", "tasks": [{"name": "t"}]}))).is_ok());
    }
}

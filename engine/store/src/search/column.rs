//! The SQL of each field. `r` is the run, `t` the task.

use podium_core::search::{Field, Scope};
use podium_core::{RunStatus, TaskStatus};

/// The parent's id in `run.extra`; the text of index `run_by_parent`.
pub(super) const PARENT: &str = r#"substring(r.extra FROM '"parent":\{"run":"([0-9a-f-]{36})"')"#;

/// The expression of a field, in the type of its kind. Columns of the index that is walked are dressed up: as they are,
/// their conditions would be used to enter the index at the wrong end.
pub(super) const fn column(field: Field) -> &'static str {
    match field {
        Field::RunId => "r.id::text",
        Field::CorrelationId => "r.correlation_id",
        Field::RunName => "(r.name || '')",
        Field::RunVersion => "r.def_version::bigint",
        Field::Priority => "r.priority::bigint",
        Field::RunStatus => {
            "(ARRAY['RUNNING', 'PAUSED', 'COMPLETED', 'FAILED', 'TIMED_OUT', 'TERMINATED'])[r.status + 1]"
        }
        Field::RunStart => "r.created_at",
        Field::RunUpdate => "COALESCE(r.updated_at, r.created_at)",
        Field::RunEnd => "COALESCE(r.ended_at, 'epoch')",
        Field::RunReason => {
            "CASE WHEN starts_with(r.extra, '{\"fault\":') THEN r.extra::json ->> 'fault' ELSE r.reason END"
        }
        Field::RunExecutionTime => {
            "COALESCE((extract(epoch FROM r.ended_at - r.created_at) * 1000)::bigint, 0)"
        }
        Field::RunInput => {
            "COALESCE(r.input, (SELECT p.body FROM payload AS p WHERE p.run_id = r.id AND p.slot = r.input_slot), '{}')"
        }
        Field::RunOutput => {
            "COALESCE(r.output, (SELECT p.body FROM payload AS p WHERE p.run_id = r.id AND p.slot = r.output_slot), '{}')"
        }
        Field::Event => "(r.extra::json ->> 'event')",
        Field::FailedRefs => {
            "COALESCE((SELECT string_agg(x, ',') FROM json_array_elements_text(r.extra::json -> 'failed_refs') AS x), '')"
        }
        Field::FailedNames => {
            "COALESCE((SELECT string_agg(x, ',') FROM json_array_elements_text(r.extra::json -> 'failed_names') AS x), '')"
        }
        Field::ExternalInput => "(r.extra::json ->> 'external_input')",
        Field::ExternalOutput => "(r.extra::json ->> 'external_output')",
        // a run without a parent shows an empty text
        Field::ParentId => r#"COALESCE(substring(r.extra FROM '"parent":\{"run":"([0-9a-f-]{36})"'), '')"#,
        Field::Classifier => {
            "COALESCE((SELECT s.classifier FROM snapshot AS s WHERE s.id = r.snapshot_id), 'workflow')"
        }
        Field::Unset => "NULL::text",
        Field::TaskId => "podium.task_id(t.run_id, t.no)::text",
        Field::TaskType => "t.task_type",
        Field::TaskDefName => "COALESCE(t.def_name, t.task_type)",
        Field::TaskStatus => {
            "(ARRAY['SCHEDULED', 'IN_PROGRESS', 'COMPLETED', 'COMPLETED_WITH_ERRORS', 'FAILED', 'TIMED_OUT', 'FAILED_WITH_TERMINAL_ERROR', 'CANCELED', 'SKIPPED'])[t.status + 1]"
        }
        Field::TaskScheduled => "t.scheduled_at",
        Field::TaskStart => "COALESCE(t.started_at, 'epoch')",
        Field::TaskUpdate => "COALESCE(t.updated_at, 'epoch')",
        Field::TaskEnd => "COALESCE(t.ended_at, 'epoch')",
        Field::TaskReason => "t.reason",
        Field::TaskExecutionTime => {
            "COALESCE((extract(epoch FROM t.ended_at - t.started_at) * 1000)::bigint, 0)"
        }
        Field::QueueWaitTime => {
            "COALESCE((extract(epoch FROM t.started_at - t.scheduled_at) * 1000)::bigint, 0)"
        }
        Field::TaskInput => {
            "COALESCE(t.input, (SELECT p.body FROM payload AS p WHERE p.run_id = t.run_id AND p.slot = t.input_slot), '{}')"
        }
        Field::TaskOutput => {
            "COALESCE(t.output, (SELECT p.body FROM payload AS p WHERE p.run_id = t.run_id AND p.slot = t.output_slot), '{}')"
        }
        Field::Domain => "NULLIF(t.domain, '')",
        Field::RefName => "t.ref_name",
    }
}

/// A status is compared by its number: the words in the order of the numbers, and the column.
pub(super) fn statuses(field: Field) -> Option<(Vec<&'static str>, &'static str)> {
    match field {
        Field::RunStatus => {
            Some((RunStatus::ALL.iter().map(|s| s.as_str()).collect(), "(r.status + 0::smallint)"))
        }
        Field::TaskStatus => Some((TaskStatus::ALL.iter().map(|s| s.as_str()).collect(), "t.status")),
        _ => None,
    }
}

/// The words of a row.
pub(super) const fn words_table(scope: Scope) -> (&'static str, &'static str) {
    match scope {
        Scope::Runs => ("run_search", "w.run_id = r.id"),
        Scope::Tasks => ("task_search", "w.run_id = t.run_id AND w.no = t.no"),
    }
}

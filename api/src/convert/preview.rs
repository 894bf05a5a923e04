//! What a verb would do, as the wire says it.

use podium_core::TaskState;
use podium_runtime::{OtherRun, Preview};

use crate::dto::{ConcernedWorkflow, OperationPreview, PreviewedTask};

pub(crate) fn preview(preview: &Preview) -> OperationPreview {
    let there = |rows: &[std::sync::Arc<TaskState>]| {
        rows.iter().map(|row| task(row, Some(preview.run.task(row.no).to_string()))).collect()
    };
    // a row that is opened again in place is among those that are reset
    let known = |row: &TaskState| preview.reset.iter().any(|old| old.no == row.no);
    let again = preview.again.iter();
    OperationPreview {
        workflow_id: preview.run.to_string(),
        status_before: preview.before.as_str(),
        status_after: preview.after.as_str(),
        kept: there(&preview.kept),
        reset: there(&preview.reset),
        run_again: again
            .map(|row| task(row, known(row).then(|| preview.run.task(row.no).to_string())))
            .collect(),
        cancelled: there(&preview.cancelled),
        workflows: preview
            .others
            .iter()
            .map(|(run, what)| match what {
                // the id of a run that is not made is another one each time
                OtherRun::Started => ConcernedWorkflow { workflow_id: None, change: "STARTED" },
                OtherRun::Retried => concerned(run, "RETRIED"),
                OtherRun::Reopened => concerned(run, "REOPENED"),
                OtherRun::Ended => concerned(run, "ENDED"),
            })
            .collect(),
    }
}

fn concerned(run: &podium_core::RunId, change: &'static str) -> ConcernedWorkflow {
    ConcernedWorkflow { workflow_id: Some(run.to_string()), change }
}

fn task(row: &TaskState, task_id: Option<String>) -> PreviewedTask {
    PreviewedTask {
        task_id,
        reference_task_name: row.ref_name.to_string(),
        task_type: row.task_type.to_string(),
        status: row.status.as_str(),
        iteration: row.iteration,
        retry_count: row.attempt,
    }
}

//! The account of a run, as the wire says it.

use podium_core::{HistoryLine, RunId};
use podium_runtime::History;

use crate::dto::{WorkflowHistory, WorkflowHistoryLine};

pub(crate) fn history(run: RunId, history: &History) -> WorkflowHistory {
    WorkflowHistory {
        workflow_id: run.to_string(),
        total_hits: history.kept,
        results: history.lines.iter().map(|shown| line(run, shown)).collect(),
    }
}

fn line(run: RunId, line: &HistoryLine) -> WorkflowHistoryLine {
    let text = |text: &Option<std::sync::Arc<str>>| text.as_deref().map(str::to_owned);
    let name = line.task.as_ref().map(|(_, name)| name.to_string());
    WorkflowHistoryLine {
        seq: line.seq,
        at: line.at.as_millis(),
        operation: line.act.as_str(),
        status_before: line.before.as_str(),
        status_after: line.after.as_str(),
        actor: text(&line.by.actor),
        from: text(&line.by.origin),
        reason: text(&line.by.reason),
        task_id: line.task.as_ref().map(|(no, _)| run.task(*no).to_string()),
        reference_task_name: name.filter(|name| !name.is_empty()),
        detail: line.detail.as_deref().and_then(|detail| serde_json::from_str(detail).ok()),
    }
}

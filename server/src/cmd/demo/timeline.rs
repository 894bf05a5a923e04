//! A finished run as bars over time.

use serde_json::Value;

/// Characters of the widest bar.
const WIDTH: i64 = 48;

/// Draws one line per task: `░` while it waited to be taken, `█` while it was worked on or waited for an event.
pub(super) fn draw(run: &Value) -> String {
    let tasks: Vec<&Value> = run["tasks"].as_array().into_iter().flatten().collect();
    let time = |value: &Value| value.as_i64().filter(|t| *t > 0);
    let begin = time(&run["createTime"]).or_else(|| time(&run["startTime"])).unwrap_or(0);
    let end = time(&run["endTime"]).unwrap_or(begin);
    let whole = (end - begin).max(1);
    let mut text = format!(
        "{} {} {} in {whole} ms\n  {:<36} {:>9} {:>9}   ░ queued  █ executing\n",
        run["workflowName"].as_str().unwrap_or_default(),
        run["workflowId"].as_str().unwrap_or_default(),
        run["status"].as_str().unwrap_or_default(),
        "task",
        "queued",
        "executing",
    );
    for task in tasks {
        let scheduled = time(&task["scheduledTime"]).unwrap_or(begin);
        let started = time(&task["startTime"]).unwrap_or(scheduled);
        let ended = time(&task["endTime"]).unwrap_or(end);
        let bar = bar(scheduled - begin, started - begin, ended - begin, whole);
        text.push_str(&format!(
            "  {:<36} {:>6} ms {:>6} ms  |{bar}|\n",
            task["referenceTaskName"].as_str().unwrap_or_default(),
            started - scheduled,
            ended - started,
        ));
    }
    text
}

/// A bar of a fixed width; what happened at all is at least one character wide.
fn bar(scheduled: i64, started: i64, ended: i64, whole: i64) -> String {
    let at = |time: i64| (time.clamp(0, whole) * WIDTH / whole).min(WIDTH - 1);
    let (from, work, to) = (at(scheduled), at(started), at(ended));
    (0..WIDTH)
        .map(|i| match i {
            i if i >= work && i <= to => '█',
            i if i >= from && i < work => '░',
            _ => ' ',
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{bar, draw};
    use serde_json::json;

    #[test]
    fn bars_show_when() {
        assert_eq!(bar(0, 0, 100, 100), "█".repeat(48));
        let late = bar(0, 50, 100, 100);
        assert_eq!(late, format!("{}{}", "░".repeat(24), "█".repeat(24)));
        assert_eq!(bar(100, 100, 100, 100).trim_start(), "█");
        assert_eq!(bar(0, 0, 0, 1).trim_end(), "█");
    }

    #[test]
    fn every_task_has_a_line() {
        let run = json!({"workflowName": "w", "workflowId": "id", "status": "COMPLETED", "createTime": 1000,
            "endTime": 1100, "tasks": [{"referenceTaskName": "a", "scheduledTime": 1000, "startTime": 1010, "endTime": 1050}]});
        let text = draw(&run);
        assert!(text.starts_with("w id COMPLETED in 100 ms\n"), "{text}");
        assert!(text.contains("a                                        10 ms     40 ms  |"), "{text}");
    }
}

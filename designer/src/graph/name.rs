//! The names of a node's tasks. Each is there once in a definition, however often a kind is drawn.

use std::collections::HashSet;

use super::Kind;
use super::read::{Graph, Node};

/// What a node's tasks are called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Names {
    /// Name and reference of the publish task, or of the only task; empty for a node without tasks.
    pub(super) publish: String,
    /// Name and reference of the task that waits.
    pub(super) wait: Option<String>,
    pub(super) topic: String,
    pub(super) label: String,
    pub(super) event_type: String,
    pub(super) key: String,
    pub(super) sink: String,
    pub(super) output_parameter: Option<String>,
    /// The service without the number of its repetition: `pipelineStage`, and what buckets are called after.
    pub(super) service: String,
}

impl Names {
    /// Reference of the node's last task.
    pub(super) fn last(&self) -> &str {
        self.wait.as_deref().unwrap_or(&self.publish)
    }
}

/// Lower case; whatever is not of `[a-z0-9_]` is `_`, runs of it are one, none at the ends.
pub(super) fn sanitised(name: &str) -> String {
    let mut clean = String::with_capacity(name.len());
    for letter in name.to_lowercase().chars() {
        let kept = if letter.is_ascii_lowercase() || letter.is_ascii_digit() { letter } else { '_' };
        if kept != '_' || !(clean.is_empty() || clean.ends_with('_')) {
            clean.push(kept);
        }
    }
    clean.truncate(clean.trim_end_matches('_').len());
    clean.trim_start_matches('_').to_owned()
}

pub(super) fn kebab(name: &str) -> String {
    name.replace('_', "-")
}

/// Names for every node, by its index; nodes are named in their order, so the first of a kind has the plain names.
pub(super) fn give(graph: &Graph, order: &[usize]) -> Vec<Names> {
    // output parameters that every definition has
    let mut taken: HashSet<String> =
        ["pipeline_result", "workflow_id", "workflowId"].map(str::to_owned).into();
    let mut all = vec![Names::default(); graph.nodes.len()];
    // a task is called what it is called; the documented kinds give way
    for (names, node) in all.iter_mut().zip(&graph.nodes) {
        if let Some(task) = &node.task {
            names.publish = task.reference().to_owned();
            taken.insert(names.publish.clone());
        }
    }
    for (place, at) in order.iter().enumerate() {
        let node = &graph.nodes[*at];
        if matches!(node.kind, Kind::EventWait | Kind::Task) {
            continue;
        }
        let mut repetition = 1_usize;
        loop {
            let suffix = if repetition == 1 { String::new() } else { format!("_{repetition}") };
            let names = names_of(node, place, &suffix);
            let wanted = [Some(&names.publish), names.wait.as_ref(), names.output_parameter.as_ref()];
            if wanted.into_iter().flatten().all(|name| !taken.contains(name)) {
                taken.extend(wanted.into_iter().flatten().cloned());
                all[*at] = names;
                break;
            }
            repetition += 1;
        }
    }
    all
}

/// The names of one node. A service's own name replaces the stem in names, topic and sink; the publish tasks of DP and
/// Airflow nodes keep theirs, because other components know them by it.
fn names_of(node: &Node, place: usize, suffix: &str) -> Names {
    let own = node.text("serviceName").map(sanitised).filter(|name| !name.is_empty());
    match (node.kind, node.kind.words()) {
        (Kind::WaitForResult, _) => {
            let own = node.text("taskName").map(sanitised).filter(|name| !name.is_empty());
            let publish = format!("{}{suffix}", own.unwrap_or_else(|| format!("wait_{place}")));
            let output_parameter = Some(format!("{publish}_result"));
            Names { publish, output_parameter, ..Names::default() }
        }
        (Kind::Finalize, _) | (_, None) => Names {
            publish: format!("finalize_pipeline{suffix}"),
            service: "finalize_pipeline".to_owned(),
            ..Names::default()
        },
        (kind, Some(words)) if kind.is_file() => {
            let service = own.unwrap_or_else(|| words.publish.to_owned());
            let named = format!("{service}{suffix}");
            Names {
                wait: Some(format!("wait_for_{named}_completion")),
                topic: format!("{}-requests", kebab(&service)),
                label: format!("{named}_task"),
                event_type: format!("{service}_request"),
                key: kebab(&named),
                sink: format!("conductor:{service}_completed"),
                output_parameter: Some(format!("{}_result{suffix}", words.output)),
                publish: named,
                service,
            }
        }
        (_, Some(words)) => Names {
            publish: format!("{}{suffix}", words.publish),
            wait: Some(format!("wait_for_{}{suffix}_completion", own.as_deref().unwrap_or(words.wait))),
            topic: own.as_deref().map_or(words.topic.to_owned(), |own| format!("{}-requests", kebab(own))),
            label: format!("{}{suffix}_task", words.label),
            event_type: words.event_type.to_owned(),
            key: format!("{}{}", words.key, kebab(suffix)),
            sink: match &own {
                Some(own) => format!("conductor:{own}_completed"),
                None => format!("conductor:{}", words.sink),
            },
            output_parameter: Some(format!("{}_result{suffix}", words.output)),
            service: words.publish.to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::sanitised;

    #[test]
    fn names_are_sanitised() {
        for (raw, clean) in [
            ("Email Validation", "email_validation"),
            ("  a--b__c ", "a_b_c"),
            ("_x_", "x"),
            ("É9", "9"),
            ("!!", ""),
        ] {
            assert_eq!(sanitised(raw), clean, "{raw:?}");
        }
    }
}

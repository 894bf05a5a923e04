//! Where the services that read and write CSV files find them.

use super::Kind;
use super::RUN_ID;
use super::name::{Names, kebab};
use super::read::{Graph, Node};

/// What the first service of a pipeline reads unless its node names a file.
const FIRST_INPUT: (&str, &str) = ("raw-data", "customer_data_sample.csv");

/// An object in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Input {
    pub(super) bucket: String,
    pub(super) key: String,
    /// The service whose output it is.
    pub(super) previous_stage: Option<String>,
}

pub(super) fn output_bucket(names: &Names) -> String {
    match names.service.as_str() {
        "email_validation" => "email-validated".to_owned(),
        "phone_validation" => "phone-validated".to_owned(),
        "enrichment" => "enriched".to_owned(),
        other => format!("{}-output", kebab(other)),
    }
}

/// One object for each run, and for each repetition of a service in it.
pub(super) fn output_key(names: &Names) -> String {
    format!("{}_{RUN_ID}.csv", names.publish)
}

/// What a node reads. The first rule that applies:
///
/// 1. a service that no other one feeds: the node's own values; for the first such service each that is missing is
///    replaced by the pipeline's default input;
/// 2. the output of the first edge's source that has one;
/// 3. the same, one step behind a node that only waits, or behind any number of plain tasks;
/// 4. the node's own values, or (a service that nobody feeds) the default input, or a name made of the service's.
///
/// The existing converter ignores the values in rule 1; who types a file in means it.
pub(super) fn input(graph: &Graph, order: &[usize], names: &[Names], at: usize) -> Input {
    let node = &graph.nodes[at];
    let has_values = node.text("inputBucket").is_some() || node.text("inputKey").is_some();
    let is_root = is_root(graph, at);
    let is_first_root = is_root && order.iter().find(|other| is_root_service(graph, **other)) == Some(&at);
    if is_first_root || (is_root && has_values) {
        return own_values(node, FIRST_INPUT.0, FIRST_INPUT.1);
    }
    let fed =
        feeders(graph, at, true).into_iter().find_map(|source| output(&graph.nodes[source], &names[source]));
    fed.unwrap_or_else(|| match is_root {
        true => own_values(node, FIRST_INPUT.0, FIRST_INPUT.1),
        false => own_values(node, &format!("{}-input", kebab(&names[at].service)), "input.csv"),
    })
}

fn own_values(node: &Node, bucket: &str, key: &str) -> Input {
    Input {
        bucket: node.text("inputBucket").unwrap_or(bucket).to_owned(),
        key: node.text("inputKey").unwrap_or(key).to_owned(),
        previous_stage: None,
    }
}

/// The nodes that may feed one, the nearest first: those that lead to it, directly or behind plain tasks and, if
/// `behind_waits`, one step behind a node that only waits.
fn feeders(graph: &Graph, at: usize, behind_waits: bool) -> Vec<usize> {
    let sources =
        |of: usize| graph.edges.iter().filter(move |(_, target)| *target == of).map(|(source, _)| *source);
    let mut found: Vec<usize> = sources(at).collect();
    let mut next = 0;
    while next < found.len() {
        let node = found[next];
        next += 1;
        let is_looked_through = match graph.nodes[node].kind {
            Kind::Task => true,
            Kind::EventWait => behind_waits && graph.edges.contains(&(node, at)),
            _ => false,
        };
        if is_looked_through {
            for source in sources(node) {
                if !found.contains(&source) {
                    found.push(source);
                }
            }
        }
    }
    found
}

/// Whether no service feeds this one, directly or behind a node that only waits.
fn is_root(graph: &Graph, at: usize) -> bool {
    is_root_of(graph, at, true)
}

fn is_root_service(graph: &Graph, at: usize) -> bool {
    is_root_of(graph, at, false)
}

fn is_root_of(graph: &Graph, at: usize, behind_waits: bool) -> bool {
    graph.nodes[at].kind.is_file()
        && !feeders(graph, at, behind_waits).into_iter().any(|source| graph.nodes[source].kind.is_file())
}

/// What a node leaves behind: a service its CSV file, a DP node the object of its `outputUri`.
fn output(node: &Node, names: &Names) -> Option<Input> {
    let previous_stage = Some(names.service.clone());
    if node.kind.is_file() {
        return Some(Input { bucket: output_bucket(names), key: output_key(names), previous_stage });
    }
    if !node.kind.is_dp() {
        return None;
    }
    let (bucket, key) = node.text("outputUri")?.strip_prefix("s3://")?.split_once('/')?;
    let whole = !bucket.is_empty() && !key.is_empty();
    whole.then(|| Input { bucket: bucket.to_owned(), key: key.to_owned(), previous_stage })
}

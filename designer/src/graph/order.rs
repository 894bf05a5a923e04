//! The sequence of the nodes: Kahn's algorithm; among nodes that may come next the upper one first, then the left one.

use super::read::Graph;
use crate::violation::Violations;

/// Nodes whose heights differ by less are in one row (pixels of the canvas).
const SAME_ROW: f64 = 50.0;

/// All nodes, each after those that lead to it.
///
/// # Errors
/// One violation for each cycle, with the nodes on it.
pub(super) fn sequence(graph: &Graph) -> Result<Vec<usize>, Violations> {
    let mut followers = vec![Vec::new(); graph.nodes.len()];
    for (source, target) in &graph.edges {
        followers[*source].push(*target);
    }
    around_bodies(graph, &mut followers);
    let mut missing = vec![0_usize; graph.nodes.len()];
    for target in followers.iter().flatten() {
        missing[*target] += 1;
    }
    let mut ready: Vec<usize> = (0..graph.nodes.len()).filter(|at| missing[*at] == 0).collect();
    let mut order = Vec::with_capacity(graph.nodes.len());
    while let Some(place) = next(graph, &ready) {
        let node = ready.remove(place);
        order.push(node);
        for follower in &followers[node] {
            missing[*follower] -= 1;
            if missing[*follower] == 0 {
                ready.push(*follower);
            }
        }
    }
    if order.len() == graph.nodes.len() { Ok(order) } else { Err(cycles(graph, &followers, &order)) }
}

/// The body of a loop comes behind the loop and before what follows it.
fn around_bodies(graph: &Graph, followers: &mut [Vec<usize>]) {
    let behind = followers.to_vec();
    for (at, node) in graph.nodes.iter().enumerate() {
        let mut above = node.parent;
        if let Some(parent) = above {
            followers[parent].push(at);
        }
        while let Some(parent) = above {
            followers[at].extend(&behind[parent]);
            above = graph.nodes[parent].parent;
        }
    }
}

/// Which of the nodes that may come next does: of those in the uppermost row the leftmost. "In one row" as a comparison
/// of two nodes would not be transitive, so the row is measured from the uppermost node.
fn next(graph: &Graph, ready: &[usize]) -> Option<usize> {
    let top = ready.iter().map(|at| graph.nodes[*at].y).min_by(f64::total_cmp)?;
    let row = (0..ready.len()).filter(|place| graph.nodes[ready[*place]].y - top < SAME_ROW);
    row.min_by(|a, b| graph.nodes[ready[*a]].x.total_cmp(&graph.nodes[ready[*b]].x))
}

fn cycles(graph: &Graph, followers: &[Vec<usize>], order: &[usize]) -> Violations {
    let mut left = vec![true; graph.nodes.len()];
    for node in order {
        left[*node] = false;
    }
    let mut found = Violations::default();
    loop {
        without_ends(followers, &mut left);
        let Some(start) = left.iter().position(|left| *left) else { return found };
        let path = walk(followers, &left, start);
        let ids: Vec<&str> = path.iter().map(|at| graph.nodes[*at].id.as_str()).collect();
        let message = format!("a cycle: {} -> {}", ids.join(" -> "), ids[0]);
        found.add("cycle", Some(ids[0]), message);
        for node in path {
            left[node] = false;
        }
    }
}

/// Takes away nodes that lead nowhere among those that are left: they only hang on a cycle.
fn without_ends(followers: &[Vec<usize>], left: &mut [bool]) {
    loop {
        let end = (0..left.len()).find(|at| left[*at] && !followers[*at].iter().any(|to| left[*to]));
        match end {
            Some(end) => left[end] = false,
            None => return,
        }
    }
}

/// A cycle that is reached from `start`; every node that is left leads to another one that is.
fn walk(followers: &[Vec<usize>], left: &[bool], start: usize) -> Vec<usize> {
    let mut path = vec![start];
    loop {
        let here = path[path.len() - 1];
        let Some(to) = followers[here].iter().copied().find(|to| left[*to]) else { return path };
        if let Some(begin) = path.iter().position(|seen| *seen == to) {
            return path.split_off(begin);
        }
        path.push(to);
    }
}

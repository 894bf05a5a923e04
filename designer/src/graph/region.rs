//! Cuts the graph into the pieces of a tree: what lies on the ways of a SWITCH, between a FORK_JOIN and its JOIN, and in
//! the body of a loop is taken out as one piece; what is left is shaped as if there were none (shape.rs).
//!
//! A branch has the nodes that are reached only through its edge. Where its edges leave those, it meets the other
//! branches: all of them must do so at one node (behind a fork: at a JOIN), or nowhere.

use std::collections::{HashMap, HashSet};

use super::Kind;
use super::link::Link;
use super::read::Graph;
use super::shape::{Piece, shape};
use super::task::{Flow, opens_join};
use crate::violation::Violations;

/// Bodies inside bodies. JSON readers have limits on nesting, two or three to a body.
const MAX_DEPTH: usize = 64;

/// The pieces of the whole graph, each node that makes tasks exactly once.
pub(super) fn cut(graph: &Graph, order: &[usize], forks: bool, found: &mut Violations) -> Vec<Piece> {
    let mut places = vec![0; graph.nodes.len()];
    for (place, at) in order.iter().enumerate() {
        places[*at] = place;
    }
    let mut out = vec![Vec::new(); graph.nodes.len()];
    let mut entries = vec![0; graph.nodes.len()];
    for (edge, (source, target)) in graph.edges.iter().enumerate() {
        out[*source].push(edge);
        entries[*target] += 1;
    }
    let mut cutter = Cutter { graph, places, out, entries, forks, found };
    let top: Vec<usize> = order.iter().copied().filter(|at| graph.nodes[*at].parent.is_none()).collect();
    cutter.part(&top, order, 0)
}

struct Cutter<'a> {
    graph: &'a Graph,
    /// Where each node is in the order.
    places: Vec<usize>,
    /// The edges that leave each node.
    out: Vec<Vec<usize>>,
    /// How many edges come to each node.
    entries: Vec<usize>,
    forks: bool,
    found: &'a mut Violations,
}

/// What one edge of a SWITCH or fork leads to.
struct Branch {
    edge: usize,
    /// The nodes that are reached only through it, in their order.
    nodes: Vec<usize>,
    /// Where its edges lead then; `None` is out of the part that is cut.
    exits: HashSet<Option<usize>>,
}

/// A piece that was taken out.
struct Taken {
    piece: Piece,
    /// The nodes in it, without the one that begins it.
    nodes: Vec<usize>,
    /// What follows the whole of it.
    followers: Vec<usize>,
}

impl Cutter<'_> {
    /// Cuts a part (nodes in their order). `order` is that of all nodes.
    fn part(&mut self, part: &[usize], order: &[usize], depth: usize) -> Vec<Piece> {
        if depth > MAX_DEPTH {
            let node = part.first().map(|at| self.graph.nodes[*at].id.clone());
            let message = format!("more than {MAX_DEPTH} tasks lie inside of each other");
            self.found.add("too_deep", node.as_deref(), message);
            return Vec::new();
        }
        let inside: HashSet<usize> = part.iter().copied().collect();
        let mut taken: HashMap<usize, Taken> = HashMap::new();
        let mut gone: HashSet<usize> = HashSet::new();
        for at in part {
            let flow = self.graph.nodes[*at].task.as_ref().map(super::task::Task::flow);
            let piece = match flow {
                _ if gone.contains(at) => continue,
                Some(Flow::Switch) => self.switch(*at, &inside, order, depth),
                Some(Flow::Fork) => self.fork(*at, &inside, order, depth),
                Some(Flow::Loop) => {
                    let children: Vec<usize> = order
                        .iter()
                        .copied()
                        .filter(|child| self.graph.nodes[*child].parent == Some(*at))
                        .collect();
                    let body = self.part(&children, order, depth + 1);
                    Taken {
                        piece: Piece::Loop { at: *at, body },
                        nodes: Vec::new(),
                        followers: self.targets(*at),
                    }
                }
                Some(Flow::Join | Flow::Terminate | Flow::Plain) | None => continue,
            };
            gone.extend(&piece.nodes);
            taken.insert(*at, piece);
        }
        let left: Vec<usize> = part.iter().copied().filter(|at| !gone.contains(at)).collect();
        let nodes: Vec<usize> =
            left.iter().copied().filter(|at| self.graph.nodes[*at].kind != Kind::EventWait).collect();
        let followers = match left.as_slice() {
            [_, _, ..] if self.forks => self.followers(&left, &inside, &taken),
            _ => Vec::new(),
        };
        let pieces = if followers.iter().all(|all| all.len() < 2) {
            nodes.into_iter().map(Piece::Node).collect()
        } else {
            shape(&nodes, &followers)
        };
        put_back(pieces, &mut taken)
    }

    /// The task-making nodes of a part that follow each of its nodes, directly or behind nodes that make none.
    fn followers(
        &self,
        left: &[usize],
        inside: &HashSet<usize>,
        taken: &HashMap<usize, Taken>,
    ) -> Vec<Vec<usize>> {
        let mut followers: Vec<Vec<usize>> = vec![Vec::new(); self.graph.nodes.len()];
        for at in left.iter().rev() {
            let mut all = Vec::new();
            let targets = taken.get(at).map_or_else(|| self.targets(*at), |taken| taken.followers.clone());
            for target in targets.into_iter().filter(|target| inside.contains(target)) {
                match self.graph.nodes[target].kind {
                    Kind::EventWait => all.extend_from_slice(&followers[target]),
                    _ => all.push(target),
                }
            }
            all.sort_unstable();
            all.dedup();
            followers[*at] = all;
        }
        followers
    }

    fn targets(&self, at: usize) -> Vec<usize> {
        self.out[at].iter().map(|edge| self.graph.edges[*edge].1).collect()
    }

    fn switch(&mut self, at: usize, inside: &HashSet<usize>, order: &[usize], depth: usize) -> Taken {
        let stop = self.hint(at, inside);
        let branches: Vec<Branch> =
            self.out[at].clone().into_iter().map(|edge| self.branch(edge, stop, inside)).collect();
        let exits: HashSet<Option<usize>> =
            branches.iter().flat_map(|branch| &branch.exits).copied().collect();
        if exits.len() > 1 {
            let ways = branches.iter().map(|branch| self.way(branch)).collect::<Vec<_>>().join(", ");
            let message = format!(
                "the branches of node {} do not meet at one node: {ways}; let them meet before they go on, or end",
                self.graph.nodes[at].id
            );
            self.complain("crossing_branches", at, message);
        }
        let meets = exits.into_iter().flatten().next();
        if let Some(meets) = meets {
            self.dead_ends(at, &branches, meets);
        }
        let mut cases = Vec::new();
        for branch in &branches {
            let pieces = self.part(&branch.nodes, order, depth + 1);
            cases.push((self.graph.links[branch.edge].case.clone(), pieces));
        }
        let nodes = branches.into_iter().flat_map(|branch| branch.nodes).collect();
        Taken { piece: Piece::Switch { at, cases }, nodes, followers: meets.into_iter().collect() }
    }

    fn fork(&mut self, at: usize, inside: &HashSet<usize>, order: &[usize], depth: usize) -> Taken {
        let mut edges = self.out[at].clone();
        let target = |edge: &usize| &self.graph.nodes[self.graph.edges[*edge].1];
        edges.sort_by(|a, b| {
            let number = |edge: &usize| self.graph.links[*edge].branch.unwrap_or(f64::INFINITY);
            let place = |edge: &usize| (target(edge).y, target(edge).x);
            let ((ya, xa), (yb, xb)) = (place(a), place(b));
            number(a).total_cmp(&number(b)).then(ya.total_cmp(&yb)).then(xa.total_cmp(&xb))
        });
        let hint = self.hint(at, inside).filter(|hint| self.flow(*hint) == Some(Flow::Join));
        let mut branches: Vec<Branch> = edges.iter().map(|edge| self.branch(*edge, hint, inside)).collect();
        if branches.iter().all(|branch| branch.exits.is_empty())
            && let Some(join) = self.own_join(&branches)
        {
            branches = edges.iter().map(|edge| self.branch(*edge, Some(join), inside)).collect();
        }
        let exits: HashSet<Option<usize>> =
            branches.iter().flat_map(|branch| &branch.exits).copied().collect();
        let join = match exits.iter().collect::<Vec<_>>().as_slice() {
            [Some(join)] if self.flow(*join) == Some(Flow::Join) => *join,
            _ => {
                let ways = branches.iter().map(|branch| self.way(branch)).collect::<Vec<_>>().join(", ");
                let ways = if ways.is_empty() { "it has no branches".to_owned() } else { ways };
                let message = format!(
                    "the branches of the FORK_JOIN {} do not come together in one JOIN: {ways}",
                    self.graph.nodes[at].id
                );
                self.complain("fork_without_join", at, message);
                let nodes = branches.into_iter().flat_map(|branch| branch.nodes).collect();
                return Taken { piece: Piece::Node(at), nodes, followers: Vec::new() };
            }
        };
        self.dead_ends(at, &branches, join);
        let owned: HashSet<usize> =
            branches.iter().flat_map(|branch| &branch.nodes).copied().chain([at]).collect();
        let strangers = self.graph.edges.iter().filter(|(from, to)| *to == join && !owned.contains(from));
        for (from, _) in strangers.collect::<Vec<_>>() {
            let message = format!(
                "the JOIN {} is also reached from node {}, which is on no branch of the FORK_JOIN {}",
                self.graph.nodes[join].id, self.graph.nodes[*from].id, self.graph.nodes[at].id
            );
            self.complain("join_of_others", join, message);
        }
        // an edge straight to the JOIN is a branch without tasks if it says so, or if there are others
        if let [only] = branches.as_slice()
            && only.nodes.is_empty()
            && self.graph.links[only.edge].branch.is_none()
        {
            branches.clear();
        }
        let mut pieces = Vec::new();
        for branch in &branches {
            pieces.push(self.part(&branch.nodes, order, depth + 1));
        }
        let nodes = branches.into_iter().flat_map(|branch| branch.nodes).chain([join]).collect();
        Taken { piece: Piece::Split { at, branches: pieces, join }, nodes, followers: self.targets(join) }
    }

    /// The nodes that are reached only through an edge, at most up to `stop`.
    fn branch(&self, edge: usize, stop: Option<usize>, inside: &HashSet<usize>) -> Branch {
        let mut reached: HashMap<usize, usize> = HashMap::new();
        let (mut nodes, mut exits) = (Vec::new(), HashSet::new());
        let mut edges = vec![edge];
        while let Some(edge) = edges.pop() {
            let target = self.graph.edges[edge].1;
            if !inside.contains(&target) {
                exits.insert(None);
                continue;
            }
            let count = reached.entry(target).or_default();
            *count += 1;
            if *count == self.entries[target] && Some(target) != stop {
                nodes.push(target);
                edges.extend(&self.out[target]);
            }
        }
        exits.extend(reached.keys().copied().map(Some));
        for node in &nodes {
            exits.remove(&Some(*node));
        }
        nodes.sort_unstable_by_key(|at| self.places[*at]);
        Branch { edge, nodes, exits }
    }

    /// The JOIN of a fork whose branches do not come together outside of what they alone reach (there is one, or the
    /// others terminate): the first one that no other fork waits at.
    fn own_join(&self, branches: &[Branch]) -> Option<usize> {
        branches.iter().find_map(|branch| {
            let mut open = 0_usize;
            for at in &branch.nodes {
                let Some(task) = &self.graph.nodes[*at].task else { continue };
                if opens_join(&task.members) {
                    open += 1;
                } else if task.flow() == Flow::Join {
                    if open == 0 {
                        return Some(*at);
                    }
                    open -= 1;
                }
            }
            None
        })
    }

    /// The node at which the drawer says that the branches meet: where the edges alone leave it open.
    fn hint(&self, at: usize, inside: &HashSet<usize>) -> Option<usize> {
        let id = self.graph.nodes[at].text("meets")?;
        inside.iter().copied().find(|other| *other != at && self.graph.nodes[*other].id == id)
    }

    fn flow(&self, at: usize) -> Option<Flow> {
        self.graph.nodes[at].task.as_ref().map(super::task::Task::flow)
    }

    /// A branch that ends while others go on: what they go on with would run behind it too. A workflow that has been
    /// terminated does not.
    fn dead_ends(&mut self, at: usize, branches: &[Branch], meets: usize) {
        let ends = branches.iter().flat_map(|branch| &branch.nodes).copied();
        let ends = ends.filter(|node| self.out[*node].is_empty() && !self.graph.astray.contains(node));
        for end in ends.filter(|node| self.flow(*node) != Some(Flow::Terminate)).collect::<Vec<_>>() {
            let nodes = &self.graph.nodes;
            let message = format!(
                "nothing follows node {}, though the other branches of node {} go on with node {}: draw an edge \
                 there, or end the branch with a TERMINATE task",
                nodes[end].id, nodes[at].id, nodes[meets].id
            );
            self.complain("ends_early", end, message);
        }
    }

    fn complain(&mut self, code: &'static str, at: usize, message: String) {
        // edges that lead nowhere have been reported, and what they make of the branches is no second mistake
        if self.graph.astray.is_empty() {
            self.found.add(code, Some(&self.graph.nodes[at].id), message);
        }
    }

    /// Where a branch leads, in words.
    fn way(&self, branch: &Branch) -> String {
        let Link { case, branch: number } = &self.graph.links[branch.edge];
        let name = match (case, number) {
            (Some(case), _) => format!("case {case:?}"),
            (None, Some(number)) => format!("branch {number}"),
            (None, None) => format!("the way to {}", self.graph.nodes[self.graph.edges[branch.edge].1].id),
        };
        let mut exits: Vec<String> = branch
            .exits
            .iter()
            .map(|exit| exit.map_or("beyond".to_owned(), |at| format!("to {}", self.graph.nodes[at].id)))
            .collect();
        exits.sort_unstable();
        match exits.as_slice() {
            [] => format!("{name} ends"),
            exits => format!("{name} leads {}", exits.join(" and ")),
        }
    }
}

/// The pieces with those that were taken out in the places of the nodes that begin them.
fn put_back(pieces: Vec<Piece>, taken: &mut HashMap<usize, Taken>) -> Vec<Piece> {
    let whole = pieces.into_iter().map(|piece| match piece {
        Piece::Node(at) => taken.remove(&at).map_or(Piece::Node(at), |taken| taken.piece),
        Piece::Fork(branches) => {
            Piece::Fork(branches.into_iter().map(|branch| put_back(branch, taken)).collect())
        }
        other => other,
    });
    whole.collect()
}

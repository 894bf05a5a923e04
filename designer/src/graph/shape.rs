//! What runs after what: a sequence, or, where the graph fans out, sequences side by side.
//!
//! A part of the graph is cut
//! - into branches, where it falls into parts that no edge connects;
//! - else at the nodes that come before or after every other one of the part;
//! - else (branches that lean on each other) into levels, each waiting for the whole level before it.

/// A piece of a sequence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Node(usize),
    /// Two or more branches, none empty.
    Fork(Vec<Vec<Piece>>),
    /// A SWITCH with what lies on its ways; `None` is the default.
    Switch {
        at: usize,
        cases: Vec<(Option<String>, Vec<Piece>)>,
    },
    /// A FORK_JOIN that is drawn as such, with its JOIN.
    Split {
        at: usize,
        branches: Vec<Vec<Piece>>,
        join: usize,
    },
    Loop {
        at: usize,
        body: Vec<Piece>,
    },
}

/// Forks inside forks; deeper ones are cut into levels. JSON readers have limits on nesting, three to a fork.
const MAX_DEPTH: usize = 8;

/// The pieces of a part of the graph: `nodes` in their order, each with its direct followers among them, all as places in
/// any list that is as long as `followers`.
pub(super) fn shape(nodes: &[usize], followers: &[Vec<usize>]) -> Vec<Piece> {
    let ties = Ties::of(nodes, followers);
    ties.cut(&(0..nodes.len()).collect::<Vec<_>>(), 0)
}

/// Who comes before whom, by places in the order of the task-making nodes.
struct Ties {
    nodes: Vec<usize>,
    /// Direct followers.
    next: Vec<Vec<usize>>,
    /// Whether the second is reached from the first.
    reached: Vec<Vec<bool>>,
}

impl Ties {
    fn of(nodes: &[usize], followers: &[Vec<usize>]) -> Self {
        let mut places = vec![0; followers.len()];
        for (place, at) in nodes.iter().enumerate() {
            places[*at] = place;
        }
        let next: Vec<Vec<usize>> =
            nodes.iter().map(|at| followers[*at].iter().map(|to| places[*to]).collect()).collect();
        let mut reached = vec![vec![false; nodes.len()]; nodes.len()];
        for at in (0..nodes.len()).rev() {
            let mut mine = vec![false; nodes.len()];
            for to in &next[at] {
                mine[*to] = true;
                for (mine, theirs) in mine.iter_mut().zip(&reached[*to]) {
                    *mine |= theirs;
                }
            }
            reached[at] = mine;
        }
        Self { nodes: nodes.to_vec(), next, reached }
    }

    /// Cuts a part (places, ascending) into pieces.
    fn cut(&self, part: &[usize], depth: usize) -> Vec<Piece> {
        if let [only] = part {
            return vec![Piece::Node(self.nodes[*only])];
        }
        if depth >= MAX_DEPTH {
            return self.levels(part);
        }
        let branches = self.connected(part);
        if branches.len() > 1 {
            return vec![Piece::Fork(branches.iter().map(|branch| self.cut(branch, depth + 1)).collect())];
        }
        let is_cut = |at: &usize| {
            part.iter().all(|other| other == at || self.reached[*at][*other] || self.reached[*other][*at])
        };
        if !part.iter().any(is_cut) {
            return self.levels(part);
        }
        let mut pieces = Vec::new();
        let mut between = Vec::new();
        for at in part {
            if is_cut(at) {
                self.cut_between(&mut between, depth, &mut pieces);
                pieces.push(Piece::Node(self.nodes[*at]));
            } else {
                between.push(*at);
            }
        }
        self.cut_between(&mut between, depth, &mut pieces);
        pieces
    }

    fn cut_between(&self, between: &mut Vec<usize>, depth: usize, pieces: &mut Vec<Piece>) {
        if !between.is_empty() {
            pieces.extend(self.cut(between, depth));
            between.clear();
        }
    }

    /// The parts that no edge connects, each ascending, in the order of their first nodes.
    fn connected(&self, part: &[usize]) -> Vec<Vec<usize>> {
        let mut group: Vec<usize> = (0..self.nodes.len()).collect();
        for at in part {
            for to in self.next[*at].iter().filter(|to| part.binary_search(to).is_ok()) {
                let (kept, gone) = (group[*at].min(group[*to]), group[*at].max(group[*to]));
                for place in part {
                    if group[*place] == gone {
                        group[*place] = kept;
                    }
                }
            }
        }
        let firsts = part.iter().filter(|at| group[**at] == **at);
        firsts.map(|first| part.iter().copied().filter(|at| group[*at] == *first).collect()).collect()
    }

    /// One fork for all nodes that are as many steps from the part's beginning.
    fn levels(&self, part: &[usize]) -> Vec<Piece> {
        let mut level = vec![0_usize; self.nodes.len()];
        for at in part {
            for to in self.next[*at].iter().filter(|to| part.binary_search(to).is_ok()) {
                level[*to] = level[*to].max(level[*at] + 1);
            }
        }
        let last = part.iter().map(|at| level[*at]).max().unwrap_or_default();
        let rows = (0..=last).map(|row| {
            part.iter()
                .filter(|at| level[**at] == row)
                .map(|at| Piece::Node(self.nodes[*at]))
                .collect::<Vec<_>>()
        });
        rows.map(|row| match <[Piece; 1]>::try_from(row) {
            Ok([only]) => only,
            Err(row) => Piece::Fork(row.into_iter().map(|piece| vec![piece]).collect()),
        })
        .collect()
    }
}

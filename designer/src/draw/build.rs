//! Nodes, edges and places of a list of tasks.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use super::previous::{Keep, edge_key, shell};
use crate::graph::{Flow, flow_of};

/// Pixels from one column to the next, and from one row to the next. The user interface places nodes by its own means;
/// these are for whoever does not.
const COLUMN: usize = 240;
const ROW: usize = 110;
/// Within a loop, for its border and title.
const MARGIN: usize = 60;

/// What was drawn.
pub(super) struct Drawing<'a> {
    pub(super) nodes: Vec<Value>,
    pub(super) edges: Vec<Value>,
    keep: &'a Keep,
    ids: HashSet<String>,
    /// Places of nodes whose branches meet at the node that comes next.
    meets_next: Vec<usize>,
}

/// An edge that waits for its target.
#[derive(Clone)]
struct Open {
    source: String,
    data: Map<String, Value>,
}

/// Where on the canvas, in columns and rows.
#[derive(Clone, Copy)]
struct Spot {
    column: usize,
    row: usize,
}

/// Columns and rows that something takes.
#[derive(Clone, Copy, Default)]
struct Size {
    columns: usize,
    rows: usize,
}

impl<'a> Drawing<'a> {
    pub(super) fn of(tasks: &[Value], keep: &'a Keep) -> Self {
        let mut drawing =
            Self { nodes: Vec::new(), edges: Vec::new(), keep, ids: HashSet::new(), meets_next: Vec::new() };
        drawing.sequence(tasks, Vec::new(), None, Spot { column: 0, row: 0 });
        drawing
    }

    /// Draws a list of tasks behind the open edges; the edges that are open behind it, and how much room it takes.
    fn sequence(
        &mut self,
        tasks: &[Value],
        open: Vec<Open>,
        parent: Option<&str>,
        spot: Spot,
    ) -> (Vec<Open>, Size) {
        let (mut open, mut spot, mut size) = (open, spot, Size { columns: 0, rows: 1 });
        let begin = spot.column;
        let (mut rest, mut follows_fork) = (tasks, false);
        while let Some((task, behind)) = rest.split_first() {
            let empty = Map::new();
            let task = task.as_object().unwrap_or(&empty);
            let (used, taken) = if let Some((node, count)) = self.keep.node(rest) {
                let id = self.kept(node.clone(), &open, parent);
                open = vec![Open { source: id, data: Map::new() }];
                (count, Size { columns: 1, rows: 1 })
            } else if self.keep.is_fan_out(rest) {
                let (ends, taken) = self.branches(branches_of(task), |_| open.clone(), parent, spot);
                open = ends.into_iter().flatten().collect();
                (2, taken)
            } else {
                let (ends, taken) = self.task(task, &open, parent, spot, follows_fork, behind.is_empty());
                open = ends;
                (1, taken)
            };
            follows_fork = flow_of(task) == Flow::Fork;
            spot.column += taken.columns;
            size.rows = size.rows.max(taken.rows);
            rest = rest.get(used..).unwrap_or_default();
        }
        size.columns = spot.column - begin;
        (open, size)
    }

    /// One task, and what lies in it.
    fn task(
        &mut self,
        task: &Map<String, Value>,
        open: &[Open],
        parent: Option<&str>,
        spot: Spot,
        follows_fork: bool,
        is_last: bool,
    ) -> (Vec<Open>, Size) {
        let flow = flow_of(task);
        let mut shell = shell(task);
        if follows_fork && flow == Flow::Join && shell.get("joinOn").is_none_or(Value::is_null) {
            // absent would be filled in
            shell.insert("joinOn".to_owned(), Value::Null);
        }
        let (id, place) = self.node(shell, open, parent, spot);
        let next = Spot { column: spot.column + 1, ..spot };
        let one = Size { columns: 1, rows: 1 };
        let edge =
            |data: Value| Open { source: id.clone(), data: data.as_object().cloned().unwrap_or_default() };
        match flow {
            Flow::Join | Flow::Plain => (vec![edge(json!({}))], one),
            // drawn so that the drawing says where it stands; nothing runs there
            Flow::Terminate => (vec![edge(json!({"unreached": true}))], one),
            Flow::Loop => {
                let body =
                    task.get("loopOver").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
                let (_, inner) = self.sequence(body, Vec::new(), Some(&id), Spot { column: 0, row: 0 });
                let node = &mut self.nodes[place];
                if node.get("width").is_none() {
                    node["width"] = (inner.columns.max(1) * COLUMN + MARGIN).into();
                    node["height"] = (inner.rows * ROW + MARGIN).into();
                }
                let size = Size { columns: inner.columns.max(1) + 1, rows: inner.rows + 1 };
                (vec![edge(json!({}))], size)
            }
            Flow::Switch => {
                let cases = task.get("decisionCases").and_then(Value::as_object);
                let named: Vec<(&String, &Value)> = cases.into_iter().flatten().collect();
                let is_taken = named.iter().any(|(case, _)| *case == "default");
                let mut bodies: Vec<&[Value]> = named.iter().map(|(_, tasks)| tasks_of(tasks)).collect();
                bodies.push(task.get("defaultCase").map(tasks_of).unwrap_or_default());
                if named.is_empty() && !is_last {
                    self.meets_next.push(place);
                }
                let label = |at: usize| match named.get(at) {
                    Some((case, _)) => json!({"case": case}),
                    None if is_taken => json!({}),
                    None => json!({"case": "default"}),
                };
                let (ends, size) = self.branches(bodies, |at| vec![edge(label(at))], parent, next);
                (ends.into_iter().flatten().collect(), Size { columns: size.columns + 1, ..size })
            }
            Flow::Fork => {
                let bodies = branches_of(task);
                if bodies.len() < 2 && !is_last {
                    self.meets_next.push(place);
                }
                if bodies.is_empty() {
                    return (vec![edge(json!({}))], one);
                }
                let (ends, size) =
                    self.branches(bodies, |at| vec![edge(json!({"branch": at}))], parent, next);
                (ends.into_iter().flatten().collect(), Size { columns: size.columns + 1, ..size })
            }
        }
    }

    /// Branches below each other.
    fn branches(
        &mut self,
        bodies: Vec<&[Value]>,
        open: impl Fn(usize) -> Vec<Open>,
        parent: Option<&str>,
        spot: Spot,
    ) -> (Vec<Vec<Open>>, Size) {
        // what the branches meet at comes behind all of them
        let waiting = std::mem::take(&mut self.meets_next);
        let (mut ends, mut size) = (Vec::new(), Size::default());
        for (at, body) in bodies.into_iter().enumerate() {
            let spot = Spot { row: spot.row + size.rows, ..spot };
            let (end, taken) = self.sequence(body, open(at), parent, spot);
            ends.push(end);
            size = Size { columns: size.columns.max(taken.columns), rows: size.rows + taken.rows };
        }
        self.meets_next = waiting;
        (ends, Size { rows: size.rows.max(1), ..size })
    }

    /// A node of kind `task`: a new one, or the one that had this task before. Its id, and its place among the nodes.
    fn node(
        &mut self,
        task: Map<String, Value>,
        open: &[Open],
        parent: Option<&str>,
        spot: Spot,
    ) -> (String, usize) {
        let reference = task.get("taskReferenceName").and_then(Value::as_str).unwrap_or_default();
        let known = self.keep.tasks.get(reference).filter(|node| !self.has_id(node));
        let mut node = known.cloned().unwrap_or_else(|| {
            let margin = if parent.is_some() { MARGIN } else { 0 };
            json!({
                "id": self.unused(reference),
                "type": "task",
                "position": {"x": spot.column * COLUMN + margin / 2, "y": spot.row * ROW + margin},
                "data": {},
            })
        });
        if !node["data"].is_object() {
            node["data"] = json!({});
        }
        node["data"]["task"] = task.into();
        if let Some(data) = node["data"].as_object_mut() {
            data.shift_remove("meets");
        }
        let place = self.nodes.len();
        (self.kept(node, open, parent), place)
    }

    /// Adds a node behind the open edges.
    fn kept(&mut self, mut node: Value, open: &[Open], parent: Option<&str>) -> String {
        let id = node["id"].as_str().unwrap_or_default().to_owned();
        match (parent, node.as_object_mut()) {
            (Some(parent), _) => node["parentId"] = parent.into(),
            (None, Some(members)) => drop(members.shift_remove("parentId")),
            (None, None) => {}
        }
        self.ids.insert(id.clone());
        for place in std::mem::take(&mut self.meets_next) {
            self.nodes[place]["data"]["meets"] = id.as_str().into();
        }
        self.nodes.push(node);
        for edge in open {
            self.edge(edge, &id);
        }
        id
    }

    fn edge(&mut self, open: &Open, target: &str) {
        let key = edge_key(&open.source, target, &open.data);
        if let Some(known) = self.keep.edges.get(&key) {
            self.edges.push(known.clone());
            return;
        }
        let branch = open.data.get("case").or_else(|| open.data.get("branch"));
        let label = branch.map(|branch| match branch.as_str() {
            Some(case) => format!(":{case}"),
            None => format!(":{branch}"),
        });
        let id = format!("{}{}->{target}", open.source, label.unwrap_or_default());
        let mut edge = json!({"id": id, "source": open.source, "target": target});
        if !open.data.is_empty() {
            edge["data"] = open.data.clone().into();
        }
        self.edges.push(edge);
    }

    fn has_id(&self, node: &Value) -> bool {
        node["id"].as_str().is_none_or(|id| self.ids.contains(id))
    }

    /// The reference as an id, with a number if another node has it.
    fn unused(&self, reference: &str) -> String {
        let stem = if reference.trim().is_empty() { "task" } else { reference };
        let is_free = |id: &str| !self.ids.contains(id) && !self.keep.ids.contains(id);
        if is_free(stem) {
            return stem.to_owned();
        }
        (2_usize..).map(|number| format!("{stem}~{number}")).find(|id| is_free(id)).unwrap_or_default()
    }
}

fn tasks_of(tasks: &Value) -> &[Value] {
    tasks.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn branches_of(task: &Map<String, Value>) -> Vec<&[Value]> {
    let branches = task.get("forkTasks").and_then(Value::as_array);
    branches.into_iter().flatten().map(tasks_of).collect()
}

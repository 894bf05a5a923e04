//! What a graph that was drawn before still says about the tasks of a definition.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value, json};

use crate::graph::{Conversion, Flow, Options, convert_with_nodes, flow_of};

/// Nodes of a previous graph that may be kept.
#[derive(Default)]
pub(super) struct Keep {
    /// Nodes of the documented kinds by the reference of their first task, with the references of all.
    nodes: HashMap<String, (Value, Vec<String>)>,
    /// Nodes of kind `task` by their reference.
    pub(super) tasks: HashMap<String, Value>,
    /// Forks and joins that a fan-out makes.
    fan_outs: HashSet<String>,
    pub(super) edges: HashMap<String, Value>,
    /// Ids of all these nodes.
    pub(super) ids: HashSet<String>,
}

impl Keep {
    /// Nodes of the documented kinds are kept if all their tasks are in `tasks` as the graph makes them.
    pub(super) fn of(graph: &Value, tasks: &[Value]) -> Self {
        let mut keep = Self::default();
        let (wanted, mut made) = (shells(tasks), HashMap::new());
        let mut nodes_of = Map::new();
        if let Ok(conversion) = convert_with_nodes(graph, &Options::default()) {
            made = shells(tasks_of(&conversion));
            nodes_of = conversion.nodes;
        }
        let mut owned: HashSet<&str> = HashSet::new();
        for node in list(graph, "nodes") {
            let Some(id) = node["id"].as_str() else { continue };
            owned.extend(references(&nodes_of, id));
            let references: Vec<String> = references(&nodes_of, id).map(str::to_owned).collect();
            if node["type"] == "task" {
                if let Some(reference) = node["data"]["task"]["taskReferenceName"].as_str() {
                    keep.tasks.insert(reference.to_owned(), node.clone());
                    keep.ids.insert(id.to_owned());
                }
            } else if let Some(first) = references.first()
                && references.iter().all(|reference| made.get(reference) == wanted.get(reference))
            {
                keep.ids.insert(id.to_owned());
                keep.nodes.insert(first.clone(), (node.clone(), references));
            }
        }
        let unowned = made.iter().filter(|(reference, _)| !owned.contains(reference.as_str()));
        let same = unowned.filter(|(reference, task)| wanted.get(*reference) == Some(task));
        keep.fan_outs = same.map(|(reference, _)| reference.clone()).collect();
        for edge in list(graph, "edges") {
            let ends = (edge["source"].as_str(), edge["target"].as_str());
            if let (Some(source), Some(target)) = ends {
                let data = edge["data"].as_object().cloned().unwrap_or_default();
                keep.edges.insert(edge_key(source, target, &data), edge.clone());
            }
        }
        keep
    }

    /// The node that makes the first of these tasks, and how many of them.
    pub(super) fn node(&self, tasks: &[Value]) -> Option<(&Value, usize)> {
        let (node, references) = self.nodes.get(reference(tasks.first()?)?)?;
        let are_next = references.iter().enumerate().all(|(at, wanted)| {
            tasks.get(at).and_then(reference).is_some_and(|reference| reference == wanted)
        });
        are_next.then_some((node, references.len()))
    }

    /// Whether these tasks begin with the fork and the join of a fan-out.
    pub(super) fn is_fan_out(&self, tasks: &[Value]) -> bool {
        let both = [tasks.first(), tasks.get(1)].map(|task| task.and_then(reference));
        both.into_iter().all(|reference| reference.is_some_and(|reference| self.fan_outs.contains(reference)))
    }

    /// Drops nodes that would make other tasks where they stand now; whether there were any.
    pub(super) fn drop_what_changed(&mut self, graph: &Map<String, Value>, tasks: &[Value]) -> bool {
        if self.nodes.is_empty() && self.fan_outs.is_empty() {
            return false;
        }
        let Ok(conversion) = convert_with_nodes(&bare(graph), &Options::default()) else {
            self.nodes.clear();
            self.fan_outs.clear();
            return true;
        };
        if tasks_of(&conversion) == tasks {
            return false;
        }
        let (wanted, made) = (shells(tasks), shells(tasks_of(&conversion)));
        let before = self.nodes.len();
        let is_same = |reference: &String| made.get(reference) == wanted.get(reference);
        self.nodes.retain(|_, (_, references)| references.iter().all(is_same));
        if self.nodes.len() == before {
            // not what the nodes make, but how they hang together
            if self.fan_outs.is_empty() {
                self.nodes.clear();
            }
            self.fan_outs.clear();
        }
        true
    }
}

/// A previous graph whose definition differs from `tasks` in what single tasks say, and in nothing else, with those
/// changed: its nodes, edges and places all stay. Of a documented kind that would make something else, plain tasks are
/// left.
pub(super) fn patched(graph: &Value, tasks: &[Value]) -> Option<Map<String, Value>> {
    let conversion = convert_with_nodes(graph, &Options::default()).ok()?;
    let before = tasks_of(&conversion);
    if outline(before) != outline(tasks) {
        return None;
    }
    let wanted = shells(tasks);
    let mut changed: HashSet<String> = HashSet::new();
    let mut made = shells(before);
    loop {
        let known = changed.len();
        for (id, references) in &conversion.nodes {
            let mut references = references.as_array().into_iter().flatten().filter_map(Value::as_str);
            if references.any(|reference| made.get(reference) != wanted.get(reference)) {
                changed.insert(id.clone());
            }
        }
        let patched = with_changes(graph, &conversion.nodes, &changed, &wanted)?;
        let again = convert_with_nodes(&bare(&patched), &Options::default()).ok()?;
        if tasks_of(&again) == tasks {
            return Some(patched);
        }
        if changed.len() == known {
            return None;
        }
        made = shells(tasks_of(&again));
    }
}

/// The graph with plain tasks in place of the nodes that are changed.
fn with_changes(
    graph: &Value,
    nodes_of: &Map<String, Value>,
    changed: &HashSet<String>,
    wanted: &HashMap<String, Map<String, Value>>,
) -> Option<Map<String, Value>> {
    let (mut nodes, mut edges) = (Vec::new(), list(graph, "edges").to_vec());
    let mut ids: HashSet<String> =
        list(graph, "nodes").iter().filter_map(|node| node["id"].as_str()).map(str::to_owned).collect();
    for node in list(graph, "nodes") {
        let id = node["id"].as_str()?;
        if !changed.contains(id) {
            nodes.push(node.clone());
            continue;
        }
        let tasks: Vec<&Map<String, Value>> =
            references(nodes_of, id).map(|reference| wanted.get(reference)).collect::<Option<_>>()?;
        if node["type"] == "task" {
            let mut node = node.clone();
            let mut task = tasks.first().copied()?.clone();
            // a JOIN that leaves it to the branches, and still does
            let left_open = node["data"]["task"].get("joinOn").is_none_or(Value::is_null);
            if flow_of(&task) == Flow::Join && left_open && !task.contains_key("joinOn") {
                task.insert("joinOn".to_owned(), Value::Null);
            }
            node["data"]["task"] = task.into();
            nodes.push(node);
            continue;
        }
        let mut last: Option<String> = None;
        for (at, task) in tasks.into_iter().enumerate() {
            let reference = task.get("taskReferenceName").and_then(Value::as_str)?;
            let free =
                (1_usize..).map(|n| if n == 1 { reference.to_owned() } else { format!("{reference}~{n}") });
            let own = free.into_iter().find(|id| !ids.contains(id))?;
            ids.insert(own.clone());
            let x = node["position"]["x"].as_f64().unwrap_or_default() + 240.0 * at as f64;
            let mut plain = json!({"id": own, "type": "task",
                "position": {"x": x, "y": node["position"]["y"].clone()}, "data": {"task": task}});
            if let Some(parent) = node.get("parentId") {
                plain["parentId"] = parent.clone();
            }
            nodes.push(plain);
            match &last {
                None => redirect(&mut edges, "target", id, &own),
                Some(last) => {
                    edges.push(json!({"id": format!("{last}->{own}"), "source": last, "target": own}))
                }
            }
            last = Some(own);
        }
        redirect(&mut edges, "source", id, &last?);
    }
    let mut patched = graph.as_object()?.clone();
    patched.insert("nodes".to_owned(), nodes.into());
    patched.insert("edges".to_owned(), edges.into());
    Some(patched)
}

fn redirect(edges: &mut [Value], side: &str, from: &str, to: &str) {
    for edge in edges.iter_mut().filter(|edge| edge[side] == from) {
        edge[side] = to.into();
    }
}

/// A graph without what it says about the definition itself.
fn bare(graph: &Map<String, Value>) -> Value {
    let parts = graph.iter().filter(|(name, _)| *name == "nodes" || *name == "edges");
    Value::Object(parts.map(|(name, value)| (name.clone(), value.clone())).collect())
}

/// What an edge says, as far as it makes it another edge.
pub(super) fn edge_key(source: &str, target: &str, data: &Map<String, Value>) -> String {
    json!([source, target, data.get("case"), data.get("branch")]).to_string()
}

fn list<'a>(graph: &'a Value, member: &str) -> &'a [Value] {
    graph.get(member).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn tasks_of(conversion: &Conversion) -> &[Value] {
    list(&conversion.definition, "tasks")
}

fn reference(task: &Value) -> Option<&str> {
    task.get("taskReferenceName").and_then(Value::as_str)
}

fn references<'a>(nodes: &'a Map<String, Value>, id: &str) -> impl Iterator<Item = &'a str> {
    nodes.get(id).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

/// A task with its bodies empty: lists of tasks become empty ones.
pub(super) fn shell(task: &Map<String, Value>) -> Map<String, Value> {
    let mut shell = task.clone();
    let empty = |value: &mut Value| {
        if value.as_array().is_some_and(|tasks| !tasks.is_empty()) {
            *value = json!([]);
        }
    };
    match flow_of(task) {
        Flow::Switch => {
            if let Some(cases) = shell.get_mut("decisionCases").and_then(Value::as_object_mut) {
                cases.values_mut().for_each(empty);
            }
            if let Some(tasks) = shell.get_mut("defaultCase") {
                empty(tasks);
            }
        }
        Flow::Fork => {
            if let Some(branches) = shell.get_mut("forkTasks").and_then(Value::as_array_mut) {
                branches.iter_mut().for_each(empty);
            }
        }
        Flow::Loop => {
            if let Some(tasks) = shell.get_mut("loopOver") {
                empty(tasks);
            }
        }
        Flow::Join | Flow::Terminate | Flow::Plain => {}
    }
    shell
}

/// The lists of tasks in a task.
fn bodies(task: &Map<String, Value>) -> Vec<&[Value]> {
    let member = |name: &str| task.get(name);
    match flow_of(task) {
        Flow::Switch => {
            let cases = member("decisionCases").and_then(Value::as_object).into_iter().flatten();
            let all = cases.map(|(_, tasks)| tasks).chain(member("defaultCase"));
            all.filter_map(Value::as_array).map(Vec::as_slice).collect()
        }
        Flow::Fork => {
            let branches = member("forkTasks").and_then(Value::as_array).into_iter().flatten();
            branches.filter_map(Value::as_array).map(Vec::as_slice).collect()
        }
        Flow::Loop => member("loopOver").and_then(Value::as_array).map(Vec::as_slice).into_iter().collect(),
        Flow::Join | Flow::Terminate | Flow::Plain => Vec::new(),
    }
}

/// Every task by its reference, its bodies empty.
fn shells(tasks: &[Value]) -> HashMap<String, Map<String, Value>> {
    let mut found = HashMap::new();
    let mut lists = vec![tasks];
    while let Some(tasks) = lists.pop() {
        for task in tasks.iter().filter_map(Value::as_object) {
            lists.extend(bodies(task));
            if let Some(reference) = task.get("taskReferenceName").and_then(Value::as_str) {
                found.insert(reference.to_owned(), shell(task));
            }
        }
    }
    found
}

/// References, types and bodies: what stays if single tasks say something else.
fn outline(tasks: &[Value]) -> Value {
    let empty = Map::new();
    let one = |task: &Value| {
        let members = task.as_object().unwrap_or(&empty);
        let cases = members
            .get("decisionCases")
            .and_then(Value::as_object)
            .filter(|_| flow_of(members) == Flow::Switch);
        let cases: Vec<&String> = cases.into_iter().flatten().map(|(case, _)| case).collect();
        let bodies: Vec<Value> = bodies(members).into_iter().map(outline).collect();
        json!([reference(task), format!("{:?}", flow_of(members)), cases, bodies])
    };
    tasks.iter().map(one).collect()
}

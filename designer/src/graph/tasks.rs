//! The tasks of a node and of a shape.

use serde_json::{Map, Value, json};

use super::name::Names;
use super::read::{Graph, Node};
use super::shape::Piece;
use super::{Kind, RUN_ID, files};
use crate::violation::Violations;

/// What the services have always been told; none of them reads it.
const RECORDS: u32 = 1000;
const EVENTS: &str = "conductor-events";

/// Writes the tasks of a graph.
pub(super) struct Writer<'a> {
    graph: &'a Graph,
    order: &'a [usize],
    names: &'a [Names],
    bootstrap: &'a str,
    /// How many forks a fan-out has made.
    forks: usize,
    /// References by node.
    made: Vec<Vec<Value>>,
    /// What can only be seen while writing.
    pub(super) found: Violations,
}

/// How a sequence ends.
#[derive(Clone, Debug, Default)]
struct End {
    /// The reference of the last task.
    reference: String,
    /// Whether that is a SWITCH, which has completed before the tasks of its case have.
    is_switch: bool,
}

impl<'a> Writer<'a> {
    pub(super) fn new(graph: &'a Graph, order: &'a [usize], names: &'a [Names], bootstrap: &'a str) -> Self {
        let made = vec![Vec::new(); graph.nodes.len()];
        Self { graph, order, names, bootstrap, forks: 0, made, found: Violations::default() }
    }

    pub(super) fn tasks(&mut self, pieces: &[Piece]) -> Vec<Value> {
        self.sequence(pieces).0
    }

    /// Which node made what, once the tasks are written.
    pub(super) fn made(self) -> Map<String, Value> {
        self.graph.nodes.iter().zip(self.made).map(|(node, made)| (node.id.clone(), made.into())).collect()
    }

    /// The tasks of a sequence, and how it ends.
    fn sequence(&mut self, pieces: &[Piece]) -> (Vec<Value>, End) {
        let (mut tasks, mut end) = (Vec::new(), End::default());
        for piece in pieces {
            let at = match piece {
                Piece::Node(at) => {
                    tasks.extend(self.node(*at));
                    *at
                }
                Piece::Switch { at, cases } => {
                    tasks.push(self.switch(*at, cases));
                    *at
                }
                Piece::Split { at, branches, join } => {
                    let (branches, ends): (Vec<_>, Vec<_>) =
                        branches.iter().map(|b| self.sequence(b)).unzip();
                    tasks.push(self.split(*at, branches));
                    tasks.push(self.join(*join, &ends));
                    self.made[*join].push(self.names[*join].publish.as_str().into());
                    end = End { reference: self.names[*join].publish.clone(), is_switch: false };
                    self.made[*at].push(self.names[*at].publish.as_str().into());
                    continue;
                }
                Piece::Loop { at, body } => {
                    let body = self.sequence(body).0;
                    let mut task = self.members(*at);
                    fill(&mut task, "loopOver", body);
                    tasks.push(task.into());
                    *at
                }
                Piece::Fork(branches) => {
                    let join = self.fan_out(branches, &mut tasks);
                    end = End { reference: join, is_switch: false };
                    continue;
                }
            };
            let names = &self.names[at];
            let made = [Some(names.publish.as_str()), names.wait.as_deref()];
            self.made[at].extend(made.into_iter().flatten().map(Value::from));
            let is_switch = matches!(piece, Piece::Switch { .. });
            end = End { reference: names.last().to_owned(), is_switch };
        }
        (tasks, end)
    }

    /// The fork and the join of a fan-out; the reference of the join.
    fn fan_out(&mut self, branches: &[Vec<Piece>], tasks: &mut Vec<Value>) -> String {
        let number = self.fork_number();
        let (fork, join) = (format!("fork_{number}"), format!("join_{number}"));
        let (mut forked, mut ends) = (Vec::new(), Vec::new());
        for (place, branch) in branches.iter().enumerate() {
            let (mut tasks, mut end) = self.sequence(branch);
            if end.is_switch {
                end.reference = format!("{join}_branch_{}", place + 1);
                tasks
                    .push(json!({"name": end.reference, "taskReferenceName": end.reference, "type": "NOOP"}));
            }
            forked.push(tasks);
            ends.push(end.reference);
        }
        tasks
            .push(json!({"name": fork, "taskReferenceName": fork, "type": "FORK_JOIN", "forkTasks": forked}));
        tasks.push(json!({"name": join, "taskReferenceName": join, "type": "JOIN", "joinOn": ends}));
        join
    }

    /// The next number whose names no node has.
    fn fork_number(&mut self) -> usize {
        loop {
            self.forks += 1;
            let (fork, join) = (format!("fork_{}", self.forks), format!("join_{}", self.forks));
            let behind = format!("{join}_branch_");
            let is_taken = |name: &str| *name == fork || *name == join || name.starts_with(&behind);
            if !self.names.iter().any(|names| is_taken(&names.publish)) {
                return self.forks;
            }
        }
    }

    /// The task of a node as it stands.
    fn members(&self, at: usize) -> Map<String, Value> {
        self.graph.nodes[at].task.as_ref().map(|task| task.members.clone()).unwrap_or_default()
    }

    /// A SWITCH with its cases: first those that its own members name, in their order.
    fn switch(&mut self, at: usize, cases: &[(Option<String>, Vec<Piece>)]) -> Value {
        let mut task = self.members(at);
        let mut default = Vec::new();
        let mut named = task.get("decisionCases").and_then(Value::as_object).cloned().unwrap_or_default();
        let had_cases = !named.is_empty();
        for (case, pieces) in cases {
            let tasks = self.sequence(pieces).0;
            match case {
                None => default = tasks,
                Some(case) => fill(&mut named, case, tasks),
            }
            if let Some(case) = case.as_ref().filter(|case| !named.contains_key(*case)) {
                named.insert(case.clone(), json!([]));
            }
        }
        if had_cases || !named.is_empty() {
            task.insert("decisionCases".to_owned(), named.into());
        }
        fill(&mut task, "defaultCase", default);
        task.into()
    }

    /// A FORK_JOIN with its branches. One without tasks stays what its members say it is.
    fn split(&mut self, at: usize, branches: Vec<Vec<Value>>) -> Value {
        let mut task = self.members(at);
        let said = task.get("forkTasks").and_then(Value::as_array).cloned().unwrap_or_default();
        if !branches.is_empty() {
            let filled = branches.into_iter().enumerate().map(|(place, tasks)| {
                if tasks.is_empty() {
                    said.get(place).cloned().unwrap_or_else(|| json!([]))
                } else {
                    tasks.into()
                }
            });
            task.insert("forkTasks".to_owned(), filled.collect());
        } else if !said.is_empty() {
            task.insert("forkTasks".to_owned(), json!([]));
        }
        task.into()
    }

    /// The JOIN of a fork; one that does not say what it waits for waits for the ends of all branches. null leaves it out.
    fn join(&mut self, at: usize, ends: &[End]) -> Value {
        let mut task = self.members(at);
        match task.get("joinOn") {
            Some(Value::Null) => drop(task.shift_remove("joinOn")),
            Some(_) => {}
            None => {
                if let Some(end) = ends.iter().find(|end| end.is_switch) {
                    let id = &self.graph.nodes[at].id;
                    let message = format!(
                        "a branch before the JOIN {id} ends with the SWITCH {}, which has completed before the tasks                          of its case have: put a task behind it, or name in joinOn what to wait for",
                        end.reference
                    );
                    self.found.add("join_on_switch", Some(id), message);
                }
                let ends = ends.iter().filter(|end| !end.reference.is_empty());
                task.insert("joinOn".to_owned(), ends.map(|end| end.reference.as_str()).collect());
            }
        }
        task.into()
    }

    fn node(&self, at: usize) -> Vec<Value> {
        let (node, names) = (&self.graph.nodes[at], &self.names[at]);
        let data = match node.kind {
            Kind::EventWait => return Vec::new(),
            Kind::Task => return vec![self.members(at).into()],
            Kind::WaitForResult => return vec![wait_for_result(node, names)],
            Kind::Finalize => return vec![self.finalize(at)],
            Kind::EmailValidation | Kind::PhoneValidation | Kind::Enrichment => self.file_data(at),
            Kind::EmailHygiene | Kind::NameParse => {
                json!({"dp_config": node.text("dpserviceXml").unwrap_or_default()})
            }
            Kind::AirflowTrigger => airflow_data(node),
            Kind::ReverseEmail => reverse_email_data(node),
        };
        let value = json!({
            "workflowId": RUN_ID,
            "taskId": names.label,
            "eventType": names.event_type,
            "data": data,
        });
        let mut tasks = vec![self.publish(&names.publish, &names.topic, value, &names.key)];
        tasks.extend(names.wait.as_ref().map(|wait| {
            json!({
                "name": wait,
                "taskReferenceName": wait,
                "type": "EVENT",
                "sink": names.sink,
                "asyncComplete": true,
            })
        }));
        tasks
    }

    fn publish(&self, name: &str, topic: &str, value: Value, key: &str) -> Value {
        json!({
            "name": name,
            "taskReferenceName": name,
            "type": "KAFKA_PUBLISH",
            "inputParameters": {
                "kafka_request": {
                    "topic": topic,
                    "bootStrapServers": self.bootstrap,
                    "value": value,
                    "key": format!("{key}-{RUN_ID}"),
                },
            },
        })
    }

    fn finalize(&self, at: usize) -> Value {
        let input = files::input(self.graph, self.order, self.names, at);
        let value = json!({
            "workflowId": RUN_ID,
            "eventType": "pipeline_completed",
            "data": {
                "final_bucket": input.bucket,
                "final_key": input.key,
                "pipelineStage": "completed",
                "records": RECORDS,
            },
        });
        self.publish(&self.names[at].publish, EVENTS, value, "pipeline-complete")
    }

    fn file_data(&self, at: usize) -> Value {
        let names = &self.names[at];
        let input = files::input(self.graph, self.order, self.names, at);
        let mut data = Map::new();
        data.insert("input_bucket".into(), input.bucket.into());
        data.insert("input_key".into(), input.key.into());
        data.insert("output_bucket".into(), files::output_bucket(names).into());
        data.insert("output_key".into(), files::output_key(names).into());
        data.insert("pipelineStage".into(), names.service.clone().into());
        if let Some(previous) = input.previous_stage {
            data.insert("previousStage".into(), previous.into());
        }
        data.insert("records".into(), RECORDS.into());
        data.into()
    }
}

/// Sets a member that holds tasks. One that is there stays what it is if there are none.
fn fill(members: &mut Map<String, Value>, name: &str, tasks: Vec<Value>) {
    if !tasks.is_empty() {
        members.insert(name.to_owned(), tasks.into());
    }
}

/// A task without a type: a worker's, which nobody polls unless the user does.
fn wait_for_result(node: &Node, names: &Names) -> Value {
    json!({
        "name": "wait_for_result",
        "taskReferenceName": names.publish,
        "inputParameters": {"topic": node.text("topic").unwrap_or(EVENTS), "workflowId": RUN_ID},
    })
}

/// The adapter has a default for what the node leaves open.
fn airflow_data(node: &Node) -> Value {
    let mut data = Map::new();
    for (member, spellings) in
        [("dag_id", ["dagId", "dag_id"]), ("execution_id", ["executionId", "execution_id"])]
    {
        if let Some(text) = spellings.into_iter().find_map(|name| node.text(name)) {
            data.insert(member.into(), text.into());
        }
    }
    data.insert("pipelineStage".into(), "airflow_processing".into());
    data.into()
}

fn reverse_email_data(node: &Node) -> Value {
    let members = [
        ("match_dagId", "matchDagId"),
        ("match_executionId", "matchExecutionId"),
        ("match_metadata_url", "matchMetadataUrl"),
        ("append_dagId", "appendDagId"),
        ("append_executionId", "appendExecutionId"),
        ("append_metadata_url", "appendMetadataUrl"),
    ];
    let given = members.into_iter().filter_map(|(member, name)| Some((member, node.text(name)?)));
    given.map(|(member, text)| (member.to_owned(), Value::from(text))).collect::<Map<_, _>>().into()
}

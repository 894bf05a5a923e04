//! The tasks of a node and of a shape.

use serde_json::{Map, Value, json};

use super::name::Names;
use super::read::{Graph, Node};
use super::shape::Piece;
use super::{Kind, RUN_ID, files};

/// What the services have always been told; none of them reads it.
const RECORDS: u32 = 1000;
const EVENTS: &str = "conductor-events";

/// Writes the tasks of a graph.
pub(super) struct Writer<'a> {
    pub(super) graph: &'a Graph,
    pub(super) order: &'a [usize],
    pub(super) names: &'a [Names],
    pub(super) bootstrap: &'a str,
}

impl Writer<'_> {
    pub(super) fn tasks(&self, pieces: &[Piece]) -> Vec<Value> {
        let mut forks = 0;
        self.sequence(pieces, &mut forks).0
    }

    /// The tasks of a sequence, and the reference of the last one.
    fn sequence(&self, pieces: &[Piece], forks: &mut usize) -> (Vec<Value>, String) {
        let (mut tasks, mut last) = (Vec::new(), String::new());
        for piece in pieces {
            match piece {
                Piece::Node(at) => {
                    tasks.extend(self.node(*at));
                    last = self.names[*at].last().to_owned();
                }
                Piece::Fork(branches) => {
                    let number = self.fork_number(forks);
                    let branches: Vec<_> = branches.iter().map(|b| self.sequence(b, forks)).collect();
                    let (branches, ends): (Vec<_>, Vec<_>) = branches.into_iter().unzip();
                    let (fork, join) = (format!("fork_{number}"), format!("join_{number}"));
                    tasks.push(json!({"name": fork, "taskReferenceName": fork, "type": "FORK_JOIN", "forkTasks": branches}));
                    tasks.push(
                        json!({"name": join, "taskReferenceName": join, "type": "JOIN", "joinOn": ends}),
                    );
                    last = join;
                }
            }
        }
        (tasks, last)
    }

    /// The next number whose names no node has.
    fn fork_number(&self, forks: &mut usize) -> usize {
        loop {
            *forks += 1;
            let own = [format!("fork_{forks}"), format!("join_{forks}")];
            if !self.names.iter().any(|names| own.contains(&names.publish)) {
                return *forks;
            }
        }
    }

    fn node(&self, at: usize) -> Vec<Value> {
        let (node, names) = (&self.graph.nodes[at], &self.names[at]);
        let data = match node.kind {
            Kind::EventWait => return Vec::new(),
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

//! The parts of a workflow's definition that a deployment reads and writes. Pure.

use serde_json::{Map, Value};

/// A definition nests so deep at most; deeper ones are the engine's to refuse.
const DEEPEST: usize = 64;

/// The service behind a task that carries a configuration of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DpService {
    EmailHygiene,
    NameParse,
}

impl DpService {
    /// What the converter is told.
    pub(crate) fn execution_id(self) -> &'static str {
        match self {
            Self::EmailHygiene => "WBEmailHygiene",
            Self::NameParse => "WBNameParse",
        }
    }
}

/// A publishing task with what a deployment may have to do for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DpTask {
    /// Name of the task, by which its files are called.
    pub(crate) name: String,
    pub(crate) service: DpService,
    /// The metadata file that all workflows share.
    pub(crate) metadata_file: String,
    /// The configuration that was drawn for it; `None` = use the shared metadata as it is.
    pub(crate) config: Option<String>,
}

/// Why a definition cannot be deployed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unfit {
    #[error(
        "task {0:?} has a dp_config, but only dp_email_hygiene and dp_name_parse are services that take one"
    )]
    UnknownService(String),
    #[error("two tasks are named {0:?}: give each a name of its own")]
    Twice(String),
    #[error("dp_config of task {0:?} is {1}, not a text")]
    NoText(String, &'static str),
}

/// Finds the tasks that carry a configuration, in the order in which the definition has them: at the top, in forks, in
/// branches of switches and in loops.
pub(crate) fn dp_tasks(definition: &Map<String, Value>) -> Result<Vec<DpTask>, Unfit> {
    let mut found: Vec<DpTask> = Vec::new();
    let mut fault = None;
    visit(definition, &mut |task| {
        let seen = match dp_task(task) {
            Ok(Some(dp)) if found.iter().any(|other| other.name == dp.name) => Err(Unfit::Twice(dp.name)),
            Ok(Some(dp)) => {
                found.push(dp);
                Ok(())
            }
            Ok(None) => Ok(()),
            Err(error) => Err(error),
        };
        if let (Err(error), None) = (seen, &fault) {
            fault = Some(error);
        }
    });
    fault.map_or(Ok(found), Err)
}

fn dp_task(task: &Map<String, Value>) -> Result<Option<DpTask>, Unfit> {
    let text = |name: &str| task.get(name).and_then(Value::as_str).unwrap_or_default();
    if text("type") != "KAFKA_PUBLISH" {
        return Ok(None);
    }
    let name = text("name").to_owned();
    let config = match data(task).and_then(|data| data.get("dp_config")) {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) if text.trim().is_empty() => None,
        Some(Value::String(text)) => Some(text.clone()),
        Some(other) => return Err(Unfit::NoText(name, kind(other))),
    };
    let Some((service, metadata_file)) = known(&name) else {
        return config.map_or(Ok(None), |_| Err(Unfit::UnknownService(name)));
    };
    Ok(Some(DpTask { name, service, metadata_file, config }))
}

/// The service of a task and its metadata file. A node type that occurs again is named with `_2`, `_3` and so on.
fn known(name: &str) -> Option<(DpService, String)> {
    let base = match name.rsplit_once('_') {
        Some((base, number)) if number.parse::<u32>().is_ok() => base,
        _ => name,
    };
    match base {
        "dp_email_hygiene" => Some((DpService::EmailHygiene, format!("{name}.json"))),
        "dp_name_parse" => Some((DpService::NameParse, format!("{name}.json"))),
        "trigger_airflow_dag" => Some((DpService::NameParse, "1000861509.WBNameParse.json".to_owned())),
        "trigger_email_hygiene" => {
            Some((DpService::EmailHygiene, "1000876411WBEmail_Hygiene.json".to_owned()))
        }
        _ => None,
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn data(task: &Map<String, Value>) -> Option<&Map<String, Value>> {
    task.get("inputParameters")?.get("kafka_request")?.get("value")?.get("data")?.as_object()
}

/// The addresses that a task is told.
#[derive(Clone, Debug)]
pub(crate) struct Addresses {
    pub(crate) metadata: String,
    pub(crate) input: String,
    pub(crate) output: String,
}

/// Writes the addresses into the `data` of the task's message, and the metadata's also where older definitions had it.
/// Members that are missing on the way are made.
pub(crate) fn set_addresses(definition: &mut Map<String, Value>, task_name: &str, to: &Addresses) {
    visit_mut(definition, &mut |task| {
        if task.get("name").and_then(Value::as_str) != Some(task_name)
            || task.get("type").and_then(Value::as_str) != Some("KAFKA_PUBLISH")
        {
            return;
        }
        let Some(request) = member(task, "inputParameters").and_then(|input| member(input, "kafka_request"))
        else {
            return;
        };
        request.insert("metadataUrl".to_owned(), to.metadata.clone().into());
        let Some(data) = member(request, "value").and_then(|value| member(value, "data")) else { return };
        data.insert("metadata_url".to_owned(), to.metadata.clone().into());
        data.insert("input_uri".to_owned(), to.input.clone().into());
        data.insert("output_uri".to_owned(), to.output.clone().into());
    });
}

/// A member that is an object, made if it is missing; `None` if something else stands there.
fn member<'a>(of: &'a mut Map<String, Value>, name: &str) -> Option<&'a mut Map<String, Value>> {
    of.entry(name).or_insert_with(|| Value::Object(Map::new())).as_object_mut()
}

fn visit(definition: &Map<String, Value>, each: &mut dyn FnMut(&Map<String, Value>)) {
    fn list(tasks: Option<&Value>, depth: usize, each: &mut dyn FnMut(&Map<String, Value>)) {
        if depth > DEEPEST {
            return;
        }
        for task in tasks.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object) {
            each(task);
            for inner in inner_lists(task) {
                list(Some(inner), depth + 1, each);
            }
        }
    }
    list(definition.get("tasks"), 0, each);
}

/// The lists of tasks inside of a task: branches of a fork, cases of a switch, the body of a loop.
pub(crate) fn inner_lists(task: &Map<String, Value>) -> Vec<&Value> {
    let branches = task.get("forkTasks").and_then(Value::as_array).into_iter().flatten();
    let cases = task.get("decisionCases").and_then(Value::as_object).into_iter().flat_map(Map::values);
    branches.chain(cases).chain(task.get("defaultCase")).chain(task.get("loopOver")).collect()
}

fn visit_mut(definition: &mut Map<String, Value>, each: &mut dyn FnMut(&mut Map<String, Value>)) {
    fn list(tasks: Option<&mut Value>, depth: usize, each: &mut dyn FnMut(&mut Map<String, Value>)) {
        if depth > DEEPEST {
            return;
        }
        let tasks = tasks.and_then(Value::as_array_mut).into_iter().flatten();
        for task in tasks.filter_map(Value::as_object_mut) {
            each(task);
            for (name, inner) in task.iter_mut() {
                match name.as_str() {
                    "forkTasks" => {
                        let branches = inner.as_array_mut().into_iter().flatten();
                        branches.for_each(|branch| list(Some(branch), depth + 1, each));
                    }
                    "decisionCases" => {
                        let cases = inner.as_object_mut().into_iter().flat_map(Map::values_mut);
                        cases.for_each(|case| list(Some(case), depth + 1, each));
                    }
                    "defaultCase" | "loopOver" => list(Some(inner), depth + 1, each),
                    _ => {}
                }
            }
        }
    }
    list(definition.get_mut("tasks"), 0, each);
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::{Addresses, DpService, Unfit, dp_tasks, set_addresses};

    fn publish(name: &str, data: Value) -> Value {
        json!({"name": name, "taskReferenceName": name, "type": "KAFKA_PUBLISH",
            "inputParameters": {"kafka_request": {"topic": "t", "value": {"data": data}}}})
    }

    fn definition(tasks: Value) -> Map<String, Value> {
        json!({"name": "w", "tasks": tasks}).as_object().expect("an object").clone()
    }

    #[test]
    fn configurations_are_found_wherever_they_are() {
        let tasks = json!([
            publish("dp_email_hygiene", json!({"dp_config": "<a/>"})),
            {"name": "s", "type": "SWITCH",
                "decisionCases": {"x": [publish("dp_name_parse", json!({"dp_config": "<b/>"}))]},
                "defaultCase": [{"name": "f", "type": "FORK_JOIN",
                    "forkTasks": [[publish("dp_name_parse_2", json!({"dp_config": "<c/>"}))], []]}]},
            {"name": "l", "type": "DO_WHILE", "loopOver": [publish("dp_email_hygiene_3", json!({"dp_config": ""}))]},
            publish("email_validation", json!({"input_bucket": "b"})),
            {"name": "bare", "type": "KAFKA_PUBLISH"},
            publish("trigger_airflow_dag", json!({"dag_id": "d"})),
        ]);
        let found = dp_tasks(&definition(tasks)).expect("fit");
        let shown: Vec<_> = found
            .iter()
            .map(|t| (t.name.as_str(), t.metadata_file.as_str(), t.config.as_deref().unwrap_or("-")))
            .collect();
        let expected = [
            ("dp_email_hygiene", "dp_email_hygiene.json", "<a/>"),
            ("dp_name_parse", "dp_name_parse.json", "<b/>"),
            ("dp_name_parse_2", "dp_name_parse_2.json", "<c/>"),
            ("dp_email_hygiene_3", "dp_email_hygiene_3.json", "-"),
            ("trigger_airflow_dag", "1000861509.WBNameParse.json", "-"),
        ];
        assert_eq!(shown, expected);
        assert_eq!(found[2].service, DpService::NameParse);
    }

    #[test]
    fn what_cannot_be_served_is_named() {
        let stranger = definition(json!([publish("other", json!({"dp_config": "<a/>"}))]));
        assert_eq!(dp_tasks(&stranger), Err(Unfit::UnknownService("other".to_owned())));
        let odd = definition(json!([publish("dp_name_parse", json!({"dp_config": {}}))]));
        assert_eq!(dp_tasks(&odd), Err(Unfit::NoText("dp_name_parse".to_owned(), "an object")));
        let dp = publish("dp_name_parse", json!({"dp_config": "<a/>"}));
        let twice = definition(json!([dp.clone(), dp]));
        assert_eq!(dp_tasks(&twice), Err(Unfit::Twice("dp_name_parse".to_owned())));
    }

    #[test]
    fn addresses_go_into_the_message() {
        let mut definition = definition(json!([{"name": "f", "type": "FORK_JOIN",
            "forkTasks": [[publish("dp_name_parse", json!({"dp_config": "<a/>"}))]]}]));
        let to = Addresses { metadata: "s3://m".into(), input: "s3://i".into(), output: "s3://o".into() };
        set_addresses(&mut definition, "dp_name_parse", &to);
        let request = &definition["tasks"][0]["forkTasks"][0][0]["inputParameters"]["kafka_request"];
        assert_eq!(request["metadataUrl"], "s3://m");
        assert_eq!(
            request["value"]["data"],
            json!({"dp_config": "<a/>", "metadata_url": "s3://m", "input_uri": "s3://i", "output_uri": "s3://o"})
        );
    }
}

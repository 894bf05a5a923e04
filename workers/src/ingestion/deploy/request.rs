//! A request to deploy a workflow, and what is answered.

use podium_core::{RunId, Timestamp};
use podium_designer::{Conversion, Options, Violations};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::super::places::Place;
use super::error::DeployError;

/// The body of `POST /workflow/deploy`; what it does not know is ignored, as it always was.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Body {
    workflow: Option<Value>,
    /// The designer's graph instead: converted here.
    graph: Option<Value>,
    trigger_conductor: Option<bool>,
    minio_input_uri: Option<String>,
}

/// A deployment as it was asked for.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(super) definition: Map<String, Value>,
    pub(super) name: String,
    pub(super) version: Option<i64>,
    pub(super) trigger: bool,
    pub(super) input: Option<Place>,
    /// The same for the same body, however its members are ordered.
    pub(super) hash: String,
    /// What the sender calls this deployment.
    pub(super) key: Option<String>,
    /// JSON text of the graph, if one was sent.
    pub(super) graph: Option<String>,
}

impl Request {
    /// Reads the body; `key` is the sender's Idempotency-Key.
    pub(crate) fn read(body: &Value, key: Option<&str>) -> Result<Self, DeployError> {
        let read: Body = serde_json::from_value(body.clone())
            .map_err(|error| DeployError::shape("body", error.to_string()))?;
        let drawn = read.graph.as_ref().map(Value::to_string);
        let definition = match (read.workflow, read.graph) {
            (Some(Value::Object(definition)), None) => definition,
            (None, Some(graph)) => of_graph(&graph)?,
            (Some(_), Some(_)) => {
                return Err(DeployError::shape("graph", "give workflow or graph, not both".to_owned()));
            }
            (Some(_), None) => {
                return Err(DeployError::shape("workflow", "value is not a valid dict".to_owned()));
            }
            (None, None) => return Err(DeployError::shape("workflow", "field required".to_owned())),
        };
        let name = definition.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
        if name.trim().is_empty() {
            return Err(DeployError::shape("workflow.name", "field required".to_owned()));
        }
        let version = match definition.get("version") {
            None | Some(Value::Null) => None,
            Some(given) => match given.as_i64() {
                Some(version) => Some(version),
                None => {
                    return Err(DeployError::shape(
                        "workflow.version",
                        "value is not a valid integer".to_owned(),
                    ));
                }
            },
        };
        let input = match read.minio_input_uri.as_deref().filter(|uri| !uri.is_empty()) {
            None => None,
            Some(uri) => Some(
                Place::parse(uri)
                    .map_err(|error| DeployError::shape("minio_input_uri", error.to_string()))?,
            ),
        };
        if key.is_some_and(|key| key.is_empty() || key.len() > 255) {
            let why = "an Idempotency-Key has 1 to 255 bytes".to_owned();
            return Err(DeployError::shape("Idempotency-Key", why));
        }
        let mut digest = Sha256::new();
        digest_value(body, &mut digest);
        let hash = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        let trigger = read.trigger_conductor.unwrap_or(true);
        Ok(Self {
            definition,
            name,
            version,
            trigger,
            input,
            hash,
            key: key.map(str::to_owned),
            graph: drawn,
        })
    }
}

fn of_graph(graph: &Value) -> Result<Map<String, Value>, DeployError> {
    let made = definition_of(graph, true).map_err(DeployError::Graph)?;
    match made.definition {
        Value::Object(definition) => Ok(definition),
        other => Err(DeployError::shape("graph", format!("it became {other}, not a definition"))),
    }
}

/// The definition of a graph, with a fan-out as forks or one after the other. A version that the graph does not say is
/// left to whoever stores it, as for any definition.
pub(crate) fn definition_of(graph: &Value, forks: bool) -> Result<Conversion, Violations> {
    let options = Options { forks, ..Options::default() };
    let mut made = podium_designer::convert_with_nodes(graph, &options)?;
    let says = |part: &Value| part.get("version").is_some_and(|version| !version.is_null());
    if !says(graph)
        && !says(&graph["definition"])
        && let Some(definition) = made.definition.as_object_mut()
    {
        definition.shift_remove("version");
    }
    Ok(made)
}

/// Feeds a value in a form that does not depend on the order of members.
fn digest_value(value: &Value, digest: &mut Sha256) {
    match value {
        Value::Object(members) => {
            let mut names: Vec<&String> = members.keys().collect();
            names.sort();
            digest.update(b"{");
            for name in names {
                digest.update(Value::from(name.as_str()).to_string());
                digest_value(&members[name], digest);
            }
            digest.update(b"}");
        }
        Value::Array(list) => {
            digest.update(b"[");
            for item in list {
                digest_value(item, digest);
                digest.update(b",");
            }
            digest.update(b"]");
        }
        other => digest.update(other.to_string()),
    }
}

/// The names that a new deployment gets.
#[derive(Clone, Debug)]
pub(super) struct Names {
    /// `run-YYYYMMDD-HHMMSS-<8 hex>`.
    pub(super) run: String,
    /// The id that its workflow shall have.
    pub(super) workflow: String,
}

impl Names {
    pub(super) fn fresh() -> Self {
        let random = uuid::Uuid::now_v7().as_u128() as u64;
        let now = chrono::Utc::now();
        let workflow = RunId::new(Timestamp::from_millis(now.timestamp_millis()), random, 0);
        // the low bits of such an id are its random ones
        let short = (random & 0xffff_ffff) as u32;
        Self {
            run: format!("run-{}-{short:08x}", now.format("%Y%m%d-%H%M%S")),
            workflow: workflow.to_string(),
        }
    }
}

/// What a deployment came to. The first six describe the first service with a configuration and are null without one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Answer {
    #[serde(rename = "runId")]
    pub(super) run_id: Option<String>,
    pub(super) s3_input_uri: Option<String>,
    pub(super) s3_output_uri: Option<String>,
    pub(super) s3_report_uri: Option<String>,
    pub(super) updated_json_uri: Option<String>,
    pub(super) updated_json_s3_key: Option<String>,
    pub(super) workflow_instance_id: Option<String>,
    pub(super) message: String,
    /// Ours: by which the deployment is found again.
    pub(super) deployment_id: String,
    pub(super) workflow_name: String,
    pub(super) workflow_version: i64,
    /// Who made the metadata, `command` or `builtin`; null without any.
    pub(super) converter: Option<String>,
    /// Each service with its files.
    pub(super) services: Vec<super::files::ServiceFiles>,
    /// Whether this request had been answered before.
    pub(super) repeated: bool,
}

impl Answer {
    /// The workflow that was started.
    pub(crate) fn workflow_id(&self) -> Option<&str> {
        self.workflow_instance_id.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Names, Request};

    fn hash(body: serde_json::Value) -> String {
        Request::read(&body, None).expect("readable").hash
    }

    #[test]
    fn the_hash_is_of_what_is_asked_not_of_its_order() {
        let a = hash(json!({"workflow": {"name": "w", "tasks": [1, 2]}, "trigger_conductor": true}));
        let b = hash(json!({"trigger_conductor": true, "workflow": {"tasks": [1, 2], "name": "w"}}));
        assert_eq!(a, b);
        assert_ne!(a, hash(json!({"workflow": {"name": "w", "tasks": [12]}, "trigger_conductor": true})));
        assert_ne!(a, hash(json!({"workflow": {"name": "w", "tasks": [2, 1]}, "trigger_conductor": true})));
    }

    #[test]
    fn wrong_shapes_are_named() {
        for (body, place) in [
            (json!({}), "workflow"),
            (json!([]), "body"),
            (json!({"workflow": "x"}), "workflow"),
            (json!({"workflow": {"name": ""}}), "workflow.name"),
            (json!({"workflow": {"name": "w", "version": "x"}}), "workflow.version"),
            (
                json!({"workflow": {"name": "w"}, "minio_input_uri": "minio://raw-data/../x"}),
                "minio_input_uri",
            ),
            (json!({"workflow": {"name": "w"}, "trigger_conductor": "maybe"}), "body"),
        ] {
            let error = Request::read(&body, None).expect_err("refused").body().to_string();
            assert!(error.contains(&format!("{place:?}")), "{body} {error}");
        }
    }

    #[test]
    fn names_are_as_documented() {
        let names = Names::fresh();
        let parts: Vec<&str> = names.run.split('-').collect();
        assert_eq!(parts.iter().map(|p| p.len()).collect::<Vec<_>>(), [3, 8, 6, 8], "{}", names.run);
        assert!(names.workflow.parse::<podium_core::RunId>().is_ok());
        assert_ne!(names.run, Names::fresh().run);
    }
}

//! Workflow definitions.

use indexmap::IndexMap;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use super::lenient;
use super::task_def::TaskDef;

/// What the time-out of a run does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum WorkflowTimeoutPolicy {
    TimeOutWf,
    #[default]
    AlertOnly,
}

/// A workflow definition as users register it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WorkflowDef {
    #[serde(deserialize_with = "lenient::opt_text", skip_serializing_if = "Option::is_none")]
    pub owner_app: Option<String>,
    #[serde(deserialize_with = "lenient::i64")]
    pub create_time: i64,
    #[serde(deserialize_with = "lenient::i64")]
    pub update_time: i64,
    #[serde(deserialize_with = "lenient::opt_text", skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
    #[serde(deserialize_with = "lenient::opt_text", skip_serializing_if = "Option::is_none")]
    pub updated_by: Option<String>,
    #[serde(deserialize_with = "lenient::opt_text", skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(deserialize_with = "lenient::opt_text", skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(deserialize_with = "lenient::i32")]
    pub version: i32,
    #[serde(deserialize_with = "lenient::or_default")]
    pub tasks: Vec<TaskConfig>,
    #[serde(deserialize_with = "lenient::or_default")]
    pub input_parameters: Vec<Option<String>>,
    #[serde(deserialize_with = "lenient::or_default")]
    pub output_parameters: Map<String, Value>,
    #[serde(deserialize_with = "lenient::opt_text", skip_serializing_if = "Option::is_none")]
    pub failure_workflow: Option<String>,
    #[serde(deserialize_with = "lenient::opt_i32", skip_serializing_if = "Option::is_none")]
    pub failure_workflow_version: Option<i32>,
    #[serde(deserialize_with = "lenient::i32")]
    pub schema_version: i32,
    #[serde(deserialize_with = "lenient::bool")]
    pub restartable: bool,
    #[serde(deserialize_with = "lenient::bool")]
    pub workflow_status_listener_enabled: bool,
    #[serde(deserialize_with = "lenient::opt_text", skip_serializing_if = "Option::is_none")]
    pub workflow_status_listener_sink: Option<String>,
    #[serde(deserialize_with = "lenient::opt_text", skip_serializing_if = "Option::is_none")]
    pub owner_email: Option<String>,
    #[serde(deserialize_with = "lenient::or_default")]
    pub timeout_policy: WorkflowTimeoutPolicy,
    #[serde(deserialize_with = "lenient::i64")]
    pub timeout_seconds: i64,
    #[serde(deserialize_with = "lenient::or_default")]
    pub variables: Map<String, Value>,
    #[serde(deserialize_with = "lenient::or_default")]
    pub input_template: Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_limit_config: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_schema: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_schema: Option<Value>,
    #[serde(deserialize_with = "lenient::bool")]
    pub enforce_schema: bool,
    #[serde(deserialize_with = "lenient::or_default")]
    pub metadata: Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_config: Option<Value>,
    #[serde(deserialize_with = "lenient::or_default")]
    pub masked_fields: Vec<String>,
}

impl Default for WorkflowDef {
    fn default() -> Self {
        WorkflowDef {
            owner_app: None,
            create_time: 0,
            update_time: 0,
            created_by: None,
            updated_by: None,
            name: None,
            description: None,
            version: 1,
            tasks: Vec::new(),
            input_parameters: Vec::new(),
            output_parameters: Map::new(),
            failure_workflow: None,
            failure_workflow_version: None,
            schema_version: 2,
            restartable: true,
            workflow_status_listener_enabled: false,
            workflow_status_listener_sink: None,
            owner_email: None,
            timeout_policy: WorkflowTimeoutPolicy::default(),
            timeout_seconds: 0,
            variables: Map::new(),
            input_template: Map::new(),
            rate_limit_config: None,
            input_schema: None,
            output_schema: None,
            enforce_schema: true,
            metadata: Map::new(),
            cache_config: None,
            masked_fields: Vec::new(),
        }
    }
}

/// One task of a definition (Conductor: `WorkflowTask`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TaskConfig {
    #[serde(deserialize_with = "lenient::opt_text", skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(
        rename = "taskReferenceName",
        deserialize_with = "lenient::opt_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub ref_name: Option<String>,
    #[serde(deserialize_with = "lenient::opt_text", skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(deserialize_with = "lenient::or_default")]
    pub input_parameters: Map<String, Value>,
    #[serde(
        rename = "type",
        alias = "workflowTaskType",
        deserialize_with = "lenient::opt_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub kind: Option<String>,
    #[serde(deserialize_with = "lenient::opt_text", skip_serializing_if = "Option::is_none")]
    pub dynamic_task_name_param: Option<String>,
    #[serde(deserialize_with = "lenient::opt_text", skip_serializing_if = "Option::is_none")]
    pub case_value_param: Option<String>,
    #[serde(deserialize_with = "lenient::opt_text", skip_serializing_if = "Option::is_none")]
    pub case_expression: Option<String>,
    #[serde(deserialize_with = "lenient::opt_text", skip_serializing_if = "Option::is_none")]
    pub script_expression: Option<String>,
    #[serde(deserialize_with = "lenient::or_default")]
    pub decision_cases: IndexMap<String, Vec<TaskConfig>>,
    #[serde(deserialize_with = "lenient::opt_text", skip_serializing_if = "Option::is_none")]
    pub dynamic_fork_join_tasks_param: Option<String>,
    #[serde(deserialize_with = "lenient::opt_text", skip_serializing_if = "Option::is_none")]
    pub dynamic_fork_tasks_param: Option<String>,
    #[serde(deserialize_with = "lenient::opt_text", skip_serializing_if = "Option::is_none")]
    pub dynamic_fork_tasks_input_param_name: Option<String>,
    #[serde(deserialize_with = "lenient::or_default")]
    pub default_case: Vec<TaskConfig>,
    #[serde(deserialize_with = "lenient::or_default")]
    pub fork_tasks: Vec<Vec<TaskConfig>>,
    /// Seconds.
    #[serde(deserialize_with = "lenient::i32")]
    pub start_delay: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sub_workflow_param: Option<SubWorkflowParams>,
    #[serde(deserialize_with = "lenient::or_default")]
    pub join_on: Vec<String>,
    #[serde(deserialize_with = "lenient::opt_text", skip_serializing_if = "Option::is_none")]
    pub sink: Option<String>,
    #[serde(deserialize_with = "lenient::bool")]
    pub optional: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_definition: Option<TaskDef>,
    #[serde(deserialize_with = "lenient::opt_bool", skip_serializing_if = "Option::is_none")]
    pub rate_limited: Option<bool>,
    #[serde(deserialize_with = "lenient::or_default")]
    pub default_exclusive_join_task: Vec<String>,
    #[serde(deserialize_with = "lenient::opt_bool", skip_serializing_if = "Option::is_none")]
    pub async_complete: Option<bool>,
    #[serde(deserialize_with = "lenient::opt_text", skip_serializing_if = "Option::is_none")]
    pub loop_condition: Option<String>,
    #[serde(deserialize_with = "lenient::or_default")]
    pub loop_over: Vec<TaskConfig>,
    #[serde(deserialize_with = "lenient::opt_text", skip_serializing_if = "Option::is_none")]
    pub items: Option<String>,
    #[serde(deserialize_with = "lenient::opt_i32", skip_serializing_if = "Option::is_none")]
    pub retry_count: Option<i32>,
    #[serde(deserialize_with = "lenient::opt_text", skip_serializing_if = "Option::is_none")]
    pub evaluator_type: Option<String>,
    #[serde(deserialize_with = "lenient::opt_text", skip_serializing_if = "Option::is_none")]
    pub expression: Option<String>,
    #[serde(deserialize_with = "lenient::or_default")]
    pub on_state_change: Map<String, Value>,
    #[serde(deserialize_with = "lenient::opt_text", skip_serializing_if = "Option::is_none")]
    pub join_status: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_config: Option<Value>,
    #[serde(deserialize_with = "lenient::bool")]
    pub permissive: bool,
    #[serde(deserialize_with = "lenient::opt_text", skip_serializing_if = "Option::is_none")]
    pub join_mode: Option<String>,
    #[serde(deserialize_with = "lenient::or_default")]
    pub metadata: Map<String, Value>,
}

impl Default for TaskConfig {
    fn default() -> Self {
        TaskConfig {
            name: None,
            ref_name: None,
            description: None,
            input_parameters: Map::new(),
            kind: Some("SIMPLE".to_owned()),
            dynamic_task_name_param: None,
            case_value_param: None,
            case_expression: None,
            script_expression: None,
            decision_cases: IndexMap::new(),
            dynamic_fork_join_tasks_param: None,
            dynamic_fork_tasks_param: None,
            dynamic_fork_tasks_input_param_name: None,
            default_case: Vec::new(),
            fork_tasks: Vec::new(),
            start_delay: 0,
            sub_workflow_param: None,
            join_on: Vec::new(),
            sink: None,
            optional: false,
            task_definition: None,
            rate_limited: None,
            default_exclusive_join_task: Vec::new(),
            async_complete: Some(false),
            loop_condition: None,
            loop_over: Vec::new(),
            items: None,
            retry_count: None,
            evaluator_type: None,
            expression: None,
            on_state_change: Map::new(),
            join_status: None,
            cache_config: None,
            permissive: false,
            join_mode: None,
            metadata: Map::new(),
        }
    }
}

impl TaskConfig {
    /// The reference name; validation refuses a definition without one.
    pub fn ref_name(&self) -> &str {
        self.ref_name.as_deref().unwrap_or_default()
    }

    /// The name, also that of its task definition.
    pub fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }

    /// The type; blank or absent means `SIMPLE`.
    pub fn kind(&self) -> &str {
        match self.kind.as_deref() {
            None | Some("") => "SIMPLE",
            Some(kind) => kind,
        }
    }
}

/// Which workflow a SUB_WORKFLOW task runs.
///
/// Where a definition is given whole, `name` and `version` are those of the definition, whatever was sent.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SubWorkflowParams {
    #[serde(deserialize_with = "lenient::opt_text", skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(deserialize_with = "lenient::opt_i32", skip_serializing_if = "Option::is_none")]
    pub version: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_to_domain: Option<IndexMap<String, String>>,
    /// A whole definition, or a text that is one `${…}`.
    #[serde(deserialize_with = "definition_or_expression", skip_serializing_if = "Option::is_none")]
    pub workflow_definition: Option<Value>,
    #[serde(deserialize_with = "lenient::opt_text", skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotency_strategy: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<Value>,
}

fn definition_or_expression<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Value>, D::Error> {
    let v = Option::<Value>::deserialize(d)?;
    match &v {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(_)) => Ok(v),
        Some(Value::String(s)) if s.starts_with("${") && s.ends_with('}') => Ok(v),
        Some(other) => Err(serde::de::Error::custom(format!(
            "workflowDefinition takes a definition or one ${{…}} expression, not {other}"
        ))),
    }
}

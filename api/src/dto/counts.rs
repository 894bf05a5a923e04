use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

/// Whether a number is the number or a lower bound.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum CountRelation {
    Eq,
    Gte,
}

/// How many workflows of a query there are in each status.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkflowCounts {
    /// All six statuses are there.
    pub counts: BTreeMap<&'static str, i64>,
    /// `gte`: some of them are lower bounds.
    pub relation: CountRelation,
    /// The statuses of which there are at least so many; absent if there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub lower_bounds: Vec<&'static str>,
}

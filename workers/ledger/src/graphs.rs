//! The graphs that deployments were drawn as, and the names that were deployed.

use sqlx::Row;
use sqlx::postgres::PgRow;

use crate::Ledger;
use crate::error::LedgerError;

/// A graph that was deployed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeployedGraph {
    pub deployment_id: String,
    pub version: i64,
    /// JSON text, as it was sent.
    pub graph: String,
}

impl Ledger {
    /// The graph of a version, or of the newest version of this name; `None` if that was not deployed as a graph.
    pub async fn deployed_graph(
        &self,
        name: &str,
        version: Option<i64>,
    ) -> Result<Option<DeployedGraph>, LedgerError> {
        let at = LedgerError::at("deployments.graph");
        // from step 3 on its definition is stored
        let row = sqlx::query(
            "SELECT id, version, graph FROM ledger.deployments
             WHERE name = $1 AND step >= 3 AND version = coalesce($2, version)
             ORDER BY version DESC LIMIT 1",
        )
        .bind(name)
        .bind(version)
        .fetch_optional(&self.pool)
        .await
        .map_err(&at)?;
        let read = |row: PgRow| {
            let graph: Option<String> = row.try_get("graph")?;
            let (deployment_id, version) = (row.try_get("id")?, row.try_get("version")?);
            Ok::<_, sqlx::Error>(graph.map(|graph| DeployedGraph { deployment_id, version, graph }))
        };
        Ok(row.map(read).transpose().map_err(at)?.flatten())
    }

    /// The names that were deployed last.
    pub async fn deployed_names(&self, limit: i64) -> Result<Vec<String>, LedgerError> {
        sqlx::query_scalar(
            "SELECT name FROM ledger.deployments GROUP BY name ORDER BY max(created_at) DESC, name LIMIT $1",
        )
        .bind(limit)
        .fetch_all(&self.pool)
        .await
        .map_err(LedgerError::at("deployments.names"))
    }
}

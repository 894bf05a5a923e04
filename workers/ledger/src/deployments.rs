//! Deployments of workflows: how far each one came, and who works on it.
//!
//! One row for each request. A process that wants to go on with one claims it for some seconds and renews that; every
//! later call names the holder and changes nothing once another has claimed the row. Steps only rise.

use std::time::Duration;

use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, Row};

use crate::Ledger;
use crate::error::LedgerError;

/// How far a deployment came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DeploymentStep {
    /// Its request was noted.
    Accepted,
    /// Its files are made.
    Filed,
    /// Its definition may be stored.
    Registering,
    /// Its definition is stored, and its workflow may be started.
    Starting,
    Done,
}

impl DeploymentStep {
    const ALL: [Self; 5] = [Self::Accepted, Self::Filed, Self::Registering, Self::Starting, Self::Done];

    fn number(self) -> i16 {
        self as i16
    }

    /// Its name for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Filed => "filed",
            Self::Registering => "registering",
            Self::Starting => "starting",
            Self::Done => "done",
        }
    }
}

/// A deployment as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployment {
    pub id: String,
    pub name: String,
    pub version: i64,
    /// The id that was chosen for its workflow.
    pub workflow_id: String,
    /// The id that its workflow has.
    pub instance_id: Option<String>,
    pub step: DeploymentStep,
    /// JSON text of the files that were made.
    pub files: Option<String>,
    /// JSON text of what was answered.
    pub answer: Option<String>,
    /// Why the last attempt ended.
    pub error: Option<String>,
    /// Whether somebody works on it now.
    pub is_held: bool,
    /// Milliseconds since 1970.
    pub created_ms: i64,
    pub updated_ms: i64,
}

/// A deployment that is asked for.
#[derive(Clone, Copy, Debug)]
pub struct NewDeployment<'a> {
    pub id: &'a str,
    pub key: &'a str,
    pub request_hash: &'a str,
    pub name: &'a str,
    /// `None` = seconds since 1970, or the one after the last of that name.
    pub version: Option<i64>,
    pub workflow_id: &'a str,
    /// JSON text of what was drawn.
    pub graph: Option<&'a str>,
}

/// What became of a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// The caller goes on with it.
    Mine(Deployment),
    /// Another does at this moment.
    Busy(Deployment),
    Done(Deployment),
    /// The key was used for something else.
    OtherRequest(Deployment),
    /// The version of that name is another deployment's.
    VersionTaken(Deployment),
}

const COLUMNS: &str = "id, name, version, workflow_id, instance_id, step, files, answer, error,
    coalesce(leased_until > now(), false) AS is_held,
    (extract(epoch FROM created_at) * 1000)::bigint AS created_ms,
    (extract(epoch FROM updated_at) * 1000)::bigint AS updated_ms";
/// Rounds of a claim: each is lost only to another process that got further.
const ROUNDS: u32 = 20;

impl Ledger {
    /// Finds the deployment of a key, or makes it, and claims it for `lease`.
    ///
    /// With `repeat_within`, one that has been done for longer is no answer any more: the request is a new deployment.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn claim_deployment(
        &self,
        new: &NewDeployment<'_>,
        holder: &str,
        lease: Duration,
        repeat_within: Option<Duration>,
    ) -> Result<Claim, LedgerError> {
        let mut last = None;
        for _ in 0..ROUNDS {
            let Some((found, hash, done_for)) = self.current(new.key).await? else {
                match self.insert(new, holder, lease).await? {
                    Some(claim) => return Ok(claim),
                    None => continue,
                }
            };
            if hash != new.request_hash {
                return Ok(Claim::OtherRequest(found));
            }
            if found.step == DeploymentStep::Done {
                if repeat_within.is_none_or(|limit| done_for <= limit) {
                    return Ok(Claim::Done(found));
                }
                self.retire(&found.id).await?;
                continue;
            }
            match self.claim_row(&found.id, holder, lease).await? {
                Some(mine) => return Ok(Claim::Mine(mine)),
                None => last = Some(found),
            }
            break;
        }
        last.map(Claim::Busy).ok_or(LedgerError::Settings(format!(
            "deployment key {:?} changed hands {ROUNDS} times in one call",
            new.key
        )))
    }

    /// Claims a deployment by its id; `None` if there is none.
    pub async fn claim_deployment_by_id(
        &self,
        id: &str,
        holder: &str,
        lease: Duration,
    ) -> Result<Option<Claim>, LedgerError> {
        if let Some(mine) = self.claim_row(id, holder, lease).await? {
            return Ok(Some(Claim::Mine(mine)));
        }
        Ok(self.deployment(id).await?.map(|found| match found.step {
            DeploymentStep::Done => Claim::Done(found),
            _ => Claim::Busy(found),
        }))
    }

    /// Makes a claim last for `lease` from now; `false` when it is lost.
    pub async fn renew_deployment(
        &self,
        id: &str,
        holder: &str,
        lease: Duration,
    ) -> Result<bool, LedgerError> {
        let done = sqlx::query(
            "UPDATE ledger.deployments SET leased_until = now() + make_interval(secs => $3)
             WHERE id = $1 AND holder = $2 AND step < 4",
        )
        .bind(id)
        .bind(holder)
        .bind(lease.as_secs_f64())
        .execute(&self.pool)
        .await;
        Ok(done.map_err(LedgerError::at("deployments.renew"))?.rows_affected() == 1)
    }

    /// Notes that a step was reached, with the files if they are new; `false` when the claim is lost.
    pub async fn advance_deployment(
        &self,
        id: &str,
        holder: &str,
        to: DeploymentStep,
        files: Option<&str>,
    ) -> Result<bool, LedgerError> {
        let done = sqlx::query(
            "UPDATE ledger.deployments SET step = greatest(step, $3), files = coalesce($4, files), updated_at = now()
             WHERE id = $1 AND holder = $2 AND step < 4",
        )
        .bind(id)
        .bind(holder)
        .bind(to.number())
        .bind(files)
        .execute(&self.pool)
        .await;
        Ok(done.map_err(LedgerError::at("deployments.advance"))?.rows_affected() == 1)
    }

    /// Notes that it is complete, with what is answered; `false` when the claim is lost.
    pub async fn end_deployment(
        &self,
        id: &str,
        holder: &str,
        instance_id: Option<&str>,
        answer: &str,
    ) -> Result<bool, LedgerError> {
        let done = sqlx::query(
            "UPDATE ledger.deployments SET step = 4, instance_id = $3, answer = $4, error = NULL, holder = NULL,
                leased_until = NULL, updated_at = now()
             WHERE id = $1 AND holder = $2 AND step < 4",
        )
        .bind(id)
        .bind(holder)
        .bind(instance_id)
        .bind(answer)
        .execute(&self.pool)
        .await;
        Ok(done.map_err(LedgerError::at("deployments.end"))?.rows_affected() == 1)
    }

    /// Notes why an attempt ended and gives the claim back.
    pub async fn fail_deployment(&self, id: &str, holder: &str, error: &str) -> Result<bool, LedgerError> {
        let done = sqlx::query(
            "UPDATE ledger.deployments SET error = $3, holder = NULL, leased_until = NULL, updated_at = now()
             WHERE id = $1 AND holder = $2 AND step < 4",
        )
        .bind(id)
        .bind(holder)
        // PostgreSQL's texts hold no such character
        .bind(error.replace('\0', "\u{fffd}"))
        .execute(&self.pool)
        .await;
        Ok(done.map_err(LedgerError::at("deployments.fail"))?.rows_affected() == 1)
    }

    /// A deployment, if there is one of that id.
    pub async fn deployment(&self, id: &str) -> Result<Option<Deployment>, LedgerError> {
        let at = LedgerError::at("deployments.find");
        let row =
            sqlx::query(AssertSqlSafe(format!("SELECT {COLUMNS} FROM ledger.deployments WHERE id = $1")))
                .bind(id)
                .fetch_optional(&self.pool)
                .await
                .map_err(&at)?;
        row.map(|row| read(&row)).transpose().map_err(at)
    }

    /// The newest deployments.
    pub async fn deployments(&self, limit: i64) -> Result<Vec<Deployment>, LedgerError> {
        let at = LedgerError::at("deployments.list");
        let rows = sqlx::query(AssertSqlSafe(format!(
            "SELECT {COLUMNS} FROM ledger.deployments ORDER BY created_at DESC, id DESC LIMIT $1"
        )))
        .bind(limit)
        .fetch_all(&self.pool)
        .await
        .map_err(&at)?;
        rows.iter().map(read).collect::<Result<_, _>>().map_err(at)
    }

    /// Forgets a claimed deployment; `false` when the claim is lost.
    pub async fn delete_deployment(&self, id: &str, holder: &str) -> Result<bool, LedgerError> {
        let done = sqlx::query("DELETE FROM ledger.deployments WHERE id = $1 AND holder = $2 AND step < 4")
            .bind(id)
            .bind(holder)
            .execute(&self.pool)
            .await;
        Ok(done.map_err(LedgerError::at("deployments.delete"))?.rows_affected() == 1)
    }

    /// The deployment that a key means now, the hash of its request, and for how long it has been as it is.
    async fn current(&self, key: &str) -> Result<Option<(Deployment, String, Duration)>, LedgerError> {
        let at = LedgerError::at("deployments.current");
        let row = sqlx::query(AssertSqlSafe(format!("SELECT request_hash, extract(epoch FROM now() - updated_at)::float8 AS unchanged, {COLUMNS} FROM ledger.deployments WHERE key = $1 AND is_current")))
        .bind(key)
        .fetch_optional(&self.pool)
        .await
        .map_err(&at)?;
        let read = |row: PgRow| {
            let unchanged: f64 = row.try_get("unchanged")?;
            let unchanged = Duration::try_from_secs_f64(unchanged).unwrap_or_default();
            Ok::<_, sqlx::Error>((read(&row)?, row.try_get("request_hash")?, unchanged))
        };
        row.map(read).transpose().map_err(at)
    }

    /// Makes a row; `None` when another made one of that key, or took the version that was counted.
    async fn insert(
        &self,
        new: &NewDeployment<'_>,
        holder: &str,
        lease: Duration,
    ) -> Result<Option<Claim>, LedgerError> {
        let at = LedgerError::at("deployments.insert");
        let row = sqlx::query(AssertSqlSafe(format!("INSERT INTO ledger.deployments (id, key, request_hash, name, version, workflow_id, holder, leased_until, graph)
             VALUES ($1, $2, $3, $4,
                coalesce($5, greatest(extract(epoch FROM now())::bigint,
                    (SELECT max(version) + 1 FROM ledger.deployments WHERE name = $4))),
                $6, $7, now() + make_interval(secs => $8), $9)
             ON CONFLICT DO NOTHING RETURNING {COLUMNS}")))
        .bind(new.id)
        .bind(new.key)
        .bind(new.request_hash)
        .bind(new.name)
        .bind(new.version)
        .bind(new.workflow_id)
        .bind(holder)
        .bind(lease.as_secs_f64())
        .bind(new.graph)
        .fetch_optional(&self.pool)
        .await
        .map_err(&at)?;
        if let Some(row) = row {
            return Ok(Some(Claim::Mine(read(&row).map_err(at)?)));
        }
        let Some(version) = new.version else { return Ok(None) };
        let row = sqlx::query(AssertSqlSafe(format!("SELECT {COLUMNS} FROM ledger.deployments WHERE name = $1 AND version = $2 AND NOT (key = $3 AND is_current)")))
        .bind(new.name)
        .bind(version)
        .bind(new.key)
        .fetch_optional(&self.pool)
        .await
        .map_err(&at)?;
        Ok(row.map(|row| read(&row)).transpose().map_err(at)?.map(Claim::VersionTaken))
    }

    async fn retire(&self, id: &str) -> Result<(), LedgerError> {
        sqlx::query("UPDATE ledger.deployments SET is_current = false WHERE id = $1 AND step = 4")
            .bind(id)
            .execute(&self.pool)
            .await
            .map(drop)
            .map_err(LedgerError::at("deployments.retire"))
    }

    async fn claim_row(
        &self,
        id: &str,
        holder: &str,
        lease: Duration,
    ) -> Result<Option<Deployment>, LedgerError> {
        let at = LedgerError::at("deployments.claim");
        let row = sqlx::query(AssertSqlSafe(format!("UPDATE ledger.deployments SET holder = $2, leased_until = now() + make_interval(secs => $3), updated_at = now()
             WHERE id = $1 AND step < 4 AND (leased_until IS NULL OR leased_until <= now())
             RETURNING {COLUMNS}")))
        .bind(id)
        .bind(holder)
        .bind(lease.as_secs_f64())
        .fetch_optional(&self.pool)
        .await
        .map_err(&at)?;
        row.map(|row| read(&row)).transpose().map_err(at)
    }
}

fn read(row: &PgRow) -> Result<Deployment, sqlx::Error> {
    let number: i16 = row.try_get("step")?;
    let step = DeploymentStep::ALL.into_iter().find(|step| step.number() == number);
    let step =
        step.ok_or_else(|| sqlx::Error::Decode(format!("{number} is no step of a deployment").into()))?;
    Ok(Deployment {
        id: row.try_get("id")?,
        name: row.try_get("name")?,
        version: row.try_get("version")?,
        workflow_id: row.try_get("workflow_id")?,
        instance_id: row.try_get("instance_id")?,
        step,
        files: row.try_get("files")?,
        answer: row.try_get("answer")?,
        error: row.try_get("error")?,
        is_held: row.try_get("is_held")?,
        created_ms: row.try_get("created_ms")?,
        updated_ms: row.try_get("updated_ms")?,
    })
}

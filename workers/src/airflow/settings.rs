//! What the services that talk to Airflow are told.

use std::time::Duration;

use podium_objects::ObjectStore;

/// Where Airflow is, and how it is talked to.
#[derive(Clone)]
pub struct AirflowSettings {
    /// `http(s)://host[:port][/path]`; without a scheme `https`.
    pub endpoint: String,
    pub version: AirflowVersion,
    pub auth: AirflowAuth,
    /// One try to trigger a DAG run.
    pub trigger_timeout: Duration,
    /// Any other call.
    pub call_timeout: Duration,
    /// Tries to trigger a DAG run, and the wait after the first, which doubles.
    pub tries: u32,
    pub retry_wait: Duration,
}

/// The generation of the REST API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AirflowVersion {
    /// `/api/v1`, Airflow 2.
    V1,
    /// `/api/v2`, Airflow 3.
    V2,
}

/// Who we are.
#[derive(Clone)]
pub enum AirflowAuth {
    /// The cookie of a session: a given one, else of a login with user and password, renewed when it has expired.
    Session {
        cookie: String,
        user: String,
        password: String,
    },
    Basic {
        user: String,
        password: String,
    },
    /// A given token; else, with Airflow 3, one for user and password.
    Bearer {
        token: String,
        user: String,
        password: String,
    },
    Mwaa(MwaaSettings),
}

/// An environment of Amazon's managed Airflow.
#[derive(Clone)]
pub struct MwaaSettings {
    pub environment: String,
    pub region: String,
    /// Address of the service that gives out tokens; empty for Amazon's own in that region.
    pub token_endpoint: String,
    pub access_key: String,
    pub secret_key: String,
    /// Of temporary keys.
    pub session_token: Option<String>,
}

impl AirflowAuth {
    /// The word for it in the settings.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Session { .. } => "session",
            Self::Basic { .. } => "basic",
            Self::Bearer { .. } => "bearer",
            Self::Mwaa(_) => "mwaa",
        }
    }
}

impl std::fmt::Debug for AirflowSettings {
    /// Shows everything but the secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AirflowSettings")
            .field("endpoint", &self.endpoint)
            .field("version", &self.version)
            .field("auth", &self.auth.name())
            .finish_non_exhaustive()
    }
}

/// A DAG that does a job, and the names it knows the job by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DagJob {
    pub dag_id: String,
    pub execution_id: String,
    /// Ids of its runs begin with this.
    pub base: String,
}

/// The documented DAGs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DagJobs {
    pub name_parse: DagJob,
    pub email_hygiene: DagJob,
    pub reverse_match: DagJob,
    pub reverse_append: DagJob,
}

/// When a DAG run is looked at, and when it is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WatchSettings {
    /// How often a run is asked for: from a quarter of it at first to six times it.
    pub poll_interval: Duration,
    /// A run that has not ended after this long has failed.
    pub max_wait: Duration,
    /// How long Airflow may answer 401, 403 or 404 before that is believed.
    pub refusal_patience: Duration,
    /// How often the ledger is searched for rows of others.
    pub ledger_interval: Duration,
    /// How long a row is kept from others after its owner was last heard of.
    pub lease: Duration,
    /// Runs that are asked for at the same moment.
    pub parallel: u32,
}

/// What the services that work with DAGs are built from.
#[derive(Clone)]
pub struct DagParts {
    pub airflow: AirflowSettings,
    pub jobs: DagJobs,
    /// The store that DAGs read and write.
    pub store: ObjectStore,
    /// Their bucket there, and what their keys begin with.
    pub bucket: String,
    pub prefix: String,
    /// Where DAG runs are handed to the monitor.
    pub monitor_topic: String,
    pub watch: WatchSettings,
}

impl DagParts {
    /// The address of a file of the pipeline in the DAGs' store.
    pub(crate) fn url(&self, file: &str) -> String {
        format!("s3://{}/{}", self.bucket, self.key(file))
    }

    /// The key of a file of the pipeline.
    pub(crate) fn key(&self, file: &str) -> String {
        let prefix = self.prefix.trim_matches('/');
        if prefix.is_empty() { file.to_owned() } else { format!("{prefix}/{file}") }
    }
}

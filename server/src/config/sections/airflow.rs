//! Airflow, the DAGs of the pipeline, and watching their runs.

use podium_objects::ObjectStore;
use podium_workers::airflow::{
    AirflowAuth, AirflowSettings, AirflowVersion, DagJob, DagJobs, DagParts, MwaaSettings, WatchSettings,
};
use serde::Deserialize;

use crate::config::{Config, Humane};

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AirflowSection {
    pub endpoint: String,
    pub api: Api,
    pub auth: Auth,
    pub session_token: String,
    pub user: String,
    pub password: String,
    pub bearer_token: String,
    pub mwaa_environment: String,
    pub mwaa_token_endpoint: String,
    pub trigger_timeout: Humane,
    pub call_timeout: Humane,
    pub tries: u32,
    pub retry_wait: Humane,
    pub name_parse_dag: String,
    pub name_parse_execution_id: String,
    pub name_parse_job: String,
    pub email_hygiene_dag: String,
    pub email_hygiene_execution_id: String,
    pub email_hygiene_job: String,
    pub match_dag: String,
    pub match_execution_id: String,
    pub match_job: String,
    pub append_dag: String,
    pub append_execution_id: String,
    pub append_job: String,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Api {
    V1,
    V2,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Auth {
    Session,
    Basic,
    Bearer,
    Mwaa,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DagMonitorSection {
    pub topic: String,
    pub poll_interval: Humane,
    pub max_wait: Humane,
    pub refusal_patience: Humane,
    pub ledger_interval: Humane,
    pub lease: Humane,
    pub parallel: u32,
}

impl std::fmt::Debug for AirflowSection {
    /// Shows everything but the secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AirflowSection")
            .field("endpoint", &self.endpoint)
            .field("api", &self.api)
            .field("auth", &self.auth)
            .finish_non_exhaustive()
    }
}

impl Config {
    /// What the services that work with DAGs are built from; `store` is the one that DAGs read and write.
    pub(crate) fn dags(&self, store: ObjectStore) -> DagParts {
        let (a, m) = (&self.airflow, &self.dag_monitor);
        let job = |dag_id: &String, execution_id: &String, base: &String| DagJob {
            dag_id: dag_id.clone(),
            execution_id: execution_id.clone(),
            base: base.clone(),
        };
        DagParts {
            airflow: AirflowSettings {
                endpoint: a.endpoint.clone(),
                version: match a.api {
                    Api::V1 => AirflowVersion::V1,
                    Api::V2 => AirflowVersion::V2,
                },
                auth: self.airflow_auth(),
                trigger_timeout: a.trigger_timeout.0,
                call_timeout: a.call_timeout.0,
                tries: a.tries,
                retry_wait: a.retry_wait.0,
            },
            jobs: DagJobs {
                name_parse: job(&a.name_parse_dag, &a.name_parse_execution_id, &a.name_parse_job),
                email_hygiene: job(&a.email_hygiene_dag, &a.email_hygiene_execution_id, &a.email_hygiene_job),
                reverse_match: job(&a.match_dag, &a.match_execution_id, &a.match_job),
                reverse_append: job(&a.append_dag, &a.append_execution_id, &a.append_job),
            },
            store,
            bucket: self.s3.bucket.clone(),
            prefix: self.s3.prefix.clone(),
            monitor_topic: m.topic.clone(),
            watch: WatchSettings {
                poll_interval: m.poll_interval.0,
                max_wait: m.max_wait.0,
                refusal_patience: m.refusal_patience.0,
                ledger_interval: m.ledger_interval.0,
                lease: m.lease.0,
                parallel: m.parallel,
            },
        }
    }

    fn airflow_auth(&self) -> AirflowAuth {
        let a = &self.airflow;
        let (user, password) = (a.user.clone(), a.password.clone());
        match a.auth {
            Auth::Session => AirflowAuth::Session { cookie: a.session_token.clone(), user, password },
            Auth::Basic => AirflowAuth::Basic { user, password },
            Auth::Bearer => AirflowAuth::Bearer { token: a.bearer_token.clone(), user, password },
            Auth::Mwaa => AirflowAuth::Mwaa(MwaaSettings {
                environment: a.mwaa_environment.clone(),
                region: self.s3.region.clone(),
                token_endpoint: a.mwaa_token_endpoint.clone(),
                access_key: self.s3.access_key.clone(),
                secret_key: self.s3.secret_key.clone(),
                session_token: Some(self.s3.session_token.clone()).filter(|t| !t.is_empty()),
            }),
        }
    }
}

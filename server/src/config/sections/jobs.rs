//! Our own job runner in the place of Airflow.

use std::net::SocketAddr;

use podium_workers::jobs::Job;
use podium_workers::jobs::runner::{Access, RunnerSettings};

use super::airflow::Auth;
use crate::config::Config;

/// The services that trigger DAG runs.
const NEED_AIRFLOW: [&str; 3] = ["airflow-adapter", "email-hygiene", "reverse-email"];

impl Config {
    /// Whether services run here that need an Airflow, and none is configured.
    pub(crate) fn lacks_airflow(&self) -> bool {
        let needed = self.workers.run.iter().any(|name| NEED_AIRFLOW.contains(&name.as_str()));
        needed && self.airflow.endpoint.is_empty()
    }

    /// The runner in its place: it has the DAGs that the services ask for, and lets in whom the settings know.
    pub(crate) fn job_runner(&self) -> RunnerSettings {
        let a = &self.airflow;
        let dags = [
            (&a.name_parse_dag, Job::NameParse),
            (&a.email_hygiene_dag, Job::EmailHygiene),
            (&a.match_dag, Job::Match),
            (&a.append_dag, Job::Append),
        ];
        let given = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
        RunnerSettings {
            dags: dags.into_iter().map(|(dag_id, job)| (dag_id.clone(), job)).collect(),
            metadata_root: format!("s3://{}/{}", self.s3.bucket, self.s3.prefix.trim_matches('/')),
            parallel: self.dev.jobs_parallel,
            access: Access {
                session: given(&a.session_token),
                basic: given(&a.user).zip(given(&a.password)),
            },
        }
    }

    /// Who asks the runner needs something to be let in with; made up where the settings say nothing.
    pub(crate) fn make_up_airflow_access(&mut self) {
        let a = &mut self.airflow;
        if a.session_token.is_empty() && (a.user.is_empty() || a.password.is_empty()) {
            a.auth = Auth::Basic;
            "podium".clone_into(&mut a.user);
            a.password = uuid::Uuid::new_v4().to_string();
        }
    }

    /// Sends the services to the runner at this address.
    pub(crate) fn use_own_airflow(&mut self, address: SocketAddr) {
        self.airflow.endpoint = format!("http://{address}");
    }
}

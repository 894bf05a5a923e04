//! Deploys a workflow: files, definition, start. What was begun can be finished or removed.
//!
//! ```text
//! accepted ─ files ─> filed ─ version is free ─> registering ─ POST definition ─> starting ─ POST workflow ─> done
//! ```
//!
//! Each arrow ends in a row of the ledger, and what stands on it may be done twice: objects have keys that follow from the
//! deployment, a version that was free before `registering` is ours afterwards, and a workflow is looked for before it is
//! started again (Podium even takes its id from us). So whoever repeats a request after a crash finishes it. One process
//! at a time works on a deployment: it holds a lease of the row, which lapses when it dies.

pub(crate) mod error;
mod files;
mod request;

use std::sync::Arc;
use std::time::Duration;

use podium_ledger::{Claim, Deployment, DeploymentStep, Ledger, NewDeployment};
use serde_json::Value;
use tokio::task::JoinHandle;
use tracing::{info, warn};

use super::definition::{Addresses, set_addresses};
use super::engine::{Engine, EngineError, Start};
use super::settings::IngestionSettings;
pub(crate) use error::DeployError;
use files::ServiceFiles;
use request::Names;
pub(crate) use request::{Answer, Request, definition_of};

/// A process that died gives its deployments back after so long.
const LEASE: Duration = Duration::from_secs(5);
/// Between two looks at a deployment that another process works on.
const LOOK: Duration = Duration::from_millis(100);

/// Deploys; one for each process.
pub(crate) struct Deployer {
    pub(crate) settings: Arc<IngestionSettings>,
    pub(crate) engine: Engine,
    pub(crate) ledger: Ledger,
    /// Who we are, in leases.
    holder: String,
}

impl Deployer {
    pub(crate) fn new(settings: Arc<IngestionSettings>, engine: Engine, ledger: Ledger) -> Self {
        Self { settings, engine, ledger, holder: uuid::Uuid::now_v7().to_string() }
    }

    /// Deploys, or finishes what an earlier request of the same key began. May be dropped and asked for again at any time.
    pub(crate) async fn deploy(&self, request: &Request) -> Result<Answer, DeployError> {
        let names = Names::fresh();
        let hash_key = format!("hash:{}", request.hash);
        let new = NewDeployment {
            id: &names.run,
            key: request.key.as_deref().unwrap_or(&hash_key),
            request_hash: &request.hash,
            name: &request.name,
            version: request.version,
            workflow_id: &names.workflow,
            graph: request.graph.as_deref(),
        };
        // a version or a key of the sender's own says which deployment is meant, for ever
        let lasting = request.key.is_some() || request.version.is_some();
        let repeat_within = (!lasting).then_some(self.settings.repeat_within);
        // every attempt holds its own lease: two requests of this process are as strange to each other as two processes
        let holder = format!("{}/{}", self.holder, names.run);
        loop {
            match self.ledger.claim_deployment(&new, &holder, LEASE, repeat_within).await? {
                Claim::Mine(deployment) => return self.work(&deployment, request, &holder).await,
                Claim::Busy(_) => tokio::time::sleep(LOOK).await,
                Claim::Done(deployment) => return repeated(&deployment),
                Claim::OtherRequest(deployment) => {
                    return Err(DeployError::Conflict(format!(
                        "this Idempotency-Key belongs to deployment {}, which was asked for with another body; use a new key",
                        deployment.id
                    )));
                }
                // one that failed before it had a definition holds its version for nobody
                Claim::VersionTaken(other) if !other.is_held && other.step < DeploymentStep::Registering => {
                    self.remove(&other.id).await?;
                }
                Claim::VersionTaken(deployment) => {
                    return Err(DeployError::Conflict(format!(
                        "version {} of workflow {:?} belongs to deployment {}; leave the version out, or choose another",
                        deployment.version, deployment.name, deployment.id
                    )));
                }
            }
        }
    }

    async fn work(
        &self,
        deployment: &Deployment,
        request: &Request,
        holder: &str,
    ) -> Result<Answer, DeployError> {
        let lease = Lease::keep(self.ledger.clone(), &deployment.id, holder);
        let done = self.steps(deployment, request, holder).await;
        drop(lease);
        if let Err(error) = &done {
            warn!(deployment = deployment.id, workflow = deployment.name, %error, "a deployment failed");
            // who repeats the request needs no lease to lapse; if this fails too, it lapses
            if let Err(error) = self.ledger.fail_deployment(&deployment.id, holder, &error.to_string()).await
            {
                warn!(deployment = deployment.id, %error, "could not note that a deployment failed");
            }
        }
        done
    }

    async fn steps(
        &self,
        deployment: &Deployment,
        request: &Request,
        holder: &str,
    ) -> Result<Answer, DeployError> {
        let begun_at = deployment.step;
        let services: Vec<ServiceFiles> = match deployment.files.as_deref().map(serde_json::from_str) {
            Some(Ok(services)) => services,
            Some(Err(_)) | None => {
                let services = files::make(&self.settings, request, &deployment.workflow_id).await?;
                let noted = serde_json::to_string(&services).expect("files are always writable");
                self.advance(deployment, holder, DeploymentStep::Filed, Some(&noted)).await?;
                services
            }
        };
        let workflow_id = match request.trigger {
            false => None,
            true => {
                if begun_at < DeploymentStep::Starting {
                    self.register(deployment, request, &services, holder).await?;
                }
                Some(self.start(deployment, begun_at).await?)
            }
        };
        let answer = self.answer(deployment, services, workflow_id);
        let text = serde_json::to_string(&answer).expect("answers are always writable");
        let is_ours = self
            .ledger
            .end_deployment(&deployment.id, holder, answer.workflow_instance_id.as_deref(), &text)
            .await?;
        if !is_ours {
            return Err(DeployError::Lost);
        }
        info!(
            deployment = deployment.id,
            workflow = deployment.name,
            workflow_id = answer.workflow_instance_id,
            "deployed"
        );
        Ok(answer)
    }

    async fn advance(
        &self,
        deployment: &Deployment,
        holder: &str,
        to: DeploymentStep,
        files: Option<&str>,
    ) -> Result<(), DeployError> {
        let is_ours = self.ledger.advance_deployment(&deployment.id, holder, to, files).await?;
        if is_ours { Ok(()) } else { Err(DeployError::Lost) }
    }

    async fn register(
        &self,
        deployment: &Deployment,
        request: &Request,
        services: &[ServiceFiles],
        holder: &str,
    ) -> Result<(), DeployError> {
        let (name, version) = (&deployment.name, deployment.version);
        let taken = || {
            DeployError::Conflict(format!(
                "the engine has a version {version} of workflow {name:?} already; leave the version out, or choose another"
            ))
        };
        let may_be_ours = deployment.step >= DeploymentStep::Registering;
        if !may_be_ours {
            if self.engine.definition(name, version).await?.is_some() {
                return Err(taken());
            }
            self.advance(deployment, holder, DeploymentStep::Registering, None).await?;
        }
        let mut definition = request.definition.clone();
        definition.insert("version".to_owned(), version.into());
        for service in services {
            let to = Addresses {
                metadata: service.metadata_url.clone(),
                input: service.input_uri.clone(),
                output: service.output_uri.clone(),
            };
            set_addresses(&mut definition, &service.task, &to);
        }
        match self.engine.register(&Value::Object(definition)).await {
            // an earlier attempt has stored it and did not live to note that
            Err(EngineError::Refused { status: 409, .. }) if may_be_ours => {}
            Err(EngineError::Refused { status: 409, .. }) => return Err(taken()),
            other => other?,
        }
        self.advance(deployment, holder, DeploymentStep::Starting, None).await
    }

    async fn start(&self, deployment: &Deployment, begun_at: DeploymentStep) -> Result<String, DeployError> {
        let start = start_of(deployment);
        if begun_at >= DeploymentStep::Starting
            && let Some(id) = self.engine.started(&start).await?
        {
            return Ok(id);
        }
        Ok(self.engine.start(&start).await?)
    }

    fn answer(
        &self,
        deployment: &Deployment,
        services: Vec<ServiceFiles>,
        started: Option<String>,
    ) -> Answer {
        let first = services.first();
        let of = |field: fn(&ServiceFiles) -> &String| first.map(|service| field(service).clone());
        let shared = of(|service| &service.shared_metadata_url);
        let message = match started {
            Some(_) => "Workflow deployed and triggered successfully",
            None => "Workflow deployed without triggering Conductor",
        };
        Answer {
            run_id: first.map(|_| deployment.id.clone()),
            s3_input_uri: of(|service| &service.input_uri),
            s3_output_uri: of(|service| &service.output_uri),
            s3_report_uri: of(|service| &service.report_uri),
            updated_json_s3_key: shared
                .as_deref()
                .and_then(|url| url.strip_prefix(&format!("s3://{}/", self.settings.s3_bucket)))
                .map(str::to_owned),
            updated_json_uri: shared,
            workflow_instance_id: started,
            message: message.to_owned(),
            deployment_id: deployment.id.clone(),
            workflow_name: deployment.name.clone(),
            workflow_version: deployment.version,
            converter: first.and_then(|service| service.converter.clone()),
            services,
            repeated: false,
        }
    }

    /// Removes a deployment that did not come to its end, with its files and its definition. One whose workflow runs is
    /// not removed: the workflow would go on without its files.
    pub(crate) async fn remove(&self, id: &str) -> Result<Option<usize>, DeployError> {
        let holder = format!("{}/remove-{}", self.holder, uuid::Uuid::now_v7());
        let deployment = match self.ledger.claim_deployment_by_id(id, &holder, LEASE).await? {
            None => return Ok(None),
            Some(Claim::Mine(deployment)) => deployment,
            Some(Claim::Busy(_)) => {
                return Err(DeployError::Conflict(format!("deployment {id} is being worked on; come back")));
            }
            Some(Claim::Done(_) | Claim::OtherRequest(_) | Claim::VersionTaken(_)) => {
                return Err(DeployError::Conflict(format!(
                    "deployment {id} is complete; end and remove its workflow in the engine"
                )));
            }
        };
        let lease = Lease::keep(self.ledger.clone(), id, &holder);
        let removed = self.take_back(&deployment).await;
        drop(lease);
        match removed {
            Ok(objects) => {
                self.ledger.delete_deployment(id, &holder).await?;
                Ok(Some(objects))
            }
            Err(error) => {
                self.ledger.fail_deployment(id, &holder, &error.to_string()).await?;
                Err(error)
            }
        }
    }

    async fn take_back(&self, deployment: &Deployment) -> Result<usize, DeployError> {
        if deployment.step >= DeploymentStep::Starting
            && let Some(workflow) = self.engine.started(&start_of(deployment)).await?
        {
            return Err(DeployError::Conflict(format!(
                "deployment {} has started workflow {workflow}; repeat its request to finish it",
                deployment.id
            )));
        }
        if deployment.step >= DeploymentStep::Registering {
            self.engine.unregister(&deployment.name, deployment.version).await?;
        }
        files::remove(&self.settings, &deployment.workflow_id).await
    }
}

fn start_of(deployment: &Deployment) -> Start<'_> {
    Start {
        name: &deployment.name,
        version: deployment.version,
        correlation_id: &deployment.id,
        wanted_id: &deployment.workflow_id,
    }
}

fn repeated(deployment: &Deployment) -> Result<Answer, DeployError> {
    let answer = deployment.answer.as_deref().map(serde_json::from_str::<Answer>);
    match answer {
        Some(Ok(answer)) => Ok(Answer { repeated: true, ..answer }),
        Some(Err(_)) | None => Err(DeployError::Conflict(format!(
            "deployment {} is complete, but its answer cannot be read; look at GET /deployments/{}",
            deployment.id, deployment.id
        ))),
    }
}

/// Renews a lease until it is dropped.
struct Lease(JoinHandle<()>);

impl Lease {
    fn keep(ledger: Ledger, id: &str, holder: &str) -> Self {
        let (id, holder) = (id.to_owned(), holder.to_owned());
        Self(tokio::spawn(async move {
            loop {
                tokio::time::sleep(LEASE / 4).await;
                // a lease that was lost is noticed at the next step
                if let Err(error) = ledger.renew_deployment(&id, &holder, LEASE).await {
                    warn!(deployment = id, %error, "could not renew a lease");
                }
            }
        }))
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.0.abort();
    }
}

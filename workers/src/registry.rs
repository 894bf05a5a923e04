//! The services by name: what `podium worker NAME` and `workers.run` choose from.

use std::future::Future;
use std::pin::Pin;

use crate::airflow::{AirflowAdapter, EmailHygiene, ReverseEmail};
use crate::dag_monitor::DagMonitor;
use crate::email_validator::EmailValidator;
use crate::enricher::Enricher;
use crate::host::{Host, HostError, HostSettings};
use crate::phone_validator::PhoneValidator;
use crate::service::{Parts, Service, ServiceError};

/// All services. A new one is its own file and a line here.
pub static SERVICES: &[Registration] = &[
    Registration::of::<EmailValidator>(),
    Registration::of::<PhoneValidator>(),
    Registration::of::<AirflowAdapter>(),
    Registration::of::<EmailHygiene>(),
    Registration::of::<ReverseEmail>(),
    Registration::of::<DagMonitor>(),
    Registration::of::<Enricher>(),
];

/// A service by its name, and how to start it.
#[derive(Clone, Copy, Debug)]
pub struct Registration {
    name: &'static str,
    topic: &'static str,
    start: fn(Parts) -> Starting,
}

type Starting = Pin<Box<dyn Future<Output = Result<Host, StartError>> + Send>>;

impl Registration {
    /// The registration of a service.
    pub const fn of<S: Service>() -> Self {
        Self { name: S::NAME, topic: S::TOPIC, start: |parts| Box::pin(start::<S>(parts)) }
    }

    /// The service of this name.
    ///
    /// # Errors
    /// When there is none, with the names that there are.
    pub fn find(name: &str) -> Result<&'static Self, UnknownService> {
        SERVICES.iter().find(|r| r.name == name).ok_or_else(|| UnknownService(name.to_owned()))
    }

    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The documented topic of its requests.
    pub fn topic(&self) -> &'static str {
        self.topic
    }

    /// Builds the service and starts its host.
    ///
    /// # Errors
    /// When what it stands on is away or refuses; [`StartError::is_permanent`] tells them apart.
    pub async fn start(&self, parts: Parts) -> Result<Host, StartError> {
        (self.start)(parts).await
    }
}

async fn start<S: Service>(parts: Parts) -> Result<Host, StartError> {
    let open = |source| StartError::Open { service: S::NAME, source };
    let service = S::open(&parts).await.map_err(open)?;
    let settings = HostSettings::from_parts::<S>(&parts);
    Ok(Host::start(service, &parts.kafka, settings).await?)
}

/// There is no service of a name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no worker {0:?}: {names}", names = SERVICES.iter().map(|r| r.name).collect::<Vec<_>>().join(", "))]
pub struct UnknownService(String);

/// Why a service could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("{service}: {source}")]
    Open { service: &'static str, source: ServiceError },
    #[error(transparent)]
    Host(#[from] HostError),
}

impl StartError {
    /// Whether waiting mends nothing.
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::Open { source, .. } => !source.transient,
            Self::Host(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{Registration, SERVICES};

    #[test]
    fn names_are_distinct_and_found() {
        let names: BTreeSet<_> = SERVICES.iter().map(Registration::name).collect();
        assert_eq!(names.len(), SERVICES.len());
        for name in names {
            assert_eq!(Registration::find(name).map(Registration::name), Ok(name));
        }
        let error = Registration::find("mail").map(Registration::name).expect_err("no such service");
        assert!(error.to_string().starts_with("there is no worker \"mail\": email-validator, "), "{error}");
    }
}

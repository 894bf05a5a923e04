//! E-mail hygiene: its DAG, and the monitor.

use serde_json::json;

use super::client::Airflow;
use super::desk::open_airflow;
use super::hand_over::{Files, hand_over, not_triggered};
use super::settings::DagParts;
use crate::request::Request;
use crate::service::{Outcome, Parts, Service, ServiceError};

const FILES: Files = Files {
    label: "dp_email_hygiene_task",
    metadata: "dp_email_hygiene.json",
    stats: "Email_Hygiene_Stats_URL.jsonl",
    output_bucket: "email-hygiene-output",
    output: "email_hygiene.out",
};

/// The service.
pub struct EmailHygiene {
    airflow: Airflow,
    parts: DagParts,
}

impl Service for EmailHygiene {
    const NAME: &'static str = "email-hygiene";
    const TOPIC: &'static str = "email-hygiene-requests";
    const GROUP: &'static str = "email-hygiene-group";
    const REQUEST_TYPE: &'static str = "email_hygiene_request";
    const TAKES_UNTYPED: bool = true;
    const COMPLETED_TYPE: &'static str = "email_hygiene_completed";
    const STAGE: &'static str = "email_hygiene_processing";

    async fn open(parts: &Parts) -> Result<Self, ServiceError> {
        Ok(Self { airflow: open_airflow(parts)?, parts: parts.dags.clone() })
    }

    async fn handle(&self, request: &Request) -> Result<Outcome, ServiceError> {
        let job = &self.parts.jobs.email_hygiene;
        let handed =
            hand_over(&self.airflow, &self.parts, request, job, Some(&FILES), Self::COMPLETED_TYPE).await;
        handed.map_err(|(call, reason)| {
            let text = format!("Failed to trigger DAG run via script.: {reason}");
            // the name under which readers of this service look for it
            not_triggered(&call, text.clone()).with(json!({"error_message": text}))
        })
    }
}

//! The kinds of nodes, and the words that belong to each.

/// What a node does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    EmailValidation,
    PhoneValidation,
    Enrichment,
    EmailHygiene,
    NameParse,
    AirflowTrigger,
    ReverseEmail,
    Finalize,
    WaitForResult,
    /// Makes no task; edges are followed through it.
    EventWait,
    /// Any task of a definition, as it stands in its data.
    Task,
}

/// The fixed words of a kind that publishes a request and waits for its completion.
pub(super) struct Words {
    /// Name and reference of the publish task.
    pub(super) publish: &'static str,
    pub(super) topic: &'static str,
    /// `taskId` of the request, without its `_task`.
    pub(super) label: &'static str,
    pub(super) event_type: &'static str,
    pub(super) key: &'static str,
    /// `wait_for_<this>_completion`.
    pub(super) wait: &'static str,
    /// `conductor:<this>`.
    pub(super) sink: &'static str,
    /// `<this>_result` among the definition's output parameters.
    pub(super) output: &'static str,
}

impl Kind {
    /// Every kind with its `type` in the graph.
    pub(super) const ALL: [(&'static str, Kind); 11] = [
        ("emailValidation", Kind::EmailValidation),
        ("phoneValidation", Kind::PhoneValidation),
        ("enrichment", Kind::Enrichment),
        ("dpEmailHygiene", Kind::EmailHygiene),
        ("nameParse", Kind::NameParse),
        ("airflowTrigger", Kind::AirflowTrigger),
        ("reverseEmail", Kind::ReverseEmail),
        ("finalizePipeline", Kind::Finalize),
        ("waitForResult", Kind::WaitForResult),
        ("eventWait", Kind::EventWait),
        ("task", Kind::Task),
    ];

    pub(super) fn of(name: &str) -> Option<Kind> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind)
    }

    /// Whether it reads one CSV file and writes another.
    pub(super) fn is_file(self) -> bool {
        matches!(self, Kind::EmailValidation | Kind::PhoneValidation | Kind::Enrichment)
    }

    /// Whether it hands an XML configuration to a job.
    pub(super) fn is_dp(self) -> bool {
        matches!(self, Kind::EmailHygiene | Kind::NameParse)
    }

    /// `None` for the kinds that do not wait for a completion.
    pub(super) fn words(self) -> Option<Words> {
        let words = match self {
            Kind::EmailValidation => Words {
                publish: "email_validation",
                topic: "email-validation-requests",
                label: "email_validation",
                event_type: "email_validation_request",
                key: "email-validation",
                wait: "email_validation",
                sink: "email_validation_completed",
                output: "email",
            },
            Kind::PhoneValidation => Words {
                publish: "phone_validation",
                topic: "phone-validation-requests",
                label: "phone_validation",
                event_type: "phone_validation_request",
                key: "phone-validation",
                wait: "phone_validation",
                sink: "phone_validation_completed",
                output: "phone",
            },
            Kind::Enrichment => Words {
                publish: "enrichment",
                topic: "enrichment-requests",
                label: "enrichment",
                event_type: "enrichment_request",
                key: "enrichment",
                wait: "enrichment",
                sink: "enrichment_completed",
                output: "enrichment",
            },
            Kind::EmailHygiene => Words {
                publish: "dp_email_hygiene",
                topic: "email-hygiene-requests",
                label: "dp_email_hygiene",
                event_type: "email_hygiene_request",
                key: "dp-email-hygiene",
                wait: "dp_email_hygiene",
                sink: "dp_email_hygiene_completed",
                output: "dp_email_hygiene",
            },
            Kind::NameParse => Words {
                publish: "dp_name_parse",
                topic: "airflow-trigger-requests",
                label: "dp_name_parse",
                event_type: "airflow_trigger_request",
                key: "dp-name-parse",
                wait: "name_parse",
                sink: "name_parse_completed",
                output: "name_parse",
            },
            Kind::AirflowTrigger => Words {
                publish: "trigger_airflow_dag",
                topic: "airflow-trigger-requests",
                label: "airflow_trigger",
                event_type: "airflow_trigger_request",
                key: "airflow-trigger",
                wait: "airflow",
                sink: "airflow_dag_completed",
                output: "airflow",
            },
            // the service that reads this topic wants the plural
            Kind::ReverseEmail => Words {
                publish: "reverse_email",
                topic: "reverse-email-requests",
                label: "reverse_email",
                event_type: "reverse_email_requests",
                key: "reverse-email",
                wait: "reverse_email",
                sink: "reverse_email_completed",
                output: "reverse_email",
            },
            Kind::Finalize | Kind::WaitForResult | Kind::EventWait | Kind::Task => return None,
        };
        Some(words)
    }
}

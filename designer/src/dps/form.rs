//! What a user fills in at a DP node.

use serde_json::Value;

use crate::layout::{EMAIL_HYGIENE, Layout, NAME_PARSE, by_id};
use crate::violation::Violations;

/// Which service a form describes, with what only that one asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    EmailHygiene,
    NameParse { orientation: NameOrientation, kind: NameType },
}

/// The order of a name's parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameOrientation {
    /// `FNF`: first name first.
    FirstNameFirst,
    /// `LNF`: last name first.
    LastNameFirst,
}

/// What a name field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameType {
    /// `B`: businesses.
    Business,
    /// `I`: people.
    Individual,
    /// `M`: either.
    Mixed,
}

impl NameOrientation {
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::FirstNameFirst => "FNF",
            Self::LastNameFirst => "LNF",
        }
    }
}

impl NameType {
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::Business => "B",
            Self::Individual => "I",
            Self::Mixed => "M",
        }
    }
}

/// A DP node's form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Form {
    pub service: Service,
    pub layout: &'static Layout,
    /// The input's field with the e-mail address or the name.
    pub source_field: String,
    pub input_uri: String,
    pub output_uri: String,
    /// `None` for a run without a report.
    pub report_uri: Option<String>,
    pub workflow_name: String,
    /// A label of runs, not an engine's id.
    pub workflow_id: String,
}

impl Form {
    /// Reads the data of a `dpEmailHygiene` or `nameParse` node.
    ///
    /// # Errors
    /// Everything that is missing or is none of the choices.
    pub fn read(kind: &str, data: &Value, workflow_name: &str) -> Result<Self, Violations> {
        let mut found = Violations::default();
        let text =
            |name: &str| data.get(name).and_then(Value::as_str).map(str::trim).filter(|t| !t.is_empty());
        let (service, default_layout, source) = match kind {
            "dpEmailHygiene" => (Service::EmailHygiene, &*EMAIL_HYGIENE, "emailSourceField"),
            "nameParse" => {
                let orientation = choice(
                    text("nameOrientation"),
                    "nameOrientation",
                    &[("FNF", NameOrientation::FirstNameFirst), ("LNF", NameOrientation::LastNameFirst)],
                    &mut found,
                );
                let kinds = [("M", NameType::Mixed), ("B", NameType::Business), ("I", NameType::Individual)];
                let kind = choice(text("nameType"), "nameType", &kinds, &mut found);
                (Service::NameParse { orientation, kind }, &*NAME_PARSE, "nameSourceField")
            }
            other => {
                found.add("unknown_kind", None, format!("{other:?} is neither dpEmailHygiene nor nameParse"));
                return Err(found);
            }
        };
        let layout = match text("selectedLayoutId") {
            None => default_layout,
            Some(id) if id == default_layout.id => default_layout,
            Some(id) => {
                let known = by_id(id).map_or(String::new(), |layout| format!(" ({})", layout.title));
                let message =
                    format!("selectedLayoutId {id}{known} is not the layout {} of {kind}", default_layout.id);
                found.add("layout", None, message);
                default_layout
            }
        };
        let preset = match service {
            Service::EmailHygiene => "EE_Email_Addr80",
            Service::NameParse { .. } => "name",
        };
        let source_field = text(source).unwrap_or(preset).to_owned();
        if layout.input.find(&source_field).is_none() {
            let known: Vec<&str> = layout.input.fields().iter().map(|f| f.name).collect();
            let message = format!("{source} {source_field:?} is none of {}", known.join(", "));
            found.add("source_field", None, message);
        }
        let mut required = |name: &str| {
            let value = text(name);
            if value.is_none() {
                found.add("missing", None, format!("{name} is missing"));
            }
            value.unwrap_or_default().to_owned()
        };
        let (input_uri, output_uri) = (required("inputUri"), required("outputUri"));
        let wants_report = data.get("generateReport").and_then(Value::as_bool).unwrap_or(false);
        let report_uri = wants_report.then(|| required("reportUri"));
        found.into_result()?;
        Ok(Self {
            service,
            layout,
            source_field,
            input_uri,
            output_uri,
            report_uri,
            workflow_name: workflow_name.to_owned(),
            workflow_id: workflow_name.to_owned(),
        })
    }
}

/// The value with this code; the first one if none is given.
fn choice<T: Copy>(code: Option<&str>, name: &str, all: &[(&str, T)], found: &mut Violations) -> T {
    let Some(code) = code else { return all[0].1 };
    match all.iter().find(|(known, _)| *known == code) {
        Some((_, value)) => *value,
        None => {
            let codes: Vec<&str> = all.iter().map(|(code, _)| *code).collect();
            found.add("choice", None, format!("{name} {code:?} is none of {}", codes.join(", ")));
            all[0].1
        }
    }
}

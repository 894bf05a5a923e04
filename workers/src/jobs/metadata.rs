//! What a job is told: the metadata JSON that the converter of the designer's XML makes.

use serde_json::Value;

use super::name_parse::{NameKind, Orientation};
use super::place::Place;
use super::{Job, JobError};

/// Where a job reads and writes, and how it takes names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobSpec {
    pub input: Place,
    pub output: Place,
    pub report: Option<Place>,
    /// The file that records are looked up in, for the jobs that do.
    pub reference: Option<Place>,
    /// The field that is worked on, where it is not the documented one.
    pub source_field: Option<String>,
    pub orientation: Orientation,
    pub kind: NameKind,
}

impl JobSpec {
    /// From here to there, everything else as documented.
    pub fn new(input: Place, output: Place) -> Self {
        Self {
            input,
            output,
            report: None,
            reference: None,
            source_field: None,
            orientation: Orientation::FirstNameFirst,
            kind: NameKind::Mixed,
        }
    }
}

/// Which places metadata may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Objects and files: of a person at the command line.
    Everything,
    /// Objects: of those who ask over the network, who must not read this machine's files.
    ObjectsOnly,
}

/// What a job cannot do without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Needs {
    Input,
    InputAndReference,
}

/// Reads a job's metadata: `service.input.uri`, `.output.uri`, `.report.uri`, `.reference.uri`, `.nameOrder`, `.nameType`,
/// and the source field in the expression of `.email.from` or `.name.from`.
///
/// # Errors
/// Names what is missing, or the value that was not expected.
pub(super) fn read_spec(job: Job, text: &str, from: &str, reach: Reach) -> Result<JobSpec, JobError> {
    let refused = |reason: String| JobError::Metadata { place: from.to_owned(), reason };
    let metadata: Value = serde_json::from_str(text).map_err(|e| refused(format!("it is no JSON: {e}")))?;
    let service = &metadata["service"];
    let place = |part: &str| match service[part]["uri"].as_str().filter(|uri| !uri.is_empty()) {
        None => Ok(None),
        Some(uri) => match Place::parse(uri) {
            Ok(Place::File(path)) if reach == Reach::ObjectsOnly => Err(refused(format!(
                "service.{part}.uri is {:?}, which is no object: s3://bucket/key is expected",
                path.display().to_string()
            ))),
            Ok(place) => Ok(Some(place)),
            Err(reason) => Err(refused(format!("service.{part}.uri: {reason}"))),
        },
    };
    let needed = |part: &str, place: Option<Place>| {
        place.ok_or_else(|| refused(format!("service.{part}.uri is missing")))
    };
    let mut spec = JobSpec::new(needed("input", place("input")?)?, needed("output", place("output")?)?);
    spec.report = place("report")?;
    spec.reference = place("reference")?;
    if job.needs() == Needs::InputAndReference {
        needed("reference", spec.reference.clone())?;
    }
    for read in [Some(&spec.input), spec.reference.as_ref()] {
        if read == Some(&spec.output) {
            return Err(refused(format!("service.output.uri is {}, which the job reads", spec.output)));
        }
    }
    spec.source_field = ["email", "name"].iter().find_map(|part| source_field(&service[*part]["from"]));
    let word =
        |part: &str| service[part].as_str().or_else(|| service[part]["value"].as_str()).unwrap_or_default();
    spec.orientation =
        Orientation::of(word("nameOrder")).map_err(|e| refused(format!("service.nameOrder: {e}")))?;
    spec.kind = NameKind::of(word("nameType")).map_err(|e| refused(format!("service.nameType: {e}")))?;
    Ok(spec)
}

/// The input's field inside an expression, wherever it stands: `{"function": .., "parms": [{"field": "input.name"}]}`.
fn source_field(expression: &Value) -> Option<String> {
    if let Some(field) = expression["field"].as_str() {
        return Some(field.strip_prefix("input.").unwrap_or(field).trim().to_owned())
            .filter(|f| !f.is_empty());
    }
    expression["parms"].as_array()?.iter().find_map(source_field)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Reach, read_spec};
    use crate::jobs::name_parse::{NameKind, Orientation};
    use crate::jobs::{Job, JobError, JobSpec, Place};

    fn read(job: Job, metadata: &serde_json::Value) -> Result<JobSpec, JobError> {
        read_spec(job, &metadata.to_string(), "s3://b/m.json", Reach::ObjectsOnly)
    }

    #[test]
    fn reads_what_the_converter_writes() {
        let metadata = json!({"metadata": {"environment": []}, "service": {
            "input": {"uri": "s3://b/a.in", "user_type": "data_in"}, "output": {"uri": "minio://b/a.out"},
            "report": {"uri": ""}, "nameOrder": "LNF", "nameType": "I",
            "name": {"from": {"function": "re_replace", "parms": [
                {"name": "inputStr", "field": "input.name"}, {"name": "regEx", "string": "[^[:print:]]"}]}}}});
        let spec = read(Job::NameParse, &metadata).expect("whole");
        assert_eq!(spec.input.to_string(), "s3://b/a.in");
        assert_eq!((spec.report, spec.source_field.as_deref()), (None, Some("name")));
        assert_eq!((spec.orientation, spec.kind), (Orientation::LastNameFirst, NameKind::Individual));
    }

    #[test]
    fn says_what_is_missing_or_out_of_reach() {
        let of = |service: serde_json::Value| {
            read(Job::Match, &json!({ "service": service })).expect_err("refused").to_string()
        };
        assert_eq!(of(json!({})), "s3://b/m.json: service.input.uri is missing");
        let input = json!({"uri": "s3://b/i"});
        assert!(of(json!({"input": {"uri": "/etc/passwd"}})).contains("which is no object"));
        assert!(of(json!({"input": {"uri": "s3://b/../i"}})).contains("names no object"));
        assert!(
            of(json!({"input": input, "output": {"uri": "s3://b/o"}}))
                .ends_with("service.reference.uri is missing")
        );
        assert!(
            of(json!({"input": input, "output": input, "reference": input})).contains("which the job reads")
        );
        let file = read_spec(
            Job::NameParse,
            r#"{"service":{"input":{"uri":"a"},"output":{"uri":"b"}}}"#,
            "m",
            Reach::Everything,
        );
        assert_eq!(file.expect("files are allowed").input, Place::File("a".into()));
    }
}

//! The documented kinds and their forms, as data: the user interface makes its palette and its forms of it.

use serde_json::{Value, json};

use crate::graph::documented_kinds;
use crate::layout::{self, EMAIL_HYGIENE, Kind, Layout, NAME_PARSE, Record};

/// The kinds that people draw, each with its fields in the order of the form.
///
/// `{groups: [{group, label}], kinds: [{type, label, group, palette, makes, dps?, fields: [{name, label, type, required?, default?, options?, help?,
/// when?}]}]}`. A field's `name` is a member of the node's `data`; `type` is `text`, `uri`, `choice` (one of `options`:
/// `{value, label}`), `switch` or `xml`; `when` is `{field, is}`: shown while another field has that value. `makes` are the
/// references of the tasks of a node that is the only one of its kind.
#[must_use]
pub fn kinds() -> Value {
    let services = "services";
    let jobs = "jobs";
    let others = "flow";
    let kinds = [
        kind("emailValidation", "E-mail validation", services, file_fields("email_validation")),
        kind("phoneValidation", "Phone validation", services, file_fields("phone_validation")),
        kind("enrichment", "Enrichment", services, file_fields("enrichment")),
        kind("dpEmailHygiene", "E-mail hygiene", jobs, hygiene_fields()),
        kind("nameParse", "Name parse", jobs, name_parse_fields()),
        kind("airflowTrigger", "Airflow DAG", jobs, airflow_fields()),
        kind("reverseEmail", "Reverse e-mail", jobs, reverse_email_fields()),
        kind("finalizePipeline", "End of the pipeline", others, finalize_fields()),
        kind("waitForResult", "Wait for a result", others, wait_fields()),
        kind("eventWait", "Wait for an event", others, Vec::new()),
    ];
    let groups = [(services, "Services on CSV files"), (jobs, "Jobs"), (others, "Flow")];
    let groups = groups.map(|(group, label)| json!({"group": group, "label": label}));
    json!({"groups": groups, "kinds": kinds})
}

/// The fixed-width layouts: `{layouts: [{id, title, kind, input: {length, fields: [{name, width, type}]}, output}]}`; lengths
/// and widths in bytes, a record's `LF` included.
#[must_use]
pub fn layouts() -> Value {
    let record = |record: &Record| {
        let fields = record.fields().iter().map(|field| {
            let kind = match field.kind {
                Kind::Text => "text",
                Kind::Decimal => "decimal",
            };
            json!({"name": field.name, "width": field.width, "type": kind})
        });
        json!({"length": record.length(), "fields": fields.collect::<Vec<_>>()})
    };
    let layouts = layout::ALL.into_iter().map(|layout| {
        let kind = if layout.id == EMAIL_HYGIENE.id { "dpEmailHygiene" } else { "nameParse" };
        json!({"id": layout.id, "title": layout.title, "kind": kind, "input": record(&layout.input),
            "output": record(&layout.output)})
    });
    json!({"layouts": layouts.collect::<Vec<_>>()})
}

fn kind(name: &str, label: &str, group: &str, fields: Vec<Value>) -> Value {
    let made = documented_kinds().find(|(known, _)| *known == name).map(|(_, references)| references);
    let is_dp = matches!(name, "dpEmailHygiene" | "nameParse");
    // the documented palette has all kinds but the one that makes nothing
    let palette = name != "eventWait";
    let mut kind = json!({"type": name, "label": label, "group": group, "palette": palette, "makes": made, "fields": fields});
    if is_dp {
        // its form becomes the XML of `dpserviceXml`
        kind["dps"] = true.into();
    }
    kind
}

fn field(name: &str, label: &str, kind: &str, help: &str) -> Value {
    let mut field = json!({"name": name, "label": label, "type": kind});
    if !help.is_empty() {
        field["help"] = help.into();
    }
    field
}

fn with(mut field: Value, members: &Value) -> Value {
    if let (Some(field), Some(members)) = (field.as_object_mut(), members.as_object()) {
        field.extend(members.clone());
    }
    field
}

fn choice(name: &str, label: &str, default: &str, options: &[(&str, &str)]) -> Value {
    let options: Vec<Value> =
        options.iter().map(|(value, label)| json!({"value": value, "label": label})).collect();
    with(field(name, label, "choice", ""), &json!({"default": default, "options": options}))
}

fn service_name(default: &str) -> Value {
    let help = "Replaces the stem of names, topic and event type; lower case, digits and _";
    with(field("serviceName", "Service name", "text", help), &json!({"placeholder": default}))
}

fn file_fields(service: &str) -> Vec<Value> {
    let help = "Only for a service that no other one feeds; else it reads what the one before it wrote";
    let placed = |name, label, placeholder: &str| {
        with(field(name, label, "text", help), &json!({"placeholder": placeholder}))
    };
    vec![
        placed("inputBucket", "Input bucket", "raw-data"),
        placed("inputKey", "Input file", "customer_data_sample.csv"),
        service_name(service),
    ]
}

/// The fields that both jobs of a layout have.
fn dp_fields(layout: &Layout, source: (&str, &str, &str)) -> Vec<Value> {
    let (name, label, preset) = source;
    let fields: Vec<(&str, &str)> = layout.input.fields().iter().map(|f| (f.name, f.name)).collect();
    let required = json!({"required": true});
    let output = "s3://bucket/key; a service behind this node reads it from there";
    vec![
        choice("selectedLayoutId", "Layout", layout.id, &[(layout.id, layout.title)]),
        with(field("inputUri", "Input file", "uri", "minio://bucket/key or s3://bucket/key"), &required),
        with(field("outputUri", "Output file", "uri", output), &required),
        with(field("generateReport", "Write a report", "switch", ""), &json!({"default": false})),
        with(
            field("reportUri", "Report file", "uri", ""),
            &json!({"required": true, "when": {"field": "generateReport", "is": true}}),
        ),
        choice(name, label, preset, &fields),
    ]
}

fn xml() -> Value {
    let help = "Made of the form; the request carries it to the service";
    with(field("dpserviceXml", "Service XML", "xml", help), &json!({"derived": true}))
}

fn hygiene_fields() -> Vec<Value> {
    let mut fields =
        dp_fields(&EMAIL_HYGIENE, ("emailSourceField", "Field with the address", "EE_Email_Addr80"));
    fields.extend([service_name("dp_email_hygiene"), xml()]);
    fields
}

fn name_parse_fields() -> Vec<Value> {
    let mut fields = dp_fields(&NAME_PARSE, ("nameSourceField", "Field with the name", "name"));
    let orders = [("FNF", "First name first"), ("LNF", "Last name first")];
    let types = [("M", "Either"), ("B", "Businesses"), ("I", "People")];
    fields.extend([
        choice("nameOrientation", "Order of the name", "FNF", &orders),
        choice("nameType", "What the names are of", "M", &types),
        service_name("name_parse"),
        xml(),
    ]);
    fields
}

fn airflow_fields() -> Vec<Value> {
    vec![
        field("dagId", "DAG", "text", "Empty: the adapter's own"),
        field("executionId", "Execution id", "text", "Empty: the adapter's own"),
        service_name("airflow"),
    ]
}

fn reverse_email_fields() -> Vec<Value> {
    let default = "Empty: the service's own";
    vec![
        field("matchDagId", "Match: DAG", "text", default),
        field("matchExecutionId", "Match: execution id", "text", default),
        field("matchMetadataUrl", "Match: metadata", "uri", default),
        field("appendDagId", "Append: DAG", "text", default),
        field("appendExecutionId", "Append: execution id", "text", default),
        field("appendMetadataUrl", "Append: metadata", "uri", default),
        service_name("reverse_email"),
    ]
}

fn finalize_fields() -> Vec<Value> {
    let help = "Only if nothing before it wrote a file";
    vec![field("inputBucket", "Final bucket", "text", help), field("inputKey", "Final file", "text", help)]
}

fn wait_fields() -> Vec<Value> {
    vec![
        field("taskName", "Reference", "text", "Empty: wait_ and a number"),
        with(
            field("topic", "Topic", "text", "Told to the worker that completes it"),
            &json!({"placeholder": "conductor-events"}),
        ),
    ]
}

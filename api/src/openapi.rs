//! The OpenAPI document, generated from the handlers.
//!
//! What every operation has in common is added here and not written at each: the answers to requests that cannot be read,
//! to bodies of another kind and to outages, and the examples of `openapi/examples.json`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use utoipa::OpenApi;
use utoipa::openapi::path::Operation;
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::schema::Ref;
use utoipa::openapi::{Content, PathItem, RefOr};

use crate::routes;

const JSON: &str = "application/json";
const EXAMPLES: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../openapi/examples.json"));

/// Paths of which a variable means something else than the router's name for that place says.
const MEANT: [(&str, &str, &str); 4] = [
    ("/api/workflow/{workflowId}/correlated", "workflowId", "name"),
    ("/api/workflow/{workflowId}/correlated/{correlationId}", "workflowId", "name"),
    ("/api/tasks/{workflowId}/{taskRefName}/signal", "taskRefName", "status"),
    ("/api/tasks/{workflowId}/{taskRefName}/signal/sync", "taskRefName", "status"),
];

/// The frame of the document; the routes fill it.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Podium",
        description = "A workflow engine on PostgreSQL that speaks Conductor's REST dialect.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    servers((url = "/", description = "The server that this document came from")),
    tags(
        (name = "workflow", description = "Start, look at, operate and end workflows"),
        (name = "workflow-bulk", description = "The same for many workflows at once"),
        (name = "task", description = "What workers call"),
        (name = "metadata", description = "Definitions of workflows and tasks"),
        (name = "event", description = "Handlers of events"),
        (name = "queue", description = "Queues of the default event module"),
        (name = "scheduler", description = "Workflows that start by the clock"),
        (name = "admin", description = "Looking into the server"),
        (name = "health", description = "Probes"),
        (name = "external payload", description = "Payloads too large for a request"),
        (name = "environment", description = "Names of secrets, and variables"),
        (name = "podium", description = "What Podium's own pages ask for; Conductor has no such calls"),
    )
)]
pub(crate) struct ApiDoc;

/// The document as it is committed, which is the one that [`openapi_json`] makes: a test holds them together. A server
/// hands this one out, for making it takes several MB of memory.
pub(crate) const COMMITTED: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../openapi/podium.json"));

/// The document as pretty-printed JSON, ending in a line feed; made from the handlers.
pub fn openapi_json() -> String {
    let mut document = routes::routed().into_openapi();
    complete(&mut document);
    let mut text = document.to_pretty_json().expect("the document is plain data");
    text.push('\n');
    text
}

/// One call of an operation that succeeds.
#[derive(Deserialize)]
struct Example {
    #[serde(default)]
    body: Option<Value>,
    #[serde(default)]
    answer: Option<Value>,
}

/// The examples name what a test makes for them; readers see an id.
fn shown(examples: &str) -> String {
    examples
        .replace("$run", "019a6f5e-7c1a-7d20-8b3e-5f0a4c000000")
        .replace("$task", "019a6f5e-7c1a-7d20-8b3e-5f0a4c000001")
        .replace("$unique", "example")
}

/// Adds what all operations have in common, and their examples.
fn complete(document: &mut utoipa::openapi::OpenApi) {
    let examples: BTreeMap<String, Example> =
        serde_json::from_str(&shown(EXAMPLES)).expect("openapi/examples.json is read by the tests");
    for (routed, old, new) in MEANT {
        let Some(mut item) = document.paths.paths.remove(routed) else { continue };
        for operation in operations(&mut item) {
            for parameter in operation.parameters.iter_mut().flatten() {
                if let RefOr::T(parameter) = parameter
                    && parameter.name == old
                {
                    new.clone_into(&mut parameter.name);
                }
            }
        }
        document.paths.paths.insert(routed.replace(old, new), item);
    }
    // said, not left out: there is no authentication
    document.security = Some(Vec::new());
    for item in document.paths.paths.values_mut() {
        for operation in operations(item) {
            let example = operation.operation_id.as_ref().and_then(|id| examples.get(id));
            if let Some(example) = example {
                show(operation, example);
            }
            common_answers(operation);
        }
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.put, &mut item.post, &mut item.delete].into_iter().flatten()
}

fn show(operation: &mut Operation, example: &Example) {
    if let (Some(body), Some(RefOr::T(request))) = (&example.body, &mut operation.request_body) {
        for content in request.content.values_mut() {
            if let RefOr::T(content) = content {
                content.example = Some(body.clone());
            }
        }
    }
    let Some(answer) = &example.answer else { return };
    let success = operation.responses.responses.iter_mut().find(|(status, _)| status.starts_with('2'));
    if let Some((_, RefOr::T(response))) = success {
        for content in response.content.values_mut() {
            if let RefOr::T(content) = content {
                content.example = Some(answer.clone());
            }
        }
    }
}

fn common_answers(operation: &mut Operation) {
    let has_input = operation.request_body.is_some() || operation.parameters.is_some();
    let mut common = vec![("503", "PostgreSQL is away, or the server is full or stopping; try again")];
    if has_input {
        common.push(("400", "A parameter or the body cannot be read"));
    }
    if operation.request_body.is_some() {
        common.push(("413", "The body is too large"));
        common.push(("415", "The body is not JSON"));
    }
    for (status, description) in common {
        let fresh = || {
            let schema = RefOr::Ref(Ref::from_schema_name("ErrorResponse"));
            ResponseBuilder::new()
                .description(description)
                .content(JSON, Content::new(Some(schema)))
                .build()
                .into()
        };
        operation.responses.responses.entry(status.to_owned()).or_insert_with(fresh);
    }
}

//! The OpenAPI document, generated from the handlers.

use utoipa::OpenApi;

use crate::routes;

/// The frame of the document; the routes fill it.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Podium",
        description = "A workflow engine on PostgreSQL that speaks Conductor's REST dialect.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    tags(
        (name = "workflow", description = "Start, look at and end workflows"),
        (name = "task", description = "What workers call"),
        (name = "metadata", description = "Definitions of workflows and tasks"),
        (name = "health", description = "Probes"),
    )
)]
pub(crate) struct ApiDoc;

/// The document as pretty-printed JSON, ending in a line feed.
pub fn openapi_json() -> String {
    let document = routes::described().into_openapi();
    let mut text = document.to_pretty_json().expect("the document is plain data");
    text.push('\n');
    text
}

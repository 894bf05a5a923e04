//! The pages: files that `make ui` has built, in the binary, with the headers that browsers need to be safe and quick.
//!
//! Addresses of views are served by the same document (deep links); what is not in the list stays the API's 404.

use std::borrow::Cow;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG,
    IF_NONE_MATCH, LINK, REFERRER_POLICY, VARY,
};
use axum::http::header::{HeaderMap, HeaderName, HeaderValue, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use rust_embed::{EmbeddedFile, RustEmbed};
use serde_json::json;
use tower_http::compression::CompressionLayer;
use uuid::Uuid;

/// The view of one run.
const RUN: &str = "/runs/{workflowId}";
/// Addresses of the views; `ui/src/app/router.tsx` has the same.
const VIEWS: [&str; 9] = [
    "/",
    RUN,
    "/definitions",
    "/definitions/{name}",
    "/designer",
    "/queues",
    "/events",
    "/pipeline",
    "/plots",
];
const DOCUMENT: &str = "index.html";
/// Names below `assets/` carry a hash of the content.
const FOR_EVER: &str = "public, max-age=31536000, immutable";
/// Kept, but asked for each time whether it has changed.
const ASK: &str = "no-cache";
/// In a binary that was built before the pages were.
const NOT_BUILT: &str = "<!doctype html><title>Podium</title><p>This podium was built without its pages: run \
     <code>make ui</code>, then build it again. The REST API is described at <a href=\"/swagger-ui/\">/swagger-ui/</a>.";

#[derive(RustEmbed)]
#[folder = "../ui/dist"]
#[allow_missing = true]
struct Built;

/// What all answers need.
#[derive(Clone)]
struct Told {
    /// Where browsers find the ingestion service.
    ingestion: Option<Arc<str>>,
    policy: HeaderValue,
}

/// The pages as routes to be merged with those of the API.
pub(crate) fn routes(ingestion: Option<String>) -> Router {
    let policy = policy(ingestion.as_deref());
    let told = Told { ingestion: ingestion.map(Arc::from), policy };
    let mut routes = Router::new().route("/assets/{*file}", get(asset)).route("/ui/config.json", get(config));
    for view in VIEWS {
        routes = routes.route(view, if view == RUN { get(run) } else { get(document) });
    }
    for file in Built::iter().filter(|file| !file.contains('/') && file != DOCUMENT) {
        let name = file.clone().into_owned();
        routes = routes
            .route(&format!("/{file}"), get(move |headers: HeaderMap| async move { top(&name, &headers) }));
    }
    routes.with_state(told).layer(CompressionLayer::new())
}

async fn document(State(told): State<Told>, headers: HeaderMap) -> Response {
    let mut answer = match Built::get(DOCUMENT) {
        Some(file) => sent(DOCUMENT, file, ASK, &headers),
        None => ([(CONTENT_TYPE, "text/html; charset=utf-8")], NOT_BUILT).into_response(),
    };
    answer.headers_mut().insert(CONTENT_SECURITY_POLICY, told.policy);
    for (name, value) in SAFE {
        answer.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    answer
}

/// The document, and word that the run's overview will be wanted: the browser asks for it while it fetches and reads the
/// scripts, and they find it there.
async fn run(Path(id): Path<String>, told: State<Told>, headers: HeaderMap) -> Response {
    let mut answer = document(told, headers).await;
    let link = format!("</api/podium/workflows/{id}/overview>; rel=preload; as=fetch; crossorigin");
    // nothing but an id is put into a header
    if Uuid::parse_str(&id).is_ok()
        && let Ok(link) = HeaderValue::from_str(&link)
    {
        answer.headers_mut().insert(LINK, link);
    }
    answer
}

const SAFE: [(HeaderName, &str); 2] = [(X_FRAME_OPTIONS, "DENY"), (REFERRER_POLICY, "no-referrer")];

/// Scripts come from here only, and nothing that a run holds can become one. Styles may be set by scripts: the libraries
/// of dialogs and of the canvas do so.
fn policy(ingestion: Option<&str>) -> HeaderValue {
    let services = match ingestion {
        Some(url) => format!(" {url} {}", url.replacen("http", "ws", 1)),
        None => String::new(),
    };
    let policy = format!(
        "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; \
         font-src 'self'; connect-src 'self'{services}; manifest-src 'self'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'"
    );
    HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'self'"))
}

async fn asset(Path(file): Path<String>, headers: HeaderMap) -> Response {
    let path = format!("assets/{file}");
    match Built::get(&path) {
        Some(found) => sent(&path, found, FOR_EVER, &headers),
        None => (StatusCode::NOT_FOUND, format!("there is no file {path} in these pages; load them again"))
            .into_response(),
    }
}

fn top(name: &str, headers: &HeaderMap) -> Response {
    match Built::get(name) {
        Some(found) => sent(name, found, ASK, headers),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

fn sent(path: &str, file: EmbeddedFile, keep: &'static str, asked: &HeaderMap) -> Response {
    let tag = etag(&file);
    let known = asked.get(IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes());
    let headers = [(ETAG, tag), (CACHE_CONTROL, HeaderValue::from_static(keep))];
    if known {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    // scripts of older systems' tables of types are plain text, which `nosniff` forbids to run
    let kind = match path.rsplit_once('.') {
        Some((_, "js")) => Cow::Borrowed("text/javascript; charset=utf-8"),
        Some((_, "html")) => Cow::Borrowed("text/html; charset=utf-8"),
        _ => Cow::Owned(file.metadata.mimetype().to_owned()),
    };
    let kind = HeaderValue::from_str(&kind).unwrap_or(HeaderValue::from_static("application/octet-stream"));
    let nosniff = (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let packed = takes_gzip(asked).then(|| Built::get(&format!("{path}.gz"))).flatten();
    let (encoding, data) = match packed {
        Some(packed) => (Some([(CONTENT_ENCODING, "gzip"), (VARY, "accept-encoding")]), packed.data),
        None => (None, file.data),
    };
    let body = match data {
        Cow::Borrowed(bytes) => axum::body::Body::from(bytes),
        Cow::Owned(bytes) => axum::body::Body::from(bytes),
    };
    (headers, [(CONTENT_TYPE, kind), nosniff], encoding, body).into_response()
}

/// Whether the browser takes the compressed form that the build has made of scripts and styles.
fn takes_gzip(asked: &HeaderMap) -> bool {
    let lists = asked.get_all(ACCEPT_ENCODING).into_iter().filter_map(|value| value.to_str().ok());
    lists.flat_map(|list| list.split(',')).any(|each| {
        let (name, weight) = each.split_once(';').unwrap_or((each, ""));
        let refused = weight.trim().strip_prefix("q=").is_some_and(|q| q.parse() == Ok(0.0));
        name.trim().eq_ignore_ascii_case("gzip") && !refused
    })
}

/// From the content, so that every build of the same pages has the same.
fn etag(file: &EmbeddedFile) -> HeaderValue {
    let digest = file.metadata.sha256_hash();
    let hex: String = digest.iter().take(12).map(|byte| format!("{byte:02x}")).collect();
    HeaderValue::from_str(&format!("W/\"{hex}\"")).unwrap_or(HeaderValue::from_static("W/\"\""))
}

async fn config(State(told): State<Told>) -> Response {
    let told = json!({ "ingestion": told.ingestion, "version": env!("CARGO_PKG_VERSION") });
    ([(CACHE_CONTROL, "no-store")], axum::Json(told)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The addresses that the pages know are those that are served.
    #[test]
    fn views_are_those_of_the_pages() {
        let source = include_str!("../../ui/src/app/router.tsx");
        let paths = source.split("path: \"").skip(1).filter_map(|rest| rest.split('"').next());
        let known: Vec<String> = paths
            .filter(|path| *path != "*")
            .map(|path| {
                let parts = path.split('/').map(|part| match part.strip_prefix(':') {
                    Some(name) => format!("{{{name}}}"),
                    None => part.to_owned(),
                });
                parts.collect::<Vec<_>>().join("/")
            })
            .collect();
        assert_eq!(known, VIEWS);
    }

    #[test]
    fn the_compressed_form_is_for_who_takes_it() {
        let takes = |value: &'static str| {
            takes_gzip(&HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static(value))]))
        };
        assert!(takes("gzip") && takes("br, GZIP;q=0.5, zstd") && takes("gzip, deflate, br, zstd"));
        assert!(!takes("br") && !takes("gzip;q=0, identity") && !takes("") && !takes_gzip(&HeaderMap::new()));
    }

    #[test]
    fn the_policy_lets_scripts_come_from_here_only() {
        let policy = policy(Some("http://127.0.0.1:8000"));
        let policy = policy.to_str().unwrap();
        assert!(policy.contains("script-src 'self';"), "{policy}");
        assert!(policy.contains("connect-src 'self' http://127.0.0.1:8000 ws://127.0.0.1:8000;"), "{policy}");
    }
}

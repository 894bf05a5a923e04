//! What a known path answers to methods that it does not have: 405 without `Allow`, and the list of
//! methods to OPTIONS (contract §1).

use axum::extract::Request;
use axum::handler::Handler;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::MethodFilter;
use utoipa::openapi::PathItem;
use utoipa_axum::router::UtoipaMethodRouter;

use super::answer;
use crate::error::ApiError;

/// Adds the answers to all other methods. Every method gets its own, because the router would add an
/// `Allow` header to a shared one.
pub(crate) fn closed<S: Clone + Send + Sync + 'static>(
    routes: UtoipaMethodRouter<S>,
) -> UtoipaMethodRouter<S> {
    close(routes, false)
}

/// The same for a path that is a name in a pattern too: GET means the thing of that name, which the
/// pattern's own description covers.
pub(crate) fn closed_but_get<S, H, T>(
    (schemas, paths, routes): UtoipaMethodRouter<S>,
    get: H,
) -> UtoipaMethodRouter<S>
where
    S: Clone + Send + Sync + 'static,
    H: Handler<T, S>,
    T: 'static,
{
    close((schemas, paths, routes.get(get)), true)
}

fn close<S: Clone + Send + Sync + 'static>(
    (schemas, paths, mut routes): UtoipaMethodRouter<S>,
    has_hidden_get: bool,
) -> UtoipaMethodRouter<S> {
    let has = |method: fn(&PathItem) -> bool| paths.paths.values().any(method);
    let has_get = has_hidden_get || has(|item| item.get.is_some());
    let methods = [
        ("GET", MethodFilter::GET, has_get),
        ("HEAD", MethodFilter::HEAD, has_get),
        ("PUT", MethodFilter::PUT, has(|item| item.put.is_some())),
        ("POST", MethodFilter::POST, has(|item| item.post.is_some())),
        ("DELETE", MethodFilter::DELETE, has(|item| item.delete.is_some())),
        ("PATCH", MethodFilter::PATCH, false),
        ("TRACE", MethodFilter::TRACE, false),
    ];
    let mut allowed = String::new();
    for (name, filter, present) in methods {
        if present {
            allowed.push_str(name);
            allowed.push(',');
        } else {
            routes = routes.on(filter, refused);
        }
    }
    allowed.push_str("OPTIONS");
    let allowed = HeaderValue::try_from(allowed).expect("method names are header text");
    let options = move || {
        let mut response = answer::empty();
        response.headers_mut().insert(header::ALLOW, allowed.clone());
        std::future::ready(response)
    };
    (schemas, paths, routes.on(MethodFilter::OPTIONS, options))
}

async fn refused(method: Method, _request: Request) -> Response {
    let message = format!("Request method '{method}' is not supported");
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, message).into_response()
}

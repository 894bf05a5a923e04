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

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use tower::ServiceExt;
    use utoipa_axum::router::OpenApiRouter;
    use utoipa_axum::routes;

    use super::*;

    #[utoipa::path(post, path = "/x")]
    async fn create() {}

    #[utoipa::path(get, path = "/y")]
    async fn read() {}

    #[utoipa::path(put, path = "/y")]
    async fn write() {}

    #[utoipa::path(post, path = "/z")]
    async fn act() {}

    async fn hidden() -> &'static str {
        "hidden"
    }

    async fn call(method: &str, path: &str) -> Response {
        let router: axum::Router = OpenApiRouter::<()>::new()
            .routes(closed(routes!(create)))
            .routes(closed(routes!(read, write)))
            .routes(closed_but_get(routes!(act), hidden))
            .into();
        let request = Request::builder().method(method).uri(path).body(Body::empty()).expect("a request");
        router.oneshot(request).await.expect("infallible")
    }

    #[tokio::test]
    async fn other_methods_are_refused_without_an_allow_header() {
        for (method, path) in
            [("GET", "/x"), ("HEAD", "/x"), ("PATCH", "/y"), ("DELETE", "/z"), ("POST", "/y")]
        {
            let response = call(method, path).await;
            assert_eq!(response.status(), 405, "{method} {path}");
            assert!(!response.headers().contains_key(header::ALLOW), "{method} {path}");
        }
    }

    #[tokio::test]
    async fn options_lists_the_methods() {
        for (path, expected) in
            [("/x", "POST,OPTIONS"), ("/y", "GET,HEAD,PUT,OPTIONS"), ("/z", "GET,HEAD,POST,OPTIONS")]
        {
            let response = call("OPTIONS", path).await;
            assert_eq!(response.status(), 200);
            assert_eq!(response.headers()[header::ALLOW], expected, "{path}");
        }
    }

    #[tokio::test]
    async fn what_is_there_answers() {
        for (method, path) in [("POST", "/x"), ("GET", "/y"), ("HEAD", "/y"), ("PUT", "/y"), ("GET", "/z")] {
            assert_eq!(call(method, path).await.status(), 200, "{method} {path}");
        }
    }
}

//! Who asks for an operation, as far as the request says: what the account of a run shows.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use podium_core::Asker;
use podium_runtime::LeaseGuard;

use crate::delivery::Connection;
use crate::state::Api;

/// Who operates: a person or a tool. Nothing proves it.
const ACTOR: &str = "x-podium-actor";
/// The same as proxies that ask for a login name it; counts if the other one is absent.
const FORWARDED_USER: &str = "x-forwarded-user";
/// Why.
const REASON: &str = "x-podium-reason";
/// For whom a proxy asks; the first is the client.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// Who asks, by the headers and the connection of the request. A request called in process comes from nowhere.
#[derive(Debug)]
pub(crate) struct By(pub(crate) Asker);

impl FromRequestParts<Api> for By {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &Api) -> Result<Self, Infallible> {
        let peer = parts.extensions.get::<Connection<LeaseGuard>>().and_then(Connection::peer);
        let peer = peer.map(|peer| peer.to_string());
        let client = text(&parts.headers, FORWARDED_FOR)
            .and_then(|list| list.split(',').next().map(|first| first.trim().to_owned()))
            .filter(|first| !first.is_empty());
        let origin = match (client, peer) {
            (Some(client), Some(peer)) => Some(format!("{client} via {peer}")),
            (client, peer) => client.or(peer),
        };
        Ok(By(Asker {
            actor: text(&parts.headers, ACTOR).or_else(|| text(&parts.headers, FORWARDED_USER)),
            origin: origin.map(Into::into),
            reason: text(&parts.headers, REASON),
            ticket: None,
        }))
    }
}

/// A header that says something; what is no UTF-8 is shown as such.
fn text(headers: &HeaderMap, name: &str) -> Option<Arc<str>> {
    let value = String::from_utf8_lossy(headers.get(name)?.as_bytes()).trim().to_owned();
    (!value.is_empty()).then(|| value.into())
}

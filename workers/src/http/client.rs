//! One exchange: from a request to the answer that counts, over redirects and a repeat.

use std::collections::HashSet;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, COOKIE, HOST, HeaderMap, HeaderName, HeaderValue,
    LOCATION, PROXY_AUTHORIZATION, RETRY_AFTER, USER_AGENT,
};
use hyper::{Method, Request};
use podium_core::http::{Answer, Body, Call};
use tokio::sync::OwnedSemaphorePermit;
use url::{Position, Url};

use super::HttpSettings;
use super::body::Bodies;
use super::egress::Egress;
use super::pool::Pool;
use super::wire::{Connector, Origin};

/// As many as the HTTP client that definitions were written against follows.
const REDIRECTS: usize = 50;
/// Before a request is sent again that was answered with 429 or 503 without a Retry-After (scenario s170w).
const REPEAT_AFTER: Duration = Duration::from_secs(1);

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The rules do not allow it: host, rule, and the setting to change.
    Denied(String),
    /// In the words of the network.
    Failed(String),
}

impl Fault {
    /// An error of the library with its cause.
    pub(super) fn of(error: &hyper::Error) -> Fault {
        let mut text = error.to_string();
        let mut cause = std::error::Error::source(error);
        while let Some(inner) = cause {
            text = format!("{text}: {inner}");
            cause = inner.source();
        }
        Fault::Failed(text)
    }
}

/// Makes exchanges; one for the process.
pub(super) struct Client {
    settings: HttpSettings,
    connector: Connector,
    pool: Pool,
    bodies: Bodies,
}

/// A request on its way.
struct Hop {
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: Option<Bytes>,
}

/// What a server said to one request.
struct Heard {
    answer: Answer,
    headers: HeaderMap,
    room: Option<OwnedSemaphorePermit>,
}

impl Client {
    pub(super) fn new(settings: HttpSettings) -> Self {
        Client {
            connector: Connector::new(Egress::new(settings.egress.clone())),
            pool: Pool::default(),
            bodies: Bodies::new(settings.response_limit_bytes),
            settings,
        }
    }

    /// Closes connections that nobody needs.
    pub(super) fn tidy(&self) {
        self.pool.tidy();
    }

    /// Makes the call. `key` names it for the server, if it is one that must not take effect twice.
    pub(super) async fn exchange(
        &self,
        call: &Call,
        key: &str,
    ) -> Result<(Answer, Option<OwnedSemaphorePermit>), Fault> {
        let patience = millis(call.connect_ms).unwrap_or_default() + millis(call.read_ms).unwrap_or_default();
        let total = self.settings.total_timeout + patience;
        let heard = tokio::time::timeout(total, self.follow(call, key)).await;
        heard.unwrap_or_else(|_| {
            let why = format!("no whole answer within {} s", total.as_secs());
            Err(Fault::Failed(format!("{why} (http_tasks.total_timeout and the task's own time-outs)")))
        })
    }

    async fn follow(&self, call: &Call, key: &str) -> Result<(Answer, Option<OwnedSemaphorePermit>), Fault> {
        let mut hop = self.first(call, key)?;
        let mut visited = HashSet::new();
        loop {
            let heard = self.with_repeat(call, &hop).await?;
            let location = match heard.answer.status {
                301 | 302 | 303 | 307 | 308 => heard.headers.get(LOCATION),
                _ => None,
            };
            let Some(location) = location else { return Ok((heard.answer, heard.room)) };
            if visited.len() >= REDIRECTS {
                return Err(Fault::Failed(format!("Maximum redirects ({REDIRECTS}) exceeded")));
            }
            let next = std::str::from_utf8(location.as_bytes()).ok().and_then(|to| hop.url.join(to).ok());
            let Some(next) = next else {
                let to = String::from_utf8_lossy(location.as_bytes()).into_owned();
                return Err(Fault::Failed(format!("Invalid redirect URI: {to}")));
            };
            if !visited.insert(next.clone()) {
                return Err(Fault::Failed(format!("Circular redirect to '{next}'")));
            }
            hop.go_to(next, heard.answer.status);
        }
    }

    /// The request as the task wants it.
    fn first(&self, call: &Call, key: &str) -> Result<Hop, Fault> {
        let failed = |why: String| Fault::Failed(why);
        if call.uri.chars().any(|c| c.is_control() || c.is_whitespace() || c == '\\') {
            return Err(failed("the host has characters that no host has".to_owned()));
        }
        let no_host = || failed("Target host is not specified".to_owned());
        let url = Url::parse(&call.uri).map_err(|error| match error {
            url::ParseError::RelativeUrlWithoutBase | url::ParseError::EmptyHost => no_host(),
            error => failed(error.to_string()),
        })?;
        origin(&url, call.origin())?;
        // the parser takes the first name that it finds for the host; the client looks only where one belongs
        if !call.uri[url.scheme().len()..].starts_with("://") || call.origin().ends_with("//") {
            return Err(no_host());
        }
        let method = Method::from_bytes(call.method.as_bytes()).map_err(|error| failed(error.to_string()))?;
        let mut headers = HeaderMap::new();
        for (name, value) in &call.headers {
            let header = HeaderName::from_bytes(name.as_bytes()).map_err(|_| {
                failed(format!("the header name {name:?} has characters that are not allowed"))
            })?;
            let value = HeaderValue::from_bytes(value.trim().as_bytes()).map_err(|_| {
                failed(format!("the value of the header {name} has characters that are not allowed"))
            })?;
            if header == HOST {
                return Err(failed("the header Host is that of the address and cannot be set".to_owned()));
            }
            // the connection's own business: what they say is always what is true
            let hops = [
                "content-length",
                "transfer-encoding",
                "connection",
                "keep-alive",
                "te",
                "trailer",
                "upgrade",
                "expect",
            ];
            if !hops.contains(&header.as_str()) {
                headers.append(header, value);
            }
        }
        headers
            .entry(USER_AGENT)
            .or_insert(HeaderValue::from_static(concat!("podium/", env!("CARGO_PKG_VERSION"))));
        headers.entry(ACCEPT_ENCODING).or_insert(HeaderValue::from_static("gzip, deflate"));
        if self.settings.idempotency_key
            && (method == Method::POST || method == Method::PATCH)
            && let Ok(key) = HeaderValue::from_bytes(key.as_bytes())
        {
            headers.entry("idempotency-key").or_insert(key);
        }
        let body = call.body.as_ref().map(|Body(bytes)| Bytes::from(bytes.clone()));
        Ok(Hop { method, url, headers, body })
    }

    /// Sends; once more if the server asks for it.
    async fn with_repeat(&self, call: &Call, hop: &Hop) -> Result<Heard, Fault> {
        let heard = self.send(call, hop).await?;
        if !matches!(heard.answer.status, 429 | 503) {
            return Ok(heard);
        }
        let asked = heard.headers.get(RETRY_AFTER).and_then(|after| after.to_str().ok()?.trim().parse().ok());
        let after = asked.filter(|seconds| *seconds > 0).map_or(REPEAT_AFTER, Duration::from_secs);
        // one that asks for more than the task would wait for an answer has answered
        if after > REPEAT_AFTER.max(millis(call.read_ms).unwrap_or(REPEAT_AFTER)) {
            return Ok(heard);
        }
        drop(heard);
        tokio::time::sleep(after).await;
        self.send(call, hop).await
    }

    /// One request and its whole answer.
    async fn send(&self, call: &Call, hop: &Hop) -> Result<Heard, Fault> {
        let origin = origin(&hop.url, &hop.url[..Position::BeforePath])?;
        let read = millis(call.read_ms);
        let repeatable = hop.method != Method::POST && hop.method != Method::PATCH;
        loop {
            let idle = self.pool.take(&origin, repeatable);
            let reused = idle.is_some();
            let mut sender = match idle {
                Some(sender) => sender,
                None => self.connector.connect(&origin, millis(call.connect_ms)).await?,
            };
            let request = hop.request(&origin, sender.is_shared())?;
            let sending = sender.send(request);
            let sent = match read {
                Some(read) => tokio::time::timeout(read, sending).await,
                None => Ok(sending.await),
            };
            let sent = sent.map_err(|_| Fault::Failed("Read timed out".to_owned()))?;
            let response = match sent {
                Ok(response) => response,
                Err(mut error) => {
                    let unsent = error.take_message().is_some();
                    // the server had closed the connection, and it does no harm to send it once more
                    if reused && (unsent || repeatable) {
                        continue;
                    }
                    return Err(Fault::of(&error.into_error()));
                }
            };
            let (head, mut body) = response.into_parts();
            let phrase = head.extensions.get::<hyper::ext::ReasonPhrase>();
            let phrase =
                phrase.map(|p| String::from_utf8_lossy(p.as_bytes()).into_owned()).unwrap_or_default();
            let (mut bytes, mut room) = self.bodies.read(&mut body, read).await?;
            let mut headers: Vec<(String, String)> = Vec::with_capacity(head.headers.len());
            let coding = head.headers.get(CONTENT_ENCODING).and_then(|c| c.to_str().ok());
            let coding = coding.filter(|c| {
                !bytes.is_empty() && ["gzip", "x-gzip", "deflate"].contains(&c.to_ascii_lowercase().as_str())
            });
            for (name, value) in &head.headers {
                let is_about_coding =
                    matches!(name.as_str(), "content-encoding" | "content-length" | "content-md5");
                if !(coding.is_some() && is_about_coding) {
                    let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
                    headers.push((sender.written(name.as_str()), value));
                }
            }
            if sender.is_free().await {
                self.pool.keep(&origin, sender);
            }
            if let Some(coding) = coding {
                bytes = self.bodies.decode(coding, bytes, &mut room).await?;
            }
            let answer = Answer { status: head.status.as_u16(), phrase, headers, body: bytes };
            return Ok(Heard { answer, headers: head.headers, room });
        }
    }
}

impl Hop {
    fn request(&self, origin: &Origin, absolute: bool) -> Result<Request<Full<Bytes>>, Fault> {
        // HTTP/2 takes the host from the address, HTTP/1.1 from its header
        let target = if absolute {
            &self.url[..Position::AfterQuery]
        } else {
            &self.url[Position::BeforePath..Position::AfterQuery]
        };
        let mut request = Request::builder().method(self.method.clone()).uri(target);
        if let Some(headers) = request.headers_mut() {
            if !absolute && let Ok(host) = HeaderValue::from_str(&origin.authority()) {
                headers.insert(HOST, host);
            }
            headers.extend(self.headers.clone());
        }
        let body = Full::new(self.body.clone().unwrap_or_default());
        request.body(body).map_err(|error| Fault::Failed(error.to_string()))
    }

    /// As the client does that definitions were written against: a POST that is sent elsewhere by 301 or 302, and
    /// anything by 303, becomes a GET without body and headers; everything else goes as it was (scenario s170t).
    /// What proves who the caller is never goes to another server.
    fn go_to(&mut self, next: Url, status: u16) {
        let read_only = self.method == Method::GET || self.method == Method::HEAD;
        let becomes_get =
            (matches!(status, 301 | 302) && self.method == Method::POST) || (status == 303 && !read_only);
        if becomes_get {
            let ours = [USER_AGENT, ACCEPT_ENCODING];
            let kept =
                ours.into_iter().filter_map(|name| Some((name.clone(), self.headers.get(&name)?.clone())));
            self.headers = kept.collect();
            self.method = Method::GET;
            self.body = None;
        }
        if self.url.origin() != next.origin() {
            for name in [AUTHORIZATION, PROXY_AUTHORIZATION, COOKIE] {
                self.headers.remove(name);
            }
        }
        self.url = next;
    }
}

fn millis(ms: Option<u64>) -> Option<Duration> {
    ms.map(Duration::from_millis)
}

/// Where an address leads; `shown` is what a reason says of it.
fn origin(url: &Url, shown: &str) -> Result<Origin, Fault> {
    let encrypted = match url.scheme() {
        "http" => false,
        "https" => true,
        _ => return Err(Fault::Failed(format!("Unroutable protocol scheme: {shown}"))),
    };
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Fault::Failed("Request URI authority contains deprecated userinfo component".to_owned()));
    }
    let host = url.host_str().filter(|host| !host.is_empty());
    let Some(host) = host else { return Err(Fault::Failed("Target host is not specified".to_owned())) };
    match url.port_or_known_default() {
        Some(port) if port > 0 => Ok(Origin { encrypted, host: host.to_ascii_lowercase(), port }),
        _ => Err(Fault::Failed("port 0 cannot be connected to".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use hyper::Method;
    use podium_core::http::Call;
    use serde_json::{Value, json};
    use url::Url;

    use super::{Client, Fault, Hop};
    use crate::http::HttpSettings;

    fn hop(request: Value) -> Result<Hop, String> {
        let call = Call::of(request.as_object().expect("a map")).expect("a call");
        Client::new(HttpSettings::default()).first(&call, "run:ref").map_err(|fault| match fault {
            Fault::Failed(why) | Fault::Denied(why) => why,
        })
    }

    fn refusal(uri: &str) -> String {
        hop(json!({"uri": uri, "method": "GET"})).err().unwrap_or_else(|| panic!("{uri} was taken"))
    }

    #[test]
    fn addresses_that_lead_nowhere_are_refused_in_the_known_words() {
        for uri in ["", "not a uri", "/a", "http:///a"] {
            assert_eq!(refusal(uri), "Target host is not specified", "{uri}");
        }
        assert_eq!(refusal("ftp://x/y"), "Unroutable protocol scheme: ftp://x");
        assert_eq!(refusal("file:///etc/passwd"), "Unroutable protocol scheme: file://");
        for uri in ["http://a@b/", "http://u:p@b/"] {
            assert_eq!(refusal(uri), "Request URI authority contains deprecated userinfo component");
        }
        for uri in
            ["http://h:65536/", "http://h:0/", "http://h\\x/", "http://h\tx/", "http://h x/", "gopher://h"]
        {
            refusal(uri);
        }
    }

    #[test]
    fn headers_cannot_change_the_request_around_them() {
        let with = |name: &str, value: &str| {
            hop(json!({"uri": "http://h/", "method": "POST", "headers": {name: value}}))
        };
        for (name, value) in [("X-A", "x\r\nHost: evil"), ("X A", "x"), ("Host", "evil"), ("X-A\r\nB", "x")] {
            assert!(with(name, value).is_err(), "{name:?}: {value:?}");
        }
        for name in ["Content-Length", "Transfer-Encoding"] {
            let hop = with(name, "5").expect("taken, and not sent");
            assert!(!hop.headers.contains_key(name));
        }
    }

    #[test]
    fn what_must_not_take_effect_twice_carries_a_key() {
        let key = |request: Value| {
            let hop = hop(request).expect("a hop");
            hop.headers.get("idempotency-key").map(|key| key.to_str().expect("text").to_owned())
        };
        assert_eq!(key(json!({"uri": "http://h/", "method": "POST"})).as_deref(), Some("run:ref"));
        assert_eq!(key(json!({"uri": "http://h/", "method": "GET"})), None);
        let own = json!({"uri": "http://h/", "method": "PATCH", "headers": {"idempotency-Key": "mine"}});
        assert_eq!(key(own).as_deref(), Some("mine"));
    }

    #[test]
    fn redirects_lose_what_the_other_server_must_not_see() {
        let go = |method: &str, to: &str, status: u16| {
            let request = json!({"uri": "http://h/a", "method": method, "body": {"a": 1}, "headers": {"Authorization": "x", "X-B": "1"}});
            let mut hop = hop(request).expect("a hop");
            hop.go_to(Url::parse(to).expect("an address"), status);
            hop
        };
        let same = go("POST", "http://h/b", 307);
        assert!(
            same.method == Method::POST && same.body.is_some() && same.headers.contains_key("authorization")
        );
        let other = go("POST", "http://h:81/b", 308);
        assert!(
            other.body.is_some()
                && other.headers.contains_key("x-b")
                && !other.headers.contains_key("authorization")
        );
        for (method, status) in [("POST", 301), ("POST", 302), ("PUT", 303)] {
            let get = go(method, "http://h/b", status);
            assert!(get.method == Method::GET && get.body.is_none() && !get.headers.contains_key("x-b"));
        }
        assert!(go("GET", "http://h/b", 303).headers.contains_key("x-b"));
    }
}

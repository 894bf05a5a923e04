//! The HTTP server that scenarios point HTTP tasks at (`tests/conformance/README.md` §5).
//!
//! Its answers carry Content-Type and Content-Length only: scenarios record what an HTTP task saw, so a
//! `Date` header would be noise. One thread per connection, which lasts one request.

use std::collections::{BTreeMap, HashMap};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use serde_json::{Value, json};

use super::text::canonical;

/// The running stub; it lives as long as the process.
pub struct Stub {
    url: String,
}

#[derive(Default)]
struct Memory {
    counts: HashMap<String, u64>,
    log: HashMap<String, Vec<Value>>,
}

struct Request {
    method: String,
    path: String,
    query: BTreeMap<String, String>,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

struct Reply {
    status: u16,
    content_type: Option<String>,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Reply {
    fn json(status: u16, value: &Value) -> Reply {
        let body = canonical(value, ",", ":").into_bytes();
        Reply { status, content_type: Some("application/json".to_owned()), headers: Vec::new(), body }
    }
}

impl Stub {
    /// Listens on a free port of the loopback interface.
    pub fn start() -> std::io::Result<Stub> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let url = format!("http://{}", listener.local_addr()?);
        let memory = Arc::new(Mutex::new(Memory::default()));
        std::thread::Builder::new().name("stub".to_owned()).spawn(move || {
            for socket in listener.incoming().flatten() {
                let memory = Arc::clone(&memory);
                // A caller that goes away (time-out scenarios) is no failure of the stub.
                std::thread::spawn(move || drop(serve(socket, &memory)));
            }
        })?;
        Ok(Stub { url })
    }

    pub fn url(&self) -> &str {
        &self.url
    }
}

fn serve(socket: TcpStream, memory: &Mutex<Memory>) -> std::io::Result<()> {
    socket.set_nodelay(true)?;
    let mut out = socket.try_clone()?;
    let mut input = BufReader::new(socket);
    while let Some(request) = read(&mut input)? {
        if let Some(delay) = request.query.get("delay_ms").and_then(|d| d.parse().ok()) {
            std::thread::sleep(Duration::from_millis(delay));
        }
        let reply = answer(&request, memory);
        let mut head = format!("HTTP/1.1 {} {}\r\n", reply.status, reason(reply.status));
        if let Some(content_type) = &reply.content_type {
            head.push_str(&format!("Content-Type: {content_type}\r\n"));
        }
        for (name, value) in &reply.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("Content-Length: {}\r\n\r\n", reply.body.len()));
        out.write_all(head.as_bytes())?;
        if request.method != "HEAD" {
            out.write_all(&reply.body)?;
        }
    }
    Ok(())
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        302 => "Found",
        400 => "Bad Request",
        404 => "Not Found",
        409 => "Conflict",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        _ => "",
    }
}

fn answer(request: &Request, memory: &Mutex<Memory>) -> Reply {
    let query = |name: &str| request.query.get(name).map(String::as_str);
    let number = |name: &str, default: u64| query(name).and_then(|v| v.parse().ok()).unwrap_or(default);
    let mut parts = request.path.trim_matches('/').split('/');
    let (verb, key) = (parts.next().unwrap_or(""), parts.next().unwrap_or("").to_owned());
    match verb {
        "reply" => {
            let body = match query("body64") {
                Some(text) => base64::engine::general_purpose::URL_SAFE_NO_PAD
                    .decode(text.trim_end_matches('='))
                    .unwrap_or_default(),
                None => query("body").unwrap_or("").as_bytes().to_vec(),
            };
            let headers =
                request.query.iter().filter_map(|(k, v)| Some((k.strip_prefix("h.")?.to_owned(), v.clone())));
            Reply {
                status: number("status", 200) as u16,
                content_type: Some(query("type").unwrap_or("application/json").to_owned()),
                headers: headers.collect(),
                body,
            }
        }
        "echo" => Reply::json(200, &describe(request)),
        "redirect" => Reply {
            status: number("status", 302) as u16,
            content_type: None,
            headers: vec![("Location".to_owned(), query("to").unwrap_or("/echo").to_owned())],
            body: Vec::new(),
        },
        "log" => {
            let memory = memory.lock().expect("held for map calls only");
            Reply::json(200, &json!(memory.log.get(&key).cloned().unwrap_or_default()))
        }
        "hook" => {
            let received = count(memory, &key, Some(describe(request)));
            Reply::json(number("status", 200) as u16, &json!({"received": received}))
        }
        "flaky" => {
            let attempt = count(memory, &key, None);
            let ok = attempt > number("fail", 1);
            let status = if ok { 200 } else { number("status", 500) as u16 };
            Reply::json(status, &json!({"attempt": attempt, "ok": ok}))
        }
        _ => Reply::json(404, &json!({"error": "unknown stub path"})),
    }
}

fn count(memory: &Mutex<Memory>, key: &str, seen: Option<Value>) -> u64 {
    let mut memory = memory.lock().expect("held for map calls only");
    if let Some(seen) = seen {
        memory.log.entry(key.to_owned()).or_default().push(seen);
    }
    let count = memory.counts.entry(key.to_owned()).or_default();
    *count += 1;
    *count
}

fn describe(request: &Request) -> Value {
    let body = if request.body.is_empty() {
        Value::Null
    } else {
        serde_json::from_slice(&request.body)
            .unwrap_or_else(|_| json!(String::from_utf8_lossy(&request.body).into_owned()))
    };
    json!({"method": request.method, "path": request.path, "query": request.query, "headers": request.headers,
        "body": body})
}

fn line(input: &mut impl BufRead) -> std::io::Result<String> {
    let mut raw = Vec::new();
    input.read_until(b'\n', &mut raw)?;
    Ok(raw.iter().map(|&b| b as char).collect::<String>().trim_end().to_owned())
}

fn read(input: &mut impl BufRead) -> std::io::Result<Option<Request>> {
    let first = line(input)?;
    let mut words = first.split(' ');
    let (Some(method), Some(target)) = (words.next().filter(|m| !m.is_empty()), words.next()) else {
        return Ok(None);
    };
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut all = BTreeMap::new();
    loop {
        let line = line(input)?;
        let Some((name, value)) = line.split_once(':') else { break };
        all.insert(name.trim().to_lowercase(), value.trim().to_owned());
    }
    let mut body = Vec::new();
    if all.get("transfer-encoding").is_some_and(|v| v.eq_ignore_ascii_case("chunked")) {
        loop {
            let size = u64::from_str_radix(line(input)?.split(';').next().unwrap_or(""), 16).unwrap_or(0);
            input.by_ref().take(size).read_to_end(&mut body)?;
            line(input)?;
            if size == 0 {
                break;
            }
        }
    } else if let Some(length) = all.get("content-length").and_then(|v| v.parse().ok()) {
        input.by_ref().take(length).read_to_end(&mut body)?;
    }
    all.retain(|name, _| {
        matches!(name.as_str(), "accept" | "content-type" | "authorization") || name.starts_with("x-")
    });
    let mut pairs = BTreeMap::new();
    for pair in query.split('&').filter(|p| !p.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        // The first of several values counts.
        pairs.entry(decode(name)).or_insert_with(|| decode(value));
    }
    Ok(Some(Request { method: method.to_owned(), path: path.to_owned(), query: pairs, headers: all, body }))
}

fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::new();
    let mut i = 0;
    while i < bytes.len() {
        let hex = bytes.get(i + 1..i + 3).and_then(|h| std::str::from_utf8(h).ok());
        match (bytes[i], hex.and_then(|h| u8::from_str_radix(h, 16).ok())) {
            (b'%', Some(byte)) => {
                out.push(byte);
                i += 2;
            }
            (b'+', _) => out.push(b' '),
            (other, _) => out.push(other),
        }
        i += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::support::http;

    #[test]
    fn the_stub_answers_as_the_format_says() {
        let stub = super::Stub::start().expect("a free port");
        let get = |target: &str| http::get(stub.url(), target).expect("an answer");
        let reply = get("/reply?status=201&type=text/plain&body=a%20b+c&h.X-Name=v");
        assert_eq!((reply.status, reply.text().as_str(), reply.header("x-name")), (201, "a b c", Some("v")));
        assert_eq!(reply.headers.len(), 3, "{:?}", reply.headers);
        assert_eq!(get("/reply?body64=eyJhIjoxfQ").text(), "{\"a\":1}");
        assert_eq!(get("/flaky/k?fail=1&status=503").status, 503);
        assert_eq!(get("/flaky/k?fail=1&status=503").text(), "{\"attempt\":2,\"ok\":true}");
        assert_eq!(get("/redirect?to=/x").header("location"), Some("/x"));
        http::send_json(stub.url(), "POST", "/hook/h?a=1", &json!({"b": 2})).expect("an answer");
        let log = get("/log/h").json().expect("a list");
        assert_eq!((&log[0]["body"], &log[0]["query"]), (&json!({"b": 2}), &json!({"a": "1"})));
        assert_eq!(get("/else").status, 404);
    }
}

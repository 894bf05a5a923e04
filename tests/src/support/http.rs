//! A small HTTP/1.1 client over one socket per call.
//!
//! Conformance sends what a scenario says, byte for byte: odd paths, missing content types, fragments. A
//! general client would tidy these up on the way, so this one writes the request line as given. Redirects
//! are not followed, nothing is retried, TLS is not spoken.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

/// What came back: headers by lower-case name in the order sent.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    /// The first header of that (lower-case) name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// The body as text; what is not UTF-8 is replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    pub fn json(&self) -> anyhow::Result<serde_json::Value> {
        serde_json::from_slice(&self.body)
            .map_err(|e| anyhow::anyhow!("status {} body is no JSON ({e}): {}", self.status, self.text()))
    }

    /// The answer itself if its status is 2xx, an error with the body otherwise.
    pub fn ok(self) -> anyhow::Result<Answer> {
        anyhow::ensure!((200..300).contains(&self.status), "answered {}: {}", self.status, self.text());
        Ok(self)
    }
}

/// One call. `base` is `http://host:port` with an optional path prefix; `target` begins with a slash and goes
/// on the request line unchanged. A `Content-Length` is always sent, except for GET and HEAD without body.
pub fn call(
    base: &str,
    method: &str,
    target: &str,
    headers: &[(String, String)],
    body: Option<&[u8]>,
    timeout: Duration,
) -> std::io::Result<Answer> {
    let (authority, prefix) = split_base(base);
    let address = authority
        .to_socket_addrs()?
        .next()
        .ok_or_else(|| std::io::Error::other(format!("no address for {authority}")))?;
    let mut socket = TcpStream::connect_timeout(&address, timeout)?;
    socket.set_nodelay(true)?;
    socket.set_read_timeout(Some(timeout))?;
    socket.set_write_timeout(Some(timeout))?;
    let mut head =
        format!("{method} {prefix}{target} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    match body {
        Some(bytes) => head.push_str(&format!("Content-Length: {}\r\n", bytes.len())),
        None if matches!(method, "GET" | "HEAD") => {}
        None => head.push_str("Content-Length: 0\r\n"),
    }
    head.push_str("\r\n");
    socket.write_all(head.as_bytes())?;
    if let Some(bytes) = body {
        // A server may answer 413 and close before it read everything: the answer is what counts.
        if let Err(error) = socket.write_all(bytes) {
            return read_answer(&mut BufReader::new(socket), method).map_err(|_| error);
        }
    }
    read_answer(&mut BufReader::new(socket), method)
}

/// GET with the default time limit of 30 s.
pub fn get(base: &str, target: &str) -> std::io::Result<Answer> {
    call(base, "GET", target, &[], None, Duration::from_secs(30))
}

/// Sends JSON with the default time limit of 30 s.
pub fn send_json(
    base: &str,
    method: &str,
    target: &str,
    body: &serde_json::Value,
) -> std::io::Result<Answer> {
    let headers = [("Content-Type".to_owned(), "application/json".to_owned())];
    call(base, method, target, &headers, Some(body.to_string().as_bytes()), Duration::from_secs(30))
}

fn split_base(base: &str) -> (&str, &str) {
    let rest = base.strip_prefix("http://").unwrap_or(base).trim_end_matches('/');
    match rest.find('/') {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    }
}

fn bad(text: &str) -> std::io::Error {
    std::io::Error::new(std::io::ErrorKind::InvalidData, text.to_owned())
}

fn read_line(input: &mut impl BufRead) -> std::io::Result<String> {
    let mut raw = Vec::new();
    if input.read_until(b'\n', &mut raw)? == 0 {
        return Err(std::io::Error::new(
            std::io::ErrorKind::UnexpectedEof,
            "connection closed before the answer",
        ));
    }
    while matches!(raw.last(), Some(b'\n' | b'\r')) {
        raw.pop();
    }
    Ok(raw.iter().map(|&b| b as char).collect())
}

fn read_answer(input: &mut impl BufRead, method: &str) -> std::io::Result<Answer> {
    loop {
        let line = read_line(input)?;
        let status: u16 = line
            .split(' ')
            .nth(1)
            .and_then(|code| code.parse().ok())
            .ok_or_else(|| bad(&format!("no status in {line:?}")))?;
        let mut headers = Vec::new();
        loop {
            let line = read_line(input)?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').ok_or_else(|| bad("header without colon"))?;
            headers.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
        }
        if (100..200).contains(&status) {
            continue;
        }
        let body = if method == "HEAD" || matches!(status, 204 | 304) {
            Vec::new()
        } else {
            read_body(input, &headers)?
        };
        return Ok(Answer { status, headers, body });
    }
}

fn read_body(input: &mut impl BufRead, headers: &[(String, String)]) -> std::io::Result<Vec<u8>> {
    let find = |name: &str| headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
    // a stream of events has no end: what comes until the first empty line stands for it
    let is_events = find("content-type").is_some_and(|v| v.starts_with("text/event-stream"));
    let mut body = Vec::new();
    if find("transfer-encoding").is_some_and(|v| v.eq_ignore_ascii_case("chunked")) {
        loop {
            let line = read_line(input)?;
            let size = line.split(';').next().unwrap_or("").trim();
            let size = u64::from_str_radix(size, 16).map_err(|_| bad(&format!("no chunk size: {line:?}")))?;
            if size == 0 {
                return Ok(body);
            }
            if input.by_ref().take(size).read_to_end(&mut body)? as u64 != size {
                return Err(bad("chunk cut short"));
            }
            read_line(input)?;
            if is_events && body.ends_with(b"\n\n") {
                return Ok(body);
            }
        }
    }
    match find("content-length").and_then(|v| v.parse::<u64>().ok()) {
        Some(length) => {
            if input.by_ref().take(length).read_to_end(&mut body)? as u64 != length {
                return Err(bad("body cut short"));
            }
        }
        None => {
            input.read_to_end(&mut body)?;
        }
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::read_answer;

    fn read(text: &str) -> super::Answer {
        read_answer(&mut text.as_bytes(), "GET").expect("a whole answer")
    }

    #[test]
    fn a_body_is_read_by_length_by_chunks_or_to_the_end() {
        assert_eq!(read("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabXX").text(), "ab");
        assert_eq!(
            read("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n3;x=y\r\ncde\r\n0\r\n\r\n")
                .text(),
            "abcde"
        );
        assert_eq!(read("HTTP/1.1 200 OK\r\n\r\nall").text(), "all");
    }

    #[test]
    fn an_interim_answer_is_skipped() {
        let answer = read(
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 Not Found\r\nX-A: b\r\nContent-Length: 0\r\n\r\n",
        );
        assert_eq!((answer.status, answer.header("x-a")), (404, Some("b")));
    }
}

//! The load's HTTP/1.1: one keep-alive connection, requests built beforehand, answers parsed as little as
//! possible. The load shares the machine's cores with what it measures, so every microsecond here is one
//! that the engine does not get.

use anyhow::{Context, bail};
use memchr::memmem;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// One keep-alive connection.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    unchunked: Vec<u8>,
}

struct Head {
    status: u16,
    length: usize,
    body: Body,
}

#[derive(Clone, Copy)]
enum Body {
    Sized(usize),
    Chunked,
}

impl Connection {
    /// Connects to `host:port`.
    pub(crate) async fn open(address: &str) -> anyhow::Result<Connection> {
        let stream =
            TcpStream::connect(address).await.with_context(|| format!("could not connect to {address}"))?;
        stream.set_nodelay(true)?;
        Ok(Connection { stream, buffer: Vec::with_capacity(64 * 1024), unchunked: Vec::new() })
    }

    /// Sends a whole request and reads its answer: status and body.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> anyhow::Result<(u16, &[u8])> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let head = loop {
            self.fill().await?;
            if let Some(head) = parse_head(&self.buffer)? {
                break head;
            }
        };
        match head.body {
            Body::Sized(size) => {
                let end = head.length + size;
                while self.buffer.len() < end {
                    self.fill().await?;
                }
                Ok((head.status, &self.buffer[head.length..end]))
            }
            Body::Chunked => {
                while !unchunk(&self.buffer[head.length..], &mut self.unchunked)? {
                    self.fill().await?;
                }
                Ok((head.status, &self.unchunked))
            }
        }
    }

    async fn fill(&mut self) -> anyhow::Result<()> {
        if self.stream.read_buf(&mut self.buffer).await? == 0 {
            bail!("the server closed the connection");
        }
        Ok(())
    }
}

/// `None` while the head is not complete.
fn parse_head(buffer: &[u8]) -> anyhow::Result<Option<Head>> {
    let Some(end) = memmem::find(buffer, b"\r\n\r\n") else { return Ok(None) };
    let head = &buffer[..end];
    let status = head.get(9..12).and_then(|d| std::str::from_utf8(d).ok()).and_then(|d| d.parse().ok());
    let status: u16 = status.context("the answer has no status")?;
    let mut body = Body::Sized(0);
    for line in head.split(|&b| b == b'\n').skip(1) {
        let Some(colon) = memchr::memchr(b':', line) else { continue };
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        if name.eq_ignore_ascii_case(b"content-length") {
            let size = std::str::from_utf8(value).ok().and_then(|v| v.parse().ok());
            body = Body::Sized(size.context("content-length is no number")?);
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") && value.eq_ignore_ascii_case(b"chunked") {
            body = Body::Chunked;
        }
    }
    Ok(Some(Head { status, length: end + 4, body }))
}

/// Decodes chunks into `out`; false while the last one is not there.
fn unchunk(mut input: &[u8], out: &mut Vec<u8>) -> anyhow::Result<bool> {
    out.clear();
    loop {
        let Some(line_end) = memmem::find(input, b"\r\n") else { return Ok(false) };
        let size = std::str::from_utf8(&input[..line_end]).ok().and_then(|s| s.split(';').next());
        let size = size.and_then(|s| usize::from_str_radix(s.trim(), 16).ok()).context("no chunk size")?;
        let data = line_end + 2;
        if input.len() < data + size + 2 {
            return Ok(false);
        }
        if size == 0 {
            return Ok(true);
        }
        out.extend_from_slice(&input[data..data + size]);
        input = &input[data + size + 2..];
    }
}

/// A whole GET request.
pub(crate) fn get(target: &str) -> Vec<u8> {
    format!("GET {target} HTTP/1.1\r\nHost: podium\r\n\r\n").into_bytes()
}

/// A whole request with a JSON body.
pub(crate) fn send(method: &str, target: &str, body: &str) -> Vec<u8> {
    format!(
        "{method} {target} HTTP/1.1\r\nHost: podium\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

const ID: usize = 36;

/// The request that completes a task: built once, with holes for the two ids.
pub(crate) struct Completion {
    request: Vec<u8>,
    run_at: usize,
    task_at: usize,
}

impl Completion {
    /// `output` is the task's output as JSON.
    pub(crate) fn new(output: &str) -> Completion {
        let hole = "?".repeat(ID);
        let body = format!(
            r#"{{"workflowInstanceId":"{hole}","taskId":"{hole}","status":"COMPLETED","workerId":"bench","outputData":{output}}}"#
        );
        let request = send("POST", "/api/tasks", &body);
        let run_at = memmem::find(&request, hole.as_bytes()).expect("the hole was just made");
        let task_at = memmem::rfind(&request, hole.as_bytes()).expect("the hole was just made");
        Completion { request, run_at, task_at }
    }

    /// The request for one task.
    pub(crate) fn fill(&mut self, task: &TaskIds) -> &[u8] {
        self.request[self.run_at..self.run_at + ID].copy_from_slice(&task.run);
        self.request[self.task_at..self.task_at + ID].copy_from_slice(&task.task);
        &self.request
    }
}

/// The ids of one polled task, as text.
#[derive(Clone, Copy)]
pub(crate) struct TaskIds {
    pub(crate) run: [u8; ID],
    pub(crate) task: [u8; ID],
}

/// Collects the ids of all tasks of a poll's answer by looking for their members. The bench's own inputs and
/// outputs have no members of these names.
pub(crate) fn tasks_in(body: &[u8], into: &mut Vec<TaskIds>) {
    into.clear();
    let runs = ids_after(body, b"\"workflowInstanceId\":\"");
    for (run, task) in runs.zip(ids_after(body, b"\"taskId\":\"")) {
        into.push(TaskIds { run, task });
    }
}

fn ids_after<'a>(body: &'a [u8], member: &'a [u8]) -> impl Iterator<Item = [u8; ID]> + 'a {
    memmem::find_iter(body, member).filter_map(move |at| {
        let from = at + member.len();
        body.get(from..from + ID).and_then(|id| id.try_into().ok())
    })
}

#[cfg(test)]
mod tests {
    use super::{Body, Completion, parse_head, tasks_in, unchunk};

    #[test]
    fn heads_are_read_in_either_framing() {
        let head =
            parse_head(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello").expect("a head").expect("whole");
        assert!(head.status == 200 && head.length == 38 && matches!(head.body, Body::Sized(5)));
        let head =
            parse_head(b"HTTP/1.1 204 No Content\r\ntransfer-encoding: Chunked\r\n\r\n").expect("a head");
        assert!(head.is_some_and(|h| h.status == 204 && matches!(h.body, Body::Chunked)));
        assert!(parse_head(b"HTTP/1.1 200 OK\r\n").expect("no error").is_none());
    }

    #[test]
    fn chunks_are_joined_when_all_are_there() {
        let mut out = Vec::new();
        assert!(!unchunk(b"3\r\nabc\r\n", &mut out).expect("a chunk"));
        assert!(unchunk(b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", &mut out).expect("chunks"));
        assert_eq!(out, b"abcde");
    }

    #[test]
    fn ids_are_found_and_put_into_the_completion() {
        let (run, task) = ("0".repeat(36), "1".repeat(36));
        let body = format!(r#"[{{"parentTaskId":"x","workflowInstanceId":"{run}","taskId":"{task}"}}]"#);
        let mut found = Vec::new();
        tasks_in(body.as_bytes(), &mut found);
        assert_eq!(found.len(), 1);
        let mut completion = Completion::new("{}");
        let request = String::from_utf8(completion.fill(&found[0]).to_vec()).expect("text");
        assert!(request.contains(&format!(r#""workflowInstanceId":"{run}","taskId":"{task}""#)), "{request}");
    }
}

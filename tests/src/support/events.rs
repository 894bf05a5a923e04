//! A client of server-sent events over one socket.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::Context;
use serde_json::Value;

/// A stream of events that was answered with 200. Dropping it closes the connection.
pub struct Events {
    input: BufReader<TcpStream>,
    text: String,
}

/// One event; comments have no name.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Event {
    pub name: String,
    pub id: Option<String>,
    pub data: Value,
}

impl Events {
    /// Connects; an error that names the status if it is not 200. Reading waits at most `limit` for the next piece.
    pub fn open(base: &str, target: &str, limit: Duration) -> anyhow::Result<Events> {
        let authority = base.trim_start_matches("http://");
        let mut socket = TcpStream::connect(authority)?;
        socket.set_read_timeout(Some(limit))?;
        write!(socket, "GET {target} HTTP/1.1\r\nHost: {authority}\r\nAccept: text/event-stream\r\n\r\n")?;
        let mut input = BufReader::new(socket);
        let mut head = Vec::new();
        loop {
            let mut line = String::new();
            anyhow::ensure!(input.read_line(&mut line)? > 0, "the connection was closed before the answer");
            if line.trim_end().is_empty() {
                break;
            }
            head.push(line.trim_end().to_ascii_lowercase());
        }
        let status = head.first().cloned().unwrap_or_default();
        anyhow::ensure!(status.contains(" 200 "), "answered {status}");
        for expected in
            ["content-type: text/event-stream", "cache-control: no-store", "transfer-encoding: chunked"]
        {
            anyhow::ensure!(head.iter().any(|line| line == expected), "no {expected}: {head:?}");
        }
        Ok(Events { input, text: String::new() })
    }

    /// The next event that is neither a comment nor a heartbeat; `None` once the server has ended the stream.
    pub fn news(&mut self) -> anyhow::Result<Option<Event>> {
        loop {
            let Some(event) = self.piece()? else { return Ok(None) };
            if !event.name.is_empty() && event.name != "heartbeat" {
                return Ok(Some(event));
            }
        }
    }

    /// The next event, heartbeat or comment.
    pub fn piece(&mut self) -> anyhow::Result<Option<Event>> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.text = rest;
                return event(&block).map(Some);
            }
            let mut line = String::new();
            if self.input.read_line(&mut line)? == 0 {
                return Ok(None);
            }
            let size =
                usize::from_str_radix(line.trim_end(), 16).with_context(|| format!("no size: {line:?}"))?;
            let mut chunk = vec![0; size + 2];
            self.input.read_exact(&mut chunk)?;
            if size == 0 {
                return Ok(None);
            }
            chunk.truncate(size);
            self.text.push_str(&String::from_utf8(chunk)?);
        }
    }
}

fn event(block: &str) -> anyhow::Result<Event> {
    let mut event = Event::default();
    for line in block.lines() {
        match line.split_once(": ") {
            Some(("event", name)) => name.clone_into(&mut event.name),
            Some(("id", id)) => event.id = Some(id.to_owned()),
            Some(("data", data)) => event.data = serde_json::from_str(data)?,
            Some(("" | "retry", _)) => {}
            _ => anyhow::bail!("a line that is none of an event: {line:?}"),
        }
    }
    Ok(event)
}

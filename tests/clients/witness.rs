//! A relay between a client and the server that writes down what was asked and what was answered.
//!
//! It knows as much of HTTP/1.1 as these clients speak: one request after the other on a connection, bodies by
//! length or in chunks. It changes no byte.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// One call: what was asked, without the query, and the status of the answer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Exchange {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) status: u16,
}

/// A listening relay. Its threads end with the connections, the listening one with the process.
pub(super) struct Witness {
    base: String,
    seen: Arc<Mutex<Vec<Exchange>>>,
}

impl Witness {
    /// Relays to the server at `base` (`http://host:port`).
    pub(super) fn start(base: &str) -> anyhow::Result<Witness> {
        let server = base.trim_start_matches("http://").trim_end_matches('/').to_owned();
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let own = format!("http://{}", listener.local_addr()?);
        let seen = Arc::new(Mutex::new(Vec::new()));
        let notes = Arc::clone(&seen);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (server, notes) = (server.clone(), Arc::clone(&notes));
                // a connection that breaks is the client's affair: it notices, and its flow says so
                std::thread::spawn(move || drop(relay(client, &server, &notes)));
            }
        });
        Ok(Witness { base: own, seen })
    }

    /// Root of the relay, for the client.
    pub(super) fn base(&self) -> &str {
        &self.base
    }

    /// What was answered so far.
    pub(super) fn seen(&self) -> Vec<Exchange> {
        self.seen.lock().expect("nobody panics while holding it").clone()
    }
}

fn relay(client: TcpStream, server: &str, notes: &Mutex<Vec<Exchange>>) -> io::Result<()> {
    let server = TcpStream::connect(server)?;
    for stream in [&client, &server] {
        stream.set_nodelay(true)?;
    }
    let (mut to_client, mut to_server) = (client.try_clone()?, server.try_clone()?);
    let (mut client, mut server) = (BufReader::new(client), BufReader::new(server));
    while let Some(request) = Head::read(&mut client)? {
        request.pass_on(&mut client, &mut to_server, false)?;
        loop {
            let Some(answer) = Head::read(&mut server)? else { return Ok(()) };
            let status = answer.word(1).parse().unwrap_or_default();
            let bodiless = status < 200 || status == 204 || status == 304 || request.word(0) == "HEAD";
            if status >= 200 {
                let path = request.word(1).split('?').next().unwrap_or_default().to_owned();
                let exchange = Exchange { method: request.word(0).to_owned(), path, status };
                notes.lock().expect("nobody panics while holding it").push(exchange);
            }
            if bodiless {
                to_client.write_all(&answer.bytes)?;
            } else {
                answer.pass_on(&mut server, &mut to_client, true)?;
            }
            if status >= 200 {
                break;
            }
        }
    }
    Ok(())
}

/// The first line and the fields of a request or an answer.
struct Head {
    bytes: Vec<u8>,
    lines: Vec<String>,
}

impl Head {
    /// Nothing if the other side closed the connection before it.
    fn read(from: &mut impl BufRead) -> io::Result<Option<Head>> {
        let mut head = Head { bytes: Vec::new(), lines: Vec::new() };
        loop {
            let mut line = Vec::new();
            if from.read_until(b'\n', &mut line)? == 0 {
                return Ok(None);
            }
            head.bytes.extend_from_slice(&line);
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            if text.is_empty() {
                return Ok(Some(head));
            }
            head.lines.push(text);
        }
    }

    /// A word of the first line.
    fn word(&self, index: usize) -> &str {
        let first = self.lines.first().map(String::as_str).unwrap_or_default();
        first.split(' ').nth(index).unwrap_or_default()
    }

    fn field(&self, name: &str) -> Option<String> {
        let mut fields = self.lines.iter().skip(1).filter_map(|line| line.split_once(':'));
        let found = fields.rfind(|(field, _)| field.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.trim().to_ascii_lowercase())
    }

    /// Sends the head and the body that follows it. Only an answer may have a body that the end of the
    /// connection ends.
    fn pass_on(&self, from: &mut impl BufRead, to: &mut impl Write, until_closed: bool) -> io::Result<()> {
        to.write_all(&self.bytes)?;
        if self.field("transfer-encoding").is_some_and(|coding| coding.ends_with("chunked")) {
            return chunks(from, to);
        }
        match self.field("content-length").and_then(|length| length.parse().ok()) {
            Some(length) => drop(io::copy(&mut from.take(length), to)?),
            None if until_closed => drop(io::copy(from, to)?),
            None => {}
        }
        Ok(())
    }
}

fn chunks(from: &mut impl BufRead, to: &mut impl Write) -> io::Result<()> {
    loop {
        let mut line = Vec::new();
        from.read_until(b'\n', &mut line)?;
        to.write_all(&line)?;
        let size = String::from_utf8_lossy(&line);
        let size = size.trim().split(';').next().unwrap_or_default().to_owned();
        let size = u64::from_str_radix(&size, 16).map_err(|_| io::Error::other("a chunk has no size"))?;
        // a chunk and its line end; after the last one this is the empty line, as none of them sends trailers
        io::copy(&mut from.take(size + 2), to)?;
        to.flush()?;
        if size == 0 {
            return Ok(());
        }
    }
}

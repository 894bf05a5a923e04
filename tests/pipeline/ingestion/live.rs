//! Sockets: what they hear first, what they missed, and that a slow one is alone with it.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use podium_tests::support::kafka;
use podium_tests::support::stage::{SOON, events_topic};
use podium_tests::support::wait::until;
use serde_json::{Value, json};
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::{Message, WebSocket};

use super::world::{Ingest, World, small};

/// A socket of a page.
pub(super) struct Page(WebSocket<TcpStream>);

impl Page {
    pub(super) fn open(ingest: &Ingest, query: &str) -> anyhow::Result<Page> {
        let address = ingest.0.base().trim_start_matches("http://").to_owned();
        let stream = TcpStream::connect(&address)?;
        stream.set_read_timeout(Some(Duration::from_millis(200)))?;
        let (socket, _) = tungstenite::client(format!("ws://{address}/ws{query}"), stream)
            .map_err(|error| anyhow::anyhow!("no socket: {error}"))?;
        Ok(Page(socket))
    }

    /// The next message; `None` if none comes in a moment.
    fn next(&mut self) -> anyhow::Result<Option<Message>> {
        match self.0.read() {
            Ok(message) => Ok(Some(message)),
            Err(tungstenite::Error::Io(error))
                if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) =>
            {
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Waits for a message that is wanted.
    pub(super) fn wait_for(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> anyhow::Result<Value> {
        let end = Instant::now() + SOON;
        let mut seen = Vec::new();
        while Instant::now() < end {
            if let Some(Message::Text(text)) = self.next()? {
                let value: Value = serde_json::from_str(&text)?;
                if wanted(&value) {
                    return Ok(value);
                }
                seen.push(text.to_string());
            }
        }
        anyhow::bail!("waited in vain for {what}; there came {seen:?}")
    }

    pub(super) fn of_type(&mut self, kind: &str) -> anyhow::Result<Value> {
        self.wait_for(kind, |value| value["type"] == kind)
    }
}

fn say(world: &World, workflow: &str, number: usize) -> anyhow::Result<()> {
    let event = json!({"workflowId": workflow, "taskId": "t", "eventType": "x_completed", "data": {"number": number}});
    kafka::produce(&world.broker, &events_topic(&world.tag), &[(workflow, &event.to_string())])
}

fn number(value: &Value) -> Option<u64> {
    value["data"]["number"].as_u64()
}

#[test]
fn sockets_are_told_how_things_stand_and_what_they_missed() -> anyhow::Result<()> {
    let world = World::open()?;
    let ingest = world.ingest(world.settings())?;
    let other = world.ingest(world.settings())?;
    let mut definition = small(&world.name("w"));
    definition["tasks"] = json!([{"name": "hold", "taskReferenceName": "hold", "type": "HUMAN"}]);
    let id = ingest.deploy(&json!({"workflow": definition}))?["workflow_instance_id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let mut page = Page::open(&ingest, &format!("?live=1&workflow={id}"))?;
    let mut elsewhere = Page::open(&other, "?live=1")?;
    elsewhere.of_type("snapshot")?;
    let snapshot = page.of_type("snapshot")?;
    assert_eq!(snapshot["workflows"][0]["nodes"][0]["reference"], "hold", "{snapshot}");
    assert_eq!(snapshot["gap"], false);
    page.of_type("heartbeat")?;
    say(&world, "another", 0)?;
    say(&world, &id, 1)?;
    let first = page.of_type("event")?;
    assert_eq!(number(&first), Some(1), "of its own workflow only: {first}");
    elsewhere.wait_for("the event on the other instance", |value| number(value) == Some(1))?;
    drop(page);
    for n in 2..5 {
        say(&world, &id, n)?;
    }
    let last_id = first["id"].as_str().expect("an id").to_owned();
    elsewhere.wait_for("the last event", |value| number(value) == Some(4))?;
    let mut back = Page::open(&ingest, &format!("?last_id={last_id}&workflow={id}"))?;
    back.of_type("resumed_stream")?;
    for n in 2..5 {
        assert_eq!(number(&back.of_type("event")?), Some(n));
    }
    let mut strange = Page::open(&ingest, "?last_id=0-7")?;
    assert_eq!(strange.of_type("snapshot")?["gap"], true, "another life's id");
    // a change of the workflow that no service tells of
    let run = world.client.run(&id)?;
    let task = &run["tasks"][0];
    world.client.complete(&json!({"workflowInstanceId": id, "taskId": task["taskId"]}), &json!({}))?;
    let done =
        back.wait_for("its end", |value| value["type"] == "status" && value["status"] == "COMPLETED")?;
    assert_eq!(done["nodes"][0]["status"], "COMPLETED");
    Ok(())
}

#[test]
fn a_socket_that_reads_nothing_is_closed_and_holds_nobody_up() -> anyhow::Result<()> {
    let world = World::open()?;
    let settings = world.settings().with("PODIUM__INGESTION__SOCKET_MESSAGES", "16");
    let ingest = world.ingest(settings)?;
    // a hand-made handshake: a socket that then never reads
    let address = ingest.0.base().trim_start_matches("http://").to_owned();
    let mut slow = TcpStream::connect(&address)?;
    write!(
        slow,
        "GET /ws?live=1 HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )?;
    let mut begun = [0; 64];
    slow.read_exact(&mut begun)?;
    let mut quick = Page::open(&ingest, "?live=1")?;
    quick.of_type("snapshot")?;
    let sockets = || anyhow::Ok(ingest.get("/ready")?.json()?["sockets"].as_u64().unwrap_or_default());
    assert_eq!(sockets()?, 2);
    let filler = "x".repeat(60_000);
    let mut sent = 0;
    until("the slow socket to be dropped", SOON, || {
        for _ in 0..8 {
            sent += 1;
            let event = json!({"workflowId": "w", "taskId": "t", "eventType": "x", "data": {"number": sent, "filler": filler}});
            kafka::produce(&world.broker, &events_topic(&world.tag), &[("w", &event.to_string())])?;
            quick.wait_for("an event in time", |value| number(value) == Some(sent))?;
        }
        Ok((sockets()? == 1).then_some(()))
    })?;
    // who reads again finds out why it ended
    slow.set_read_timeout(Some(SOON))?;
    let mut socket = WebSocket::from_raw_socket(slow, tungstenite::protocol::Role::Client, None);
    let code = loop {
        match socket.read() {
            Ok(Message::Close(frame)) => break frame.map(|f| f.code),
            Ok(_) => {}
            // the beginning of the stream was read by hand, so frames may not be told apart any more
            Err(_) => break None,
        }
    };
    assert!(matches!(code, None | Some(CloseCode::Policy)), "{code:?}");
    Ok(())
}

#[test]
fn pages_of_other_origins_get_no_socket() -> anyhow::Result<()> {
    let world = World::open()?;
    let ingest = world.ingest(world.settings())?;
    let address = ingest.0.base().trim_start_matches("http://").to_owned();
    for (origin, status) in [("http://evil.example", "403"), ("http://localhost:5173", "101")] {
        let mut socket = TcpStream::connect(&address)?;
        write!(
            socket,
            "GET /ws HTTP/1.1\r\nHost: {address}\r\nOrigin: {origin}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )?;
        let mut head = [0; 12];
        socket.read_exact(&mut head)?;
        assert_eq!(String::from_utf8_lossy(&head), format!("HTTP/1.1 {status}"), "{origin}");
    }
    Ok(())
}

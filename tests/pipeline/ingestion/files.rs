//! Files of people: up in a stream, listed, down by a link; and what is refused.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use podium_tests::support::http::{self, Answer};
use serde_json::json;

use super::world::{Ingest, World};

/// A form with files, as browsers send it.
fn send(
    ingest: &Ingest,
    path: &str,
    files: &[(&str, &[u8])],
    more: &[(&str, &str)],
) -> anyhow::Result<Answer> {
    let mut body = Vec::new();
    for (name, bytes) in files {
        let head = format!(
            "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\nContent-Type: text/csv\r\n\r\n"
        );
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--b--\r\n");
    let mut headers = vec![("Content-Type".to_owned(), "multipart/form-data; boundary=b".to_owned())];
    headers.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    Ok(http::call(&ingest.0.base(), "POST", path, &headers, Some(&body), Duration::from_secs(60))?)
}

#[test]
fn files_go_up_and_come_down() -> anyhow::Result<()> {
    let world = World::open()?;
    let ingest = world.ingest(world.settings())?;
    let answer =
        send(&ingest, "/files?folder=a/b", &[("x.csv", b"1,2\n"), ("M\u{fc}ller.csv", b"3\n")], &[])?.ok()?;
    assert_eq!(answer.json()?["files"][0]["uri"], "minio://raw-data/a/b/x.csv");
    assert_eq!(world.get("raw-data", "a/b/M\u{fc}ller.csv")?.as_deref(), Some(&b"3\n"[..]));
    let list = ingest.get("/files?prefix=a/")?.ok()?.json()?;
    let keys: Vec<_> = list["files"].as_array().into_iter().flatten().map(|f| f["key"].clone()).collect();
    assert_eq!(keys, [json!("a/b/M\u{fc}ller.csv"), json!("a/b/x.csv")]);
    let link = ingest.get("/files/link?key=a/b/x.csv")?.ok()?.json()?;
    let url = link["url"].as_str().expect("a link").trim_start_matches("http://").to_owned();
    let (host, target) = url.split_once('/').expect("a path");
    let got = http::get(&format!("http://{host}"), &format!("/{target}"))?.ok()?;
    assert_eq!(got.header("content-disposition"), Some("attachment"));
    assert_eq!(got.body, b"1,2\n");
    assert_eq!(ingest.get("/files/link?key=gone")?.status, 404);
    Ok(())
}

#[test]
fn names_with_tricks_and_strange_buckets_are_refused() -> anyhow::Result<()> {
    let world = World::open()?;
    let ingest = world.ingest(world.settings().with("PODIUM__INGESTION__UPLOAD_LIMIT_BYTES", "1000000"))?;
    let before = world.keys("raw-data")?;
    for name in ["../x", "/etc/passwd", "a\\b", ".."] {
        let answer = send(&ingest, "/files", &[(name, b"x")], &[])?;
        assert_eq!(answer.status, 422, "{name}: {}", answer.text());
    }
    for (path, status) in
        [("/files?folder=../up", 422), ("/files?bucket=podium-payloads", 403), ("/files?bucket=..", 403)]
    {
        assert_eq!(send(&ingest, path, &[("x", b"x")], &[])?.status, status, "{path}");
    }
    for path in ["/files?bucket=podium-payloads", "/files/link?bucket=x&key=y"] {
        assert_eq!(ingest.get(path)?.status, 403, "{path}");
    }
    let large = vec![b'x'; 1_000_001];
    assert_eq!(send(&ingest, "/files", &[("large", &large)], &[])?.status, 413);
    assert_eq!(send(&ingest, "/files", &[("x", b"x")], &[("Content-Encoding", "gzip")])?.status, 415);
    assert_eq!(send(&ingest, "/files", &[], &[])?.status, 422);
    assert_eq!(send(&ingest, "/files", &[("x", b"x")], &[("Origin", "http://evil.example")])?.status, 403);
    assert_eq!(world.keys("raw-data")?, before, "nothing of it was kept");
    Ok(())
}

/// The most memory that a process had, in kilobytes.
fn peak(pid: u32) -> anyhow::Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default();
    Ok(line.split_whitespace().nth(1).unwrap_or_default().parse()?)
}

/// Begins a form, sends `pieces` of a megabyte, and ends it if `whole`.
fn stream(ingest: &Ingest, name: &str, pieces: usize, whole: bool) -> anyhow::Result<Option<String>> {
    let base = ingest.0.base();
    let mut socket = TcpStream::connect(base.trim_start_matches("http://"))?;
    let head = format!("--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n");
    let tail = "\r\n--b--\r\n";
    let length = head.len() + (pieces << 20) + tail.len();
    write!(
        socket,
        "POST /files HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: {length}\r\n\r\n{head}"
    )?;
    let piece = vec![b'x'; 1 << 20];
    for _ in 0..pieces {
        socket.write_all(&piece)?;
    }
    if !whole {
        return Ok(None);
    }
    socket.write_all(tail.as_bytes())?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer)?;
    Ok(Some(answer))
}

#[test]
fn a_large_file_passes_in_little_memory_and_half_of_one_leaves_nothing() -> anyhow::Result<()> {
    let world = World::open()?;
    let ingest = world.ingest(world.settings())?;
    stream(&ingest, "small.csv", 1, true)?;
    let before = peak(ingest.0.pid())?;
    // a file of 2 GB passes in the same way; this much shows that memory does not grow with it
    let answer = stream(&ingest, "large.csv", 96, true)?.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("\"size\":100663296"), "{answer}");
    let grown = peak(ingest.0.pid())?.saturating_sub(before);
    assert!(grown < 48 * 1024, "96 MB took {grown} kB of memory");
    stream(&ingest, "half.csv", 20, false)?;
    assert!(!world.keys("raw-data")?.contains(&"half.csv".to_owned()));
    Ok(())
}

//! How a server wrote the names of its headers.
//!
//! Definitions read `response.headers['X-Custom']`, and the HTTP/1.1 library knows names in small letters only. So the
//! heads that pass through a connection are read along, just for the names. HTTP/2 has small letters only; there, and
//! wherever a name was not seen, it is written the usual way: `content-type` is `Content-Type`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// Bytes of a head, with all interim answers (1xx) before it. The library bounds one head only, so a server could send
/// interim answers for ever.
const HEAD_AT_MOST: usize = 128 << 10;

/// The names of the last head that came through a connection.
#[derive(Clone, Default)]
pub(super) struct Names(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// A head is expected, and this came of it.
    head: Option<Vec<u8>>,
    /// Bytes since the request.
    came: usize,
    seen: HashMap<String, String>,
}

impl Names {
    /// A request goes out: what comes next is the head of its answer.
    pub(super) fn expect(&self) {
        if let Ok(mut state) = self.0.lock() {
            state.head = Some(Vec::new());
            state.came = 0;
            state.seen.clear();
        }
    }

    /// Bytes came in. False: the head is longer than any that means well.
    pub(super) fn read(&self, bytes: &[u8]) -> bool {
        self.0.lock().is_ok_and(|mut state| state.read(bytes))
    }

    /// The name as the server wrote it.
    pub(super) fn written(&self, name: &str) -> String {
        let seen = self.0.lock().ok().and_then(|state| state.seen.get(name).cloned());
        seen.unwrap_or_else(|| usual(name))
    }
}

impl State {
    fn read(&mut self, bytes: &[u8]) -> bool {
        let Some(head) = &mut self.head else { return true };
        head.extend_from_slice(bytes);
        while let Some(end) = end_of_head(head) {
            let rest = head.split_off(end);
            let informational =
                head.split(|b| *b == b' ').nth(1).is_some_and(|status| status.starts_with(b"1"));
            if !informational {
                for line in head.split(|b| *b == b'\n').skip(1) {
                    let Some(colon) = line.iter().position(|b| *b == b':') else { continue };
                    let name = String::from_utf8_lossy(&line[..colon]).into_owned();
                    self.seen.entry(name.to_ascii_lowercase()).or_insert(name);
                }
                self.head = None;
                return true;
            }
            *head = rest;
        }
        // what came with the end of the head may be body, and is not counted
        self.came += bytes.len();
        self.came <= HEAD_AT_MOST
    }
}

fn end_of_head(head: &[u8]) -> Option<usize> {
    head.windows(4).position(|w| w == b"\r\n\r\n").map(|at| at + 4)
}

/// Each word with a capital.
pub(super) fn usual(name: &str) -> String {
    let mut capital = true;
    let letter = |c: char| {
        let written = if capital { c.to_ascii_uppercase() } else { c };
        capital = c == '-';
        written
    };
    name.chars().map(letter).collect()
}

#[cfg(test)]
mod tests {
    use super::Names;

    #[test]
    fn names_are_as_the_server_wrote_them() {
        let names = Names::default();
        names.read(b"stray");
        names.expect();
        for piece in [
            &b"HTTP/1.1 103 Early\r\nX-EARLY: 1\r\n\r\nHTTP/1.1 200 OK\r\nx-lower: a\r\nX-"[..],
            b"Custom: b\r\nETag: c\r\n\r",
            b"\nX-lower: body",
        ] {
            names.read(piece);
        }
        let written = |name| names.written(name);
        assert_eq!(
            (written("x-lower"), written("x-custom"), written("etag")),
            ("x-lower".to_owned(), "X-Custom".to_owned(), "ETag".to_owned())
        );
        assert_eq!(written("x-early"), "X-Early", "of no use to anybody");
        names.expect();
        assert_eq!(written("x-lower"), "X-Lower");
    }

    #[test]
    fn interim_answers_come_to_an_end() {
        let names = Names::default();
        names.expect();
        let flood = b"HTTP/1.1 103 Early\r\n\r\n".repeat(100);
        let taken = (0..1_000).take_while(|_| names.read(&flood)).count();
        assert!((10..100).contains(&taken), "{taken}");
        names.expect();
        assert!(names.read(b"HTTP/1.1 200 OK\r\n\r\n"));
        assert!((0..1_000).all(|_| names.read(&flood)), "that is the body");
    }
}

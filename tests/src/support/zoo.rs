//! A server that behaves as its address says: well, badly, or maliciously.
//!
//! | path | what it does |
//! |---|---|
//! | `/ok` | 200 `{"ok":true}` |
//! | `/once-hangs/KEY` | the first request with that key is never answered, later ones as `/ok` |
//! | `/slow/SECONDS` | as `/ok`, after that time |
//! | `/hang` | nothing, ever |
//! | `/drip` | a byte of body now and then, for ever |
//! | `/endless` | a body without an end, as fast as it goes |
//! | `/huge` | says that 50 MB are coming |
//! | `/gzip-bomb` | 50 MB of zeros, compressed |
//! | `/headers` | headers without an end |
//! | `/informational` | 1xx without an end |
//! | `/fails/N/KEY` | 500 to the first N requests with that key, later ones as `/ok` |
//! | `/gone` | 410 |
//! | `/reset` | closes without an answer |
//! | `/redirect?URL` | 302 to that |
//! | `/redirects/N` | 302 to N+1 |

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

/// What came in: head and body of each request, by its path.
type Seen = Arc<Mutex<HashMap<String, Vec<(String, String)>>>>;

/// The running server; it lives as long as the process.
pub struct Zoo {
    pub url: String,
    seen: Seen,
}

impl Zoo {
    /// Listens on a free port of the loopback interface.
    pub fn open() -> std::io::Result<Zoo> {
        bomb();
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let url = format!("http://{}", listener.local_addr()?);
        let seen = Seen::default();
        let book = seen.clone();
        std::thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                let book = book.clone();
                // who hangs up early is no failure of the server
                std::thread::spawn(move || drop(serve(socket, &book)));
            }
        });
        Ok(Zoo { url, seen })
    }

    /// The heads of the requests with this path, oldest first.
    pub fn seen(&self, path: &str) -> Vec<String> {
        let seen = self.seen.lock().expect("held for map calls only");
        seen.get(path).into_iter().flatten().map(|(head, _)| head.clone()).collect()
    }

    /// The bodies of the requests with this path, oldest first.
    pub fn bodies(&self, path: &str) -> Vec<String> {
        let seen = self.seen.lock().expect("held for map calls only");
        seen.get(path).into_iter().flatten().map(|(_, body)| body.clone()).collect()
    }
}

fn serve(socket: TcpStream, seen: &Seen) -> std::io::Result<()> {
    let mut input = BufReader::new(socket.try_clone()?);
    let mut out = socket;
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if input.read_line(&mut head)? == 0 {
                return Ok(());
            }
        }
        let length =
            head.lines().find_map(|l| l.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
        let mut body = Vec::new();
        std::io::Read::take(&mut input, length.unwrap_or(0)).read_to_end(&mut body)?;
        let body = String::from_utf8_lossy(&body).into_owned();
        let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
        let earlier = {
            let mut seen = seen.lock().expect("held for map calls only");
            let list = seen.entry(path.clone()).or_default();
            list.push((head, body));
            list.len() - 1
        };
        answer(&mut out, &path, earlier)?;
    }
}

fn answer(out: &mut TcpStream, path: &str, earlier: usize) -> std::io::Result<()> {
    let for_ever = || -> ! {
        loop {
            std::thread::park();
        }
    };
    let (what, rest) = path[1..].split_once(['/', '?']).unwrap_or((&path[1..], ""));
    match what {
        "once-hangs" if earlier == 0 => for_ever(),
        "hang" => for_ever(),
        "slow" => {
            std::thread::sleep(Duration::from_secs(rest.parse().unwrap_or(0)));
            ok(out)
        }
        "drip" => {
            out.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")?;
            loop {
                out.write_all(b"x")?;
                std::thread::sleep(Duration::from_millis(100));
            }
        }
        "endless" => {
            out.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")?;
            let chunk = [b"10000\r\n".as_slice(), &[b'x'; 0x10000], b"\r\n"].concat();
            loop {
                out.write_all(&chunk)?;
            }
        }
        "huge" => {
            out.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 50000000\r\n\r\n")?;
            for_ever()
        }
        "gzip-bomb" => {
            let body = bomb();
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
                body.len()
            );
            out.write_all(head.as_bytes())?;
            out.write_all(body)
        }
        "headers" => {
            out.write_all(b"HTTP/1.1 200 OK\r\n")?;
            loop {
                out.write_all(format!("X-{}: {}\r\n", uuid::Uuid::now_v7(), "x".repeat(1000)).as_bytes())?;
            }
        }
        "informational" => loop {
            out.write_all(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n")?;
        },
        "fails" => match rest.split('/').next().and_then(|n| n.parse().ok()) {
            Some(times) if earlier < times => status(out, "500 Internal Server Error"),
            _ => ok(out),
        },
        "gone" => status(out, "410 Gone"),
        "reset" => out.shutdown(std::net::Shutdown::Both),
        "redirect" => redirect(out, rest),
        "redirects" => redirect(out, &format!("/redirects/{}", rest.parse::<u64>().unwrap_or(0) + 1)),
        _ => ok(out),
    }
}

/// Packed once: that takes longer than anything that it is to prove.
fn bomb() -> &'static [u8] {
    static BOMB: OnceLock<Vec<u8>> = OnceLock::new();
    BOMB.get_or_init(|| {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        for _ in 0..50 {
            gzip.write_all(&[0; 1 << 20]).expect("memory takes everything");
        }
        gzip.finish().expect("memory takes everything")
    })
}

fn ok(out: &mut TcpStream) -> std::io::Result<()> {
    out.write_all(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n{\"ok\":true}",
    )
}

fn status(out: &mut TcpStream, what: &str) -> std::io::Result<()> {
    out.write_all(format!("HTTP/1.1 {what}\r\nContent-Length: 0\r\n\r\n").as_bytes())
}

fn redirect(out: &mut TcpStream, to: &str) -> std::io::Result<()> {
    let head = format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n");
    out.write_all(head.as_bytes())
}

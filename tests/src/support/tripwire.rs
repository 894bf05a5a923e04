//! A way between a process and the servers that it calls, which kills it at a chosen step.
//!
//! A step is what the process sends at once: a request, or a piece of one. So a test can go through all moments between
//! a process and the outside without knowing what it does there.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use super::keeper;

/// Whether the server still gets what the process sent last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Last {
    Lost,
    Delivered,
}

#[derive(Debug, Default)]
struct State {
    steps: usize,
    trap: Option<(usize, u32, Last)>,
}

/// Counts the steps of one process over all its ways.
#[derive(Debug, Clone, Default)]
pub struct Tripwire(Arc<Mutex<State>>);

impl Tripwire {
    /// A way to `target`; returns its address. It is there as long as this process is.
    pub fn way(&self, target: SocketAddr) -> std::io::Result<SocketAddr> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let wire = self.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(target) else { continue };
                wire.join(client, server);
            }
        });
        Ok(address)
    }

    /// Counts from zero, and kills the process at this step.
    pub fn arm(&self, step: usize, pid: u32, last: Last) {
        *self.lock() = State { steps: 0, trap: Some((step, pid, last)) };
    }

    /// Counts on without a trap.
    pub fn disarm(&self) {
        *self.lock() = State::default();
    }

    /// Steps since it was armed or disarmed.
    pub fn steps(&self) -> usize {
        self.lock().steps
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().expect("held for plain assignments only")
    }

    fn join(&self, client: TcpStream, server: TcpStream) {
        let (Ok(mut back_from), Ok(mut back_to)) = (server.try_clone(), client.try_clone()) else { return };
        std::thread::spawn(move || {
            // an end of one side ends the other
            drop(std::io::copy(&mut back_from, &mut back_to));
            drop(back_to.shutdown(std::net::Shutdown::Both));
        });
        let wire = self.clone();
        std::thread::spawn(move || {
            wire.pass(client, &server);
            drop(server.shutdown(std::net::Shutdown::Both));
        });
    }

    fn pass(&self, mut client: TcpStream, mut server: &TcpStream) {
        let mut piece = vec![0; 1 << 20];
        loop {
            let Ok(length @ 1..) = client.read(&mut piece) else { return };
            let sprung = {
                let mut state = self.lock();
                state.steps += 1;
                state.trap.filter(|(step, ..)| *step == state.steps)
            };
            match sprung {
                Some((_, pid, Last::Lost)) => {
                    drop(keeper::signal(pid, libc::SIGKILL));
                    return;
                }
                Some((_, pid, Last::Delivered)) => {
                    let sent = server.write_all(&piece[..length]);
                    drop(keeper::signal(pid, libc::SIGKILL));
                    if sent.is_err() {
                        return;
                    }
                }
                None if server.write_all(&piece[..length]).is_err() => return,
                None => {}
            }
        }
    }
}

//! An S3 store that somebody else wrote: moto's, by `scripts/moto.sh`.

use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::{free_port, keeper, repository, wait};

/// Its installation included.
const LIMIT: Duration = Duration::from_secs(180);

/// A running server; it ends with this.
pub struct Moto {
    child: Child,
    pub address: String,
}

impl Moto {
    /// Starts it and waits until it serves.
    pub fn start() -> anyhow::Result<Moto> {
        let port = free_port()?;
        let address = format!("127.0.0.1:{port}");
        let mut command = Command::new(repository().join("scripts/moto.sh"));
        command
            .args(["serve", &port.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut moto = Moto { child: keeper::spawn(command, libc::SIGKILL)?, address };
        wait::until("moto to serve", LIMIT, || {
            if let Some(status) = moto.child.try_wait()? {
                anyhow::bail!("moto ended ({status}); run scripts/moto.sh serve {port} to see why");
            }
            Ok(TcpStream::connect(&moto.address).ok().map(drop))
        })?;
        Ok(moto)
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        // gone already is as good
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

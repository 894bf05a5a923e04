//! Child processes that run as somebody else and never outlive us.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

/// A user of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct User {
    pub(super) name: String,
    pub(super) uid: u32,
    pub(super) gid: u32,
}

/// Whether this process is root.
pub(crate) fn is_root() -> bool {
    #[expect(unsafe_code, reason = "geteuid has no safe form in std; it cannot fail and touches no memory")]
    // SAFETY: takes no argument, always succeeds
    let uid = unsafe { libc::geteuid() };
    uid == 0
}

/// The user to run a database as when we are root, which PostgreSQL refuses: `postgres`, else `nobody`.
pub(super) fn unprivileged_user() -> io::Result<User> {
    let passwd = fs::read_to_string("/etc/passwd")?;
    ["postgres", "nobody"]
        .iter()
        .find_map(|wanted| passwd.lines().find_map(|line| parse_user(line).filter(|u| u.name == *wanted)))
        .ok_or_else(|| io::Error::other("/etc/passwd has neither a user \"postgres\" nor \"nobody\""))
}

fn parse_user(line: &str) -> Option<User> {
    let mut fields = line.split(':');
    let name = fields.next()?.to_owned();
    let uid = fields.nth(1)?.parse().ok()?;
    let gid = fields.next()?.parse().ok()?;
    Some(User { name, uid, gid })
}

/// Sends a signal; a process that is gone counts as signalled.
pub(super) fn signal(pid: u32, signal: i32) -> io::Result<()> {
    let pid = i32::try_from(pid).map_err(io::Error::other)?;
    #[expect(unsafe_code, reason = "kill has no safe form in std")]
    // SAFETY: plain system call on numbers
    let sent = unsafe { libc::kill(pid, signal) };
    match sent {
        0 => Ok(()),
        _ => match io::Error::last_os_error() {
            e if e.raw_os_error() == Some(libc::ESRCH) => Ok(()),
            e => Err(e),
        },
    }
}

/// Whether a process with this id exists (a zombie counts).
pub(super) fn is_alive(pid: u32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}

/// Makes the child run as `user`, in `/`, in its own process group, with a small environment; and have it
/// stopped by `SIGINT` should we die, also where we ignore it ourselves, as what a script starts in the background
/// does.
///
/// The death signal follows the **thread** that spawns: call `spawn` from one that lives as long as the child
/// may. The own group keeps a Ctrl-C at the terminal from stopping the child before we have drained.
pub(super) fn detach_and_bind(command: &mut Command, user: Option<&User>) {
    command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").env("LC_ALL", "C").current_dir("/");
    if let Some(user) = user {
        command.gid(user.gid).uid(user.uid);
    }
    command.process_group(0);
    let parent = std::process::id();
    let bind = move || {
        #[expect(unsafe_code, reason = "the death signal has no safe form in std")]
        // SAFETY: all calls are async-signal-safe and take numbers only. std runs this after setuid, which
        // matters: a change of uid clears the setting.
        let (heard, set, now) = unsafe {
            let heard = libc::signal(libc::SIGINT, libc::SIG_DFL);
            (heard, libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGINT), libc::getppid())
        };
        if set != 0 || heard == libc::SIG_ERR {
            return Err(io::Error::last_os_error());
        }
        // the parent may have died before the setting took hold
        if u32::try_from(now) != Ok(parent) {
            return Err(io::Error::from_raw_os_error(libc::ESRCH));
        }
        Ok(())
    };
    #[expect(unsafe_code, reason = "pre_exec is the only place where a death signal can be set")]
    // SAFETY: the closure allocates nothing and calls only async-signal-safe functions
    unsafe {
        command.pre_exec(bind);
    }
}

/// Makes a directory that only its owner may enter, and gives it to `user`.
pub(super) fn private_dir(dir: &Path, user: Option<&User>) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    if let Some(user) = user {
        std::os::unix::fs::chown(dir, Some(user.uid), Some(user.gid))?;
    }
    fs::set_permissions(dir, fs::Permissions::from_mode(0o700))
}

/// The first parent of `path` that another user cannot pass through.
pub(super) fn closed_parent(path: &Path) -> Option<&Path> {
    path.ancestors().skip(1).find(|dir| fs::metadata(dir).is_ok_and(|m| m.permissions().mode() & 0o001 == 0))
}

#[cfg(test)]
mod tests {
    use super::{User, parse_user};

    #[test]
    fn reads_a_line_of_passwd() {
        let user = parse_user("nobody:x:65534:65533:nobody:/nonexistent:/usr/sbin/nologin");
        assert_eq!(user, Some(User { name: "nobody".into(), uid: 65534, gid: 65533 }));
        assert_eq!(parse_user("# a comment"), None);
    }
}

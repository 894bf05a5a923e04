//! Child processes that die with this one.
//!
//! The kernel's parent-death signal follows the *thread* that spawned the child. Test threads end, so one
//! thread that never does spawns for all.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::sync::mpsc::{Sender, channel};
use std::sync::{LazyLock, Mutex};

type Job = Box<dyn FnOnce() + Send>;

static KEEPER: LazyLock<Mutex<Sender<Job>>> = LazyLock::new(|| {
    let (sender, jobs) = channel::<Job>();
    std::thread::Builder::new()
        .name("keeper".to_owned())
        .spawn(move || jobs.into_iter().for_each(|job| job()))
        .expect("a thread can be started");
    Mutex::new(sender)
});

/// Spawns the command; the child gets `death_signal` when this process ends, however it ends. It runs in a
/// process group of its own, so that Ctrl-C reaches it only through us.
pub fn spawn(mut command: Command, death_signal: i32) -> io::Result<Child> {
    let parent = std::process::id();
    #[expect(unsafe_code, reason = "prctl has no safe wrapper; it is async-signal-safe")]
    // SAFETY: between fork and exec only the async-signal-safe calls prctl and getppid are made.
    unsafe {
        command.pre_exec(move || {
            if libc::prctl(libc::PR_SET_PDEATHSIG, death_signal) != 0 {
                return Err(io::Error::last_os_error());
            }
            // The parent may have ended before prctl took hold.
            if libc::getppid() as u32 != parent {
                return Err(io::Error::from_raw_os_error(libc::ESRCH));
            }
            Ok(())
        });
    }
    command.process_group(0);
    let (sender, answer) = channel();
    let job: Job = Box::new(move || drop(sender.send(command.spawn())));
    KEEPER
        .lock()
        .map_err(|_| io::Error::other("the keeper's queue is poisoned"))?
        .send(job)
        .map_err(|_| io::Error::other("the keeper thread ended"))?;
    answer.recv().map_err(|_| io::Error::other("the keeper thread ended"))?
}

/// Sends a signal to one process.
pub fn signal(pid: u32, signal: i32) -> io::Result<()> {
    #[expect(unsafe_code, reason = "std offers SIGKILL only")]
    // SAFETY: kill takes plain integers.
    let result = unsafe { libc::kill(pid as i32, signal) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

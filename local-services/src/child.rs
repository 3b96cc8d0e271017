//! Children that never outlive us: not on Ctrl-C, not on `kill -9`.

use std::fs::{self, File};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{OnceLock, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{Doing, Error};
use crate::os::{self, Signal};
use crate::user::User;

const LOOK_AGAIN: Duration = Duration::from_millis(5);
/// A fast shutdown writes a checkpoint first, which can take a while on a slow disk.
const GOODBYE_MAX: Duration = Duration::from_secs(20);
const WORDS_MAX: usize = 2_000;

type Order = (Command, mpsc::Sender<io::Result<Child>>);

/// A server we started.
#[derive(Debug)]
pub(crate) struct Server {
    program: &'static str,
    child: Child,
    log: PathBuf,
    /// Where in the log this run of the program begins.
    log_begin: usize,
}

impl Server {
    /// Starts `command` in a process group of its own, so that Ctrl-C reaches only us, writing to
    /// `log`, and ending by `last_wish` when we end, however we end.
    pub(crate) fn start(
        program: &'static str,
        mut command: Command,
        user: Option<User>,
        log: &Path,
        last_wish: Signal,
    ) -> Result<Self, Error> {
        let output = File::options()
            .create(true)
            .append(true)
            .open(log)
            .doing(|| format!("write {}", log.display()))?;
        let log_begin = output.metadata().map_or(0, |log| log.len() as usize);
        let errors = output.try_clone().doing(|| format!("write {}", log.display()))?;
        command.stdin(Stdio::null()).stdout(output).stderr(errors).process_group(0);
        if let Some(User { uid, gid }) = user {
            command.uid(uid).gid(gid);
        }
        os::dies_with_us(&mut command, last_wish);
        let child = spawn(command).doing(|| format!("start {program}"))?;
        Ok(Self { program, child, log: log.to_owned(), log_begin })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Waits until `ready` has an answer, but not for a server that has ended.
    pub(crate) fn wait_until<T>(
        &mut self,
        wait_max: Duration,
        mut ready: impl FnMut(&Self) -> Option<T>,
    ) -> Result<T, Error> {
        let begun = Instant::now();
        loop {
            if let Some(answer) = ready(self) {
                return Ok(answer);
            }
            if let Some(status) = self.ended() {
                return Err(self.failed(status));
            }
            if begun.elapsed() > wait_max {
                let log = self.log.clone();
                return Err(Error::NotReady { program: self.program, waited: wait_max, log });
            }
            thread::sleep(LOOK_AGAIN);
        }
    }

    /// Waits for a program that does its work and ends.
    pub(crate) fn succeeded(mut self, wait_max: Duration) -> Result<(), Error> {
        let ended = self.wait_until(wait_max, |_| None::<()>);
        match (ended, self.ended()) {
            (_, Some(status)) if status.success() => Ok(()),
            (Err(error), _) => {
                self.stop(Signal::Terminate);
                Err(error)
            }
            (Ok(()), _) => Ok(()),
        }
    }

    fn failed(&self, status: ExitStatus) -> Error {
        let text = fs::read(&self.log).unwrap_or_default();
        let begin = self.log_begin.max(text.len().saturating_sub(WORDS_MAX)).min(text.len());
        Error::Ended {
            program: self.program,
            status: status.to_string(),
            log: self.log.clone(),
            words: String::from_utf8_lossy(&text[begin..]).trim().to_owned(),
        }
    }

    /// Asks the server to end, insists after a while, and returns when it has.
    pub(crate) fn stop(&mut self, politely: Signal) {
        for request in [politely, Signal::Quit, Signal::Kill] {
            if self.ended().is_some() {
                return;
            }
            os::signal(self.pid(), request);
            let begun = Instant::now();
            while begun.elapsed() < GOODBYE_MAX {
                if self.ended().is_some() {
                    return;
                }
                thread::sleep(LOOK_AGAIN);
            }
        }
    }
}

/// Spawns a program that gets `last_wish` when this process ends, however it ends.
pub fn spawn_bound_to_us(mut command: Command, last_wish: Signal) -> io::Result<Child> {
    os::dies_with_us(&mut command, last_wish);
    spawn(command)
}

/// Spawns from a thread that lives as long as the program: the kernel takes the end of the
/// *thread* that spawned a child for the death of its parent.
fn spawn(command: Command) -> io::Result<Child> {
    static MIDWIFE: OnceLock<mpsc::Sender<Order>> = OnceLock::new();
    let midwife = MIDWIFE.get_or_init(|| {
        let (orders, incoming) = mpsc::channel::<Order>();
        thread::spawn(move || {
            for (mut command, reply) in incoming {
                // Nobody waiting any more is no reason to end: other children hang on this thread.
                let _ = reply.send(command.spawn());
            }
        });
        orders
    });
    let (reply, born) = mpsc::channel();
    let gone = || io::Error::other("the thread that starts children has ended");
    midwife.send((command, reply)).map_err(|_| gone())?;
    born.recv().map_err(|_| gone())?
}

//! The few calls the standard library does not have. All of this crate's `unsafe` is here.

use std::ffi::CString;
use std::io;
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

/// What to tell a child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum Signal {
    /// Postgres: fast shutdown; nats-server: shutdown.
    Interrupt = libc::SIGINT,
    /// Postgres: immediate shutdown, with recovery at the next start.
    Quit = libc::SIGQUIT,
    Terminate = libc::SIGTERM,
    /// What a crash test sends.
    Kill = libc::SIGKILL,
    Stop = libc::SIGSTOP,
    Continue = libc::SIGCONT,
}

/// Sends a signal. That the process is gone already is no error.
pub fn signal(pid: u32, signal: Signal) {
    let Ok(pid) = i32::try_from(pid) else { return };
    #[expect(unsafe_code, reason = "kill(2) takes two integers and touches no memory of ours")]
    unsafe {
        libc::kill(pid, signal as i32);
    }
}

/// Whether there is such a process, ours or not.
pub(crate) fn is_alive(pid: u32) -> bool {
    let Ok(pid) = i32::try_from(pid) else { return false };
    #[expect(unsafe_code, reason = "kill(2) takes two integers and touches no memory of ours")]
    let asked = unsafe { libc::kill(pid, 0) };
    asked == 0 || io::Error::last_os_error().raw_os_error() == Some(libc::EPERM)
}

/// Has the kernel send `signal` to the child when the thread that spawned it ends.
pub(crate) fn dies_with_us(command: &mut Command, signal: Signal) {
    let parent = std::process::id();
    let last_wish = move || {
        #[expect(unsafe_code, reason = "prctl(2) and getppid(2) are async-signal-safe")]
        let (set, parent_now) = unsafe {
            (libc::prctl(libc::PR_SET_PDEATHSIG, signal as libc::c_ulong), libc::getppid())
        };
        if set != 0 {
            return Err(io::Error::last_os_error());
        }
        // Had the parent died before the call, nobody would ever send the signal.
        if u32::try_from(parent_now) != Ok(parent) {
            return Err(io::ErrorKind::NotConnected.into());
        }
        Ok(())
    };
    #[expect(unsafe_code, reason = "between fork and exec only async-signal-safe calls are made")]
    unsafe {
        command.pre_exec(last_wish);
    }
}

/// Bytes that an ordinary user may still write where `path` is.
pub fn disk_free(path: &Path) -> io::Result<u64> {
    let path = CString::new(path.as_os_str().as_bytes())?;
    let mut found = MaybeUninit::<libc::statvfs>::uninit();
    #[expect(unsafe_code, reason = "statvfs(3) reads a C string and fills the struct it is given")]
    let found = unsafe {
        if libc::statvfs(path.as_ptr(), found.as_mut_ptr()) != 0 {
            return Err(io::Error::last_os_error());
        }
        found.assume_init()
    };
    Ok(found.f_bavail * found.f_frsize)
}

/// Runs `last` when the program ends by returning from main or by `exit`.
pub(crate) fn at_exit(last: extern "C" fn()) {
    #[expect(unsafe_code, reason = "atexit(3) is given a function that lives for ever")]
    unsafe {
        libc::atexit(last);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_space_is_told_for_a_place_that_exists() {
        assert!(disk_free(Path::new("/")).is_ok());
        assert!(disk_free(Path::new("/no/such/place")).is_err());
    }
}

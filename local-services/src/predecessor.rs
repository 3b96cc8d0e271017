//! The Postgres of a Daybook that was killed, on its way out or stuck there.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// An orphaned Postgres writes a checkpoint before it goes.
const WAIT_MAX: Duration = Duration::from_secs(60);
/// After `kill -9` of Postgres its lock names a zombie until somebody collects it, in a container
/// without an init for ever. Its own children need a moment too.
const ZOMBIE_WAIT: Duration = Duration::from_secs(2);
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Waits for whoever ran on `cluster` before. We hold the lock of the data directory, so it is
/// nobody's any more; if it does not go, Postgres itself will refuse and say why.
pub(crate) fn wait_until_gone(cluster: &Path) {
    let lock = cluster.join("postmaster.pid");
    let begun = Instant::now();
    while begun.elapsed() < WAIT_MAX {
        let Some(pid) = fs::read_to_string(&lock).ok().and_then(|text| first_number(&text)) else {
            return;
        };
        match state(pid) {
            // Its children hold on to the shared memory until they have noticed.
            None if !inhabited(cluster) => return,
            None => {}
            Some('Z') if begun.elapsed() > ZOMBIE_WAIT && !inhabited(cluster) => {
                let _ = fs::remove_file(&lock);
                return;
            }
            Some('Z') => {}
            // The number belongs to somebody else by now; Postgres can tell, too.
            Some(_) if !works_in(pid, cluster) => return,
            Some(_) => {}
        }
        thread::sleep(LOOK_AGAIN);
    }
}

fn first_number(text: &str) -> Option<u32> {
    text.lines().next()?.trim().parse().ok()
}

/// The letter of a process's state, as in `ps`; none if there is no such process.
fn state(pid: u32) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name before it, in parentheses, may contain anything.
    stat.rsplit_once(") ")?.1.chars().next()
}

/// Every process of Postgres has the cluster as its working directory.
fn works_in(pid: u32, cluster: &Path) -> bool {
    fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|folder| {
        folder == cluster || fs::canonicalize(cluster).is_ok_and(|cluster| folder == cluster)
    })
}

fn inhabited(cluster: &Path) -> bool {
    fs::read_dir("/proc").into_iter().flatten().flatten().any(|entry| {
        let pid = entry.file_name().to_str().and_then(|name| name.parse().ok());
        pid.is_some_and(|pid| works_in(pid, cluster))
    })
}

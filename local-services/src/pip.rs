//! pip as the downloader: every machine has it or can get it, it knows the local mirror and proxy,
//! and `--require-hashes` makes sure of the bytes.

use std::fmt::Display;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The Python packages of a lock file, fetched into `runtime_dir` once, under this name. The error
/// says why they cannot be had.
pub fn python_packages(runtime_dir: &Path, name: &str, lock: &str) -> Result<PathBuf, String> {
    let folder = runtime_dir.join(name);
    install(name, lock, &folder)?;
    Ok(folder)
}

/// Installs what `requirements` name, unless somebody has: beside the final place, then renamed, so
/// that what was half fetched never counts. `folder` has a name and is in another one.
pub(crate) fn install(what: &str, requirements: &str, folder: &Path) -> Result<(), String> {
    let failed = |why: &dyn Display| format!("cannot fetch {what}: {why}");
    let beside = |ending: &str| {
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        folder.with_file_name(format!("{name}.{ending}"))
    };
    if folder.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(folder.parent().unwrap_or(folder)).map_err(|error| failed(&error))?;
    let turn = File::create(beside("lock")).map_err(|error| failed(&error))?;
    turn.lock().map_err(|error| failed(&error))?;
    if folder.is_dir() {
        return Ok(());
    }
    let (partial, list) = (beside("partial"), beside("txt"));
    let _ = fs::remove_dir_all(&partial);
    fs::write(&list, requirements).map_err(|error| failed(&error))?;
    eprintln!("Fetching {what} with pip (once) ...");
    let output = Command::new("python3")
        .args(["-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes"])
        .args(["--only-binary", ":all:", "--disable-pip-version-check"])
        .args(["--no-warn-script-location", "--root-user-action", "ignore"])
        .arg("--target")
        .arg(&partial)
        .arg("-r")
        .arg(&list)
        .output()
        .map_err(|error| failed(&format!("python3: {error}")))?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        return Err(failed(&words.lines().last().unwrap_or("pip failed")));
    }
    fs::rename(&partial, folder).map_err(|error| failed(&error))
}

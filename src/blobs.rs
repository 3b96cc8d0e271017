//! Where the content of uploaded files is kept.

use std::path::{Path, PathBuf};

use anyhow::Context;
use blobstore::{Blobs, S3Settings};

use crate::settings::{Secret, Settings};

/// What `blobs` is where nobody chose.
pub const IN_DATA_DIR: &str = "folder";

pub fn open(settings: &Settings, data_dir: &Path) -> anyhow::Result<Blobs> {
    let Some(place) = settings.blobs.strip_prefix("s3://") else {
        let folder = match settings.blobs.as_str() {
            IN_DATA_DIR => data_dir.join("blobs"),
            folder => PathBuf::from(folder),
        };
        return Ok(Blobs::folder(&folder));
    };
    let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
    let key = |key: &Option<Secret>, name: &str| {
        let key = key.as_ref().map(|key| key.expose().to_owned());
        key.with_context(|| format!("blobs is a bucket, but {name} is not set"))
    };
    let settings = S3Settings {
        bucket: bucket.to_owned(),
        prefix: prefix.to_owned(),
        endpoint: settings.blobs_endpoint.clone(),
        region: settings.blobs_region.clone(),
        access_key: key(&settings.blobs_access_key, "blobs_access_key")?,
        secret_key: key(&settings.blobs_secret_key, "blobs_secret_key")?,
    };
    Ok(Blobs::s3(settings)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_needs_its_keys_and_a_store_with_an_address() {
        let mut settings = Settings { blobs: "s3://files/shop".to_owned(), ..Settings::default() };
        let error = |settings: &Settings| {
            open(settings, Path::new("nowhere")).err().map(|error| error.to_string())
        };
        assert!(error(&settings).is_some_and(|error| error.contains("blobs_access_key")));
        settings.blobs_access_key = Some(Secret::new("key"));
        assert!(error(&settings).is_some_and(|error| error.contains("blobs_secret_key")));
        settings.blobs_secret_key = Some(Secret::new("secret"));
        assert_eq!(error(&settings), None);
        settings.blobs_endpoint = Some("nowhere".to_owned());
        assert!(error(&settings).is_some_and(|error| error.contains("nowhere")));
    }
}

//! Content in a folder: `ab/ab12...`, each complete.

use std::fs::{self, File};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use domain::file::Sha256;
use futures::{StreamExt, TryStreamExt};
use tokio::io::{AsyncReadExt, AsyncSeekExt, SeekFrom};
use tokio_util::io::ReaderStream;

use crate::{BlobError, Content, Provider, Received};

/// How much is read at once.
const CHUNK_BYTES: usize = 64 * 1024;

pub struct Folder {
    root: PathBuf,
}

impl Folder {
    pub fn new(root: PathBuf) -> Self {
        Self { root }
    }

    fn path(&self, hash: &Sha256) -> PathBuf {
        let hash = hash.as_str();
        self.root.join(&hash[..2]).join(hash)
    }
}

#[async_trait]
impl Provider for Folder {
    async fn keep(&self, received: &mut Received) -> Result<(), BlobError> {
        received.file.sync_all().await?;
        let (root, from, to) =
            (self.root.clone(), received.path.clone(), self.path(&received.sha256));
        let named = tokio::task::spawn_blocking(move || name(&root, &from, &to));
        Ok(named.await.map_err(io::Error::other)??)
    }

    async fn open(&self, hash: &Sha256, bytes: Range<u64>) -> Result<Option<Content>, BlobError> {
        let mut file = match tokio::fs::File::open(self.path(hash)).await {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        file.seek(SeekFrom::Start(bytes.start)).await?;
        let some = file.take(bytes.end - bytes.start);
        let stream = ReaderStream::with_capacity(some, CHUNK_BYTES).map_err(BlobError::from);
        Ok(Some(stream.boxed()))
    }

    async fn size(&self, hash: &Sha256) -> Result<Option<u64>, BlobError> {
        match tokio::fs::metadata(self.path(hash)).await {
            Ok(file) => Ok(Some(file.len())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

/// Gives what was received its name, for good: names outlive a crash once their folder is synced.
fn name(root: &Path, from: &Path, to: &Path) -> io::Result<()> {
    let folder = to.parent().unwrap_or(root);
    if !folder.is_dir() {
        fs::create_dir_all(folder)?;
        sync(root)?;
        root.parent().map_or(Ok(()), sync)?;
    }
    // It may be here already. That whoever put it here has synced it is not known.
    if !to.exists() {
        fs::rename(from, to)?;
    }
    sync(folder)
}

fn sync(folder: &Path) -> io::Result<()> {
    // The parent of a bare name.
    let here = Path::new(".");
    File::open(if folder.as_os_str().is_empty() { here } else { folder })?.sync_all()
}

//! What is on its way in: files without a name of the store.

use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use domain::file::{HEAD_BYTES, Sha256};
use futures::{Stream, StreamExt};
use sha2::Digest;
use tokio::io::AsyncWriteExt;
use tokio_util::bytes::Bytes;
use uuid::Uuid;

use crate::ReceiveError;

/// The folder that content waits in. Whoever receives holds a lock on the file, so that nobody
/// sweeps it away who shares the folder.
pub struct Incoming {
    folder: PathBuf,
}

impl Incoming {
    /// Sweeps the folder, if it is there.
    pub fn in_folder(folder: PathBuf) -> Self {
        match sweep(&folder) {
            Ok(0) => {}
            Ok(swept) => tracing::info!(swept, "{swept} unfinished uploads were swept out"),
            Err(error) => tracing::warn!(%error, "unfinished uploads may be left: {error}"),
        }
        Self { folder }
    }

    pub async fn receive<E>(
        &self,
        content: impl Stream<Item = Result<Bytes, E>> + Send,
    ) -> Result<Received, ReceiveError<E>> {
        let folder = self.folder.clone();
        let (path, file) = tokio::task::spawn_blocking(move || made(&folder))
            .await
            .map_err(io::Error::other)??;
        let mut received = Received {
            path,
            file: tokio::fs::File::from_std(file),
            sha256: Sha256::from([0; 32]),
            size: 0,
            head: Vec::with_capacity(HEAD_BYTES),
        };
        let mut hash = sha2::Sha256::new();
        let mut content = std::pin::pin!(content);
        while let Some(bytes) = content.next().await {
            let bytes = bytes.map_err(ReceiveError::Source)?;
            hash.update(&bytes);
            let missing = HEAD_BYTES - received.head.len();
            received.head.extend_from_slice(&bytes[..missing.min(bytes.len())]);
            received.size += bytes.len() as u64;
            received.file.write_all(&bytes).await?;
        }
        received.file.flush().await?;
        received.sha256 = <[u8; 32]>::from(hash.finalize()).into();
        Ok(received)
    }
}

/// Content that was received and is not kept yet. Its file is gone once this is dropped.
#[derive(Debug)]
pub struct Received {
    pub(crate) path: PathBuf,
    pub(crate) file: tokio::fs::File,
    pub sha256: Sha256,
    pub size: u64,
    /// How it begins.
    pub head: Vec<u8>,
}

impl Drop for Received {
    fn drop(&mut self) {
        // What was kept has another name now.
        let _ = fs::remove_file(&self.path);
    }
}

/// A file of our own, locked.
fn made(folder: &Path) -> io::Result<(PathBuf, File)> {
    fs::create_dir_all(folder)?;
    loop {
        let path = folder.join(Uuid::now_v7().to_string());
        let file = File::options().read(true).write(true).create_new(true).open(&path)?;
        file.lock()?;
        // Somebody who swept may have come between.
        if file.metadata()?.nlink() > 0 {
            return Ok((path, file));
        }
    }
}

/// Removes what nobody is writing any more.
fn sweep(folder: &Path) -> io::Result<usize> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(error),
    };
    let mut swept = 0;
    for entry in entries {
        let path = entry?.path();
        let Ok(file) = File::open(&path) else { continue };
        match file.try_lock() {
            Ok(()) => {
                fs::remove_file(&path)?;
                swept += 1;
            }
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
    Ok(swept)
}

//! What the store promises, wherever it keeps content.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod contract;
mod crash;
mod s3;

use std::path::{Path, PathBuf};

use blobstore::{Blobs, ReceiveError, Received};
use futures::{TryStreamExt, stream};
use tokio_util::bytes::Bytes;
use uuid::Uuid;

/// A folder of the test's own, gone with it.
struct Place(PathBuf);

impl Place {
    fn new() -> Self {
        Self(std::env::temp_dir().join(format!("daybook-blobs-{}", Uuid::now_v7())))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Content in pieces, as it comes over a network.
async fn received(blobs: &Blobs, content: &[u8]) -> Received {
    let pieces = content.chunks(1000).map(|piece| Ok::<_, ()>(Bytes::copy_from_slice(piece)));
    let pieces: Vec<_> = pieces.collect();
    match blobs.receive(stream::iter(pieces)).await {
        Ok(received) => received,
        Err(ReceiveError::Source(())) => unreachable!("every piece arrives"),
        Err(ReceiveError::Store(error)) => panic!("{error}"),
    }
}

/// All files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let entries = entries.map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

async fn read(content: blobstore::Content) -> Vec<u8> {
    content.map_ok(|bytes| bytes.to_vec()).try_concat().await.unwrap()
}

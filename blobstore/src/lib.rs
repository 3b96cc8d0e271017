//! The content of uploaded files, by its SHA-256: in a folder, or in a bucket of an S3-compatible
//! store.
//!
//! Content is [received](Blobs::receive) first, which tells its hash, its size and how it begins, and
//! kept then: a name of the store holds all of the content or does not exist, whatever is cut when.
//! What no event names in the end does no harm, and may be there already when it is wanted again.

mod error;
mod folder;
mod incoming;
mod s3;

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use domain::file::Sha256;
use futures::Stream;
use futures::stream::BoxStream;
use tokio_util::bytes::Bytes;

pub use error::{BlobError, ReceiveError};
use folder::Folder;
use incoming::Incoming;
pub use incoming::Received;
use s3::S3;
pub use s3::{S3Error, S3Settings};

/// Content on its way to a reader.
pub type Content = BoxStream<'static, Result<Bytes, BlobError>>;

/// Where content is kept.
#[async_trait]
trait Provider: Send + Sync {
    /// Done once it would outlive a crash.
    async fn keep(&self, received: &mut Received) -> Result<(), BlobError>;

    /// These bytes of it, none if there is nothing with this hash. `bytes` lies within the content.
    async fn open(&self, hash: &Sha256, bytes: Range<u64>) -> Result<Option<Content>, BlobError>;

    /// How many bytes it has.
    async fn size(&self, hash: &Sha256) -> Result<Option<u64>, BlobError>;
}

/// The store. Cheap to clone.
#[derive(Clone)]
pub struct Blobs {
    provider: Arc<dyn Provider>,
    incoming: Arc<Incoming>,
}

impl Blobs {
    /// In a folder, which is made when the first content is kept. What those have left behind who
    /// died while they received is swept out.
    pub fn folder(folder: &Path) -> Self {
        let incoming = Incoming::in_folder(folder.join("incoming"));
        Self { provider: Arc::new(Folder::new(folder.to_owned())), incoming: Arc::new(incoming) }
    }

    /// In a bucket. What is received waits in `TMPDIR` until it is sent.
    pub fn s3(settings: S3Settings) -> Result<Self, S3Error> {
        let incoming = Incoming::in_folder(std::env::temp_dir().join("daybook-incoming"));
        Ok(Self { provider: Arc::new(S3::new(settings)?), incoming: Arc::new(incoming) })
    }

    /// Takes content in, to be [kept](Self::keep) or dropped. Nothing is left of what is dropped.
    pub async fn receive<E>(
        &self,
        content: impl Stream<Item = Result<Bytes, E>> + Send,
    ) -> Result<Received, ReceiveError<E>> {
        self.incoming.receive(content).await
    }

    /// Once this returns, a crash does not lose it. The same content is stored once.
    pub async fn keep(&self, mut received: Received) -> Result<(), BlobError> {
        self.provider.keep(&mut received).await
    }

    /// Some of the bytes of content that has at least so many; none if there is no such content.
    pub async fn open(
        &self,
        hash: &Sha256,
        bytes: Range<u64>,
    ) -> Result<Option<Content>, BlobError> {
        self.provider.open(hash, bytes).await
    }

    /// How many bytes content has, if it is here.
    pub async fn size(&self, hash: &Sha256) -> Result<Option<u64>, BlobError> {
        self.provider.size(hash).await
    }
}

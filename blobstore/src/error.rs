use std::io;

use crate::S3Error;

/// Why the store could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    #[error("the folder of files cannot be used: {0}")]
    Folder(#[from] io::Error),
    #[error("the bucket of files cannot be used: {0}")]
    S3(#[from] S3Error),
}

/// Why content was not received.
#[derive(Debug, thiserror::Error)]
pub enum ReceiveError<E> {
    /// It did not arrive.
    #[error("it did not arrive")]
    Source(E),
    #[error(transparent)]
    Store(BlobError),
}

impl<E> From<io::Error> for ReceiveError<E> {
    fn from(error: io::Error) -> Self {
        Self::Store(error.into())
    }
}

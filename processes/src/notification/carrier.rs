//! The ways to reach somebody.

use std::time::Duration;

use async_trait::async_trait;
use domain::ErrorText;
use domain::account::Channel;

use super::recipient::Recipient;
use super::words::Words;

#[async_trait]
pub(crate) trait Carrier: Send + Sync {
    fn channel(&self) -> Channel;

    /// For how long it is of no use to try.
    fn keeps_back_for(&self) -> Duration;

    /// Done once a server has taken it. The id is the same for the same message, however often it
    /// is sent.
    async fn carry(&self, to: &Recipient, words: Words, id: &str) -> Result<(), NotCarried>;
}

/// Why a message did not go out.
#[derive(Debug)]
pub(crate) struct NotCarried {
    pub(super) said: ErrorText,
    /// Trying again would meet the same answer.
    pub(super) is_permanent: bool,
}

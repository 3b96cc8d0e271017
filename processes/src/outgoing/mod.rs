//! Calls to servers of others: limited in time, repeated a few times, and not made at all while the
//! other side is known to be down.

mod breaker;
mod client;
mod events;

use std::time::Duration;

pub(crate) use breaker::Breaker;
pub use client::{Address, AddressError, CallError};
pub(crate) use client::{Answer, Call, Client};
pub(crate) use events::{Events, Patience};

/// How long a call may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Until there is a connection, with TLS where the address says so.
    pub(crate) connect: Duration,
    /// Without the other side sending anything.
    pub(crate) read: Duration,
    /// Without the other side taking anything.
    pub(crate) write: Duration,
    /// Altogether: an answer may also come drop by drop.
    pub(crate) whole: Duration,
    pub(crate) answer_bytes: usize,
    /// Connections that are used again. None where a call that is lost on one that is gone without
    /// a word would look like one that was made: a payment.
    pub(crate) connections_kept: usize,
}

pub(crate) const LIMITS: Limits = Limits {
    connect: Duration::from_secs(3),
    read: Duration::from_secs(5),
    write: Duration::from_secs(3),
    whole: Duration::from_secs(6),
    // Nobody has more to say about one payment or one message.
    answer_bytes: 64 * 1024,
    connections_kept: 0,
};

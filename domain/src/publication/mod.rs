//! How a course gets published: the memory of the process, one stream per publication.
//!
//! Which steps there are is recorded when it starts, so that one that has begun ends as it began,
//! whatever steps a later program knows. A long step tells now and then how
//! much of it is done, and never less than before. A step is done, or it fails and is tried again
//! later, or it is given up with the reason, and with it the publication. What the steps do is the process's;
//! this says what has been done, so that it can go on after a crash at any point.

mod aggregate;
mod command;
mod event;
mod fingerprint;
mod upcast;

pub use aggregate::{Next, Publication, Refusal, Status};
pub use command::Command;
pub use event::{Event, Outcome};
pub use fingerprint::{Fingerprint, FingerprintError};
pub(crate) use upcast::{as_it_was, without_embedding};

#[cfg(any(test, feature = "samples"))]
pub mod samples;
#[cfg(test)]
mod tests;

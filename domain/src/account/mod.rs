//! People who use the system.
//!
//! An e-mail address belongs to one account, whatever its case. A deactivated account can do
//! nothing until it is reactivated; an erased one can do nothing ever again, and what was known of
//! the person is gone. Roles are granted and revoked, `operator` apart: all operators share the
//! stream of slice `operators`, so that the last one cannot be lost.
//!
//! A forgotten password is replaced by means of a letter: its token works once, for an hour, and only
//! while no later letter was asked for and neither password nor address has changed since.
//!
//! A refresh token that is used twice is in two hands: that is recorded, once for its session.
//!
//! Programs ask by keys: at most 20, each for no more than its account may. A key acts in a role only
//! while the account has it.

mod aggregate;
mod api_key;
mod command;
mod event;
mod phone;
mod reset;

pub use aggregate::{Account, Refusal, Status};
pub use api_key::{KEYS_MAX, Scope, Scopes, ScopesError};
pub use command::Command;
pub use event::{Channel, Event, ProfileChanges};
pub use phone::{Phone, PhoneError};
pub use reset::{ResetToken, ResetTokenError};

#[cfg(any(test, feature = "samples"))]
pub mod samples;
#[cfg(test)]
mod tests;

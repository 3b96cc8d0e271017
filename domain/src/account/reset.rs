use std::{fmt, str::FromStr};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{AccountId, PasswordResetId};

/// How long a letter works, and within which time letters are counted.
const LIFE: TimeDelta = TimeDelta::hours(1);
/// More than these fill a stranger's mailbox.
const LETTERS_MAX: usize = 5;

/// The letters of the last hour, of which the newest alone works.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Resets {
    open: Option<(PasswordResetId, DateTime<Utc>)>,
    asked: Vec<DateTime<Utc>>,
}

impl Resets {
    /// So many were written that no more are.
    pub(super) fn suffice(&self, now: DateTime<Utc>) -> bool {
        self.asked.iter().filter(|asked| now - **asked < LIFE).count() >= LETTERS_MAX
    }

    pub(super) fn allow(&self, reset: PasswordResetId, now: DateTime<Utc>) -> bool {
        self.open.is_some_and(|(open, asked)| open == reset && now - asked < LIFE)
    }

    pub(super) fn open(&mut self, reset: PasswordResetId, at: DateTime<Utc>) {
        self.open = Some((reset, at));
        self.asked.retain(|asked| at - *asked < LIFE);
        self.asked.push(at);
    }

    pub(super) fn close(&mut self) {
        self.open = None;
    }
}

/// What stands in the letter: which request it answers, and the proof that the letter is ours.
///
/// The proof is a keyed hash of what it [`proves`](Self::proves), so that the token can be written
/// anew for the same request and is stored nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResetToken {
    pub account: AccountId,
    pub reset: PasswordResetId,
    /// In hex.
    pub proof: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is not a token of ours")]
pub struct ResetTokenError;

impl ResetToken {
    /// The kind of the keyed hash: what is made for this proves nothing elsewhere.
    pub const KIND: &'static str = "password-reset";
    const PREFIX: &'static str = "dbp_";
    const ID_CHARS: usize = 32;
    const PROOF_CHARS: usize = 64;

    pub fn proves(account: AccountId, reset: PasswordResetId) -> String {
        format!("{account}:{reset}")
    }
}

impl fmt::Display for ResetToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (account, reset) = (self.account.uuid().simple(), self.reset.uuid().simple());
        write!(f, "{}{account}{reset}{}", Self::PREFIX, self.proof)
    }
}

impl FromStr for ResetToken {
    type Err = ResetTokenError;

    fn from_str(text: &str) -> Result<Self, ResetTokenError> {
        let rest = text.strip_prefix(Self::PREFIX).ok_or(ResetTokenError)?;
        let whole = rest.len() == 2 * Self::ID_CHARS + Self::PROOF_CHARS;
        if !whole || !rest.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(ResetTokenError);
        }
        let (account, rest) = rest.split_at(Self::ID_CHARS);
        let (reset, proof) = rest.split_at(Self::ID_CHARS);
        let id = |text: &str| Uuid::try_parse(text).map_err(|_| ResetTokenError);
        Ok(Self {
            account: AccountId::new(id(account)?),
            reset: PasswordResetId::new(id(reset)?),
            proof: proof.to_owned(),
        })
    }
}

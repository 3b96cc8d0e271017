use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Text, TextError};

/// What a comment says: 1 to 5,000 characters on several lines, trimmed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Remark(Text);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RemarkError {
    #[error("must have at most {} characters", Remark::CHARS_MAX)]
    TooLong,
    #[error(transparent)]
    Text(#[from] TextError),
}

/// Whatever the characters are, their bytes are few enough for a `Text`.
const _: () = assert!(Remark::CHARS_MAX * 4 <= Text::BYTES_MAX);

impl Remark {
    /// Characters, because people count them.
    pub const CHARS_MAX: usize = 5_000;

    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl FromStr for Remark {
    type Err = RemarkError;

    fn from_str(text: &str) -> Result<Self, RemarkError> {
        if text.trim().chars().count() > Self::CHARS_MAX {
            return Err(RemarkError::TooLong);
        }
        Ok(Self(text.parse()?))
    }
}

impl TryFrom<String> for Remark {
    type Error = RemarkError;

    fn try_from(text: String) -> Result<Self, RemarkError> {
        text.parse()
    }
}

impl From<Remark> for String {
    fn from(remark: Remark) -> Self {
        remark.0.into()
    }
}

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Text, TextError};

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WordsError {
    #[error("must have at most {0} characters")]
    TooLong(usize),
    #[error(transparent)]
    Text(#[from] TextError),
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident, $chars_max:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Text);

        /// Whatever the characters are, their bytes are few enough for a `Text`.
        const _: () = assert!($name::CHARS_MAX * 4 <= Text::BYTES_MAX);

        impl $name {
            /// Characters, because people count them.
            pub const CHARS_MAX: usize = $chars_max;

            pub fn as_str(&self) -> &str {
                self.0.as_str()
            }
        }

        impl FromStr for $name {
            type Err = WordsError;

            fn from_str(text: &str) -> Result<Self, WordsError> {
                if text.trim().chars().count() > Self::CHARS_MAX {
                    return Err(WordsError::TooLong(Self::CHARS_MAX));
                }
                Ok(Self(text.parse()?))
            }
        }

        impl TryFrom<String> for $name {
            type Error = WordsError;

            fn try_from(text: String) -> Result<Self, WordsError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(words: $name) -> Self {
                words.0.into()
            }
        }
    };
}

words! {
    /// What somebody wants to know: 1 to 2,000 characters on several lines, trimmed.
    Question, 2_000
}
words! {
    /// What they are told: 1 to 5,000 characters on several lines, trimmed.
    Reply, 5_000
}

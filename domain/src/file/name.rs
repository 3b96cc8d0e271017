use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a file is called where it is attached, such as `cover.png`: one part of a path.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("minLength" = 1, "maxLength" = Self::BYTES_MAX))]
pub struct FileName(String);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a file's name has 1 to {} bytes of UTF-8, no slashes, no control characters and no space at \
     either end, and is not made of dots alone",
    FileName::BYTES_MAX
)]
pub struct FileNameError;

impl FileName {
    pub const BYTES_MAX: usize = 200;

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether an image of this name is its target's cover: `cover` with any extension.
    pub fn is_cover(&self) -> bool {
        self.0.split('.').next() == Some("cover")
    }
}

impl TryFrom<String> for FileName {
    type Error = FileNameError;

    fn try_from(text: String) -> Result<Self, FileNameError> {
        // Those that turn the direction of writing let `gnp.exe` look like `exe.png`.
        let turns = |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        let sound = (1..=Self::BYTES_MAX).contains(&text.len())
            && !text.chars().any(|c| c.is_control() || matches!(c, '/' | '\\') || turns(c))
            && text.trim() == text
            && text.chars().any(|c| c != '.');
        if sound { Ok(Self(text)) } else { Err(FileNameError) }
    }
}

impl FromStr for FileName {
    type Err = FileNameError;

    fn from_str(text: &str) -> Result<Self, FileNameError> {
        text.to_owned().try_into()
    }
}

impl From<FileName> for String {
    fn from(name: FileName) -> Self {
        name.0
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
